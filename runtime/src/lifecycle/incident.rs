//! What is known of each failure, for the program to keep.

use std::{
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use super::fault::RuntimeFault;
use crate::{
    shard::{Failure, ShardEvent},
    topology::ActorIndex,
};

/// A failure with all that is known of it: see [`RunOptions::on_incident`](super::RunOptions::on_incident).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Incident {
    /// When it happened, by the host's wall clock, or when it was noticed.
    pub at: SystemTime,
    /// What failed.
    pub what: Failed,
    /// The name of the actor: the one that failed, or that a shard without turns had called last.
    pub actor: Option<String>,
    /// The name of the shard.
    pub shard: Option<String>,
    /// What the supervisor has decided.
    pub decision: String,
    /// What the actors of the shard did last, oldest first, each with its actor's name.
    pub events: Vec<(String, ShardEvent)>,
}

/// What failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Failed {
    /// An actor.
    Actor(Box<Failure>),
    /// Something else, which ends the topology.
    Runtime(Box<RuntimeFault>),
}

impl Failed {
    /// A word for it.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Failed::Actor(failure) if failure.in_restart => "restart-failed",
            Failed::Actor(_) => "actor-panicked",
            Failed::Runtime(fault) => match **fault {
                RuntimeFault::ShardPanicked { .. } => "shard-panicked",
                RuntimeFault::GaveUp { .. } => "supervisor-gave-up",
                RuntimeFault::ShardEnded { .. } => "shard-ended",
                RuntimeFault::ShardStuck { .. } => "shard-stuck",
                RuntimeFault::ShardHangs { .. } => "shard-hangs",
                RuntimeFault::HousekeepingPanicked { .. } => "housekeeping-panicked",
                RuntimeFault::HousekeepingStuck { .. } => "housekeeping-stuck",
                RuntimeFault::DayWithoutEnd { .. } => "day-without-end",
            },
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failed::Actor(failure) => failure.fmt(f),
            Failed::Runtime(fault) => fault.fmt(f),
        }
    }
}

/// Takes the incidents; see [`RunOptions::on_incident`](super::RunOptions::on_incident).
pub(super) type Taker = Box<dyn FnMut(Incident) + Send>;

/// Who takes the incidents, with those that it has not taken yet: for housekeeping, and for who says the last words in its place. No
/// code of the program's runs under the lock.
#[derive(Clone, Default)]
pub(super) struct SharedTaker(Arc<Mutex<Untaken>>);

#[derive(Default)]
struct Untaken {
    /// None while somebody calls it, and if nobody wants any: then none is kept.
    taker: Option<Taker>,
    open: Vec<Incident>,
}

impl SharedTaker {
    pub(super) fn new(taker: Option<Taker>) -> SharedTaker {
        SharedTaker(Arc::new(Mutex::new(Untaken { taker, open: Vec::new() })))
    }

    fn lock(&self) -> MutexGuard<'_, Untaken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes out who takes incidents, and all that it has not taken, decided or not: `decision` is that of the others.
    pub(super) fn take_all(&self, decision: &str) -> Option<(Taker, Vec<Incident>)> {
        let mut untaken = self.lock();
        let taker = untaken.taker.take()?;
        let mut open = mem::take(&mut untaken.open);
        let undecided = open.iter_mut().filter(|incident| incident.decision.is_empty());
        undecided.for_each(|incident| incident.decision = decision.to_owned());
        Some((taker, open))
    }
}

/// The incidents, as housekeeping knows them.
pub(super) struct Incidents {
    shared: SharedTaker,
    names: Vec<String>,
}

impl Incidents {
    pub(super) fn new(shared: SharedTaker, names: Vec<String>) -> Incidents {
        Incidents { shared, names }
    }

    fn is_wanted(&self) -> bool {
        self.shared.lock().taker.is_some()
    }

    fn open(&self, incident: Incident) {
        let mut untaken = self.shared.lock();
        // The last words may have been said meanwhile.
        if untaken.taker.is_some() {
            untaken.open.push(incident);
        }
    }

    /// An actor has failed, on a shard. What a shard took along is no incident of its own.
    pub(super) fn open_failure(&mut self, failure: &Failure, shard: Option<&str>) {
        if failure.is_of_shard || !self.is_wanted() {
            return;
        }
        let at = SystemTime::now() - failure.noticed_after.unwrap_or_default();
        let actor = Some(self.names[failure.actor.position()].clone());
        let events = self.named(&failure.events);
        let what = Failed::Actor(Box::new(failure.clone()));
        let shard = shard.map(str::to_owned);
        self.open(Incident { at, what, actor, shard, decision: String::new(), events });
    }

    /// Something else has failed.
    pub(super) fn open_fault(&mut self, fault: &RuntimeFault, events: &Arc<[ShardEvent]>, decision: &str) {
        if !self.is_wanted() {
            return;
        }
        let (actor, shard) = match fault {
            RuntimeFault::ShardStuck { shard, actor, .. } | RuntimeFault::ShardHangs { shard, actor, .. } => {
                (actor.clone(), Some(shard.clone()))
            }
            RuntimeFault::ShardPanicked { shard, .. } | RuntimeFault::ShardEnded { shard } => {
                (None, Some(shard.clone()))
            }
            RuntimeFault::GaveUp { actor, .. } => (Some(actor.clone()), None),
            RuntimeFault::HousekeepingPanicked { .. }
            | RuntimeFault::HousekeepingStuck { .. }
            | RuntimeFault::DayWithoutEnd { .. } => (None, None),
        };
        let (at, events) = (SystemTime::now(), self.named(events));
        let what = Failed::Runtime(Box::new(fault.clone()));
        self.open(Incident { at, what, actor, shard, decision: decision.to_owned(), events });
    }

    fn named(&self, events: &[ShardEvent]) -> Vec<(String, ShardEvent)> {
        let name = |actor: ActorIndex| self.names.get(actor.position()).cloned().unwrap_or_default();
        events.iter().map(|event| (name(event.actor), *event)).collect()
    }

    /// Notes what was decided of the failed actors of which nothing was said before.
    pub(super) fn decide(&mut self, decide: impl Fn(ActorIndex) -> String) {
        for incident in self.shared.lock().open.iter_mut().filter(|incident| incident.decision.is_empty()) {
            if let Failed::Actor(failure) = &incident.what {
                incident.decision = decide(failure.actor);
            }
        }
    }

    /// Whether an actor's failure is not handed over yet.
    pub(super) fn has_open(&self, actor: ActorIndex) -> bool {
        let is_its = |incident: &Incident| matches!(&incident.what, Failed::Actor(failure) if failure.actor == actor);
        self.shared.lock().open.iter().any(is_its)
    }

    /// Takes back the last one.
    pub(super) fn withdraw_last(&mut self) {
        self.shared.lock().open.pop();
    }

    /// Takes out those that are decided, with who takes them.
    pub(super) fn take(&mut self) -> Option<(Taker, Vec<Incident>)> {
        let mut untaken = self.shared.lock();
        let is_decided = |incident: &Incident| !incident.decision.is_empty();
        if !untaken.open.iter().any(is_decided) {
            return None;
        }
        let taker = untaken.taker.take()?;
        Some((taker, untaken.open.extract_if(.., |incident| is_decided(incident)).collect()))
    }

    /// Takes out who takes them: there are no more.
    pub(super) fn take_last(&mut self) -> Option<Taker> {
        self.shared.lock().taker.take()
    }

    /// Gives back who takes the incidents.
    pub(super) fn give_back(&mut self, taker: Taker) {
        self.shared.lock().taker = Some(taker);
    }
}
