//! How an actor failed, as its shard and housekeeping know it.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    message::Header,
    shard::flight::ShardEvent,
    shard::panics::{self, PanicLocation, PanicMessage},
    topology::ids::ActorIndex,
};

/// On what input an actor failed, where in the code, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub header: Header,
    pub place: PanicLocation,
    pub message: PanicMessage,
    pub dead_letter: Option<DeadLetter>,
    pub input: Option<FailedInput>,
    /// Its shard panicked outside of any actor, and took it along.
    pub is_of_shard: bool,
    pub in_restart: bool,
}

impl Fault {
    /// A panic outside of any step on an input.
    pub(crate) fn without_input(place: PanicLocation, message: PanicMessage) -> Fault {
        let header = Header::default();
        Fault { header, place, message, dead_letter: None, input: None, is_of_shard: false, in_restart: false }
    }
}

/// The input that an actor failed on, if it failed in its first step on one.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedInput {
    /// What it was.
    pub kind: InputKind,
    /// Its length in bytes.
    pub length: usize,
    /// Its first [`FailedInput::BYTES_MAX`] bytes; of a message those of its body, as they lay in memory, padding included.
    pub bytes: Arc<[u8]>,
}

/// What an actor takes from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputKind {
    /// A message of an edge.
    Message,
    /// A frame of a connection.
    Frame,
    /// A datagram.
    Datagram,
}

impl FailedInput {
    /// The most bytes that are kept: a datagram of an Ethernet frame, or any message.
    pub const BYTES_MAX: usize = 2048;

    pub(crate) fn new(kind: InputKind, bytes: &[u8]) -> FailedInput {
        FailedInput { kind, length: bytes.len(), bytes: bytes[..bytes.len().min(Self::BYTES_MAX)].into() }
    }
}

impl fmt::Debug for FailedInput {
    /// Without the bytes, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedInput").field("kind", &self.kind).field("length", &self.length).finish_non_exhaustive()
    }
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
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The actor; it compares with an [`ActorId`](crate::topology::ActorId).
    pub actor: ActorIndex,
    /// Its generation: 0 until it was restarted.
    pub generation: u16,
    /// The restart failed: the replacement could not be built, or panicked in its start. This generation never ran.
    pub in_restart: bool,
    /// Header of the input it failed on.
    pub header: Header,
    /// Where in the code it panicked.
    pub place: PanicLocation,
    /// What the panic said.
    pub message: PanicMessage,
    /// The message that it will not finish; none if it failed between two.
    pub dead_letter: Option<DeadLetter>,
    /// What it failed on; none if it failed in a later step on its input, or on none.
    pub input: Option<FailedInput>,
    /// What the actors of its shard did last, oldest first; none in a simulation.
    pub events: Arc<[ShardEvent]>,
    /// How long after the panic housekeeping took notice; none in a simulation, or if its shard's thread ended without one.
    pub noticed_after: Option<Duration>,
    pub(crate) panicked_at: Option<Instant>,
    pub(crate) is_of_shard: bool,
}

impl Failure {
    /// The failure of an actor whose panic was the last of this thread.
    pub(crate) fn new(
        actor: ActorIndex,
        generation: u16,
        Fault { header, place, message, dead_letter, input, is_of_shard, in_restart }: Fault,
    ) -> Self {
        Failure {
            actor,
            generation,
            in_restart,
            header,
            place,
            message,
            dead_letter,
            input,
            events: Arc::default(),
            noticed_after: None,
            panicked_at: panics::time_of_last(),
            is_of_shard,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.in_restart {
            write!(f, "could not be restarted as generation {}: ", self.generation)?;
        }
        write!(f, "failed at {}: {}", self.place, self.message)
    }
}
