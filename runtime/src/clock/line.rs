//! The rate of a counter and the line from its ticks to the time of day, in fixed point.

/// Rates are 24.40 fixed-point nanoseconds per tick, with a resolution of 10^-12 ns, for counters of 60 Hz and more.
const RATE_SHIFT: u32 = 40;

/// The rate of a counter in nanoseconds per tick, as a fixed-point number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u64);

impl Rate {
    /// One nanosecond per tick.
    pub const NANOSECONDS: Rate = Rate(1 << RATE_SHIFT);

    /// The rate of a counter that advanced by `ticks` in `ns` nanoseconds; `None` if it did not advance or is slower
    /// than 60 Hz.
    pub fn from_measurement(ns: u64, ticks: u64) -> Option<Rate> {
        let rate = (u128::from(ns) << RATE_SHIFT).checked_div(u128::from(ticks))?;
        u64::try_from(rate).ok().filter(|&rate| rate != 0).map(Rate)
    }

    /// The duration of `ticks` in nanoseconds, rounded down; saturates at 584 years.
    #[inline]
    #[must_use]
    pub fn nanos(self, ticks: u64) -> u64 {
        let ns = (u128::from(ticks) * u128::from(self.0)) >> RATE_SHIFT;
        u64::try_from(ns).unwrap_or(u64::MAX)
    }

    /// This rate times `1 + ppb / 10^9`.
    pub(super) fn bent(self, ppb: i64) -> Rate {
        let bend = i128::from(self.0) * i128::from(ppb) / 1_000_000_000;
        Rate((i128::from(self.0) + bend).clamp(1, i128::from(u64::MAX)) as u64)
    }

    /// Whether this rate differs from `other` by at most `ppm` parts per million.
    pub(super) fn is_near(self, other: Rate, ppm: u64) -> bool {
        u128::from(self.0.abs_diff(other.0)) * 1_000_000 <= u128::from(other.0) * u128::from(ppm)
    }
}

/// The published line through (`base_ticks`, `base_ns`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Calibration {
    pub(super) base_ticks: u64,
    /// The time of day at the base.
    pub(super) base_ns: u64,
    pub(super) rate: Rate,
}

/// The number of words in a published calibration.
pub(super) const WORDS: usize = 3;

impl Calibration {
    #[inline]
    pub(super) fn from_words([base_ticks, base_ns, rate]: [u64; WORDS]) -> Self {
        Self { base_ticks, base_ns, rate: Rate(rate) }
    }

    pub(super) fn words(self) -> [u64; WORDS] {
        [self.base_ticks, self.base_ns, self.rate.0]
    }

    #[inline]
    pub(super) fn time_of_day_ns(self, ticks: u64) -> u64 {
        if ticks >= self.base_ticks {
            self.base_ns.saturating_add(self.rate.nanos(ticks - self.base_ticks))
        } else {
            self.base_ns.saturating_sub(self.rate.nanos(self.base_ticks - ticks))
        }
    }
}
