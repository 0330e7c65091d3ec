//! The producing end of an edge as actors and cells see it: the typed [`Port`] that takes a step's outputs.
//!
//! Across shards an edge is an `rtrb` ring, within one a plain queue. A step writes a message to a ring straight into its
//! slot, which the consumer sees when the batch is over. It writes a message to a queue straight to the queue's end, since
//! the consumer, on the same thread, does not run before the step is over. A step that panics leaves nothing behind in either.

mod outputs;
mod room;
mod send;
mod state;
#[cfg(test)]
mod tests;

pub use self::outputs::{AnyPort, Outputs};
pub use self::state::Port;
pub use crate::edge::overflow::Overflow;
