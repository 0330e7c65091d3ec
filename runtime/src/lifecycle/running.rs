//! The handle of a topology that runs.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError, mpsc},
    thread,
};

use corelane_sync::stage::Stage;

use super::{
    event::Event,
    fault::RuntimeFault,
    stages,
    status::{Outcome, Status},
};
use crate::{clock::ClockFault, shard::panics, topology::ActorIndex};

/// A topology that runs. Dropping it stops it in order, as [`Running::stop`] does.
#[derive(Debug)]
#[must_use = "dropping it stops the topology"]
pub struct Running {
    pub(super) stage: Arc<Stage>,
    pub(super) shared: Arc<Shared>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) housekeeping: Option<thread::JoinHandle<bool>>,
    /// Whether housekeeping was left behind.
    pub(super) was_left: WasLeft,
    /// By actor.
    pub(super) addresses: Vec<Vec<SocketAddr>>,
}

/// Whether housekeeping was left behind; not set before its end.
pub(super) type WasLeft = Arc<OnceLock<bool>>;

/// What the handle and the supervisor share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Nobody keeps the lock while they read it, or run code of the program's.
    status: Mutex<Arc<Status>>,
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
        Status::clone(&self.shared.status())
    }

    /// Whether the shards still run. If it is false before [`Running::stop`], the topology ends by itself: `stop` then waits for
    /// that, and [`Status::faults`] says why.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.stage.current() < stages::DRAIN && self.housekeeping.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Stops in order: no new input; what is in flight is finished; actors run [`Actor::on_stop`](crate::actor::Actor::on_stop); sockets are flushed;
    /// threads end. Waits for it.
    pub fn stop(mut self) -> Outcome {
        self.join()
    }

    /// Lets the clock fail, as a test wants it: all sees another wall clock, or that time has passed.
    pub fn inject(&self, fault: ClockFault) {
        self.tell(Event::ClockFault(fault));
    }

    fn tell(&self, event: Event) {
        // If nobody listens, housekeeping is at its end.
        let _ = self.events.send(event);
    }

    fn join(&mut self) -> Outcome {
        self.tell(Event::Stop);
        let drained = self.housekeeping.take().is_some_and(|thread| {
            if *self.was_left.wait() {
                return false;
            }
            thread.join().unwrap_or_else(|payload| {
                let (place, message) = panics::read(payload);
                self.shared.update(|status| status.faults.push(RuntimeFault::HousekeepingPanicked { place, message }));
                false
            })
        });
        Outcome { drained, status: Arc::unwrap_or_clone(self.shared.status()) }
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
    /// The status now.
    pub(super) fn status(&self) -> Arc<Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the status; it is copied only if somebody reads the former one just now.
    pub(super) fn update(&self, change: impl FnOnce(&mut Status)) {
        change(Arc::make_mut(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner)));
    }
}
