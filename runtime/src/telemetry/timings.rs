//! Timings of the actors of a shard, handed to housekeeping without a lock.
//!
//! A shard alone writes its [`ShardTelemetry`]. Two sets of histograms exist for each shard, allocated at start: the one
//! being filled, and one that travels, full to the [`Collector`] and empty back. A hand-over swaps two pointers; while
//! the other set is away it is skipped and the shard goes on filling, so a slow collector delays figures and loses none.

use std::{any::TypeId, fmt, mem, sync::Arc};

use hdrhistogram::Histogram;
use rtrb::{Consumer, Producer, RingBuffer};

use super::{Counters, Metric, ShardCount};

/// The longest time that a histogram tells apart, in nanoseconds; longer ones count as this.
pub const TIMING_NS_MAX: u64 = 60_000_000_000;
/// Two significant digits: 1 % is finer than one machine repeats, and the lines that one kind of traffic touches
/// stay within a few cache lines (a histogram is 32 KiB, with three digits 250).
const SIGNIFICANT_DIGITS: u8 = 2;
/// One being filled and one away.
const SETS_PER_SHARD: usize = 2;

type Histograms = Box<[Histogram<u64>]>;

/// The timings that an actor declares: those of one enum, or none.
#[derive(Clone, Copy, Debug)]
pub struct TimingSet {
    count: usize,
    label: fn(usize) -> &'static str,
    metric: fn() -> TypeId,
}

impl TimingSet {
    /// No timings.
    pub const NONE: TimingSet = TimingSet { count: 0, label: |_| "", metric: TypeId::of::<()> };

    /// The timings named by an enum that [`metrics!`](crate::metrics) made.
    pub const fn of<T: Metric>() -> Self {
        TimingSet { count: T::ALL.len(), label: |index| T::ALL[index].label(), metric: TypeId::of::<T> }
    }
}

/// Where an actor's timings are among those of its shard.
#[derive(Clone, Copy, Debug)]
pub struct TimingSlots {
    first: usize,
    set: TimingSet,
}

impl Default for TimingSlots {
    /// No timings: what is recorded goes nowhere.
    fn default() -> Self {
        TimingSlots { first: usize::MAX / 2, set: TimingSet::NONE }
    }
}

impl TimingSlots {
    #[inline]
    fn of<T: Metric>(self, timing: T) -> usize {
        debug_assert!(
            (self.set.metric)() == TypeId::of::<T>(),
            "an actor recorded {:?}, which is not in the set it declares; declare its enum as Actor::TIMINGS",
            timing.label()
        );
        self.first + timing.index()
    }
}

/// All measurements of one timing of one actor.
#[derive(Clone)]
pub struct TimingTotal {
    /// The actor's name.
    pub actor: Arc<str>,
    /// The timing's name in reports.
    pub label: &'static str,
    /// The measurements in nanoseconds.
    pub histogram: Histogram<u64>,
    metric: (TypeId, usize),
}

impl fmt::Debug for TimingTotal {
    /// A summary: the thousands of counts of the histogram tell a reader nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimingTotal")
            .field("actor", &self.actor)
            .field("label", &self.label)
            .field("count", &self.histogram.len())
            .field("p50_ns", &self.histogram.value_at_quantile(0.5))
            .field("max_ns", &self.histogram.max())
            .finish_non_exhaustive()
    }
}

impl TimingTotal {
    /// Whether these are measurements of `timing`.
    pub fn is<T: Metric>(&self, timing: T) -> bool {
        self.metric == (TypeId::of::<T>(), timing.index())
    }
}

/// The shard's side: counts, measures and hands over, without a lock, a system call or an allocation. Dropping it
/// hands over what is left, also when the shard unwinds.
#[derive(Debug)]
pub struct ShardTelemetry {
    counters: Counters<ShardCount>,
    filling: Histograms,
    full: Producer<Histograms>,
    empty: Consumer<Histograms>,
}

impl ShardTelemetry {
    /// The shard's counters.
    #[inline]
    pub fn counters(&self) -> &Counters<ShardCount> {
        &self.counters
    }

    /// Records one measurement, in nanoseconds; 3 to 4 ns. Above [`TIMING_NS_MAX`] it counts as that.
    #[inline]
    pub fn record<T: Metric>(&mut self, slots: TimingSlots, timing: T, value_ns: u64) {
        if let Some(histogram) = self.filling.get_mut(slots.of(timing)) {
            histogram.saturating_record(value_ns);
        }
    }

    /// Hands the timings to the collector; false, and nothing is lost, while the other set is not back.
    pub fn offer(&mut self) -> bool {
        let Ok(empty) = self.empty.pop() else {
            return false;
        };
        let full = mem::replace(&mut self.filling, empty);
        self.send(full);
        true
    }

