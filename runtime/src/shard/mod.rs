//! A shard: one thread that polls its network and its actors, and never shares them.
//!
//! - `duty` is the one task of the shard's executor: it turns the shard, follows the stages of the topology, and idles.
//! - `turn` is one turn: network, actors to bounded quiescence, ends of batch, wake-ups.
//! - `cell` hosts one actor each; [`timer`] and [`time`] give it time; `panics` and `failure` say how it failed.
//! - `flight` records what the actors did last.
//! - `notice` is what housekeeping and a shard tell each other: who has failed, who is suspended, replaced, given up.
//! - `transport` is the network as the shard polls it, `wake` how others end its sleep.
//!
//! Nothing here allocates after start, takes a lock, or makes a system call outside the transport and the sleep. A shard
//! shares no memory with another but rings, marks and published words. It knows the ids and the idle strategy
//! of `topology` and the stages of `lifecycle`, not how it was declared: `topology` builds it, `lifecycle` and `simulation`
//! drive it.

pub(crate) mod cell;
pub(crate) mod duty;
pub(crate) mod failure;
pub(crate) mod flight;
pub(crate) mod notice;
pub(crate) mod panics;
pub mod time;
pub mod timer;
pub(crate) mod transport;
mod turn;
pub(crate) mod wake;

pub use self::failure::{DeadLetter, FailedInput, Failure, InputKind};
pub use self::flight::{Happened, ShardEvent};
pub(crate) use self::turn::{Peer, Shard, Unit, Units};
