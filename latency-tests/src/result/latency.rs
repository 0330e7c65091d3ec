//! Distributions of times: quantiles, and all of it as text (HdrHistogram's compressed V2 format in base64).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hdrhistogram::{
    Histogram,
    serialization::{Deserializer, Serializer as _, V2DeflateSerializer},
};
use serde::{Deserialize, Serialize};

/// Quantiles in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Values recorded.
    pub count: u64,
    /// The least.
    pub min_ns: u64,
    /// The mean.
    pub mean_ns: f64,
    /// Half are at or below.
    pub p50_ns: u64,
    /// 90 %.
    pub p90_ns: u64,
    /// 99 %.
    pub p99_ns: u64,
    /// 99.9 %.
    pub p99_9_ns: u64,
    /// 99.99 %.
    pub p99_99_ns: u64,
    /// The greatest.
    pub max_ns: u64,
}

/// A distribution in nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// The distribution's quantiles.
    pub percentiles: Percentiles,
    /// All of it.
    pub histogram: EncodedHistogram,
}

impl Percentiles {
    /// The quantiles that tables show, with their names, in nanoseconds.
    pub fn quantiles(&self) -> [(&'static str, u64); 6] {
        [
            ("p50", self.p50_ns),
            ("p90", self.p90_ns),
            ("p99", self.p99_ns),
            ("p99.9", self.p99_9_ns),
            ("p99.99", self.p99_99_ns),
            ("max", self.max_ns),
        ]
    }
}

/// A histogram of nanoseconds in HdrHistogram's compressed V2 format, base64; any HdrHistogram library reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EncodedHistogram(String);

/// A text that is no histogram.
#[derive(Debug, thiserror::Error)]
#[error("no histogram in HdrHistogram's compressed V2 format: {0}")]
pub struct HistogramError(String);

impl EncodedHistogram {
    /// Encodes.
    pub fn new(histogram: &Histogram<u64>) -> Self {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(histogram, &mut bytes).expect("a Vec takes every byte");
        Self(STANDARD.encode(bytes))
    }

    /// Decodes.
    ///
    /// # Errors
    /// If the text is not what [`EncodedHistogram::new`] makes.
    pub fn decode(&self) -> Result<Histogram<u64>, HistogramError> {
        let bytes = STANDARD.decode(&self.0).map_err(|error| HistogramError(error.to_string()))?;
        Deserializer::new().deserialize(&mut &bytes[..]).map_err(|error| HistogramError(error.to_string()))
    }
}

impl From<&Histogram<u64>> for Percentiles {
    fn from(histogram: &Histogram<u64>) -> Self {
        if histogram.is_empty() {
            return Self::default();
        }
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self {
            count: histogram.len(),
            min_ns: histogram.min(),
            mean_ns: histogram.mean(),
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p99_9_ns: at(0.999),
            p99_99_ns: at(0.9999),
            max_ns: histogram.max(),
        }
    }
}

impl From<&Histogram<u64>> for Latency {
    fn from(histogram: &Histogram<u64>) -> Self {
        Self { percentiles: histogram.into(), histogram: EncodedHistogram::new(histogram) }
    }
}