    fn send(&mut self, full: Histograms) {
        // Never refused: the ring holds as many as exist.
        let _ = self.full.push(full);
    }
}

impl Drop for ShardTelemetry {
    fn drop(&mut self) {
        let last = mem::take(&mut self.filling);
        self.send(last);
    }
}

/// Housekeeping's side: adds up the timings of all shards.
#[derive(Debug, Default)]
pub struct Collector {
    shards: Vec<ShardTotals>,
}

impl Collector {
    /// A collector without shards.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a shard under a name for reports, with the names and timings of its actors. Returns what goes to the shard's
    /// thread, and where each actor's timings are. All memory is allocated here: about 100 KiB per timing.
    pub fn register(
        &mut self,
        name: impl Into<String>,
        actors: impl IntoIterator<Item = (String, TimingSet)>,
    ) -> (ShardTelemetry, Vec<TimingSlots>) {
        let (mut slots, mut totals) = (Vec::new(), Vec::new());
        for (actor, set) in actors {
            let first = totals.len();
            slots.push(if set.count == 0 { TimingSlots::default() } else { TimingSlots { first, set } });
            let (actor, metric) = (Arc::<str>::from(actor), (set.metric)());
            totals.extend((0..set.count).map(|index| TimingTotal {
                actor: actor.clone(),
                label: (set.label)(index),
                histogram: histogram(),
                metric: (metric, index),
            }));
        }
        let (full_in, full) = RingBuffer::new(SETS_PER_SHARD);
        let (mut empty_in, empty) = RingBuffer::new(SETS_PER_SHARD);
        let set_of_histograms = || totals.iter().map(|_| histogram()).collect::<Histograms>();
        for _ in 1..SETS_PER_SHARD {
            empty_in.push(set_of_histograms()).expect("the ring holds as many as exist");
        }
        let (filling, counters) = (set_of_histograms(), Counters::default());
        self.shards.push(ShardTotals {
            name: name.into(),
            counters: counters.clone(),
            timings: totals,
            full,
            empty: empty_in,
        });
        (ShardTelemetry { counters, filling, full: full_in, empty }, slots)
    }

    /// Takes in what the shards handed over since the last call, and sends the histograms back; returns how many
    /// hand-overs there were.
    pub fn collect(&mut self) -> usize {
        self.shards.iter_mut().map(ShardTotals::collect).sum()
    }

    /// The totals of each shard, in the order of registration.
    #[must_use]
    pub fn shards(&self) -> &[ShardTotals] {
        &self.shards
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, TIMING_NS_MAX, SIGNIFICANT_DIGITS)
        .expect("bounds and digits are constants within the histogram's limits")
}

/// The figures of one shard so far.
#[derive(Debug)]
pub struct ShardTotals {
    name: String,
    counters: Counters<ShardCount>,
    timings: Vec<TimingTotal>,
    full: Consumer<Histograms>,
    empty: Producer<Histograms>,
}

impl ShardTotals {
    /// The name it was registered under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The shard's counters, up to now.
    pub fn counters(&self) -> &Counters<ShardCount> {
        &self.counters
    }

    /// The timings of its actors, up to the last hand-over.
    pub fn timings(&self) -> &[TimingTotal] {
        &self.timings
    }

