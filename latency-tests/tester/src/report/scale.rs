//! The scales of plots: percentiles where every "nine" has the same width, and durations in readable units.

use hdrhistogram::Histogram;

/// The number of points of a curve in each half of the remaining distance to 100 %.
const POINTS_PER_HALF: u32 = 20;

/// The points of a histogram of nanoseconds: the number of nines of each quantile, and its value in microseconds.
#[must_use]
pub fn points(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    if histogram.is_empty() {
        return Vec::new();
    }
    let last = (histogram.len() as f64).log10();
    histogram
        .iter_quantiles(POINTS_PER_HALF)
        .map(|step| {
            let nines = -(1.0 - step.quantile_iterated_to()).log10();
            // The maximum stands for one request of all.
            (nines.min(last), step.value_iterated_to() as f64 / 1000.0)
        })
        .collect()
}

/// The percentage with this number of nines: `2.0` gives 99 %.
#[must_use]
pub fn percent(nines: f64) -> String {
    let decimals = (nines.round() as usize).saturating_sub(2);
    format!("{:.decimals$}%", 100.0 * (1.0 - 10_f64.powf(-nines)))
}

/// The largest power of ten that is not above `figure`.
#[must_use]
pub fn floor_decade(figure: f64) -> f64 {
    10_f64.powf(figure.log10().floor())
}

/// A duration of `micros` microseconds, in a readable unit.
#[must_use]
pub fn duration(micros: f64) -> String {
    match micros {
        0.0..1.0 => format!("{:.0} ns", micros * 1000.0),
        1.0..1000.0 => format!("{} µs", short(micros)),
        1000.0..1_000_000.0 => format!("{} ms", short(micros / 1000.0)),
        _ => format!("{} s", short(micros / 1_000_000.0)),
    }
}

/// The number with one decimal below ten, unless that decimal is zero.
fn short(number: f64) -> String {
    let tenths = (number * 10.0).round() as u64;
    if tenths < 100 && !tenths.is_multiple_of(10) { format!("{number:.1}") } else { format!("{number:.0}") }
}
