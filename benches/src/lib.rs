//! What the benchmarks share: rounds, medians and ratios.

use hdrhistogram::Histogram;

/// The middle one of an odd number of figures, or the mean of the middle two.
///
/// # Panics
/// Without figures there is no median.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// A histogram for round trips: 1 ns to 1 s, three digits.
pub fn round_trip_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 1_000_000_000, 3).expect("the bounds are within the histogram's limits")
}

/// One line of percentiles in nanoseconds.
pub fn percentiles(name: &str, histogram: &Histogram<u64>) -> String {
    let at = |percentile| histogram.value_at_percentile(percentile);
    format!("{name:<28} p50 {:>7}  p99 {:>7}  p99.9 {:>7}  max {:>9} ns", at(50.0), at(99.0), at(99.9), histogram.max())
}
