//! The report of a run: a table, JSON, a percentile plot, and the verdict on its validity.

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

/// The names and values of the reported quantiles.
pub const QUANTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999), ("max", 1.0)];

/// The results of one run.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The title of the run.
    pub title: &'a str,
    /// The result of the load.
    pub load: &'a LoadResult,
    /// The machine's jitter, measured before the run.
    pub jitter: &'a [CpuJitter],
    /// The result of the market player, if one ran.
    pub market: Option<&'a PlayReport>,
    /// The counts of the venue's own feed, if it was read.
    pub feed: Option<&'a FeedReport>,
}

/// The reason why a plot could not be created.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// Drawing failed.
    #[error("cannot draw the plot: {0}")]
    Draw(String),
    /// Writing the file failed.
    #[error("cannot write {path}: {source}; choose another path")]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl Report<'_> {
    /// The reasons why the figures are invalid; empty if they are valid.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.load.measured.problems();
        let mut say = |wrong: bool, text: String| {
            if wrong {
                problems.push(text);
            }
        };
        let count = |count: u64, of: &str| format!("{} {of}", grouped(count));
        if let Some(feed) = self.feed {
            say(feed.messages == 0, "no messages arrived on the venue's feed".to_owned());
            say(feed.messages_missed > 0, count(feed.messages_missed, "messages missing in the venue's feed"));
            say(feed.invalid > 0, count(feed.invalid, "invalid packets or messages in the venue's feed"));
            say(
                feed.executed_shares != self.load.executed_resting,
                format!(
                    "the venue's feed reports {} shares executed, its answers to clients {}",
                    grouped(feed.executed_shares),
                    grouped(self.load.executed_resting)
                ),
            );
        }
        say(
            self.load.executed_resting != self.load.executed_incoming,
            format!(
                "answers report {} shares executed to resting orders and {} to incoming ones",
                grouped(self.load.executed_resting),
                grouped(self.load.executed_incoming)
            ),
        );
        problems
    }

    /// Renders the report as JSON, with all times in nanoseconds.
    #[must_use]
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
