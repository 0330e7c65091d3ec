//! The life cycle: a stage that only moves forward, each shard's progress, and whether anything is in flight.
//!
//! A coordinator advances the [`Stage`]; shards look at it at the start of every turn of their duty cycle and
//! report in their [`Progress`] that they have made a whole turn in it. To stop without losing messages the
//! coordinator orders one draining stage after the other, in which shards only answer what they receive, until
//! a [`Round`] finds that nothing is in flight.
//!
//! # Memory ordering
//!
//! [`advance_to`](Stage::advance_to) releases and [`current`](Stage::current) acquires: a shard that sees a
//! stage sees what the coordinator prepared for it, and what other shards pushed before the publications that
//! the coordinator had read. Progress crosses in a [seqlock](crate::seqlock).
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
//!     // Here it takes what waits in its rings, and pushes what it answers.
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

/// The stage that a coordinator has ordered. It never goes back.
///
/// The numbers are the caller's; larger is later. Alone on its pair of cache lines, as every shard reads it in
/// every turn.
#[derive(Debug)]
#[repr(align(128))]
pub struct Stage {
    ordered: AtomicU32,
}

impl Stage {
    /// A life cycle that starts at `stage`.
    #[must_use]
    pub fn new(stage: u32) -> Self {
        Self { ordered: AtomicU32::new(stage) }
    }

    /// Orders `stage`, and publishes what this thread wrote before. Returns false, and changes nothing, if that
    /// stage or a later one was ordered already.
    ///
    /// Several threads may call it, such as a signal handler and a supervisor: the latest stage wins.
    pub fn advance_to(&self, stage: u32) -> bool {
        self.ordered.fetch_max(stage, order!("stage_advance", Release)) < stage
    }

    /// The stage ordered last, as far as this thread can see; never earlier than it saw before.
    ///
    /// Everything that was written before it was ordered is visible afterwards.
    #[must_use]
    pub fn current(&self) -> u32 {
        self.ordered.load(order!("stage_current", Acquire))
    }
}
