//! When a circuit breaker opens, and when it closes again.

use thiserror::Error;

/// The most calls of a count window or of the trials, and the most slices of a time window. Each takes 24 bytes, which a change of
/// the state clears.
pub const CALLS_MAX: u32 = 1 << 16;

/// A rate that a breaker opens at: parts of a million.
pub(super) const ALL: u32 = 1_000_000;

/// When a circuit breaker opens, and when it closes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerConfig {
    /// The calls that the rates are computed of.
    pub window: Window,
    /// The fewest calls in the window, or trials, of which a rate is computed; at most as many as a count window or the
    /// trials have are needed.
    pub calls_min: u32,
    /// The share of failed calls at which it opens, in parts per million, from 1.
    pub failure_rate_ppm: u32,
    /// The share of slow calls at which it opens, in parts per million, from 1.
    pub slow_rate_ppm: u32,
    /// A call that takes longer is slow.
    pub slow_ns: u64,
    /// Time from opening to the first trial.
    pub open_ns: u64,
    /// Calls that are let through as trials while it is half-open.
    pub trials: u32,
    /// Time in which the trials must decide, or it opens again; `None` for any.
    pub half_open_max_ns: Option<u64>,
}

/// The calls that the rates are computed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The last so many calls.
    Calls(u32),
    /// The calls of the last `slices` periods of `slice_ns` nanoseconds each, the present one included.
    Time {
        /// Number of slices.
        slices: u32,
        /// Length of a slice, in nanoseconds.
        slice_ns: u64,
    },
}

impl Default for BreakerConfig {
    /// The last 100 calls, and at least as many; 50 % failed, or all slower than a minute; open for a minute, then 10 trials
    /// without a limit in time: the defaults of resilience4j.
    fn default() -> Self {
        const MINUTE_NS: u64 = 60_000_000_000;
        BreakerConfig {
            window: Window::Calls(100),
            calls_min: 100,
            failure_rate_ppm: ALL / 2,
            slow_rate_ppm: ALL,
            slow_ns: MINUTE_NS,
            open_ns: MINUTE_NS,
            trials: 10,
            half_open_max_ns: None,
        }
    }
}

/// A setting of a [`BreakerConfig`] that is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{setting} is {value}; it must be from 1 to {most}")]
pub struct BreakerConfigError {
    /// Name of the setting.
    pub setting: &'static str,
    /// Its value.
    pub value: u64,
    /// The largest value.
    pub most: u64,
}

impl BreakerConfig {
    /// Checks that every setting is within its range.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<(), BreakerConfigError> {
        let (size, slice_ns) = match self.window {
            Window::Calls(calls) => (calls, 1),
            Window::Time { slices, slice_ns } => (slices, slice_ns),
        };
        let settings = [
            ("window", size.into(), CALLS_MAX.into()),
            ("slice_ns", slice_ns, u64::MAX),
            ("calls_min", self.calls_min.into(), CALLS_MAX.into()),
            ("failure_rate_ppm", self.failure_rate_ppm.into(), ALL.into()),
            ("slow_rate_ppm", self.slow_rate_ppm.into(), ALL.into()),
            ("open_ns", self.open_ns, u64::MAX),
            ("trials", self.trials.into(), CALLS_MAX.into()),
            ("half_open_max_ns", self.half_open_max_ns.unwrap_or(1), u64::MAX),
        ];
        let wrong = settings.into_iter().find(|(_, value, most)| !(1..=*most).contains(value));
        wrong.map_or(Ok(()), |(setting, value, most)| Err(BreakerConfigError { setting, value, most }))
    }
}
