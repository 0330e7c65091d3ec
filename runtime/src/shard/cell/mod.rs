//! Cells: each hosts one actor, polls its inlets in a fair order, and runs its steps.
//!
//! - `core` runs steps, inside one `catch_unwind` per batch.
//! - [`ActorCell`] decides which may run: only those for which every edge with backpressure has room. It shows what they
//!   sent, or takes back what a failed one sent.
//! - [`NetCell`] and [`SequencedCell`] wrap it: the one adds the network's callbacks, the other takes hooks away.
//! - [`Hosted`] is what the shard sees, with the actor's type erased: one dynamic call per batch, never per message.
//!
//! This is the hot path: nothing here allocates after start, locks, reads a clock or calls the kernel per message. A cell
//! knows its own actor, ports and inlets; it knows no other cell, no shard and no topology.

mod actor_cell;
mod core;
mod hosted;
mod net_cell;
mod sequenced_cell;

pub(crate) use self::actor_cell::ActorCell;
pub(crate) use self::hosted::{Hosted, Rest, Traffic};
pub(crate) use self::net_cell::NetCell;
pub(crate) use self::sequenced_cell::SequencedCell;
