//! By which factor one sample lies above another, and how sure that is.
//!
//! The estimate is that of Hodges and Lehmann (*Estimates of Location Based on Rank Tests*, 1963) and the interval that
//! of Moses, from the rank sum's exact distribution under "no difference" (Mann and Whitney, *On a Test of Whether one of
//! Two Random Variables is Stochastically Larger than the Other*, 1947), both of quotients instead of differences:
//! figures are positive and change by factors. It is what R's `wilcox.test(log(x), log(y), conf.int = TRUE)` shows. No
//! shape of the distribution is assumed, and one wild round moves neither much.

use serde::{Deserialize, Serialize};

use crate::result::median;

/// How sure an interval is.
pub const CONFIDENCE: f64 = 0.95;
/// The normal distribution's quantile for [`CONFIDENCE`] on both sides.
const NORMAL_QUANTILE: f64 = 1.959_964;
/// Up to so many rounds a side the distribution is counted out; beyond it is normal for all purposes.
const EXACT_ROUNDS_MAX: usize = 50;

/// A factor, after to before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    /// The estimate: the median of all quotients.
    pub estimate: f64,
    /// Between which two factors it lies with [`CONFIDENCE`]; absent with fewer than four rounds on each side (or as few
    /// on one that no order of them would be rare enough).
    pub interval: Option<[f64; 2]>,
}

impl Factor {
    /// Of two samples; `None` without rounds, or with figures that are not above zero.
    pub fn between(before: &[f64], after: &[f64]) -> Option<Self> {
        let is_positive = |figure: &f64| figure.is_finite() && *figure > 0.0;
        if !before.iter().chain(after).all(is_positive) {
            return None;
        }
        let mut quotients: Vec<f64> =
            after.iter().flat_map(|after| before.iter().map(move |before| after / before)).collect();
        quotients.sort_by(f64::total_cmp);
        let outside = outside(before.len(), after.len());
        // The interval leaves out `outside - 1` quotients on each side.
        let interval = (outside > 0).then(|| [quotients[outside - 1], quotients[quotients.len() - outside]]);
        Some(Self { estimate: median(&quotients)?, interval })
    }

    /// Whether no difference at all is out of the question.
    pub fn is_shown(self) -> bool {
        self.interval.is_some_and(|[low, high]| low > 1.0 || high < 1.0)
    }
}

/// How many values of the Mann-Whitney statistic, counted from 0, are together too rare for [`CONFIDENCE`] on one side.
fn outside(before: usize, after: usize) -> usize {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    if before.max(after) > EXACT_ROUNDS_MAX {
        let (m, n) = (before as f64, after as f64);
        let deviation = (m * n * (m + n + 1.0) / 12.0).sqrt();
        return (m * n / 2.0 - NORMAL_QUANTILE * deviation).max(0.0) as usize;
    }
    let ways = ways(before, after);
    let all: f64 = ways.iter().sum();
    let cumulated = ways.iter().scan(0.0, |sum, ways| {
        *sum += ways / all;
        Some(*sum)
    });
    cumulated.take_while(|&probability| probability <= tail).count()
}

/// In how many orders of both samples the Mann-Whitney statistic is 0, 1, 2, … : the number of choices of `before` among
/// all ranks by their sum.
fn ways(before: usize, after: usize) -> Vec<f64> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_is_that_of_the_tables() {
        assert_eq!(ways(2, 2), [1.0, 1.0, 2.0, 1.0, 1.0]);
        assert_eq!(ways(3, 1), [1.0; 4]);
        assert_eq!(ways(5, 5).iter().sum::<f64>(), 252.0);
        // Critical values of U at 0.05 on both sides, from the usual table, and one more: the values up to them.
        let table = [(3, 3, 0), (4, 4, 1), (5, 5, 3), (3, 5, 1), (6, 6, 6), (8, 10, 18), (20, 20, 128), (2, 8, 1)];
        for (before, after, expected) in table {
            assert_eq!(outside(before, after), expected, "{before} and {after}");
        }
        // Where it is no longer counted out, it goes on where counting ended.
        let (counted, normal) = (outside(50, 50) as f64, outside(51, 51) as f64);
        assert!(normal > counted && normal < counted * 1.06, "{counted} and {normal}");
    }

    #[test]
    fn the_same_is_no_difference_and_a_shift_is_found() {
        let before = [10.0, 10.4, 9.8, 10.1, 10.2];
        let same = Factor::between(&before, &before).unwrap();
        assert!(!same.is_shown() && (same.estimate - 1.0).abs() < 1e-12, "{same:?}");
        let slower = Factor::between(&before, &before.map(|figure| figure * 1.1)).unwrap();
        assert!(slower.is_shown() && (slower.estimate - 1.1).abs() < 1e-9, "{slower:?}");
        let faster = Factor::between(&before, &before.map(|figure| figure * 0.9)).unwrap();
        assert!(faster.is_shown() && faster.estimate < 0.91, "{faster:?}");
    }

    #[test]
    fn a_wild_round_shows_nothing_by_itself() {
        let before = [10.0, 10.4, 9.8, 10.1, 10.2];
        let factor = Factor::between(&before, &[10.1, 10.3, 9.9, 10.0, 1000.0]).unwrap();
        assert!(!factor.is_shown() && factor.estimate < 1.02, "{factor:?}");
    }

    #[test]
    fn too_few_rounds_show_nothing_however_far_they_lie_apart() {
        let factor = Factor::between(&[1.0, 1.0, 1.0], &[9.0, 9.0, 9.0]).unwrap();
        assert_eq!(factor, Factor { estimate: 9.0, interval: None });
        assert!(!factor.is_shown());
        assert_eq!(Factor::between(&[], &[1.0]), None);
        assert_eq!(Factor::between(&[0.0], &[1.0]), None);
    }
}
