//! Circuit breakers: what they watch, and when they open and close.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::defaults::{milliseconds, percent, quantity};
use crate::values::{Percent, graphic_ascii};

/// The time from one sample to the next, in milliseconds: that of housekeeping's turns, which begin 20 ms after the end of the
/// last one.
pub(crate) const SAMPLE_MS: u64 = 20;

/// A circuit breaker on a part of the venue. It opens when too many samples of its window fail or are slow; after a time it takes
/// some more, as trials: they close it or open it again.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    /// The name, for the operator.
    #[schemars(schema_with = "graphic_ascii::<32>")]
    pub name: String,
    /// What it watches.
    pub watches: Watches,
    /// Which queue it watches, if `watches` is `"edge"`.
    #[serde(default)]
    pub edge: Option<Edge>,
    /// The state it begins in.
    #[serde(default)]
    pub starts: BreakerStart,
    /// The length of the window, in milliseconds; it advances in steps of a tenth.
    #[serde(default = "milliseconds::<1000>")]
    #[schemars(range(min = 100, max = 3_600_000))]
    pub window_ms: u64,
    /// The length of the window in samples, instead of `window_ms`: the last so many samples, however long they took.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65_536))]
    pub window_samples: Option<u32>,
    /// The breaker does not open while its window holds fewer samples than this.
    #[serde(default = "quantity::<10>")]
    #[schemars(range(min = 1, max = 65_536))]
    pub samples_min: u32,
    /// The share of failed samples at which it opens, in percent.
    #[serde(default = "percent::<500_000>")]
    pub failure_percent: Percent,
    /// The share of slow samples at which it opens, in percent.
    #[serde(default = "percent::<500_000>")]
    pub slow_percent: Percent,
    /// The time above which a sample is slow, in milliseconds: more than the 20 from one sample to the next.
    #[serde(default = "milliseconds::<1000>")]
    #[schemars(range(min = 1, max = 3_600_000))]
    pub slow_ms: u64,
    /// How long it stays open before it takes trials, in milliseconds.
    #[serde(default = "milliseconds::<1000>")]
    #[schemars(range(min = 1, max = 3_600_000))]
    pub open_ms: u64,
    /// The number of samples, once it is half-open, that decide whether it closes or opens again.
    #[serde(default = "quantity::<5>")]
    #[schemars(range(min = 1, max = 65_536))]
    pub trials: u32,
}

impl Breaker {
    /// What it watches, in words.
    #[must_use]
    pub fn watched(&self) -> String {
        self.edge.map_or(self.watches.to_string(), |edge| format!("edge {edge}"))
    }

    /// The most samples that its window is sure to have at some time: one of a time covers nine tenths of its length at least, and the host
    /// may take a ninth more time than it should from one sample to the next.
    pub(crate) fn samples_max(&self) -> u64 {
        self.window_samples.map_or(self.window_ms * 8 / 10 / SAMPLE_MS, u64::from)
    }
}

/// What a circuit breaker watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Watches {
    /// The incoming feed: a sample fails while all its prices are stale. Before its first packet it has no prices, and none fails.
    Feed,
    /// The outgoing feed: a sample fails if the network or the kernel has refused a packet since the last one.
    Publisher,
    /// The group's answers: a sample is slow if requests have waited for longer than `slow_ms` without any answer.
    Answers,
    /// Housekeeping, which takes the samples and serves the operator: a sample is slow if it comes more than `slow_ms` after the
    /// one before it.
    Housekeeping,
    /// The server's log: a sample fails if lines of it were dropped since the last one.
    Log,
    /// The queue that `edge` names: a sample fails if its producer has waited for room in it since the last one.
    Edge,
}

/// A queue between two roles, by the name of its capacity in `[edges]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// Requests from order entry to the sequencer.
    Ingress,
    /// Sequenced requests from the sequencer to the group.
    Group,
    /// Answers from the group to order entry.
    Replies,
    /// Messages of the outgoing feed from the group to the publisher.
    Publications,
    /// Reference prices from the incoming feed to the sequencer.
    References,
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Edge::Ingress => "ingress",
            Edge::Group => "group",
            Edge::Replies => "replies",
            Edge::Publications => "publications",
            Edge::References => "references",
        })
    }
}

impl fmt::Display for Watches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Watches::Feed => "feed",
            Watches::Publisher => "publisher",
            Watches::Answers => "answers",
            Watches::Housekeeping => "housekeeping",
            Watches::Log => "log",
            Watches::Edge => "edge",
        })
    }
}

/// The state that a circuit breaker begins in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakerStart {
    /// It watches, and opens when its shares are reached.
    #[default]
    Closed,
    /// It counts and never opens.
    MetricsOnly,
    /// It does nothing.
    Disabled,
}
