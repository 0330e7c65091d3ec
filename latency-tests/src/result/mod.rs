//! The result of a run: what is printed, written as JSON, compared and drawn.
//!
//! One [`Run`] holds [`Scenario`]s. A scenario has [`Side`]s, measured in turns, round by round: the *subject* (ours),
//! its *floor* (what the machine gives without us), a *control* (the floor once more), and *peers*. A [`Ratio`] compares
//! two sides within each round, because the machine's speed drifts between rounds. A [`Promise`] is a figure of one side
//! by itself that has a bar.
//!
//! Units are in the names: `_ns` nanoseconds, `_s` seconds, `_per_s` per second, `_bytes`; shares are from 0 to 1. A
//! field that is absent was not measured; zero was. [`SCHEMA_VERSION`] grows when a reader of an older version would
//! misread; readers take what they do not know for absent.

mod histogram;
mod judged;
mod stats;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use histogram::{EncodedHistogram, HistogramError};
pub use judged::{Bar, Control, Judgement, Promise, Ratio, Unjudged};
pub use stats::{Spread, growth_exponent, median};

/// Of this model. A file of another version is refused by [`Run::from_json`].
pub const SCHEMA_VERSION: u32 = 3;

/// All that one run has shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// When, how and of what.
    pub context: Context,
    /// The host it ran on.
    pub host: Host,
    /// What the machine did by itself in this run, on the same CPUs: before the first scenario.
    pub jitter: Vec<Jitter>,
    /// What was measured, in the order of the run.
    pub scenarios: Vec<Scenario>,
    /// How figures grow with a size.
    pub scaling: Vec<Scaling>,
    /// Whether the figures count.
    pub verdict: Verdict,
}

/// When, how and of what a run was made.
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
    /// What it is for.
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
    /// How much memory the process may lock, in words.
    pub memlock: String,
    /// Who may use io_uring, in words.
    pub io_uring: String,
    /// What kind of host it is in judgements of tails: `quiet` or `noisy`, from the jitter of this run.
    pub kind: HostKind,
}

/// What tails of this host mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostKind {
    /// No stall of a millisecond was seen while the machine was watched.
    Quiet,
    /// The machine itself stalls for a millisecond or more.
    Noisy,
}

/// What a thread that only looks at the clock missed on one CPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Jitter {
    /// The CPU.
    pub cpu: usize,
    /// Time watched, in seconds.
    pub observed_s: f64,
    /// How long events due at every microsecond would have waited, in nanoseconds.
    pub waits: Latency,
    /// Gaps of at least 10 µs, 100 µs and 1 ms, per second.
    pub gaps_per_s: [f64; 3],
    /// The longest gap in nanoseconds; 0 if none reached 10 µs.
    pub longest_ns: u64,
}

/// One thing that was measured, with what it is compared to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scenario {
    /// Its name, unique in the run: the key of comparisons between runs.
    pub name: String,
    /// What it shows, in a sentence.
    pub summary: String,
    /// Which of the five categories it belongs to.
    pub category: Category,
    /// How it is driven, in words: rate, sessions, arrival.
    pub load: String,
    /// Those measured, in the order of a round.
    pub sides: Vec<Side>,
    /// How the sides compare.
    pub ratios: Vec<Ratio>,
    /// Figures of sides by themselves that have a bar.
    #[serde(default)]
    pub promises: Vec<Promise>,
}

/// The five categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// How long an answer takes.
    ExecutionLatency,
    /// How many a second.
    Throughput,
    /// What each costs: busy time, system calls, memory.
    ResourceEfficiency,
    /// How figures grow with sessions, instruments, message size, shards.
    Scalability,
    /// Whether it keeps its promises under stress and over time.
    Reliability,
}

