//! A contender: a scenario measures its contenders in turns, round by round.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::latency::{EncodedHistogram, Latency, Percentiles};

/// A contender of a scenario, which measures them in turns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Contender {
    /// The contender's name, unique in the scenario: `venue`, `echo`, `raw ring`, `flume`, …
    pub name: String,
    /// The contender's role.
    pub role: Role,
    /// Differences from ours, in a sentence: work that it leaves out or does otherwise, and that a ratio to it leaves
    /// out.
    #[serde(default)]
    pub differs: Option<String>,
    /// The rounds, in their order; round *n* of every contender was measured in the same turn.
    pub rounds: Vec<Round>,
    /// All rounds together, from the intended send time, in nanoseconds. For a closed loop (ring round trips) from the
    /// send time.
    pub intended: Option<Latency>,
    /// All rounds together, from the time at which the request was handed to the socket: what a tester that ignores
    /// coordinated omission would report. Absent for closed loops.
    pub send: Option<Latency>,
    /// Stretches of the time, over all rounds together, from outside to inside.
    pub hops: Vec<Hop>,
}

/// Role of a contender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Ours.
    Ours,
    /// The machine without us.
    Baseline,
    /// The baseline once more, in the same round: tells whether tails can be judged.
    Control,
    /// An alternative to ours.
    Peer,
}

/// A contender's turn in one round.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Round {
    /// Latencies from the intended send time, in nanoseconds.
    pub intended: Option<Percentiles>,
    /// Latencies from the send time, in nanoseconds.
    pub send: Option<Percentiles>,
    /// Asked and achieved rate of an open loop.
    pub rate: Option<Rate>,
    /// Messages per second of a flood, or the highest rate that was sustained in a search for saturation.
    pub throughput_per_s: Option<f64>,
    /// Trials of a search for saturation, in their order.
    pub sweep: Vec<SweepPoint>,
    /// Counts of an open loop.
    pub counts: Option<Counts>,
    /// Costs of the server.
    pub resources: Option<Resources>,
    /// Share of the time in which answers came soon enough, of an open loop.
    #[serde(default)]
    pub availability: Option<Availability>,
    /// Catching up of sessions that were cut off.
    #[serde(default)]
    pub recovery: Option<Recovery>,
    /// Latency over time; empty where none was kept.
    pub series: Vec<Interval>,
    /// Reasons why this round does not count, in words; empty if it does.
    pub problems: Vec<String>,
}

/// Requested and achieved rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Requests per second that the schedule held, of all sessions together.
    pub asked_per_s: f64,
    /// Requests per second that were completed.
    pub achieved_per_s: f64,
}

/// A trial of a search for saturation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepPoint {
    /// Asked and achieved rate.
    pub rate: Rate,
    /// Median from the intended time, in nanoseconds.
    pub p50_ns: u64,
    /// Share of the time in which the server had work.
    pub busy: Option<f64>,
}

/// Counts of an open loop, warm-up included.
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

/// Costs of a round for the server.
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

/// Share of a round's measured time in which answers came soon enough.
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

/// Catching up of sessions whose connection was cut under load with what they had missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// Connections that were cut and came back.
    pub reconnects: u64,
    /// Answers that were sent again, each compared with what it had to be.
    pub replayed: u64,
    /// Times from the start of the new connection to the first answer sent again, in nanoseconds.
    pub first: Percentiles,
    /// Times from the start of the new connection to the last of the missed answers, in nanoseconds.
    pub last: Percentiles,
}

/// Latency of the requests that were due in one stretch of a round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Start of the interval, in seconds from the end of the round's warm-up.
    pub start_s: f64,
    /// Length of the interval in seconds.
    pub length_s: f64,
    /// Latencies from the intended send time, in nanoseconds.
    pub intended: Latency,
}

/// A stretch of a request's way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hop {
    /// The two ends of the stretch.
    pub name: String,
    /// Time that the stretch took. For a difference of two distributions only the quantiles' differences are known.
    pub percentiles: Percentiles,
    /// All of it, if it was measured by itself.
    pub histogram: Option<EncodedHistogram>,
}