    fn collect(&mut self) -> usize {
        let mut collected = 0;
        while let Ok(mut histograms) = self.full.pop() {
            for (total, part) in self.timings.iter_mut().zip(&mut histograms) {
                total.histogram.add(&*part).expect("all histograms have the same bounds");
                part.reset();
            }
            // Never refused, as above; when the shard has gone, the set ends with the ring.
            let _ = self.empty.push(histograms);
            collected += 1;
        }
        collected
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    crate::metrics! {
        enum Probe { Short = "short_ns", Long = "long_ns" }
    }

    fn probed(actors: &[&str]) -> Vec<(String, TimingSet)> {
        actors.iter().map(|actor| (String::from(*actor), TimingSet::of::<Probe>())).collect()
    }

    #[test]
    fn nothing_is_lost_over_many_hand_overs_with_a_slow_collector() {
        const HAND_OVERS: u64 = 500;
        let mut collector = Collector::new();
        let (mut telemetry, slots) = collector.register("core-1", probed(&["actor"]));
        let shard = thread::spawn(move || {
            let (mut rounds, mut handed_over) = (0, 0);
            while handed_over < HAND_OVERS {
                rounds += 1;
                telemetry.counters().add(ShardCount::Messages, 3);
                telemetry.counters().set(ShardCount::NetBytesIn, rounds);
                telemetry.record(slots[0], Probe::Long, rounds % 100);
                // Most are skipped: the collector is asleep.
                match telemetry.offer() {
                    true => handed_over += 1,
                    false => thread::yield_now(),
                }
            }
            rounds
        });
        let mut collected = 0;
        loop {
            let ended = shard.is_finished();
            collected += collector.collect() as u64;
            if ended {
                break;
            }
            (0..20).for_each(|_| thread::yield_now());
        }
        let rounds = shard.join().unwrap();
        // The last one is handed over as the shard ends.
        assert_eq!(collected, HAND_OVERS + 1);
        let totals = &collector.shards()[0];
        assert_eq!(totals.counters().get(ShardCount::Messages), 3 * rounds);
        assert_eq!(totals.counters().get(ShardCount::NetBytesIn), rounds);
        let [short, long] = totals.timings() else { panic!("two are registered") };
        assert!(short.histogram.is_empty());
        assert_eq!(long.histogram.len(), rounds);
        for value_ns in 1..100 {
            let expected = (rounds + 100 - value_ns) / 100;
            assert_eq!(long.histogram.count_at(value_ns), expected, "at {value_ns} ns");
        }
    }

    #[test]
    fn an_offer_is_skipped_until_the_other_set_is_back() {
        let mut collector = Collector::new();
        let (mut telemetry, slots) = collector.register("ingress", probed(&["actor"]));
        telemetry.record(slots[0], Probe::Short, 1);
        assert!(telemetry.offer());
        telemetry.record(slots[0], Probe::Short, 9);
        assert!(!telemetry.offer());
        assert_eq!(collector.collect(), 1);
        assert_eq!(collector.shards()[0].timings()[0].histogram.len(), 1);
        assert!(telemetry.offer());
        assert_eq!(collector.collect(), 1);
        assert_eq!(collector.shards()[0].timings()[0].histogram.len(), 2);
        assert_eq!(collector.shards()[0].timings()[0].histogram.max(), 9);
    }

    #[test]
    fn a_shard_that_unwinds_still_hands_over_its_last_figures() {
        let mut collector = Collector::new();
        let (mut telemetry, slots) = collector.register("core-1", probed(&["actor"]));
        assert!(telemetry.offer());
        telemetry.counters().add(ShardCount::ActorPanics, 1);
        telemetry.record(slots[0], Probe::Long, u64::MAX);
        drop(telemetry);
        assert_eq!(collector.collect(), 2);
        let totals = &collector.shards()[0];
        assert_eq!(totals.counters().get(ShardCount::ActorPanics), 1);
        assert!(totals.timings()[1].histogram.max() >= TIMING_NS_MAX);
        assert_eq!(collector.collect(), 0);
    }

    #[test]
    fn shards_and_their_actors_are_kept_apart_and_in_order() {
        let mut collector = Collector::new();
        let actors = || [("idle".to_owned(), TimingSet::NONE)].into_iter().chain(probed(&["one", "two"]));
        let shards = ["a", "b"].map(|name| collector.register(name, actors()));
        for (n, (mut telemetry, slots)) in (1..).zip(shards) {
            telemetry.counters().add(ShardCount::Parks, n);
            telemetry.record(slots[2], Probe::Short, n);
        }
        collector.collect();
        let parks: Vec<_> =
            collector.shards().iter().map(|s| (s.name(), s.counters().get(ShardCount::Parks))).collect();
        assert_eq!(parks, [("a", 1), ("b", 2)]);
        for (n, totals) in (1..).zip(collector.shards()) {
            let timed: Vec<_> = totals.timings().iter().filter(|timing| !timing.histogram.is_empty()).collect();
            let [timing] = timed[..] else { panic!("one measurement was made") };
            assert_eq!((&*timing.actor, timing.label, timing.histogram.max()), ("two", "short_ns", n));
            assert!(timing.is(Probe::Short) && !timing.is(Probe::Long));
        }
    }

    #[test]
    #[should_panic(expected = "declare its enum as Actor::TIMINGS")]
    fn a_timing_that_was_not_declared_is_refused() {
        let (mut telemetry, slots) = Collector::new().register("shard", [("actor".to_owned(), TimingSet::NONE)]);
        telemetry.record(slots[0], Probe::Short, 1);
    }

    #[test]
    fn labels_are_distinct_and_numbers_are_indices() {
        for (index, count) in ShardCount::ALL.iter().enumerate() {
            assert_eq!(count.index(), index);
        }
        let mut labels: Vec<_> = ShardCount::ALL.iter().map(|count| count.label()).collect();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), ShardCount::ALL.len());
    }
}
