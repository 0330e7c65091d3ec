//! How an actor failed, as its shard and the supervisor know it.

use std::fmt;

use crate::{
    message::Header,
    shard::panics::{PanicLocation, PanicMessage},
    topology::ids::ActorIndex,
};

/// On what input an actor failed, where in the code, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub header: Header,
    pub place: PanicLocation,
    pub message: PanicMessage,
}

/// An actor that failed, and on what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The actor; it compares with an [`ActorId`](crate::topology::ActorId).
    pub actor: ActorIndex,
    /// Header of the input it failed on.
    pub header: Header,
    /// Where in the code it panicked.
    pub place: PanicLocation,
    /// What the panic said.
    pub message: PanicMessage,
}

impl Failure {
    pub(crate) fn new(actor: ActorIndex, Fault { header, place, message }: Fault) -> Self {
        Failure { actor, header, place, message }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed at {}: {}", self.place, self.message)
    }
}
