//! How a topology is run.

use std::time::Duration;

use crate::clock::UtcOffset;

/// How a topology is run.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
#[must_use]
pub struct RunOptions {
    /// The CPU that housekeeping is pinned to; any if `None`.
    pub housekeeping_cpu: Option<usize>,
    /// The time zone whose midnight times of day count from.
    pub utc_offset: UtcOffset,
    /// How long an ordered stop waits for what is in flight.
    pub drain_deadline: Duration,
}

impl Default for RunOptions {
    /// Housekeeping on any CPU, UTC, and five seconds to drain.
    fn default() -> Self {
        RunOptions { housekeeping_cpu: None, utc_offset: UtcOffset::UTC, drain_deadline: Duration::from_secs(5) }
    }
}

impl RunOptions {
    /// Pins housekeeping to a CPU.
    pub fn housekeeping_cpu(mut self, cpu: usize) -> Self {
        self.housekeeping_cpu = Some(cpu);
        self
    }

    /// Sets the time zone whose midnight times of day count from.
    pub fn utc_offset(mut self, utc_offset: UtcOffset) -> Self {
        self.utc_offset = utc_offset;
        self
    }

    /// Sets how long an ordered stop waits for what is in flight.
    pub fn drain_deadline(mut self, drain_deadline: Duration) -> Self {
        self.drain_deadline = drain_deadline;
        self
    }
}
