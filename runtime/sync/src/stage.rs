//! The life cycle: a stage that only moves forward, each shard's progress, and whether anything is in flight.
//!
//! A coordinator advances the [`Stage`]; shards observe it once per duty cycle and report in their [`Progress`]
//! that they have reached it. To stop without losing messages the coordinator advances to a draining stage, in
//! which shards only answer what they receive, and waits until [`Quiescence`] says that nothing is in flight.
//!
//! # Memory ordering
//!
//! [`advance_to`](Stage::advance_to) releases and [`current`](Stage::current) acquires: a shard that sees a
//! stage sees what the coordinator prepared for it. Progress crosses in a [seqlock](crate::seqlock).
//!
//! # Examples
//!
//! ```
//! use corelane_sync::stage::{Quiescence, Stage, progress};
//!
//! const RUNNING: u32 = 1;
//! const DRAINING: u32 = 2;
//! let stage = Stage::new(RUNNING);
//! let (mut shard, reader) = progress();
//! let mut quiescence = Quiescence::new(DRAINING);
//!
//! stage.advance_to(DRAINING);
//!
//! // The shard's duty cycle: handle what came, count, publish, and only then push what was sent.
//! shard.count_received(7);
//! shard.count_sent(7);
//! shard.reach(stage.current());
//! shard.publish();
//!
//! let shards = [reader];
//! let mut at_rest = || quiescence.observe(shards.iter().map(|shard| shard.sample()));
//! assert!(!at_rest(), "one pass may have missed a message on its way");
//! assert!(at_rest());
//! ```

mod progress;
mod quiescence;

pub use progress::{Progress, ProgressReader, ProgressWriter, progress};
pub use quiescence::Quiescence;

use crate::atomic::{AtomicU32, order};

/// The stage that a coordinator has ordered. It never goes back.
///
/// The numbers are the caller's; larger is later. Alone on its pair of cache lines, as every shard reads it in
/// every duty cycle.
#[derive(Debug)]
#[repr(align(128))]
pub struct Stage {
    ordered: AtomicU32,
}

impl Stage {
    /// A life cycle that starts at `stage`.
    #[must_use]
    pub fn new(stage: u32) -> Self {
        Self {
            ordered: AtomicU32::new(stage),
        }
    }

    /// Orders `stage`, and publishes what this thread wrote before. Returns false, and changes nothing, if that
    /// stage or a later one was ordered already.
    ///
    /// Several threads may call it, such as a signal handler and a supervisor: the latest stage wins.
    pub fn advance_to(&self, stage: u32) -> bool {
        self.ordered
            .fetch_max(stage, order!("stage_advance", Release))
            < stage
    }

    /// The stage ordered last, as far as this thread can see; never earlier than it saw before.
    ///
    /// Everything that was written before it was ordered is visible afterwards.
    #[must_use]
    pub fn current(&self) -> u32 {
        self.ordered.load(order!("stage_current", Acquire))
    }
}
