//! Profiles: TOML files that say which scenarios run and for how long, one for each kind of host and purpose.

use corelane_config::{ConfigErrors, document};
use schemars::JsonSchema;
use serde::Deserialize;

/// A choice of scenarios and lengths.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its purpose.
    pub summary: String,
    /// Whether it requires isolated CPUs: it is then refused unless the scheduler leaves the CPUs of server and tester alone.
    #[serde(default)]
    pub needs_isolated_cpus: bool,
    /// How long the machine's jitter is measured first, in milliseconds.
    #[schemars(range(min = 10, max = 600_000))]
    pub jitter_ms: u64,
    /// Warm-up before each measured time, in milliseconds.
    #[schemars(range(min = 10, max = 60_000))]
    pub warmup_ms: u64,
    /// Length of an interval of the time series, in milliseconds.
    #[schemars(range(min = 10, max = 60_000))]
    pub interval_ms: u64,
    /// The scenarios, in this order. With a search for saturation first, rates too near to the baseline's limit are not judged.
    #[schemars(length(min = 1, max = 64))]
    pub scenarios: Vec<Entry>,
    /// Sizes over which growth is fitted.
    #[serde(default)]
    pub scaling: Option<Sizes>,
}

/// One scenario of a profile.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// A shipped scenario, or the path of a TOML file.
    pub name: String,
    /// Turns of all contenders.
    #[schemars(range(min = 1, max = 1000))]
    pub rounds: usize,
    /// Measured time of each contender in each round, in milliseconds. A search for saturation takes some ten of them, and a
    /// round of `hop` five; those from memory (`decode`, `books`) take what their messages take.
    #[schemars(range(min = 10, max = 86_400_000))]
    pub round_ms: u64,
}

/// Sizes over which growth is fitted, each with the others at their least.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// Turns of all sizes.
    #[schemars(range(min = 1, max = 1000))]
    pub rounds: usize,
    /// Measured time of each size in each round, in milliseconds.
    #[schemars(range(min = 10, max = 3_600_000))]
    pub round_ms: u64,
    /// Requests per second, the same at all sizes.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub rate_per_s: f64,
    /// Sessions that share the rate.
    #[serde(default)]
    #[schemars(length(max = 16), inner(range(min = 1, max = 20_000)))]
    pub sessions: Vec<usize>,
    /// Instruments that share the flow of eight sessions.
    #[serde(default)]
    #[schemars(length(max = 16), inner(range(min = 8, max = 50_000)))]
    pub instruments: Vec<usize>,
    /// Bytes of an echoed frame.
    #[serde(default)]
    #[schemars(length(max = 16), inner(range(min = 11, max = 1000)))]
    pub message_bytes: Vec<usize>,
    /// Shards that a message passes on its way round; not more than there are CPUs.
    #[serde(default)]
    #[schemars(length(max = 16), inner(range(min = 1, max = 64)))]
    pub shards: Vec<usize>,
}

impl Profile {
    /// The shipped profiles: name and text of each `latency-tests/profiles/*.toml`.
    pub const SHIPPED: [(&'static str, &'static str); 4] = [
        ("benchmarks", include_str!("../profiles/benchmarks.toml")),
        ("development", include_str!("../profiles/development.toml")),
        ("production", include_str!("../profiles/production.toml")),
        ("staging", include_str!("../profiles/staging.toml")),
    ];

    /// Reads a profile; `name` stands for the file in messages.
    ///
    /// # Errors
    /// Every mistake in the text, each with its line, column and remedy.
    pub fn parse(name: &str, text: &str) -> Result<Profile, ConfigErrors> {
        document::parse(name, text, |_| {}).map(|(profile, _)| profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn every_profile_in_the_folder_is_shipped_valid_and_of_shipped_scenarios() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        names.sort();
        assert_eq!(names, Profile::SHIPPED.map(|(name, _)| name));
        for (name, text) in Profile::SHIPPED {
            let profile = Profile::parse(name, text).unwrap_or_else(|errors| panic!("{}", errors.plain()));
            for entry in &profile.scenarios {
                assert!(Scenario::SHIPPED.iter().any(|(shipped, _)| *shipped == entry.name), "{name}: {}", entry.name);
            }
            for needed in ["hop", "wire", "saturation"] {
                assert!(profile.scenarios.iter().any(|entry| entry.name == needed), "{name} has no {needed}");
            }
        }
    }

    #[test]
    fn a_mistake_has_its_place_and_remedy() {
        let text = "summary = \"x\"\njitter_ms = 1\nwarmup_ms = 100\ninterval_ms = 100\n[[scenarios]]\nname = \"hop\"\nrounds = \"3\"\nround_ms = 100\n";
        let errors = Profile::parse("mine.toml", text).unwrap_err().plain();
        assert!(errors.contains("mine.toml:2:13: `jitter_ms` is 1, less than 10"), "{errors}");
        assert!(errors.contains("mine.toml:7:10: `scenarios[0].rounds` takes"), "{errors}");
    }
}
