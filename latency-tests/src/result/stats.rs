//! Medians, spreads and fits.

use serde::{Deserialize, Serialize};

/// The middle of some figures and how far they lie apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The median; the mean of the middle two of an even number.
    pub median: f64,
    /// The least.
    pub low: f64,
    /// The greatest.
    pub high: f64,
}

impl Spread {
    /// The spread of these figures; `None` without any.
    pub fn of(figures: &[f64]) -> Option<Self> {
        let low = figures.iter().copied().min_by(f64::total_cmp)?;
        let high = figures.iter().copied().max_by(f64::total_cmp)?;
        Some(Self { median: median(figures)?, low, high })
    }
}

/// The middle figure, or the mean of the middle two; `None` without figures.
pub fn median(figures: &[f64]) -> Option<f64> {
    (!figures.is_empty()).then(|| corelane_benches::median(figures))
}

/// *e* of figure ~ size^*e*, by least squares of the logarithms; `None` with fewer than two sizes, or figures that are
/// not above zero.
pub fn growth_exponent(points: &[(f64, f64)]) -> Option<f64> {
    if points.iter().any(|&(size, figure)| size <= 0.0 || figure <= 0.0) {
        return None;
    }
    let logs: Vec<(f64, f64)> = points.iter().map(|&(size, figure)| (size.ln(), figure.ln())).collect();
    let count = logs.len() as f64;
    let (mean_x, mean_y) =
        (logs.iter().map(|(x, _)| x).sum::<f64>() / count, logs.iter().map(|(_, y)| y).sum::<f64>() / count);
    let variance: f64 = logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let covariance: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    (variance > 0.0).then(|| covariance / variance)
}