/// One of those that a scenario measures in turns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Side {
    /// Its name, unique in the scenario: `venue`, `echo`, `raw ring`, `flume`, …
    pub name: String,
    /// What it stands for.
    pub role: Role,
    /// What it does not do that ours does, or does otherwise, in a sentence: what a ratio to it leaves out. Of peers.
    #[serde(default)]
    pub differs: Option<String>,
    /// The rounds, in their order; round *n* of every side was measured in the same turn.
    pub rounds: Vec<Round>,
    /// All rounds together, from the intended send time, in nanoseconds. For a closed loop (ring round trips) from the
    /// send time.
    pub intended: Option<Latency>,
    /// All rounds together, from the time at which the request was handed to the socket: what a tester that ignores
    /// coordinated omission would report. Absent for closed loops.
    pub send: Option<Latency>,
    /// Where the time goes, of all rounds together, from outside to inside.
    pub hops: Vec<Hop>,
}

/// What a side stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Ours.
    Subject,
    /// What the machine gives without us.
    Floor,
    /// The floor once more, in the same round: tells whether tails can be judged.
    Control,
    /// What one would use instead of ours.
    Peer,
}

/// One turn of one side.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Round {
    /// From the intended send time, in nanoseconds.
    pub intended: Option<Percentiles>,
    /// From the send time, in nanoseconds.
    pub send: Option<Percentiles>,
    /// Asked and achieved rate of an open loop.
    pub rate: Option<Rate>,
    /// Messages per second of a flood, or the highest rate that was sustained in a search for saturation.
    pub throughput_per_s: Option<f64>,
    /// What was tried in a search for saturation, in the order of trial.
    pub sweep: Vec<SweepPoint>,
    /// Counts of an open loop.
    pub counts: Option<Counts>,
    /// What it cost the server.
    pub resources: Option<Resources>,
    /// How much of the time answers came soon enough, of an open loop.
    #[serde(default)]
    pub availability: Option<Availability>,
    /// How sessions that were cut off caught up.
    #[serde(default)]
    pub recovery: Option<Recovery>,
    /// Latency over time; empty where none was kept.
    pub series: Vec<Interval>,
    /// Why this round does not count, in words; empty if it does.
    pub problems: Vec<String>,
}

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
    /// Its quantiles.
    pub percentiles: Percentiles,
    /// All of it.
    pub histogram: EncodedHistogram,
}

/// What was asked for, and what came about.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Requests per second that the schedule held, of all sessions together.
    pub asked_per_s: f64,
    /// Requests per second that were completed.
    pub achieved_per_s: f64,
}

/// One trial of a search for saturation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepPoint {
    /// Asked and achieved rate.
    pub rate: Rate,
    /// Median from the intended time, in nanoseconds.
    pub p50_ns: u64,
    /// Share of the time in which the server had work.
    pub busy: Option<f64>,
}

/// What was counted in an open loop, warm-up included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Requests sent.
    pub sent: u64,
    /// Requests answered at least once.
    pub answered: u64,
    /// Requests that rightly got no answer.
    pub silent: u64,
    /// Requests that were due and not sent before the time was over.
    pub unsent: u64,
    /// Messages that should have come and did not.
    pub missing: u64,
    /// Messages received, each compared with what it had to be.
    pub checked: u64,
    /// Connections lost.
    pub drops: u64,
    /// Orders rejected, by reason. The flow holds orders that must be: a reject is not by itself an error.
    pub rejects: BTreeMap<String, u64>,
}

/// What a round cost the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// Share of the time in which the server's shard had work.
    pub busy: Option<f64>,
    /// System calls of the net driver per request.
    pub enters_per_request: Option<f64>,
    /// Messages between actors per request.
    pub messages_per_request: Option<f64>,
    /// Bytes received and sent by the server per request.
    pub wire_bytes_per_request: Option<f64>,
    /// Growth of the process's resident memory from before the server's start to the end of its load. The tester's own
    /// is in it.
    pub memory_bytes: Option<u64>,
}

