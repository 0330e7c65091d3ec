//! What housekeeping knows of the shards, and how a topology ended.

use std::{collections::BTreeMap, fmt};

use hdrhistogram::Histogram;

use super::fault::RuntimeFault;
use crate::{
    shard::Failure,
    telemetry::{Metric, ShardCount, ShardTotals, TimingTotal},
};

/// What housekeeping knows of the shards.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Status {
    /// One per shard, in the order of declaration.
    pub shards: Vec<ShardStatus>,
    /// The actors that failed, with their names.
    pub failures: Vec<(String, Failure)>,
    /// What else failed: what ended the topology, if nobody asked for its stop.
    pub faults: Vec<RuntimeFault>,
    /// The clock.
    pub clock: ClockStatus,
}

/// The topology's time, as last compared with the host's wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClockStatus {
    /// Time on the shards, in nanoseconds since the midnight before the start.
    pub time_of_day_ns: u64,
    /// How far the wall clock is ahead of it; negative if it is behind. If the host's clock is kept true to UTC, so far is our
    /// time from UTC.
    pub offset_ns: i64,
    /// The offset is uncertain by half of this.
    pub bracket_ns: u64,
}

/// The figures of one shard.
#[derive(Clone)]
pub struct ShardStatus {
    /// Its name.
    pub name: String,
    /// The timings of its actors.
    pub timings: Vec<TimingTotal>,
    counts: [u64; ShardCount::ALL.len()],
}

impl fmt::Debug for ShardStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = self.counts().filter(|&(_, count)| count > 0).map(|(name, count)| (name.label(), count));
        f.debug_struct("ShardStatus")
            .field("name", &self.name)
            .field("timings", &self.timings)
            .field("counts", &counted.collect::<BTreeMap<_, _>>())
            .finish()
    }
}

impl ShardStatus {
    pub(super) fn of(totals: &ShardTotals) -> Self {
        ShardStatus {
            name: totals.name().to_owned(),
            timings: totals.timings().to_vec(),
            counts: std::array::from_fn(|index| totals.counters().get(ShardCount::ALL[index])),
        }
    }

    /// The figures of a shard that has counted just this.
    #[cfg(test)]
    pub(super) fn counting(name: &str, counted: &[(ShardCount, u64)]) -> Self {
        let mut counts = [0; ShardCount::ALL.len()];
        counted.iter().for_each(|&(name, count)| counts[name.index()] = count);
        ShardStatus { name: name.to_owned(), timings: Vec::new(), counts }
    }

    /// One of its counters.
    #[must_use]
    pub fn count(&self, name: ShardCount) -> u64 {
        self.counts[name.index()]
    }

    /// All of its counters.
    pub fn counts(&self) -> impl Iterator<Item = (ShardCount, u64)> + '_ {
        ShardCount::ALL.iter().map(|&name| (name, self.count(name)))
    }
}

impl Status {
    /// One counter, over all shards.
    #[must_use]
    pub fn count(&self, name: ShardCount) -> u64 {
        self.shards.iter().map(|shard| shard.count(name)).sum()
    }

    /// One timing in nanoseconds, over all shards and actors; `None` if nothing was measured.
    pub fn timing<T: Metric>(&self, timing: T) -> Option<Histogram<u64>> {
        let timings = self.shards.iter().flat_map(|shard| &shard.timings).filter(|total| total.is(timing));
        let mut histograms = timings.map(|total| &total.histogram).filter(|histogram| !histogram.is_empty());
        let mut total = histograms.next()?.clone();
        histograms.for_each(|histogram| total.add(histogram).expect("all histograms have the same bounds"));
        Some(total)
    }
}

/// How a topology ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use]
pub struct Outcome {
    /// Whether everything in flight was finished before the deadline.
    pub drained: bool,
    /// The last figures.
    pub status: Status,
}

impl Outcome {
    /// Whether everything in flight was finished and nothing failed.
    pub fn is_clean(&self) -> bool {
        self.problems().is_empty()
    }

    /// What failed, and whether work was left in flight: a line each.
    pub fn problems(&self) -> Vec<String> {
        let failed = |(actor, failure): &(String, Failure)| {
            format!("actor {actor}, on input {}, {failure}", failure.header.sequence)
        };
        let faults = self.status.faults.iter().map(ToString::to_string);
        let left = (!self.drained).then(|| "stopped with work in flight".to_owned());
        faults.chain(self.status.failures.iter().map(failed)).chain(left).collect()
    }
}
