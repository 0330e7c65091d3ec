//! Machine jitter: the times at which a thread that only reads the clock does not run.
//!
//! Interrupts, the hypervisor and other threads take a spinning thread off its CPU. Such a stall hits the server just
//! as it hits this probe, so a latency figure means nothing without the jitter. It is measured in an open loop: a probe
//! is due every microsecond, and the figure is the time from there until the thread read the clock. A histogram of the
//! gaps themselves would hide the long ones among the many short ones.

use std::thread;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::clock::Clock;
use crate::load_error::LoadError;
use crate::pin::pin;

/// The interval between probes.
const PROBE_NS: u64 = 1_000;

/// The thresholds at which gaps are counted, in nanoseconds.
pub const GAP_THRESHOLDS_NS: [u64; 3] = [10_000, 100_000, 1_000_000];

/// The gaps between a thread's readings of the clock.
#[derive(Clone, Debug)]
pub struct Gaps {
    waits: Histogram<u64>,
    over: [u64; GAP_THRESHOLDS_NS.len()],
    longest_ns: u64,
    observed_ns: u64,
    last_ns: u64,
    next_probe_ns: u64,
}

impl Gaps {
    /// No gaps yet. Observation starts at time zero, or at the time of [`Gaps::resume`].
    #[must_use]
    pub fn new() -> Self {
        Self {
            waits: latency_histogram(),
            over: [0; GAP_THRESHOLDS_NS.len()],
            longest_ns: 0,
            observed_ns: 0,
            last_ns: 0,
            next_probe_ns: 0,
        }
    }

    /// Records a reading of the clock.
    #[inline]
    pub fn pass(&mut self, now_ns: u64) {
        let gap_ns = now_ns.saturating_sub(self.last_ns);
        self.last_ns = now_ns;
        self.observed_ns += gap_ns;
        if gap_ns >= GAP_THRESHOLDS_NS[0] {
            self.count(gap_ns);
        }
        while self.next_probe_ns <= now_ns {
            self.waits.saturating_record((now_ns - self.next_probe_ns).max(1));
            self.next_probe_ns += PROBE_NS;
        }
    }

    /// Excludes the time up to `now_ns`, in which the thread slept or yielded on purpose.
    #[inline]
    pub fn resume(&mut self, now_ns: u64) {
        self.last_ns = self.last_ns.max(now_ns);
        self.next_probe_ns = self.next_probe_ns.max(now_ns);
    }

    #[cold]
    fn count(&mut self, gap_ns: u64) {
        self.longest_ns = self.longest_ns.max(gap_ns);
        for (count, threshold_ns) in self.over.iter_mut().zip(GAP_THRESHOLDS_NS) {
            *count += u64::from(gap_ns >= threshold_ns);
        }
    }

    /// The waits of the probes due every microsecond, in nanoseconds.
    #[must_use]
    pub fn waits(&self) -> &Histogram<u64> {
        &self.waits
    }

    /// The number of gaps per second that reached each of [`GAP_THRESHOLDS_NS`].
    #[must_use]
    pub fn per_second(&self) -> [f64; GAP_THRESHOLDS_NS.len()] {
        let seconds = (self.observed_ns as f64 / 1e9).max(f64::MIN_POSITIVE);
        self.over.map(|count| count as f64 / seconds)
    }

    /// The longest gap in nanoseconds; 0 if none reached the first threshold.
    #[must_use]
    pub fn longest_ns(&self) -> u64 {
        self.longest_ns
    }

    /// The observed time.
    #[must_use]
    pub fn observed(&self) -> Duration {
        Duration::from_nanos(self.observed_ns)
    }
}

impl Default for Gaps {
    fn default() -> Self {
        Self::new()
    }
}

/// The jitter of one CPU.
#[derive(Clone, Debug)]
pub struct CpuJitter {
    /// The CPU.
    pub cpu: usize,
    /// The gaps of the thread that ran on it.
    pub gaps: Gaps,
}

/// Measures the jitter of these CPUs by spinning on all of them at once for `duration`.
///
/// # Errors
/// [`LoadError::Pin`] if a thread cannot be pinned to a CPU.
pub fn measure(cpus: &[usize], duration: Duration) -> Result<Vec<CpuJitter>, LoadError> {
    thread::scope(|scope| {
        let spinning: Vec<_> = cpus.iter().map(|&cpu| scope.spawn(move || spin(cpu, duration))).collect();
        spinning
            .into_iter()
            .map(|thread| match thread.join() {
                Ok(jitter) => jitter,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}

fn spin(cpu: usize, duration: Duration) -> Result<CpuJitter, LoadError> {
    pin(cpu)?;
    let mut gaps = Gaps::new();
    let clock = Clock::start();
    let start_ns = clock.now_ns();
    let end_ns = start_ns + duration.as_nanos() as u64;
    gaps.resume(start_ns);
    loop {
        let now_ns = clock.now_ns();
        gaps.pass(now_ns);
        if now_ns >= end_ns {
            return Ok(CpuJitter { cpu, gaps });
        }
    }
}

/// A histogram from 1 ns to 60 s with three significant digits; longer times are recorded as 60 s. It never grows, so
/// recording allocates nothing.
pub(crate) fn latency_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are valid constants")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_see_a_stall_in_proportion_to_its_length() {
        let mut gaps = Gaps::new();
        for now_ns in (0..900_000).step_by(100) {
            gaps.pass(now_ns);
        }
        // 100 µs of a millisecond are lost: a tenth of all instants fall into the stall.
        gaps.pass(1_000_000);
        let waits = gaps.waits();
        assert_eq!(waits.len(), 1001);
        assert!(waits.value_at_quantile(0.89) <= 100);
        let p95 = waits.value_at_quantile(0.95);
        assert!((45_000..55_000).contains(&p95), "{p95}");
        assert_eq!(gaps.per_second(), [1000.0, 1000.0, 0.0]);
        assert_eq!(gaps.longest_ns(), 100_100);
    }

    #[test]
    fn time_given_away_is_no_gap() {
        let mut gaps = Gaps::new();
        gaps.pass(1_000);
        gaps.resume(5_000_000);
        gaps.pass(5_000_500);
        assert_eq!(gaps.longest_ns(), 0);
        assert_eq!(gaps.observed(), Duration::from_nanos(1_500));
        assert!(gaps.waits().max() <= 1_000);
    }

    #[test]
    fn each_cpu_is_measured_for_the_whole_time() {
        let cpus: Vec<_> = core_affinity::get_core_ids().unwrap().iter().map(|core| core.id).collect();
        let duration = Duration::from_millis(5);
        let measured = measure(&cpus, duration).unwrap();
        assert_eq!(measured.iter().map(|one| one.cpu).collect::<Vec<_>>(), cpus);
        for one in measured {
            assert!(one.gaps.observed() >= duration);
        }
        for cpu in [1000, usize::MAX] {
            let error = measure(&[cpu], duration).unwrap_err();
            assert!(error.to_string().contains(&cpu.to_string()), "{error}");
        }
    }
}
