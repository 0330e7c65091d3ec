//! What gungraun says, as far as it is needed: its summaries, schema version 7, one JSON object per benchmark.

use std::collections::BTreeMap;

use serde::Deserialize;

/// gungraun's schema that is read here.
const SCHEMA_VERSION: &str = "7";

/// Output that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SummaryError {
    /// It is not gungraun's.
    #[error("this is not what gungraun prints with --output-format=json: {0}")]
    Json(#[from] serde_json::Error),
    /// It is of another version of it.
    #[error("gungraun's summary has schema version {found}, {SCHEMA_VERSION} is read; adapt latency-tests/src/budget")]
    Version {
        /// Its version.
        found: String,
    },
    /// A benchmark without a count.
    #[error("gungraun counted no instructions of {name}; run it with callgrind")]
    NotCounted {
        /// Its function.
        name: String,
    },
    /// A benchmark that the budget does not know.
    #[error("the budget has no limits for {name}; add [[instructions]] name = {name:?} to it")]
    NoLimits {
        /// Its function.
        name: String,
    },
}

#[derive(Deserialize)]
struct Summary {
    version: String,
    function_name: String,
    profiles: Vec<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    tool: String,
    #[serde(rename = "data")]
    counted: Counted,
}

#[derive(Deserialize)]
struct Counted {
    total: Total,
}

#[derive(Deserialize)]
struct Total {
    metrics: BTreeMap<String, Metric>,
}

#[derive(Deserialize)]
struct Metric {
    values: Values,
}

#[derive(Deserialize)]
struct Values {
    new: Option<f64>,
}

/// Instructions of one message, by the benchmark's function.
///
/// # Errors
/// [`SummaryError`].
pub fn per_message(summaries: &str, messages_per_run: u64) -> Result<BTreeMap<String, f64>, SummaryError> {
    let mut seen = BTreeMap::new();
    for summary in serde_json::Deserializer::from_str(summaries).into_iter::<Summary>() {
        let Summary { version, function_name: name, profiles } = summary?;
        if version != SCHEMA_VERSION {
            return Err(SummaryError::Version { found: version });
        }
        let callgrind = profiles.iter().find(|profile| profile.tool.eq_ignore_ascii_case("callgrind"));
        let count = callgrind.and_then(|profile| profile.counted.total.metrics.get("Ir")?.values.new);
        let count = count.ok_or_else(|| SummaryError::NotCounted { name: name.clone() })?;
        seen.insert(name, count / messages_per_run as f64);
    }
    Ok(seen)
}
