//! A run: where it was made, its scenarios, and whether its figures count.

use serde::{Deserialize, Serialize};

use super::{latency::Latency, scenario::Scenario};

/// Version of this model. [`Run::from_json`] refuses a file of another one.
pub const SCHEMA_VERSION: u32 = 4;

/// All that one run has shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// Time, circumstances and subject of the run.
    pub context: Context,
    /// The host it ran on.
    pub host: Host,
    /// The machine's own stalls in this run, on the same CPUs, measured before the first scenario.
    pub jitter: Vec<Jitter>,
    /// Measured scenarios, in the order of the run.
    pub scenarios: Vec<Scenario>,
    /// Growth of figures with a size.
    pub scaling: Vec<Scaling>,
    /// Whether the figures count.
    pub verdict: Verdict,
}

/// Time, circumstances and subject of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Context {
    /// Start, in seconds since 1970 UTC.
    pub started_unix_s: u64,
    /// Length of the run in seconds.
    pub took_s: f64,
    /// The command line, program first.
    pub command: Vec<String>,
    /// The profile's name.
    pub profile: String,
    /// The profile's purpose.
    pub profile_summary: String,
    /// The commit of the working tree that the program was started in; absent outside of one.
    pub revision: Option<String>,
    /// Whether that tree differed from the commit.
    pub modified: Option<bool>,
    /// Version of this program.
    pub version: String,
    /// Whether the program was built with debug assertions: then no figure means anything.
    pub debug_build: bool,
    /// Whether it was built with the feature `peers`.
    #[serde(default)]
    pub peers: bool,
    /// Whether it was built with the feature `aeron`, which has `peers` in it.
    #[serde(default)]
    pub aeron: bool,
    /// The server's CPU and the tester's.
    pub cpus: Vec<usize>,
}

/// The host. A fact is absent where the kernel does not show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// The processor's name.
    pub cpu_model: Option<String>,
    /// CPUs that the process may use, as a list such as `0-3,8`.
    pub allowed_cpus: String,
    /// CPUs that the scheduler leaves alone; empty without any.
    pub isolated_cpus: String,
    /// Allowed CPUs that share a core, one list per core.
    pub smt_siblings: Vec<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// The kernel's command line.
    pub kernel_command_line: Option<String>,
    /// Frequency governors of the allowed CPUs, each once.
    pub governors: Option<Vec<String>>,
    /// Whether the processor may exceed its nominal frequency.
    pub turbo: Option<bool>,
    /// The slowest wake-up from an enabled idle state, in microseconds.
    pub idle_exit_latency_us_max: Option<u64>,
    /// The kernel's clock source.
    pub clocksource: Option<String>,
    /// Amount of memory that the process may lock, in words.
    pub memlock: String,
    /// Users that may use io_uring, in words.
    pub io_uring: String,
    /// Kind of host in judgements of tails: `quiet` or `noisy`, from the jitter of this run.
    pub kind: HostKind,
}

/// Meaning of tails on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostKind {
    /// No stall of a millisecond was seen while the machine was watched.
    Quiet,
    /// The machine itself stalls for a millisecond or more.
    Noisy,
}

/// Times that a thread that only looks at the clock missed on one CPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Jitter {
    /// The CPU.
    pub cpu: usize,
    /// Time watched, in seconds.
    pub observed_s: f64,
    /// Times that events due at every microsecond would have waited, in nanoseconds.
    pub waits: Latency,
    /// Gaps of at least 10 µs, 100 µs and 1 ms, per second.
    pub gaps_per_s: [f64; 3],
    /// The longest gap in nanoseconds; 0 if none reached 10 µs.
    pub longest_ns: u64,
}

/// Growth of a figure with a size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// The size that grows: `sessions`, `instruments`, `message bytes`, `shards`.
    pub over: String,
    /// The contender's name.
    pub of: String,
    /// The figure, with its unit: `p50_ns`, `messages_per_s`.
    pub figure: String,
    /// The points, by size.
    pub points: Vec<ScalingPoint>,
    /// *e* of the fitted figure ~ size^*e* (least squares of the logarithms): 0 is flat, 1 proportional. Absent with
    /// fewer than two sizes.
    pub exponent: Option<f64>,
}

/// A figure at one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScalingPoint {
    /// The size.
    pub size: f64,
    /// The figure, the median over the rounds.
    pub figure: f64,
    /// The figure of each round.
    pub rounds: Vec<f64>,
}

/// Whether the figures count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether every round of every contender kept its rate, lost nothing and passed its oracle.
    pub valid: bool,
    /// Reasons why the figures do not count, `scenario, contender, round: reason`.
    pub problems: Vec<String>,
}

/// A file that holds no readable run.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum ResultError {
    /// The file is no result of ours.
    #[error("no result of corelane-latency: {0}")]
    #[diagnostic(help("name a result.json that `corelane-latency run` of this version has written, or make it again"))]
    Json(#[from] serde_json::Error),
    /// Another version of this program wrote it.
    #[error("the result has schema version {found}, this program reads {SCHEMA_VERSION}")]
    #[diagnostic(help("make it again with this program"))]
    Version {
        /// The file's version.
        found: u64,
    },
}

impl Run {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`ResultError`].
    pub fn from_json(text: &str) -> Result<Run, ResultError> {
        let value: serde_json::Value = serde_json::from_str(text)?;
        match value.get("schema_version").and_then(serde_json::Value::as_u64) {
            Some(found) if found != u64::from(SCHEMA_VERSION) => Err(ResultError::Version { found }),
            _ => Ok(serde_json::from_value(value)?),
        }
    }

    /// The scenario of this name.
    pub fn scenario(&self, name: &str) -> Option<&Scenario> {
        self.scenarios.iter().find(|scenario| scenario.name == name)
    }
}

impl Verdict {
    /// Creates the verdict from the problems of all rounds.
    pub fn of(scenarios: &[Scenario]) -> Verdict {
        let mut problems = Vec::new();
        for scenario in scenarios {
            for contender in &scenario.contenders {
                for (round, seen) in contender.rounds.iter().enumerate() {
                    let place = format!("{}, {}, round {}", scenario.name, contender.name, round + 1);
                    problems.extend(seen.problems.iter().map(|problem| format!("{place}: {problem}")));
                }
            }
        }
        Verdict { valid: problems.is_empty(), problems }
    }

    /// Adds these problems.
    pub fn add(&mut self, problems: Vec<String>) {
        self.valid &= problems.is_empty();
        self.problems.extend(problems);
    }
}
