//! Further work on the tester's thread: the time series, the market, sessions that behave badly.

use std::time::Duration;

use corelane_tester::engine::{Answered, Measured, Observer};
use hdrhistogram::Histogram;

use super::{market::Market, stalls::Stalls};
use crate::result::{Availability, Interval, Latency};

/// Significant digits of an interval's histogram, and its longest time: 33 KiB, so that its memory stays in the caches.
const DIGITS: u8 = 2;
const LONGEST_NS: u64 = 60_000_000_000;

/// An addition to the load besides a market.
pub(super) trait Rider {
    /// Does what is due, and returns when to come again.
    fn step(&mut self, now_ns: u64) -> u64;
}

pub(super) struct Recorder<'a> {
    warmup_ns: u64,
    interval_ns: u64,
    intervals: Vec<Histogram<u64>>,
    stalls: Option<Stalls>,
    market: Option<&'a mut Market>,
    rider: Option<&'a mut dyn Rider>,
}

impl<'a> Recorder<'a> {
    /// Creates a recorder and touches its memory, so that no page is looked for while it measures.
    pub(super) fn new(warmup: Duration, length: Duration, interval: Duration) -> Self {
        let interval_ns = interval.as_nanos() as u64;
        let intervals = (length.as_nanos() as u64).div_ceil(interval_ns);
        let one = || {
            let mut histogram =
                Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).expect("the bounds are valid constants");
            histogram.reset();
            histogram
        };
        Self {
            warmup_ns: warmup.as_nanos() as u64,
            interval_ns,
            intervals: (0..intervals).map(|_| one()).collect(),
            stalls: None,
            market: None,
            rider: None,
        }
    }

    /// Counts answers that take longer than this.
    pub(super) fn within(mut self, within_us: Option<u64>) -> Self {
        self.stalls = within_us.map(|within_us| Stalls::new(within_us * 1000));
        self
    }

    pub(super) fn with(mut self, market: Option<&'a mut Market>, rider: Option<&'a mut dyn Rider>) -> Self {
        self.market = market;
        self.rider = rider;
        self
    }

    /// Returns the share of the time in which answers came soon enough, if that was asked for.
    pub(super) fn availability(&self, measured: &Measured) -> Option<Availability> {
        self.stalls.as_ref().map(|stalls| stalls.availability(measured))
    }

    /// The intervals in which something was due.
    pub(super) fn series(&self) -> Vec<Interval> {
        let length_s = self.interval_ns as f64 / 1e9;
        let interval = |(index, histogram): (usize, &Histogram<u64>)| Interval {
            start_s: index as f64 * length_s,
            length_s,
            intended: Latency::from(histogram),
        };
        self.intervals.iter().enumerate().filter(|(_, one)| !one.is_empty()).map(interval).collect()
    }
}

impl Observer for Recorder<'_> {
    #[inline]
    fn step(&mut self, now_ns: u64) -> u64 {
        let market_ns = self.market.as_mut().map_or(u64::MAX, |market| market.step(now_ns));
        let rider_ns = self.rider.as_mut().map_or(u64::MAX, |rider| rider.step(now_ns));
        market_ns.min(rider_ns)
    }

    #[inline]
    fn answered(&mut self, answered: &Answered) {
        let index = answered.intended_ns.saturating_sub(self.warmup_ns) / self.interval_ns;
        if let Some(interval) = self.intervals.get_mut(index as usize) {
            interval.saturating_record(answered.answered_ns.saturating_sub(answered.intended_ns).max(1));
        }
        if let Some(stalls) = &mut self.stalls {
            stalls.answered(answered);
        }
    }
}
