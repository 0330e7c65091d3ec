//! Measurements, and their baselines and peers, for the benchmarks here and the profiles of `corelane-latency`.
//!
//! | module | what it measures |
//! |---|---|
//! | [`engine`] | risk, matching and reports in process |
//! | [`itch`] | market data from memory: decoding, and books |
//! | [`hop`] | from actor to actor on another shard, beside the raw ring |
//! | [`wire`] | from order to acknowledgement over TCP, beside an echo on the same driver |
//! | `peers` | what others would use instead, with the cargo feature `peers` |
//!
//! The functions run one side once and check every answer; who calls them interleaves the sides in rounds and compares
//! within a round, because the machine's speed drifts.

mod book;
pub mod engine;
pub mod hop;
pub mod itch;
#[cfg(feature = "peers")]
pub mod peers;
pub mod wire;

use corelane_runtime::cpu;
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

/// The first two CPUs that this process may use; without them, says that `what` needs two.
pub fn two_cpus(what: &str) -> Option<[usize; 2]> {
    let cpus = cpu::allowed_cpus();
    if cpus.len() < 2 {
        println!("{what} needs two CPUs, and this process may use {}", cpus.len());
    }
    Some([*cpus.first()?, *cpus.get(1)?])
}
