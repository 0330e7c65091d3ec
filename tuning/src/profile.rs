//! The required settings of one kind of host.

use corelane_config::{ConfigErrors, document};
use schemars::JsonSchema;
use serde::Deserialize;

/// The required settings of one kind of host. An absent key requires nothing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The kind of host that the profile is for.
    pub summary: String,
    /// The minimum number of CPUs that the process must be allowed to use.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1023))]
    pub allowed_cpus_min: Option<u16>,
    /// The minimum number of isolated CPUs, which the scheduler must leave alone.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1022))]
    pub isolated_cpus_min: Option<u16>,
    /// Whether two allowed CPUs may be hardware threads of one core, which then share its execution units.
    #[serde(default)]
    pub smt: Option<bool>,
    /// The required frequency governor of every allowed CPU.
    #[serde(default)]
    pub governor: Option<String>,
    /// Whether the processor may exceed its nominal frequency. Off costs speed, but makes timings steady.
    #[serde(default)]
    pub turbo: Option<bool>,
    /// The longest allowed exit latency of an enabled idle state, in microseconds.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub idle_exit_latency_us_max: Option<u64>,
    /// The required clock source of the kernel.
    #[serde(default)]
    pub clocksource: Option<String>,
    /// The minimum amount of memory that the process must be allowed to lock, in bytes.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_099_511_627_776_i64))]
    pub memlock_bytes_min: Option<u64>,
    /// Whether every process must be allowed to use io_uring.
    #[serde(default)]
    pub io_uring: Option<bool>,
}

impl Profile {
    /// The shipped profiles: the name and text of each `tuning/profiles/*.toml`.
    pub const SHIPPED: [(&'static str, &'static str); 2] = [
        ("colocated", include_str!("../profiles/colocated.toml")),
        ("development", include_str!("../profiles/development.toml")),
    ];

    /// A shipped profile by its name; `None` if there is no such profile.
    #[must_use]
    pub fn shipped(name: &str) -> Option<Profile> {
        let (name, text) = Self::SHIPPED.iter().find(|(shipped, _)| *shipped == name)?;
        Some(Self::parse(name, text).expect("the shipped profiles are valid, which a test checks"))
    }

    /// Parses a profile. `name` is the file name in error messages.
    ///
    /// # Errors
    /// [`ConfigErrors`] with every mistake in the text, each with its line, column and remedy.
    pub fn parse(name: &str, text: &str) -> Result<Profile, ConfigErrors> {
        document::parse(name, text, |_| {}).map(|(profile, _)| profile)
    }
}

#[cfg(test)]
mod tests {
    use super::Profile;

    #[test]
    fn every_profile_in_the_folder_is_shipped_and_valid() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .expect("the profiles")
            .map(|entry| entry.expect("an entry").path().file_stem().expect("a name").to_string_lossy().into_owned())
            .collect();
        names.sort();
        assert_eq!(names, Profile::SHIPPED.map(|(name, _)| name));
        for name in &names {
            assert!(Profile::shipped(name).is_some_and(|profile| !profile.summary.is_empty()), "{name}");
        }
        assert_eq!(Profile::shipped("mainframe"), None);
    }

    #[test]
    fn a_mistake_in_a_profile_is_reported_with_its_place_and_remedy() {
        let errors = Profile::parse("mine.toml", "summary = \"x\"\ngovernour = \"performance\"\nturbo = \"off\"\n")
            .expect_err("two mistakes");
        assert_eq!(
            errors.plain(),
            "mine.toml:2:1: unknown key `governour`; did you mean `governor`?\n\
             mine.toml:3:9: `turbo` takes true or false, not a string; write true or false\n"
        );
    }
}
