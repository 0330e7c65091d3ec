//! Wakes a shard that sleeps: the flag that says whether it does, and the eventfd that it sleeps on.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use corelane_sync::wake::{WakeFlag, producer_fence};
use rustix::event::{EventfdFlags, eventfd};

/// One per shard, shared with all that push to it.
pub(crate) struct Waker {
    flag: WakeFlag,
    /// None on a shard that never sleeps, and so is never woken.
    eventfd: Option<io::Result<OwnedFd>>,
}

impl Waker {
    pub(crate) fn new(parks: bool) -> Self {
        let open = || eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(io::Error::from);
        Waker { flag: WakeFlag::new(), eventfd: parks.then(open) }
    }

    /// The descriptor to sleep on.
    ///
    /// # Errors
    /// Why it could not be made at the declaration of the shard.
    pub(crate) fn descriptor(&self) -> io::Result<Option<BorrowedFd<'_>>> {
        match &self.eventfd {
            None => Ok(None),
            Some(Ok(fd)) => Ok(Some(fd.as_fd())),
            Some(Err(error)) => Err(io::Error::new(error.kind(), error.to_string())),
        }
    }

    pub(crate) fn flag(&self) -> &WakeFlag {
        &self.flag
    }

    /// Wakes the shard if it sleeps; to be called after a push and a [`producer_fence`]. True if it did.
    pub(crate) fn wake(&self) -> bool {
        let Some(Ok(fd)) = &self.eventfd else { return false };
        if !self.flag.take_wake() {
            return false;
        }
        // It can fail only by overflow, and then the descriptor is readable already.
        let _ = rustix::io::write(fd, &1u64.to_ne_bytes());
        true
    }

    /// For producers outside the duty cycles, which push one message at a time.
    pub(crate) fn wake_after_push(&self) {
        producer_fence();
        self.wake();
    }

    /// Makes the descriptor silent again; to be called by its sleeper.
    pub(crate) fn clear(&self) {
        if let Some(Ok(fd)) = &self.eventfd {
            let mut count = [0u8; 8];
            let _ = rustix::io::read(fd, &mut count);
        }
    }
}
