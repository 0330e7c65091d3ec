//! Edges: how one actor's messages reach another.
//!
//! A [`port`] is the typed producing end, an `inlet` the consuming one. Between them is a ring (`outlet`, to another shard),
//! a `queue` (within a shard), a `conflated` slot per key or a `mailbox` with a ring per priority; `ends` is what the last two
//! have in common. `bind` joins a port to its edge; `step` is what the port knows
//! of the step that sends.
//!
//! This is the hot path. A message is written once, into its slot, and read there: no copy, no allocation, no dynamic call
//! and no lock per message may be added here. The instruction budgets in `benches/budget.toml` hold it to that.
//!
//! This room knows messages and memory. It knows no actor, no shard and no topology.
//!
//! ```
//! use corelane_runtime::prelude::*;
//!
//! #[derive(Clone, Copy)]
//! struct Word(u64);
//! impl Message for Word {}
//!
//! ports! {
//!     /// An actor with two outputs.
//!     struct SplitOut { even: Word, odd: Word }
//! }
//!
//! struct Split;
//! impl Actor for Split {
//!     type In = Word;
//!     type Out = SplitOut;
//!     const OUTPUTS_MAX: usize = 1;
//!
//!     fn on_message(&mut self, ctx: &mut Context<'_, SplitOut>, word: &Word) -> Step {
//!         let port = if word.0 % 2 == 0 { &mut ctx.out.even } else { &mut ctx.out.odd };
//!         port.send(*word);
//!         Step::Done
//!     }
//! }
//!
//! let mut topology = Topology::new();
//! let shard = topology.shard(ShardSpec::new("shard", allowed_cpus()[0]));
//! let split = topology.actor(shard, "split", || Split);
//! let mut words = topology.external_sender("words", split, EdgeSpec::backpressure(8));
//! let mut even = topology.external_receiver(split, |out| &mut out.even, EdgeSpec::backpressure(8));
//! // An edge that drops holds nobody back: a reader that is too slow misses the newest messages, which are counted.
//! let mut odd = topology.external_receiver(split, |out| &mut out.odd, EdgeSpec::drop_newest(2));
//! let mut simulation = topology.simulate()?;
//! (0..8).try_for_each(|word| words.send(Word(word)))?;
//! simulation.run_until_idle();
//! assert!(std::iter::from_fn(|| even.receive()).map(|word| word.body.0).eq([0, 2, 4, 6]));
//! assert!(std::iter::from_fn(|| odd.receive()).map(|word| word.body.0).eq([1, 3]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(crate) mod bind;
pub(crate) mod conflated;
pub(crate) mod ends;
pub(crate) mod inlet;
pub(crate) mod mailbox;
pub(crate) mod outlet;
pub(crate) mod overflow;
pub mod port;
pub(crate) mod queue;
pub(crate) mod step;
