//! Time since a start, from the processor's time stamp counter, and its correlation with the system clock.

use rustix::time::{ClockId, clock_gettime};

/// The number of readings, of which the tightest counts: a reading is as precise as the two counter readings around it
/// are close.
const READINGS: usize = 8;

/// A clock of nanoseconds since [`Clock::start`], for intervals of up to minutes: it drifts by about a microsecond per
/// second from the system clock.
#[derive(Clone, Debug)]
pub struct Clock {
    counter: quanta::Clock,
    start: u64,
}

/// The same moment on this clock and on the system clock. After a second it is off by a microsecond or so, as [`Clock`]
/// drifts, and it becomes invalid when somebody sets the system clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correlation {
    clock_ns: u64,
    utc_ns: u64,
}

impl Clock {
    /// Starts a clock at zero. The first one in a process calibrates for some milliseconds.
    #[must_use]
    pub fn start() -> Self {
        let counter = quanta::Clock::new();
        let start = counter.raw();
        Self { counter, start }
    }

    /// The time since the start, in nanoseconds.
    #[must_use]
    #[inline]
    pub fn now_ns(&self) -> u64 {
        self.counter.delta_as_nanos(self.start, self.counter.raw())
    }

    /// Reads the system clock and this one together, precise to some tens of nanoseconds. Takes half a microsecond.
    #[must_use]
    pub fn correlate(&self) -> Correlation {
        let reading = |_| {
            let before_ns = self.now_ns();
            let utc = clock_gettime(ClockId::Realtime);
            let width_ns = self.now_ns() - before_ns;
            let utc_ns = utc.tv_sec as u64 * 1_000_000_000 + utc.tv_nsec as u64;
            (width_ns, Correlation { clock_ns: before_ns + width_ns / 2, utc_ns })
        };
        let tightest = (0..READINGS).map(reading).min_by_key(|(width_ns, _)| *width_ns);
        tightest.expect("there is a reading").1
    }
}

impl Correlation {
    /// Converts a time since 1970 UTC to this clock, in nanoseconds; `None` if it lies before the clock's start.
    #[must_use]
    #[inline]
    pub fn clock_ns(&self, utc_ns: u64) -> Option<u64> {
        self.clock_ns.checked_add_signed(utc_ns.wrapping_sub(self.utc_ns) as i64)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn times_of_the_systems_clock_are_found_on_ours() {
        let clock = Clock::start();
        let correlation = clock.correlate();
        // As in an answer's life: a moment later. Of several, since the thread may lose its CPU in between.
        let error_ns = |_| {
            std::thread::sleep(Duration::from_millis(2));
            let (before_ns, utc) = (clock.now_ns(), SystemTime::now());
            let after_ns = clock.now_ns();
            let utc_ns = utc.duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
            let found_ns = correlation.clock_ns(utc_ns).unwrap();
            before_ns.saturating_sub(found_ns) + found_ns.saturating_sub(after_ns)
        };
        let least_ns = (0..10).map(error_ns).min().unwrap();
        assert!(least_ns < 1000, "{least_ns} ns beside the interval in which the clock was read");
    }

    #[test]
    fn times_before_the_start_are_none() {
        let correlation = Correlation { clock_ns: 100, utc_ns: 1_700_000_000_000_000_000 };
        assert_eq!(correlation.clock_ns(1_700_000_000_000_000_005), Some(105));
        assert_eq!(correlation.clock_ns(1_699_999_999_999_999_901), Some(1));
        assert_eq!(correlation.clock_ns(1_699_999_999_999_999_899), None);
        assert_eq!(correlation.clock_ns(0), None);
    }
}
