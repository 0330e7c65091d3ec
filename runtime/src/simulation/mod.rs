//! A topology on one thread: the same actors, cells and edges, without threads, sockets or a clock.
//!
//! A test sets the time, plays the peers of each shard's [`SimNet`], and makes the turns. So a run is deterministic: nothing
//! here may read a clock, start a thread or depend on an address or a hash's order. What a simulation cannot show is what
//! depends on several threads at once: the stages of a stop, sleeping and waking, the supervisor. Their tests run real
//! threads.

mod network;
mod world;

pub use self::network::{SentDatagram, SimNet};
pub use self::world::Simulation;
