//! A counter's rate, and the line from its ticks to the time of day, in fixed point.

/// Rates are 24.40 fixed point, nanoseconds per tick: resolves 10^-12 ns, and holds counters down to 60 Hz.
const RATE_SHIFT: u32 = 40;

/// Nanoseconds per tick of a counter, as a fixed-point number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u64);

impl Rate {
    /// One tick is one nanosecond.
    pub const NANOSECONDS: Rate = Rate(1 << RATE_SHIFT);

    /// The rate of a counter that made `ticks` in `ns` nanoseconds; `None` when it stands still or is slower than
    /// 60 Hz.
    pub fn from_measurement(ns: u64, ticks: u64) -> Option<Rate> {
        let rate = (u128::from(ns) << RATE_SHIFT).checked_div(u128::from(ticks))?;
        u64::try_from(rate).ok().filter(|&rate| rate != 0).map(Rate)
    }

    /// The nanoseconds that `ticks` take, rounded down; saturates after 584 years.
    #[inline]
    pub fn nanos(self, ticks: u64) -> u64 {
        let ns = (u128::from(ticks) * u128::from(self.0)) >> RATE_SHIFT;
        u64::try_from(ns).unwrap_or(u64::MAX)
    }

    /// This rate times `1 + ppb / 10^9`.
    pub(super) fn bent(self, ppb: i64) -> Rate {
        let bend = i128::from(self.0) * i128::from(ppb) / 1_000_000_000;
        Rate((i128::from(self.0) + bend).clamp(1, i128::from(u64::MAX)) as u64)
    }

    /// Whether the two differ by at most `ppm` parts per million of the other.
    pub(super) fn is_near(self, other: Rate, ppm: u64) -> bool {
        u128::from(self.0.abs_diff(other.0)) * 1_000_000 <= u128::from(other.0) * u128::from(ppm)
    }
}

/// A line through (`base_ticks`, `base_ns`): what is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Calibration {
    pub(super) base_ticks: u64,
    /// Time of day at the base.
    pub(super) base_ns: u64,
    pub(super) rate: Rate,
}

/// The words of a calibration.
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
