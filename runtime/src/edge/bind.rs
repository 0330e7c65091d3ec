//! The binding of a port to its edge, made by the topology.

use std::{cell::Cell, rc::Rc};

use crate::{
    edge::ends::PutMessage, edge::outlet::Outlet, edge::overflow::Overflow, edge::queue::LocalQueue,
    edge::step::StepState,
};

/// Set when an edge to a shard that may park got messages. The turn ends by waking these shards.
pub(crate) type Touched = Rc<Cell<bool>>;

/// Set when an actor got input, so that the shard polls only actors with work.
pub(crate) type Waiting = Rc<Cell<bool>>;

/// Who must be notified of a message in its slot.
pub(crate) enum Notice {
    /// The flush, which shows it to the consumer.
    Flush,
    /// The consumer, on the same shard, which is marked.
    Consumer(Waiting),
}

impl Notice {
    #[inline]
    pub(crate) fn give(&self, step: &StepState) {
        match self {
            Notice::Flush => step.staged.set(true),
            Notice::Consumer(waiting) => waiting.set(true),
        }
    }
}

pub(crate) enum EdgeIn<M> {
    Open,
    Local(LocalQueue<M>),
    Ring { outlet: Outlet<M>, touched: Option<Touched> },
    Other { end: Box<dyn PutMessage<M>>, touched: Option<Touched> },
}

/// How a port is bound to its edge; made by the topology.
pub(crate) struct Binding<M> {
    pub edge: EdgeIn<M>,
    pub notice: Notice,
    pub capacity: usize,
    pub overflow: Overflow,
    pub admission: bool,
    pub always_fits: bool,
    /// Its reader is outside the topology, and learns from the port's end that no more comes.
    pub is_external: bool,
}
