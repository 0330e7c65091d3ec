//! The life of a topology: start, supervise, stop.
//!
//! [`Topology::start`](crate::topology::Topology::start) starts a thread per shard and a housekeeping thread, and returns a
//! [`Running`]. Housekeeping hears of failures and passes them on, keeps the shards' clock true, gathers their figures into
//! a [`Status`], and stops them in order. It only observes: no message passes through it, and a shard never waits for it
//! while it runs.
//!
//! ```
//! use corelane_runtime::prelude::*;
//! # #[derive(Clone, Copy)]
//! # struct Word(u64);
//! # impl Message for Word {}
//! # struct Relay;
//! # impl Actor for Relay {
//! #     type In = Word;
//! #     type Out = Port<Word>;
//! #     const OUTPUTS_MAX: usize = 1;
//! #     fn on_message(&mut self, ctx: &mut Context<'_, Self::Out>, word: &Word) -> Step {
//! #         ctx.out.send(*word);
//! #         Step::Done
//! #     }
//! # }
//! let mut topology = Topology::new();
//! let shard = topology.shard(ShardSpec::new("shard", allowed_cpus()[0]));
//! let relay = topology.actor(shard, "relay", || Relay);
//! let mut words = topology.external_sender("words", relay, EdgeSpec::backpressure(64));
//! let mut relayed = topology.external_receiver(relay, |out| out, EdgeSpec::backpressure(64));
//! let running = topology.start(RunOptions::default())?;
//! words.send(Word(7)).map_err(|_| "the edge is full")?;
//! let outcome = running.stop();
//! assert!(outcome.drained && outcome.status.failures.is_empty());
//! assert_eq!(relayed.receive().map(|word| word.body.0), Some(7));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![expect(clippy::disallowed_methods, reason = "threads are started and stopped within wall time, on no shard")]

mod error;
mod housekeeping;
mod options;
mod running;
mod seat;
pub(crate) mod stages;
mod start;
mod status;
mod stop;
mod supervise;

pub use self::{
    error::StartError,
    options::RunOptions,
    running::Running,
    status::{Outcome, ShardStatus, Status},
};

/// Memory that each of glommio's three rings per executor registers; it refuses below 512 KiB of memlock.
const GLOMMIO_IO_MEMORY: usize = 1 << 20;
