//! Edges: how one actor's messages reach another.
//!
//! A [`port`] is the typed producing end, an `inlet` the consuming one. Between them is a ring (`outlet`, to another shard),
//! a `queue` (within a shard) or a `conflated` slot per key. `bind` joins a port to its edge; `step` is what the port knows
//! of the step that sends.
//!
//! This is the hot path. A message is written once, into its slot, and read there: no copy, no allocation, no dynamic call
//! and no lock per message may be added here. The instruction budgets in `benches/budget.toml` hold it to that.
//!
//! This room knows messages and memory. It knows no actor, no shard and no topology.

pub(crate) mod bind;
pub(crate) mod conflated;
pub(crate) mod inlet;
pub(crate) mod outlet;
pub(crate) mod overflow;
pub mod port;
pub(crate) mod queue;
pub(crate) mod step;
