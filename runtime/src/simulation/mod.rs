//! A topology on one thread: the same actors, cells, edges and framers, without threads, sockets or a clock.
//!
//! There are two ways to drive it. In a [`Simulation`] a test sets the time, plays the peers of each shard's [`SimNet`], and
//! makes the turns. A [`World`] does all that by itself: time goes from event to event, a seed chooses which shard turns
//! when, and links carry bytes and datagrams with delay and faults; the caller plays the far ends of the links
//! (`runtime/examples/simulated_faults.rs`).
//!
//! A run is deterministic: nothing here may read a clock, start a thread or depend on an address or a hash's order. What a
//! simulation cannot show is what depends on several threads at once: the stages of a stop, sleeping and waking,
//! housekeeping. Their tests run real threads. Supervisors restart actors here as they do there, in simulated time; but a replacement
//! takes no time to be built, and neighbours hear of failures and restarts at once, on a shard that stalls too.
//!
//! | fault of a world | what happens |
//! |---|---|
//! | `link.late` | what a peer writes is late, and so is all behind it |
//! | `link.reset` | a connection is lost, which both sides learn |
//! | `line.lost`, `line.doubled`, `line.reordered` | a datagram does not arrive, arrives twice, is overtaken |
//! | `shard.stall`, [`World::pause`] | a shard is not chosen for a while, or until it is resumed |
//! | [`World::inject`] | the host's wall clock is set: the shards' time is slewed |
//! | [`fault!`](crate::fault) places, with the feature `faults` | the place that the caller arms panics: an actor fails, or a shard outside of its actors |
//! | [`World::vanish`], [`World::set_reading`] | a connection dies and nobody is told; a peer does not read |
//! | [`World::strikes`] | whatever the caller decides by it |
//!
//! Each is decided by a hash of the seed, its source and the key of what it is about. Disks join here with the journal.
//!
//! ```
//! use corelane_runtime::prelude::*;
//! #
//! # #[derive(Clone, Copy)]
//! # struct Tick(u64);
//! # impl Message for Tick {}
//!
//! /// Says once, a second after it started, what time it is.
//! struct Alarm;
//! impl Actor for Alarm {
//!     type In = Tick;
//!     type Out = Port<Tick>;
//!     const OUTPUTS_MAX: usize = 1;
//!     const TIMERS_MAX: usize = 1;
//!
//!     fn on_start(&mut self, ctx: &mut Context<'_, Self::Out>) {
//!         ctx.set_timer(1_000_000_000, 0).expect("one timer is declared, and none is set");
//!     }
//!     fn on_message(&mut self, _: &mut Context<'_, Self::Out>, _: &Tick) -> Step {
//!         Step::Done
//!     }
//!     fn on_timer(&mut self, ctx: &mut Context<'_, Self::Out>, _token: u64) {
//!         let time_ns = ctx.time_ns();
//!         ctx.out.send(Tick(time_ns));
//!     }
//! }
//!
//! let mut topology = Topology::new();
//! let shard = topology.shard(ShardSpec::new("shard", allowed_cpus()[0]));
//! let alarm = topology.actor(shard, "alarm", || Alarm);
//! let mut ticks = topology.external_receiver(alarm, |out| out, EdgeSpec::backpressure(8));
//! let mut simulation = topology.simulate()?;
//! simulation.set_time_ns(900_000_000);
//! simulation.run_until_idle();
//! assert!(ticks.receive().is_none());
//! simulation.set_time_ns(1_100_000_000);
//! simulation.run_until_idle();
//! assert_eq!(ticks.receive().map(|tick| tick.body.0), Some(1_100_000_000));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chance;
mod clock;
mod connection;
mod delivery;
mod links;
mod network;
mod seeded;
mod status;
mod trace;
mod world;

pub use self::chance::{Draw, Fault, FaultName, Source};
pub use self::links::{LineSpec, LinkId, LinkSpec};
pub use self::network::{SentDatagram, SimNet};
pub use self::seeded::{Happening, Stalls, World};
pub use self::world::{Simulation, Socket};
