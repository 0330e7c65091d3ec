//! The intended send times of requests, fixed before the run whatever happens in it.

use super::{Cycle, Pacing, Timing};
use corelane_market::Rng;

/// The intended send times of one session, in nanoseconds since the start of the run.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    rule: Rule,
    next_ns: u64,
    end_ns: u64,
}

#[derive(Clone, Debug)]
enum Rule {
    /// Evenly spaced: request `sent` of the session is due at `(first + sent · step) / rate`.
    Constant { first: u64, step: u64, sent: u64, interval_ns: f64 },
    /// Independent exponential gaps of this mean. All sessions together form a Poisson process of the total rate.
    Poisson { rng: Rng, mean_ns: f64, at_ns: f64 },
    /// A repeated sequence. The session's next request is request `ordinal` of all sessions, and then every `step`th.
    Cycle { ordinal: u64, step: u64, cycle: Cycle },
}

impl Schedule {
    /// Creates the schedule of session `index` of `sessions`. Constant schedules of several sessions interleave evenly.
    pub(super) fn new(pacing: &Pacing, index: usize, sessions: usize) -> Self {
        let rule = match &pacing.timing {
            Timing::Constant => Rule::Constant {
                first: index as u64,
                step: sessions as u64,
                sent: 0,
                interval_ns: 1e9 / pacing.rate_per_s,
            },
            Timing::Poisson { seed } => Rule::Poisson {
                rng: Rng::for_part(*seed, index),
                mean_ns: 1e9 * sessions as f64 / pacing.rate_per_s,
                at_ns: 0.0,
            },
            Timing::Cycle(cycle) => Rule::Cycle { ordinal: index as u64, step: sessions as u64, cycle: cycle.clone() },
        };
        let mut schedule = Self { rule, next_ns: 0, end_ns: pacing.end_ns() };
        schedule.advance();
        schedule
    }

    /// The intended time of the next request; `None` after the last.
    #[inline]
    pub(super) fn next_ns(&self) -> Option<u64> {
        (self.next_ns < self.end_ns).then_some(self.next_ns)
    }

    /// Advances to the request after the next one, which has been sent.
    #[inline]
    pub(super) fn advance(&mut self) {
        self.next_ns = match &mut self.rule {
            Rule::Constant { first, step, sent, interval_ns } => {
                // Multiplied, not summed, so that rounding errors do not accumulate.
                let ordinal = *first + *sent * *step;
                *sent += 1;
                (ordinal as f64 * *interval_ns) as u64
            }
            Rule::Poisson { rng, mean_ns, at_ns } => {
                *at_ns -= (1.0 - rng.unit()).ln() * *mean_ns;
                *at_ns as u64
            }
            Rule::Cycle { ordinal, step, cycle } => {
                let at_ns = cycle.at_ns(*ordinal);
                *ordinal += *step;
                at_ns
            }
        };
    }

    /// Ends the schedule, and returns the number of remaining requests.
    pub(super) fn stop(&mut self) -> u64 {
        let mut left = 0;
        while self.next_ns().is_some() {
            left += 1;
            self.advance();
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn times(timing: Timing, sessions: usize) -> Vec<u64> {
        let mut pacing = Pacing::new("127.0.0.1:1".parse().unwrap(), 10_000.0);
        pacing.timing = timing;
        pacing.warmup = Duration::ZERO;
        pacing.duration = Duration::from_secs(1);
        let mut times = Vec::new();
        for index in 0..sessions {
            let mut schedule = Schedule::new(&pacing, index, sessions);
            while let Some(at) = schedule.next_ns() {
                times.push(at);
                schedule.advance();
            }
        }
        times.sort_unstable();
        times
    }

    #[test]
    fn constant_schedules_of_all_sessions_interleave_evenly() {
        for sessions in [1, 3, 8] {
            let times = times(Timing::Constant, sessions);
            assert_eq!(times.len(), 10_000, "{sessions} sessions");
            assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 100_000));
        }
    }

    #[test]
    fn a_cycle_repeats_and_the_sessions_take_turns() {
        let cycle = Cycle { offsets_ns: [0, 0, 0, 250_000_000].into(), period_ns: 500_000_000 };
        assert_eq!(cycle.rate_per_s(), 8.0);
        for sessions in [1, 3, 8] {
            let times = times(Timing::Cycle(cycle.clone()), sessions);
            assert_eq!(times, [0, 0, 0, 250_000_000, 500_000_000, 500_000_000, 500_000_000, 750_000_000], "{sessions}");
        }
    }

    #[test]
    fn poisson_schedules_have_the_rate_and_exponential_gaps() {
        let times = times(Timing::Poisson { seed: 11 }, 4);
        assert!((9_600..10_400).contains(&times.len()), "{}", times.len());
        let mean = 100_000.0;
        let gaps = times.windows(2).map(|pair| (pair[1] - pair[0]) as f64);
        let above_mean = gaps.filter(|gap| *gap > mean).count() as f64 / times.len() as f64;
        // e⁻¹ of the gaps of a Poisson process are longer than their mean.
        assert!((0.34..0.40).contains(&above_mean), "{above_mean}");
    }
}
