//! The life of a topology: start, supervise, stop.
//!
//! [`Topology::start`](crate::topology::Topology::start) starts a thread per shard and a housekeeping thread, and returns a
//! [`Running`]. Housekeeping hears of failures and passes them on, keeps the shards' clock true, gathers their figures into
//! a [`Status`], says what the network lost, runs the program's chore, and stops the shards in order. No message passes
//! through it, and a shard never waits for it while it runs.
//!
//! An actor that panics ends nothing but itself, and is restarted if it is [supervised](crate::supervision). A panic anywhere else on a shard (a framer, the network driver) or on
//! housekeeping ends the topology: the shard's actors count as failed, the other shards stop in order, and
//! [`Status::faults`] tells what died. Housekeeping that is held up for too long ends it, too, and is left behind. Whoever waits for a stop looks at [`Running::is_running`] too.
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
//! words.send(Word(7))?;
//! let outcome = running.stop();
//! assert!(outcome.drained && outcome.status.failures.is_empty());
//! assert_eq!(relayed.receive().map(|word| word.body.0), Some(7));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![expect(clippy::disallowed_methods, reason = "threads are started and stopped within wall time, on no shard")]

use std::time::Duration;

mod clock_watch;
mod descriptors;
mod error;
mod event;
mod fault;
mod housekeeping;
mod housekeeping_watch;
mod incident;
mod last_resort;
mod lost_shards;
mod net_watch;
mod options;
mod probe;
mod running;
pub(crate) mod running_time;
mod seat;
pub(crate) mod stages;
mod start;
mod status;
mod stop;
mod supervise;
mod watchdog;

pub use self::{
    error::StartError,
    fault::RuntimeFault,
    incident::{Failed, Incident},
    options::RunOptions,
    running::Running,
    running_time::RunningTime,
    status::{ClockStatus, Outcome, ShardStatus, Status},
};

/// How long shards may take to end once they were told to. Flushing their sockets takes up to two seconds of it.
const END_DEADLINE: Duration = Duration::from_secs(5);
/// Memory that each of glommio's three rings per executor registers; it refuses below 512 KiB of memlock.
const GLOMMIO_IO_MEMORY: usize = 1 << 20;
