//! The handle of a topology that runs.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use corelane_sync::stage::Stage;

use super::{
    stages,
    status::{Outcome, Status},
};
use crate::topology::ActorIndex;

/// A topology that runs. Dropping it stops it in order, as [`Running::stop`] does.
#[derive(Debug)]
#[must_use = "dropping it stops the topology"]
pub struct Running {
    pub(super) stage: Arc<Stage>,
    pub(super) shared: Arc<Shared>,
    pub(super) housekeeping: Option<thread::JoinHandle<bool>>,
    /// By actor.
    pub(super) addresses: Vec<Vec<SocketAddr>>,
}

/// What the handle and the supervisor share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    stop: AtomicBool,
    status: Mutex<Status>,
}

impl Running {
    /// The addresses that an actor's endpoints are bound to, in the order of its endpoints.
    ///
    /// # Panics
    /// If `actor` is not an actor of this topology.
    pub fn addresses(&self, actor: impl Into<ActorIndex>) -> &[SocketAddr] {
        &self.addresses[actor.into().position()]
    }

    /// What housekeeping knows: failures up to some 20 ms ago, figures up to some 70 ms ago. [`Running::stop`] returns the
    /// complete ones.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.status().clone()
    }

    /// Whether the shards still run.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.stage.current() < stages::STOP && self.housekeeping.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Stops in order: no new input; what is in flight is finished; actors run [`Actor::on_stop`](crate::actor::Actor::on_stop); sockets are flushed;
    /// threads end. Waits for it.
    pub fn stop(mut self) -> Outcome {
        self.join()
    }

    fn join(&mut self) -> Outcome {
        self.shared.ask_to_stop();
        let drained = match self.housekeeping.take() {
            Some(thread) => {
                thread.thread().unpark();
                thread.join().unwrap_or(false)
            }
            None => false,
        };
        Outcome { drained, status: self.shared.status().clone() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.housekeeping.is_some() {
            let _ = self.join();
        }
    }
}

impl Shared {
    fn ask_to_stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    pub(super) fn is_asked_to_stop(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    pub(super) fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
