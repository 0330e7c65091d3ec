//! What housekeeping knows of the shards, and how a topology ended.

use std::{collections::BTreeMap, fmt};

use hdrhistogram::Histogram;

use super::fault::RuntimeFault;
use crate::{
    message::SequenceNumber,
    shard::{DeadLetter, Failure},
    telemetry::{Metric, ShardCount, ShardTotals, TimingTotal},
};

/// What housekeeping knows of the shards.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Status {
    /// One per shard, in the order of declaration.
    pub shards: Vec<ShardStatus>,
    /// The last failures of actors, with their names: [`Status::FAILURES_MAX`] of them, oldest first.
    pub failures: Vec<(String, Failure)>,
    /// All failures of actors.
    pub failed: u64,
    /// The last messages that were taken and will not be finished, with the actors that had taken them: as many, oldest first.
    pub dead_letters: Vec<(String, DeadLetter)>,
    /// All such messages.
    pub dead_lettered: u64,
    /// The actors that were restarted, and how often. A replacement that could not be built, or that panicked in its start, is a
    /// failure ([`Failure::in_restart`](crate::Failure::in_restart)) and no restart.
    pub restarted: BTreeMap<String, u64>,
    /// Their generations, which count the replacements that never ran too.
    pub generations: BTreeMap<String, u16>,
    /// What else failed: what ended the topology, if nobody asked for its stop.
    pub faults: Vec<RuntimeFault>,
    /// The topology is about to stop by itself, for the last of [`Status::faults`]: the program's chore ends its business, and returns
    /// `Break` when that is done. It has [`RunOptions::halt_deadline`](super::RunOptions::halt_deadline) for it.
    pub is_halting: bool,
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
    /// The most failures, and dead letters, that are kept.
    pub const FAILURES_MAX: usize = 64;

    pub(crate) fn note_failure(&mut self, actor: &str, failure: Failure) {
        self.failed += 1;
        self.note_dead_letter(actor, failure.dead_letter);
        keep(&mut self.failures, (actor.to_owned(), failure));
    }

    pub(crate) fn note_dead_letter(&mut self, actor: &str, dead_letter: Option<DeadLetter>) {
        if let Some(dead_letter) = dead_letter {
            self.dead_lettered += 1;
            keep(&mut self.dead_letters, (actor.to_owned(), dead_letter));
        }
    }

    pub(crate) fn note_restart(&mut self, actor: &str, generation: u16) {
        *self.restarted.entry(actor.to_owned()).or_default() += 1;
        self.generations.insert(actor.to_owned(), generation);
    }

    /// The last failures of actors, oldest first, a line each.
    pub fn failure_lines(&self) -> impl Iterator<Item = String> {
        self.failures.iter().map(|(actor, failure)| match failure.header.sequence {
            SequenceNumber::NONE => format!("actor {actor} {failure}"),
            sequence => format!("actor {actor}, on input {sequence}, {failure}"),
        })
    }

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

const LEFT_IN_FLIGHT_HINT: &str = "; look for a receiver outside the topology that was not read or an actor that never answers \
     Step::Done, or raise RunOptions::drain_deadline";

/// Appends an entry, and drops the oldest if there are too many.
fn keep<T>(entries: &mut Vec<T>, entry: T) {
    if entries.len() == Status::FAILURES_MAX {
        entries.remove(0);
    }
    entries.push(entry);
}

/// How a topology ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use]
pub struct Outcome {
    /// Whether everything in flight was finished before the deadline, and what actors sent as they stopped was taken.
    pub drained: bool,
    /// The last figures.
    pub status: Status,
}

impl Outcome {
    /// Whether everything in flight was finished, peers have taken what was sent to them, and nothing failed.
    pub fn is_clean(&self) -> bool {
        self.problems().is_empty()
    }

    /// What failed, whether work was left in flight, and what peers did not take: a line each.
    pub fn problems(&self) -> Vec<String> {
        let faults = self.status.faults.iter().map(ToString::to_string);
        // Else that is why.
        let nothing_failed = self.status.faults.is_empty() && self.status.failures.is_empty();
        let hint = if nothing_failed { LEFT_IN_FLIGHT_HINT } else { "" };
        let earlier = self.status.failed.saturating_sub(self.status.failures.len() as u64);
        let earlier = (earlier > 0).then(|| format!("{earlier} failures of actors before these"));
        let left = (!self.drained).then(|| format!("stopped with work in flight{hint}"));
        let unsent = self.status.count(ShardCount::NetUnsentAtStopBytes);
        let unsent =
            (unsent > 0).then(|| format!("peers did not take {unsent} bytes before their connections were closed"));
        faults.chain(earlier).chain(self.status.failure_lines()).chain(left).chain(unsent).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        message::Header,
        shard::failure::Fault,
        shard::panics::{self, PanicLocation},
        topology::ActorIndex,
    };

    #[test]
    fn the_last_failures_and_dead_letters_are_kept_and_all_are_counted() {
        assert!(panics::catch::<()>(|| panic!("a fault")).is_err());
        let (_, message) = panics::take();
        let mut status = Status::default();
        for generation in 0..100 {
            let header = Header { generation, ..Header::default() };
            let dead_letter = (generation % 2 == 0).then_some(DeadLetter { header, steps: 0 });
            let fault = Fault { header, dead_letter, ..Fault::without_input(PanicLocation::UNKNOWN, message) };
            status.note_failure("actor", Failure::new(ActorIndex::new(0), generation, fault));
        }
        assert_eq!((status.failed, status.dead_lettered), (100, 50));
        let generations: Vec<u16> = status.failures.iter().map(|(_, failure)| failure.generation).collect();
        assert_eq!(generations, (36..100).collect::<Vec<u16>>());
        assert_eq!(status.dead_letters.len(), 50);
        status.note_dead_letter("actor", Some(DeadLetter { header: Header::default(), steps: 3 }));
        (0..13)
            .for_each(|_| status.note_dead_letter("actor", Some(DeadLetter { header: Header::default(), steps: 4 })));
        assert_eq!((status.dead_lettered, status.dead_letters.len()), (64, Status::FAILURES_MAX));
        status.note_dead_letter("actor", Some(DeadLetter { header: Header::default(), steps: 5 }));
        assert_eq!((status.dead_lettered, status.dead_letters.len()), (65, Status::FAILURES_MAX));
        let problems = Outcome { drained: true, status }.problems();
        assert_eq!((problems.len(), problems[0].as_str()), (1 + 64, "36 failures of actors before these"));
    }

    #[test]
    fn a_failure_on_no_input_names_none() {
        let _ = panics::catch(|| panic!("out of range"));
        let (_, message) = panics::take();
        let mut status = Status::default();
        for sequence in [SequenceNumber::NONE, SequenceNumber(7)] {
            let header = Header { sequence, ..Header::default() };
            let fault = Fault { header, ..Fault::without_input(PanicLocation::UNKNOWN, message) };
            status.note_failure("market-data", Failure::new(ActorIndex::new(0), 1, fault));
        }
        let lines: Vec<String> = status.failure_lines().collect();
        assert!(lines[0].starts_with("actor market-data ") && !lines[0].contains("on input"), "{lines:?}");
        assert!(lines[1].starts_with("actor market-data, on input 7, "), "{lines:?}");
    }
}
