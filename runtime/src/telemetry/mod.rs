//! What shards and actors count and time, and how the figures reach housekeeping.
//!
//! Both kinds of figure are named by an enum that [`metrics!`](crate::metrics) makes:
//!
//! - *Counters* ([`Counters`]) are written by one thread and read by any other at any time. A shard counts by
//!   [`ShardCount`]; an actor makes a set of its own and keeps a clone outside to read.
//! - *Timings* are histograms in nanoseconds. An actor declares them
//!   ([`Actor::TIMINGS`](crate::actor::Actor::TIMINGS)) and records through its
//!   [`Context`](crate::actor::Context); they appear in the topology's
//!   [`Status`](crate::lifecycle::Status).
//!
//! Neither takes a lock, allocates or makes a system call while a shard runs.
//!
//! ```
//! use corelane_runtime::prelude::*;
//!
//! metrics! {
//!     /// What the echo counts.
//!     pub enum EchoCount { Echoed }
//! }
//! metrics! {
//!     /// What the echo times.
//!     pub enum EchoTiming { InToOut = "in_to_out_ns" }
//! }
//!
//! #[derive(Clone, Copy)]
//! struct Word(u64);
//! impl Message for Word {}
//!
//! struct Echo { counters: Counters<EchoCount> }
//! impl Actor for Echo {
//!     type In = Word;
//!     type Out = Port<Word>;
//!     const OUTPUTS_MAX: usize = 1;
//!     const TIMINGS: TimingSet = TimingSet::of::<EchoTiming>();
//!
//!     fn on_message(&mut self, ctx: &mut Context<'_, Self::Out>, word: &Word) -> Step {
//!         ctx.out.send(*word);
//!         ctx.record_since(EchoTiming::InToOut, ctx.ticks());
//!         self.counters.add(EchoCount::Echoed, 1);
//!         Step::Done
//!     }
//! }
//!
//! let counters = Counters::default();
//! let mut topology = Topology::new();
//! let shard = topology.shard(ShardSpec::new("shard", allowed_cpus()[0]));
//! let echo = topology.actor(shard, "echo", { let counters = counters.clone(); || Echo { counters } });
//! let mut words = topology.external_sender("words", echo, EdgeSpec::backpressure(8));
//! let mut echoes = topology.external_receiver(echo, |out| out, EdgeSpec::backpressure(8));
//! let running = topology.start(RunOptions::default())?;
//! words.send(Word(7))?;
//! // `running.status()` has the same while it runs, as of the last hand-over.
//! let status = running.stop().status;
//! assert_eq!(echoes.receive().map(|echo| echo.body.0), Some(7));
//! assert_eq!(counters.get(EchoCount::Echoed), 1);
//! assert_eq!(status.timing(EchoTiming::InToOut).map(|histogram| histogram.len()), Some(1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod counters;
mod edge_count;
mod metric;
mod shard_count;
mod timings;

pub use self::{
    counters::Counters,
    edge_count::EdgeCount,
    metric::Metric,
    shard_count::ShardCount,
    timings::{Collector, ShardTelemetry, ShardTotals, TIMING_NS_MAX, TimingSet, TimingSlots, TimingTotal},
};

/// Sampling interval of [`Context::record_sampled`](crate::actor::Context::record_sampled): one sequenced input in this
/// many is timed, by its sequence number.
pub const TIMED_ONE_IN: u64 = 64;
