//! The lifecycle: a stage that only moves forward, each shard's progress, and quiescence detection.
//!
//! A coordinator advances the [`Stage`]. Shards read it at the start of every turn of their duty cycle, and report in
//! their [`Progress`] when they have completed a whole turn in it. To stop without losing messages, the coordinator
//! orders one draining stage after another, in which shards only answer what they receive, until a [`Round`] finds that
//! nothing is in flight.
//!
//! # Memory ordering
//!
//! [`advance_to`](Stage::advance_to) releases and [`current`](Stage::current) acquires. A shard that sees a stage
//! therefore sees what the coordinator prepared for it, and what other shards pushed before they published the progress
//! that the coordinator had read. Progress is published through a [seqlock](crate::seqlock).
//!
//! # Examples
//!
//! ```
//! use corelane_sync::stage::{Round, Stage, Verdict, progress};
//!
//! const RUNNING: u32 = 1;
//! const DRAINING: u32 = 2;
//! let stage = Stage::new(RUNNING);
//! let (mut shard, reader) = progress();
//! let mut turn = |messages: u32| {
//!     let seen = stage.current();
//!     // Here the shard takes what waits in its rings, and pushes its answers.
//!     if messages > 0 {
//!         shard.count_work();
//!     }
//!     shard.reach(seen);
//!     shard.publish();
//! };
//!
//! let round = Round::begin(DRAINING, [reader.sample()]);
//! stage.advance_to(DRAINING);
//! assert_eq!(round.judge([reader.sample()]), Verdict::Pending);
//! turn(7);
//! assert_eq!(round.judge([reader.sample()]), Verdict::Busy);
//!
//! let round = Round::begin(DRAINING + 1, [reader.sample()]);
//! stage.advance_to(DRAINING + 1);
//! turn(0);
//! assert_eq!(round.judge([reader.sample()]), Verdict::AtRest);
//! ```

mod progress;
mod rest;

pub use progress::{Progress, ProgressReader, ProgressWriter, progress};
pub use rest::{Round, Verdict};

use crate::atomic::{AtomicU32, order};

/// The stage ordered by the coordinator. It never goes back.
///
/// The caller chooses the numbers; larger is later. The stage has a pair of cache lines to itself, because every shard
/// reads it in every turn.
#[derive(Debug)]
#[repr(align(128))]
pub struct Stage {
    ordered: AtomicU32,
}

impl Stage {
    /// A lifecycle that starts at `stage`.
    #[must_use]
    pub fn new(stage: u32) -> Self {
        Self { ordered: AtomicU32::new(stage) }
    }

    /// Orders `stage`, and publishes what this thread wrote before. Returns false and changes nothing if that stage or
    /// a later one has already been ordered.
    ///
    /// Several threads may call it, such as a signal handler and a supervisor; the latest stage wins.
    pub fn advance_to(&self, stage: u32) -> bool {
        self.ordered.fetch_max(stage, order!("stage_advance", Release)) < stage
    }

    /// The latest stage that is visible to this thread. Never goes back.
    ///
    /// Everything written before that stage was ordered is visible afterwards.
    #[must_use]
    pub fn current(&self) -> u32 {
        self.ordered.load(order!("stage_current", Acquire))
    }
}
