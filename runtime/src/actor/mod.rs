//! The actor: a single-threaded, deterministic state machine without I/O, and the context that it acts through.
//!
//! - [`Actor`] is what a shard hosts; [`NetActor`] also owns endpoints.
//! - [`SequencedActor`] sees one sequenced input stream and nothing else, so that its outputs can be replayed.
//! - [`Context`] and [`SequencedContext`] are all that a step may touch.
//!
//! What a context does not offer, an actor cannot do: there is no clock that is not the input's or the shard's, no
//! randomness, no file, no thread, no way to wait. Think of replay and of every actor's cell before you add to them.
//!
//! ```
//! use corelane_runtime::prelude::*;
//!
//! #[derive(Clone, Copy)]
//! struct Count(u64);
//! impl Message for Count {}
//!
//! /// Counts down from each number that it receives, one message per step: other inputs of the shard run in between.
//! #[derive(Default)]
//! struct CountDown { left: u64 }
//! impl Actor for CountDown {
//!     type In = Count;
//!     type Out = Port<Count>;
//!     const OUTPUTS_MAX: usize = 1;
//!
//!     fn on_message(&mut self, ctx: &mut Context<'_, Self::Out>, from: &Count) -> Step {
//!         self.left = from.0;
//!         self.on_more(ctx)
//!     }
//!     fn on_more(&mut self, ctx: &mut Context<'_, Self::Out>) -> Step {
//!         ctx.out.send(Count(self.left));
//!         let Some(left) = self.left.checked_sub(1) else { return Step::Done };
//!         self.left = left;
//!         Step::More
//!     }
//! }
//!
//! let mut topology = Topology::new();
//! let shard = topology.shard(ShardSpec::new("shard", allowed_cpus()[0]));
//! let count_down = topology.actor(shard, "count down", CountDown::default);
//! let mut starts = topology.external_sender("starts", count_down, EdgeSpec::backpressure(8));
//! let mut counts = topology.external_receiver(count_down, |out| out, EdgeSpec::backpressure(8));
//! let mut simulation = topology.simulate()?;
//! starts.send(Count(3))?;
//! simulation.run_until_idle();
//! assert!(std::iter::from_fn(|| counts.receive()).map(|count| count.body.0).eq([3, 2, 1, 0]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod context;
mod hooks;
mod sequenced;

pub use self::context::Context;
#[doc(hidden)]
pub use self::hooks::Role;
pub use self::hooks::{Actor, Down, NetActor, Step, Up};
pub use self::sequenced::{SequencedActor, SequencedContext};
