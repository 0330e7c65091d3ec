//! Where ticks and wall time come from.

use rustix::time::{ClockId, clock_gettime};

use super::line::Rate;

/// What the ticks of a clock are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSource {
    /// The processor's counter, invariant over frequency and sleep states (x86-64 TSC, Arm system counter): 9 to
    /// 19 ns a read.
    Tsc,
    /// `CLOCK_MONOTONIC` through the vDSO, because the processor does not promise an invariant counter: 45 ns.
    Vdso,
    /// Virtual time.
    Simulated,
}

/// Where a clock's time comes from: the host ([`HostTime`]), or a simulation's.
pub trait TimeSource {
    /// The counter now; never goes back on one thread.
    fn ticks(&self) -> u64;
    /// The wall clock now: nanoseconds since 1970 UTC, leap seconds not counted.
    fn wall_ns(&self) -> u64;
    /// The counter's rate as its maker knows it, good to some ten parts per million; measured more finely here.
    fn rate(&self) -> Rate;
    /// What the ticks are.
    fn source(&self) -> ClockSource;
}

/// The time of this host: quanta's counter and `CLOCK_REALTIME`.
#[derive(Clone, Debug)]
pub struct HostTime {
    counter: quanta::Clock,
    rate: Rate,
    source: ClockSource,
}

impl HostTime {
    /// Finds the best counter. The first call in a process takes 10 to 200 ms, in which quanta measures it.
    pub fn new() -> Self {
        let counter = quanta::Clock::new();
        let ticks = 1 << 40;
        let rate = Rate::from_measurement(counter.delta_as_nanos(0, ticks), ticks);
        let source = detect_source(|| counter.raw());
        Self { counter, rate: rate.unwrap_or(Rate::NANOSECONDS), source }
    }
}

impl Default for HostTime {
    fn default() -> Self {
        Self::new()
    }
}

impl TimeSource for HostTime {
    #[inline]
    fn ticks(&self) -> u64 {
        self.counter.raw()
    }

    fn wall_ns(&self) -> u64 {
        read_clock_ns(ClockId::Realtime)
    }

    fn rate(&self) -> Rate {
        self.rate
    }

    fn source(&self) -> ClockSource {
        self.source
    }
}

/// quanta asks CPUID for an invariant TSC and otherwise reads `CLOCK_MONOTONIC`, but does not say which: it is the
/// latter if its reading lies between two of that clock's. A counter that passes by chance was started within
/// microseconds of the kernel's clock and counts nanoseconds, which is then no difference to anybody.
fn detect_source(ticks: impl Fn() -> u64) -> ClockSource {
    let before = read_clock_ns(ClockId::Monotonic);
    let raw = ticks();
    let after = read_clock_ns(ClockId::Monotonic);
    if (before..=after).contains(&raw) { ClockSource::Vdso } else { ClockSource::Tsc }
}

fn read_clock_ns(id: ClockId) -> u64 {
    let time = clock_gettime(id);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_is_the_monotonic_clock_is_told_from_one_that_is_not() {
        let monotonic = || read_clock_ns(ClockId::Monotonic);
        assert_eq!(detect_source(monotonic), ClockSource::Vdso);
        for other in [0, monotonic() - 1_000_000_000, monotonic() + 3_600_000_000_000] {
            assert_eq!(detect_source(|| other), ClockSource::Tsc);
        }
    }

    #[test]
    fn the_hosts_counter_runs_on_at_its_rate() {
        let host = HostTime::new();
        let (monotonic_before, ticks_before) = (read_clock_ns(ClockId::Monotonic), host.ticks());
        let mut last = ticks_before;
        while host.rate().nanos(last - ticks_before) < 2_000_000 {
            let ticks = host.ticks();
            assert!(ticks >= last);
            last = ticks;
        }
        let elapsed_ns = read_clock_ns(ClockId::Monotonic) - monotonic_before;
        assert!(elapsed_ns >= 1_990_000, "{elapsed_ns} ns passed while the counter made 2 ms");
    }
}
