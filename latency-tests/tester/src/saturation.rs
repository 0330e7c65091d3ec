//! The search for the highest rate that a server sustains.

pub use crate::engine::ACHIEVED_SHARE;
use crate::engine::Measured;

/// The result of a short run at one rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadSummary {
    /// The requested rate, per second.
    pub asked_per_s: f64,
    /// The achieved rate, per second.
    pub achieved_per_s: f64,
    /// The median latency from the intended send time, in nanoseconds.
    pub p50_ns: u64,
}

impl From<&Measured> for LoadSummary {
    fn from(measured: &Measured) -> Self {
        Self {
            asked_per_s: measured.asked_per_s,
            achieved_per_s: measured.achieved_per_s,
            p50_ns: measured.intended.value_at_quantile(0.5),
        }
    }
}

/// The criterion for a sustained rate, and the range of the search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Search {
    /// The first rate to try, per second.
    pub start_per_s: f64,
    /// The highest rate to try, per second.
    pub limit_per_s: f64,
    /// The median latency that counts as overload, in nanoseconds: the queue then grows for as long as the run lasts.
    pub p50_bound_ns: u64,
    /// The number of bisections of the interval between the last sustained and the first failed rate.
    pub bisections: u32,
}

impl Search {
    /// Doubles the rate until a run fails, then bisects. If the first rate fails, halves it until a run succeeds.
    /// Returns the highest sustained rate per second, or 0 if not even a 64th of the first rate was sustained.
    ///
    /// # Errors
    /// Those of `run`.
    pub fn saturation<E>(&self, mut run: impl FnMut(f64) -> Result<LoadSummary, E>) -> Result<f64, E> {
        let mut sustained = |rate: f64| -> Result<bool, E> {
            let summary = run(rate)?;
            Ok(summary.achieved_per_s >= ACHIEVED_SHARE * summary.asked_per_s && summary.p50_ns < self.p50_bound_ns)
        };
        let mut good = self.start_per_s.min(self.limit_per_s);
        let mut bad = f64::INFINITY;
        while !sustained(good)? {
            bad = good;
            good /= 2.0;
            if good < self.start_per_s / 64.0 {
                return Ok(0.0);
            }
        }
        while bad.is_infinite() {
            if good >= self.limit_per_s {
                return Ok(good);
            }
            let next = (good * 2.0).min(self.limit_per_s);
            if sustained(next)? {
                good = next;
            } else {
                bad = next;
            }
        }
        for _ in 0..self.bisections {
            let middle = f64::midpoint(good, bad);
            if sustained(middle)? {
                good = middle;
            } else {
                bad = middle;
            }
        }
        Ok(good)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn search_finds_the_capacity_of_a_queue() {
        let search = Search { start_per_s: 10_000.0, limit_per_s: 1_000_000.0, p50_bound_ns: 1_000_000, bisections: 6 };
        for (capacity, lowest, highest) in [
            (173_000.0, 168_000.0, 177_000.0),
            (4_000.0, 3_800.0, 4_100.0),
            (5_000_000.0, 1_000_000.0, 1_000_000.0),
            (1.0, 0.0, 0.0),
        ] {
            let found = search.saturation(|rate: f64| {
                Ok::<_, Infallible>(LoadSummary {
                    asked_per_s: rate,
                    achieved_per_s: rate.min(capacity),
                    p50_ns: if rate > capacity { 500_000_000 } else { 10_000 },
                })
            });
            let Ok(found) = found;
            assert!((lowest..=highest).contains(&found), "{capacity}: {found}");
        }
    }

    #[test]
    fn a_median_over_the_bound_is_an_overload_though_the_rate_is_achieved() {
        let search = Search { start_per_s: 1000.0, limit_per_s: 8000.0, p50_bound_ns: 50_000, bisections: 3 };
        let found = search.saturation(|rate| {
            Ok::<_, Infallible>(LoadSummary {
                asked_per_s: rate,
                achieved_per_s: rate,
                p50_ns: if rate > 3000.0 { 60_000 } else { 10_000 },
            })
        });
        let Ok(found) = found;
        assert!((2700.0..=3000.0).contains(&found), "{found}");
    }
}
