//! The scales of plots: percentiles on which every "nine" is as wide, and durations in readable units.

use hdrhistogram::Histogram;

/// Points of a curve in each half of the remaining distance to 100 %.
const POINTS_PER_HALF: u32 = 20;

/// Of each quantile of a histogram of nanoseconds: how many nines it has, and its value in microseconds.
pub fn points(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    if histogram.is_empty() {
        return Vec::new();
    }
    let last = (histogram.len() as f64).log10();
    histogram
        .iter_quantiles(POINTS_PER_HALF)
        .map(|step| {
            let nines = -(1.0 - step.quantile_iterated_to()).log10();
            // The maximum stands for one request in all.
            (nines.min(last), step.value_iterated_to() as f64 / 1000.0)
        })
        .collect()
}

/// `2.0` is two nines: 99 %.
pub fn percent(nines: f64) -> String {
    let decimals = (nines.round() as usize).saturating_sub(2);
    format!("{:.decimals$}%", 100.0 * (1.0 - 10_f64.powf(-nines)))
}

/// The power of ten at or below.
pub fn floor_decade(figure: f64) -> f64 {
    10_f64.powf(figure.log10().floor())
}

/// Microseconds in the unit that suits them.
pub fn duration(micros: f64) -> String {
    match micros {
        0.0..1.0 => format!("{:.0} ns", micros * 1000.0),
        1.0..1000.0 => format!("{} µs", short(micros)),
        1000.0..1_000_000.0 => format!("{} ms", short(micros / 1000.0)),
        _ => format!("{} s", short(micros / 1_000_000.0)),
    }
}

/// One decimal below ten, unless it is a zero.
fn short(number: f64) -> String {
    let tenths = (number * 10.0).round() as u64;
    if tenths < 100 && !tenths.is_multiple_of(10) { format!("{number:.1}") } else { format!("{number:.0}") }
}
