//! Histograms as text: the compressed V2 format of HdrHistogram in base64, as its interval logs have it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hdrhistogram::{
    Histogram,
    serialization::{Deserializer, Serializer as _, V2DeflateSerializer},
};
use serde::{Deserialize, Serialize};

use super::{Latency, Percentiles};

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
