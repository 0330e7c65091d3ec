//! Confidence intervals of the factor between two samples.
//!
//! All figures are positive and vary by factors, so quotients replace the differences of the sources. There are two kinds of
//! samples:
//!
//! - Two runs with independent rounds ([`Factor::between`]): the estimate of Hodges and Lehmann
//!   (*Estimates of Location Based on Rank Tests*, 1963) with the interval of Moses, from the rank sum's exact distribution
//!   under "no difference" (Mann and Whitney, *On a Test of Whether one of Two Random Variables is Stochastically Larger
//!   than the Other*, 1947). It is what R's `wilcox.test(log(x), log(y), conf.int = TRUE)` shows.
//! - Two contenders of one run, as their quotients within its rounds ([`Factor::within`]): the median of these, with the interval
//!   that goes with the sign test (Thompson, *On Confidence Ranges for the Median and Other Expectation Distributions for
//!   Populations of Unknown Distribution Form*, 1936), from one of them to another.
//!
//! No shape of the distribution is assumed, and one wild round among many moves neither much.

use serde::{Deserialize, Serialize};

use crate::result::median;

/// Confidence level: of the whole interval between two runs, of each end of an interval within one run.
pub const CONFIDENCE: f64 = 0.95;
/// The fewest rounds with an interval within one run: with fewer, no sequence of signs is rare enough.
pub const ROUNDS_WITHIN_MIN: usize = 5;
/// Up to this many rounds per run, the exact distribution is counted out; beyond, the normal approximation is used.
const EXACT_ROUNDS_MAX: usize = 50;

/// The threshold below which one tail of a distribution counts as too rare.
#[derive(Clone, Copy)]
struct Tail {
    probability: f64,
    /// The normal distribution's quantile.
    quantile: f64,
}

/// Confidence of a whole interval.
const HALF: Tail = Tail { probability: (1.0 - CONFIDENCE) / 2.0, quantile: 1.959_964 };
/// Confidence of each end of an interval.
const WHOLE: Tail = Tail { probability: 1.0 - CONFIDENCE, quantile: 1.644_854 };

/// A factor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    /// The estimate: the median of all quotients.
    pub estimate: f64,
    /// Its confidence interval ([`CONFIDENCE`]); absent with too few rounds.
    pub interval: Option<[f64; 2]>,
}

impl Factor {
    /// The factor from the first sample to the second; `None` without rounds, or with figures that are not above zero. The
    /// interval needs four rounds in each sample, or more in one of them.
    pub fn between(before: &[f64], after: &[f64]) -> Option<Self> {
        if !before.iter().chain(after).all(is_positive) {
            return None;
        }
        let quotients = after.iter().flat_map(|after| before.iter().map(move |before| after / before)).collect();
        Self::of(quotients, rare_rank_sums(before.len(), after.len(), HALF))
    }

    /// The median of quotients taken within the rounds of one run; `None` without rounds, or with quotients that are not above
    /// zero. The interval needs [`ROUNDS_WITHIN_MIN`] rounds.
    ///
    /// Each of its ends holds with [`CONFIDENCE`]: what lies within a band as a whole is shown to belong there, by two
    /// one-sided tests (Schuirmann, *A Comparison of the Two One-Sided Tests Procedure and the Power Approach*, 1987).
    pub fn within(quotients: &[f64]) -> Option<Self> {
        if !quotients.iter().all(is_positive) {
            return None;
        }
        Self::of(quotients.to_vec(), rare_signs(quotients.len(), WHOLE))
    }

    /// The median of all quotients; the interval leaves out `rare - 1` of them on each side.
    fn of(mut quotients: Vec<f64>, rare: usize) -> Option<Self> {
        quotients.sort_by(f64::total_cmp);
        let interval = (rare > 0).then(|| [quotients[rare - 1], quotients[quotients.len() - rare]]);
        Some(Self { estimate: median(&quotients)?, interval })
    }

    /// Whether the interval excludes 1, which means no difference.
    pub fn is_shown(self) -> bool {
        self.interval.is_some_and(|[low, high]| low > 1.0 || high < 1.0)
    }
}

fn is_positive(figure: &f64) -> bool {
    figure.is_finite() && *figure > 0.0
}

/// The number of values of the Mann-Whitney statistic, from 0, that are together too rare in one tail.
fn rare_rank_sums(before: usize, after: usize, tail: Tail) -> usize {
    if before.max(after) > EXACT_ROUNDS_MAX {
        let (m, n) = (before as f64, after as f64);
        return rare_of_normal(m * n / 2.0, m * n * (m + n + 1.0) / 12.0, tail);
    }
    rare(&rank_sums(before, after), tail)
}

/// The number of values of the sign test's statistic, from 0, that are together too rare in one tail.
fn rare_signs(rounds: usize, tail: Tail) -> usize {
    if rounds > EXACT_ROUNDS_MAX {
        let n = rounds as f64;
        return rare_of_normal(n / 2.0, n / 4.0, tail);
    }
    rare(&signs(rounds), tail)
}

/// The number of values, from 0, that are too rare, for a statistic that takes the values 0, 1, 2, … in `ways` ways each.
fn rare(ways: &[f64], tail: Tail) -> usize {
    let all: f64 = ways.iter().sum();
    let cumulated = ways.iter().scan(0.0, |sum, ways| {
        *sum += ways / all;
        Some(*sum)
    });
    cumulated.take_while(|&probability| probability <= tail.probability).count()
}

fn rare_of_normal(mean: f64, variance: f64, tail: Tail) -> usize {
    (mean - tail.quantile * variance.sqrt()).max(0.0) as usize
}

/// The number of orderings of both samples that give each value 0, 1, 2, … of the Mann-Whitney statistic: the choices of
/// `before` among all ranks, by their sum.
fn rank_sums(before: usize, after: usize) -> Vec<f64> {
    let least: usize = (1..=before).sum();
    let most = least + before * after;
    let mut by_count_and_sum = vec![vec![0.0; most + 1]; before + 1];
    by_count_and_sum[0][0] = 1.0;
    for rank in 1..=before + after {
        for count in (1..=before).rev() {
            for sum in rank..=most {
                by_count_and_sum[count][sum] += by_count_and_sum[count - 1][sum - rank];
            }
        }
    }
    by_count_and_sum[before][least..].to_vec()
}

/// The number of ways in which 0, 1, 2, … of the rounds lie on one side: binomial coefficients.
fn signs(rounds: usize) -> Vec<f64> {
    let next = |ways: &f64, count: usize| ways * (rounds - count) as f64 / (count + 1) as f64;
    (0..=rounds).scan(1.0, |ways, count| Some(std::mem::replace(ways, next(ways, count)))).collect()
}

#[cfg(test)]
mod tests;
