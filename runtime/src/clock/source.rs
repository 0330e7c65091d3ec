//! The sources of ticks and wall time.
#![expect(clippy::disallowed_methods, reason = "this is where the host's clocks are read")]

use rustix::time::{ClockId, clock_gettime};

use super::line::Rate;

/// The kind of counter that a clock reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSource {
    /// The processor's counter, invariant over frequency and sleep states (x86-64 TSC, Arm system counter). A read
    /// takes 9 to 19 ns.
    Tsc,
    /// `CLOCK_MONOTONIC` through the vDSO, because the processor does not guarantee an invariant counter. A read takes
    /// 45 ns.
    Vdso,
    /// Virtual time of a simulation.
    Simulated,
}

/// A source of time: the host ([`HostTime`]) or a simulation.
pub trait TimeSource {
    /// The current value of the counter. Never goes back on one thread.
    fn ticks(&self) -> u64;
    /// The wall clock's time in nanoseconds since 1970 UTC, without leap seconds.
    fn wall_ns(&self) -> u64;
    /// The counter's nominal rate, good to some tens of parts per million; [`ClockMaster`](super::ClockMaster) measures
    /// it more precisely.
    fn rate(&self) -> Rate;
    /// The kind of counter that the ticks come from.
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
    /// Selects the best counter. The first call in a process takes 10 to 200 ms, while quanta calibrates the counter.
    #[must_use]
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

/// Finds out which counter quanta uses. It reads the TSC if CPUID reports an invariant one and `CLOCK_MONOTONIC`
/// otherwise, but does not say which. If its reading lies between two readings of `CLOCK_MONOTONIC`, it is that clock.
/// A TSC could pass this test by chance only if it counted nanoseconds and started within microseconds of the kernel's
/// clock; the mistake would then make no difference.
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
    fn the_monotonic_clock_is_distinguished_from_other_counters() {
        let monotonic = || read_clock_ns(ClockId::Monotonic);
        assert_eq!(detect_source(monotonic), ClockSource::Vdso);
        for other in [0, monotonic() - 1_000_000_000, monotonic() + 3_600_000_000_000] {
            assert_eq!(detect_source(|| other), ClockSource::Tsc);
        }
    }

    #[test]
    fn the_hosts_counter_advances_at_its_rate() {
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
