//! Edges: how one actor's messages reach another. Ports are the typed producing ends, inlets the consuming ones; between
//! them a ring (another shard), a queue (the same shard) or a conflated slot per key.

pub(crate) mod conflated;
pub(crate) mod inlet;
pub(crate) mod outlet;
pub mod port;
pub(crate) mod queue;