/// How much of a round's measured time answers came soon enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Availability {
    /// An answer later than this after its request was due counts as none, in nanoseconds.
    pub within_ns: u64,
    /// Share of the requests due that were answered within it; what was never answered is in it as not answered.
    pub share: f64,
    /// Stalls: stretches of time in which some request waited for longer, from when the first of them was due to the
    /// answer of the last. Stretches that overlap are one.
    pub stalls: u64,
    /// The longest of them in nanoseconds: how long it took until answers came soon enough again. 0 without a stall.
    pub longest_ns: u64,
    /// All of them together, in nanoseconds.
    pub stalled_ns: u64,
}

/// How sessions whose connection was cut under load caught up with what they had missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// Connections that were cut and came back.
    pub reconnects: u64,
    /// Answers that were sent again, each compared with what it had to be.
    pub replayed: u64,
    /// From the start of the new connection to the first answer sent again, in nanoseconds.
    pub first: Percentiles,
    /// From the start of the new connection to the last of the missed answers, in nanoseconds.
    pub last: Percentiles,
}

/// Latency of the requests that were due in one stretch of a round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its beginning, in seconds from the end of the round's warm-up.
    pub start_s: f64,
    /// Its length in seconds.
    pub length_s: f64,
    /// From the intended send time, in nanoseconds.
    pub intended: Latency,
}

/// One stretch of the way of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hop {
    /// From where to where.
    pub name: String,
    /// How long it took. Of a difference of two distributions only the quantiles' differences are known.
    pub percentiles: Percentiles,
    /// All of it, if it was measured by itself.
    pub histogram: Option<EncodedHistogram>,
}

/// How a figure grows with a size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// What grows: `sessions`, `instruments`, `message bytes`, `shards`.
    pub over: String,
    /// Of what: a side's name.
    pub of: String,
    /// The figure, with its unit: `p50_ns`, `messages_per_s`.
    pub figure: String,
    /// The points, by size.
    pub points: Vec<ScalingPoint>,
    /// *e* of the fitted figure ~ size^*e* (least squares of the logarithms): 0 is flat, 1 proportional. Absent with
    /// fewer than two sizes.
    pub exponent: Option<f64>,
}

/// One size.
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
    /// Whether every round of every side kept its rate, lost nothing and passed its oracle.
    pub valid: bool,
    /// Why not, `scenario, side, round: reason`.
    pub problems: Vec<String>,
}

/// A file that holds no readable run.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// It is no result of ours.
    #[error("no result of corelane-latency: {0}")]
    Json(#[from] serde_json::Error),
    /// Another version of this program wrote it.
    #[error("the result has schema version {found}, this program reads {SCHEMA_VERSION}; make it again with this one")]
    Version {
        /// Its version.
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

impl Scenario {
    /// The side of this name.
    pub fn side(&self, name: &str) -> Option<&Side> {
        self.sides.iter().find(|side| side.name == name)
    }

    /// The promise of this figure of this side.
    pub fn promise(&self, figure: &str, of: &str) -> Option<&Promise> {
        self.promises.iter().find(|promise| promise.figure == figure && promise.of == of)
    }

    /// The first floor: what ours is compared with.
    pub fn floor(&self) -> Option<&Side> {
        self.sides.iter().find(|side| side.role == Role::Floor)
    }

    /// The ratio of this figure between these sides.
    pub fn ratio(&self, figure: &str, of: &str, to: &str) -> Option<&Ratio> {
        self.ratios.iter().find(|ratio| ratio.figure == figure && ratio.of == of && ratio.to == to)
    }
}

impl Verdict {
    /// From the problems of all rounds.
    pub fn of(scenarios: &[Scenario]) -> Verdict {
        let mut problems = Vec::new();
        for scenario in scenarios {
            for side in &scenario.sides {
                for (round, seen) in side.rounds.iter().enumerate() {
                    let place = format!("{}, {}, round {}", scenario.name, side.name, round + 1);
                    problems.extend(seen.problems.iter().map(|problem| format!("{place}: {problem}")));
                }
            }
        }
        Verdict { valid: problems.is_empty(), problems }
    }

    /// With these problems besides.
    pub fn add(&mut self, problems: Vec<String>) {
        self.valid &= problems.is_empty();
        self.problems.extend(problems);
    }
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

#[cfg(test)]
mod tests;
