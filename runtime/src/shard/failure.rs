//! How an actor failed, as its shard and housekeeping know it.

use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::{
    message::Header,
    shard::panics::{self, PanicLocation, PanicMessage},
    topology::ids::ActorIndex,
};

/// On what input an actor failed, where in the code, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub header: Header,
    pub place: PanicLocation,
    pub message: PanicMessage,
    pub dead_letter: Option<DeadLetter>,
}

/// A message that was taken and will not be finished: the input that an actor failed on, or had begun when it failed or was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its header.
    pub header: Header,
    /// The steps done for it, whose outputs were sent. Those of the step that failed were discarded.
    pub steps: u32,
}

/// An actor that failed, and on what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The actor; it compares with an [`ActorId`](crate::topology::ActorId).
    pub actor: ActorIndex,
    /// Its generation: 0 until it was restarted.
    pub generation: u16,
    /// Header of the input it failed on.
    pub header: Header,
    /// Where in the code it panicked.
    pub place: PanicLocation,
    /// What the panic said.
    pub message: PanicMessage,
    /// The message that it will not finish; none if it failed between two.
    pub dead_letter: Option<DeadLetter>,
    /// How long after the panic housekeeping took notice; none in a simulation.
    pub noticed_after: Option<Duration>,
    pub(crate) panicked_at: Option<Instant>,
}

impl Failure {
    /// The failure of an actor whose panic was the last of this thread.
    pub(crate) fn new(
        actor: ActorIndex,
        generation: u16,
        Fault { header, place, message, dead_letter }: Fault,
    ) -> Self {
        let panicked_at = panics::time_of_last();
        Failure { actor, generation, header, place, message, dead_letter, noticed_after: None, panicked_at }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed at {}: {}", self.place, self.message)
    }
}
