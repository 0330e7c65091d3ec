//! Handles of what a topology declares.

use std::{fmt, marker::PhantomData};

/// A declared shard. It is valid only with the topology that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShardId(pub(crate) u32);

/// A declared actor, typed. It is valid only with the topology that made it.
pub struct ActorId<A> {
    index: u32,
    actor: PhantomData<fn() -> A>,
}

impl<A> Clone for ActorId<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for ActorId<A> {}

impl<A> PartialEq for ActorId<A> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}

impl<A> Eq for ActorId<A> {}

impl<A> fmt::Debug for ActorId<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ActorId").field(&self.index).finish()
    }
}

impl<A> ActorId<A> {
    pub(crate) fn new(index: u32) -> Self {
        ActorId { index, actor: PhantomData }
    }

    pub(crate) fn index(self) -> u32 {
        self.index
    }
}

/// Which actor, whatever its type: what [`Down`](crate::actor::Down) and [`Failure`](crate::Failure) name. It compares with
/// an [`ActorId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorIndex(u32);

impl ActorIndex {
    /// The actor declared at this place, the first being 0.
    #[must_use]
    pub const fn new(position: u32) -> Self {
        ActorIndex(position)
    }

    /// Its place in the order of declaration.
    #[must_use]
    pub const fn position(self) -> usize {
        self.0 as usize
    }
}

impl<A> From<ActorId<A>> for ActorIndex {
    fn from(id: ActorId<A>) -> Self {
        ActorIndex(id.index)
    }
}

impl<A> PartialEq<ActorId<A>> for ActorIndex {
    fn eq(&self, id: &ActorId<A>) -> bool {
        self.0 == id.index
    }
}

impl<A> PartialEq<ActorIndex> for ActorId<A> {
    fn eq(&self, index: &ActorIndex) -> bool {
        index == self
    }
}
