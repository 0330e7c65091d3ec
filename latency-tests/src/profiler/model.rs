//! `profile.json`: what was recorded, of what, and where.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{allocations::Calls, stages::Stage};
use crate::result::{Context, Host, Jitter, Round};

/// Of [`Profile`]. It grows when a reader of an older version would misread.
pub const SCHEMA_VERSION: u32 = 1;

/// A profile of one scenario. The samples themselves are in `cpu.folded`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Profile {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// When, how and of what.
    pub context: Context,
    /// The host.
    pub host: Host,
    /// What the machine did by itself, on the same CPUs: before the scenario.
    pub jitter: Vec<Jitter>,
    /// The scenario's name.
    pub scenario: String,
    /// What was run, one for each rate.
    pub loads: Vec<Load>,
    /// How it was sampled.
    pub sampling: Sampling,
    /// The threads of the process, those of the server first.
    pub threads: Vec<Thread>,
    /// Lines of our source in which the server's threads were sampled, those with most samples first.
    pub lines: Vec<Line>,
    /// Places of the server's threads that asked for memory, those under load first, then the most
    /// frequent.
    pub allocation_sites: Vec<Site>,
    /// What makes the profile doubtful, in words: samples lost, a missed rate.
    pub problems: Vec<String>,
}

/// One load, as it went while it was sampled: slower than without.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Load {
    /// The scenario's name, with the rate if there are several.
    pub name: String,
    /// How it was driven, in words.
    pub load: String,
    /// What it showed; without the time series.
    pub rounds: Vec<Round>,
}

/// How samples were taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampling {
    /// perf's event.
    pub event: String,
    /// Samples per second of CPU time.
    pub frequency_hz: u32,
    /// perf's way to find callers.
    pub call_graph: String,
    /// The stage whose samples are in `cpu.folded` and in the flame graph.
    pub stage: Stage,
    /// Whether functions of the kernel are in it: a user who may not see them gets none of its time.
    pub kernel: bool,
}

/// One thread, or several of the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// Its name.
    pub name: String,
    /// Whether it is the server's.
    pub is_server: bool,
    /// Samples by stage.
    pub samples: BTreeMap<Stage, u64>,
    /// Calls of the allocator by stage.
    pub allocations: BTreeMap<Stage, Calls>,
}

/// A line of our source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The thread's name.
    pub thread: String,
    /// File and line; what was inlined from Rust's own libraries counts here.
    pub line: String,
    /// Samples in it, without what it calls.
    pub samples: u64,
}

/// A place that asked for memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The thread's name.
    pub thread: String,
    /// When.
    pub stage: Stage,
    /// Functions, innermost first.
    pub functions: Vec<String>,
    /// How often.
    pub calls: u64,
    /// Bytes asked for.
    pub bytes: u64,
}

impl Profile {
    /// Requests sent, of all loads together; market messages where a market is the load. `None` where they are not
    /// counted.
    pub fn requests(&self) -> Option<u64> {
        let rounds = self.loads.iter().flat_map(|load| &load.rounds);
        let sent = rounds.map(|round| round.counts.as_ref().map(|counts| counts.sent)).sum::<Option<u64>>();
        sent.filter(|&sent| sent > 0)
    }

    /// Share of the time in which the server had work, in its last round.
    pub fn busy(&self) -> Option<f64> {
        self.loads.last()?.rounds.last()?.resources?.busy
    }

    /// The server's threads.
    pub fn server(&self) -> impl Iterator<Item = &Thread> {
        self.threads.iter().filter(|thread| thread.is_server)
    }

    /// Nanoseconds of a request's time that so many samples are.
    pub fn ns_per_request(&self, samples: u64) -> Option<f64> {
        let requests = self.requests()?;
        Some(samples as f64 / f64::from(self.sampling.frequency_hz) * 1e9 / requests as f64)
    }
}
