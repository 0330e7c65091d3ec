//! How an actor failed, as its shard and the supervisor know it.

use crate::{message::Header, shard::panics::Place, topology::ids::ActorIndex};

/// On what input an actor failed, and where in the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub header: Header,
    pub place: Place,
}

/// An actor that failed, and on what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The actor; it compares with an [`ActorId`](crate::topology::ActorId).
    pub actor: ActorIndex,
    /// Header of the input it failed on.
    pub header: Header,
    /// Where in the code it panicked.
    pub place: Place,
}
