//! The result: a table for people, JSON for programs, a percentile plot, and whether the figures count at all.

mod plot;
pub mod scale;
mod table;

use std::io;
use std::path::PathBuf;

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use thiserror::Error;

pub use crate::grouped::grouped;
use crate::jitter::{CpuJitter, Gaps};
use crate::load::LoadResult;
use corelane_market::{FeedReport, PlayReport};

/// The quantiles that are shown, and their names.
pub const QUANTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999), ("max", 1.0)];

/// Everything that one run has shown.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What was run.
    pub title: &'a str,
    /// The load.
    pub load: &'a LoadResult,
    /// What the machine did by itself, measured before.
    pub jitter: &'a [CpuJitter],
    /// The market that was played in, if one was.
    pub market: Option<&'a PlayReport>,
    /// The venue's own feed, if it was read.
    pub feed: Option<&'a FeedReport>,
}

/// Why a plot could not be made.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The drawing failed.
    #[error("cannot draw the plot: {0}")]
    Draw(String),
    /// The file could not be written.
    #[error("cannot write {path}: {source}; choose another path")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Report<'_> {
    /// Why the figures do not count; empty if they do.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.load.measured.problems();
        let mut say = |wrong: bool, text: String| {
            if wrong {
                problems.push(text);
            }
        };
        let count = |count: u64, of: &str| format!("{} {of}", grouped(count));
        if let Some(feed) = self.feed {
            say(feed.messages == 0, "the venue's feed brought nothing".to_owned());
            say(feed.messages_missed > 0, count(feed.messages_missed, "messages missing in the venue's feed"));
            say(feed.invalid > 0, count(feed.invalid, "invalid packets or messages in the venue's feed"));
            say(
                feed.executed_shares != self.load.executed_resting,
                format!(
                    "the venue's feed has {} shares executed, the clients were told {}",
                    grouped(feed.executed_shares),
                    grouped(self.load.executed_resting)
                ),
            );
        }
        say(
            self.load.executed_resting != self.load.executed_incoming,
            format!(
                "resting orders executed {} shares, incoming ones {}",
                grouped(self.load.executed_resting),
                grouped(self.load.executed_incoming)
            ),
        );
        problems
    }

    /// The same as a value, all times in nanoseconds.
    pub fn json(&self) -> Value {
        let measured = &self.load.measured;
        let problems = self.problems();
        json!({
            "title": self.title,
            "valid": problems.is_empty(),
            "problems": problems,
            "asked_per_s": measured.asked_per_s,
            "achieved_per_s": measured.achieved_per_s,
            "intended_time_ns": quantiles(&measured.intended),
            "send_time_ns": quantiles(&measured.send),
            "requests": {
                "sent": measured.sent,
                "answered": measured.answered,
                "silent": measured.silent,
                "unsent": measured.unsent,
                "answers": self.load.answers,
                "missing": measured.missing,
            },
            "drops": measured.drops,
            "accepted": self.load.accepted,
            "rejects": self.load.rejects_by_name().collect::<Vec<_>>(),
            "executed_shares": self.load.executed_resting,
            "bytes_sent": measured.bytes_sent,
            "bytes_received": measured.bytes_received,
            "tester_loop": gaps(&measured.loop_gaps),
            "machine": self.jitter.iter().map(|one| {
                let mut value = gaps(&one.gaps);
                value["cpu"] = one.cpu.into();
                value
            }).collect::<Vec<_>>(),
            "market": self.market.map(|market| json!({
                "messages": market.messages,
                "packets": market.packets,
                "bytes": market.total().bytes,
                "lost": market.total().lost,
                "duplicated": market.total().duplicated,
                "reordered": market.total().reordered,
                "ended": market.ended,
            })),
            "feed": self.feed.map(|feed| json!({
                "messages": feed.messages,
                "packets": feed.packets,
                "gaps": feed.gaps,
                "missed": feed.messages_missed,
                "adds": feed.adds,
                "executed_shares": feed.executed_shares,
            })),
        })
    }
}

fn quantiles(histogram: &Histogram<u64>) -> Value {
    let values =
        QUANTILES.iter().map(|(name, quantile)| ((*name).to_owned(), histogram.value_at_quantile(*quantile).into()));
    Value::Object(values.collect())
}

fn gaps(gaps: &Gaps) -> Value {
    let [over_10us, over_100us, over_1ms] = gaps.per_second();
    json!({
        "probe_wait_ns": quantiles(gaps.waits()),
        "gaps_over_10us_per_s": over_10us,
        "gaps_over_100us_per_s": over_100us,
        "gaps_over_1ms_per_s": over_1ms,
        "longest_ns": gaps.longest_ns(),
    })
}

#[cfg(test)]
mod tests;
