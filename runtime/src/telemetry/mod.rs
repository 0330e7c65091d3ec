//! What a shard counts and measures, and how it gets to housekeeping.
//!
//! A shard alone writes its [`ShardTelemetry`]: plain counters and HDR histograms. Two boxed snapshots exist for each
//! shard, made at start: the one being filled, and one that travels, full to the [`Collector`] and empty back. A
//! hand-off swaps two pointers; while the other box is away it is skipped and the shard goes on filling, so a slow
//! collector delays figures and loses none.

use hdrhistogram::Histogram;
use rtrb::{Consumer, Producer, RingBuffer};

macro_rules! named {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $label:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every one, in the order of their numbers.
            pub const ALL: [$name; [$($label),+].len()] = [$($name::$variant),+];

            /// The name in reports, with the unit last.
            pub const fn label(self) -> &'static str {
                match self { $($name::$variant => $label,)+ }
            }
        }
    };
}

named! {
    /// What a shard counts, from its start.
    Counter {
        /// Turns of the duty cycle.
        Cycles = "cycles",
        /// Turns in which something was done.
        BusyCycles = "busy_cycles",
        /// Nanoseconds spent in those turns. A shard that spins uses all of its CPU; this is what it has work for.
        BusyNs = "busy_ns",
        /// Messages given to actors.
        Messages = "messages",
        /// Times the shard went to sleep.
        Parks = "parks",
        /// Sleeping consumers woken by this shard.
        WakesSent = "wakes_sent",
        /// Actors that panicked and were stopped.
        ActorPanics = "actor_panics",
        /// Steps that waited for room in an outbox.
        Holds = "holds",
        /// Messages dropped by edges that drop, and datagrams that found no room behind their actor.
        Dropped = "dropped",
        /// Messages that a newer one of the same key replaced before they were read.
        Conflated = "conflated",
        /// Times the shard was found on another CPU than its own.
        PinLosses = "pin_losses",
        /// System calls of the net driver.
        NetEnters = "net_enters",
        /// Connections accepted or established.
        NetOpened = "net_opened",
        /// Connections closed, for whatever reason.
        NetClosed = "net_closed",
        /// Frames and datagrams received.
        NetFramesIn = "net_frames_in",
        /// Datagrams sent.
        NetDatagramsOut = "net_datagrams_out",
        /// Bytes received.
        NetBytesIn = "net_bytes_in",
        /// Bytes sent.
        NetBytesOut = "net_bytes_out",
        /// Connections closed because they read too slowly.
        NetSlowReaders = "net_slow_readers",
        /// Connections closed because their bytes were no frames.
        NetBadFrames = "net_bad_frames",
        /// Connections closed because all slots were taken.
        NetTooMany = "net_too_many",
        /// Times the kernel found no free receive buffer.
        NetBuffersExhausted = "net_buffers_exhausted",
    }
}

named! {
    /// What a shard measures, in nanoseconds.
    Timing {
        /// From the reaping of the batch that a group's input came in to its number, of one input in
        /// [`TIMED_ONE_IN`].
        InputToNumber = "input_to_number_ns",
        /// From the reaping of the batch that a request came in to its first answer having left the group, of one in
        /// [`TIMED_ONE_IN`].
        OrderToDecision = "order_to_decision_ns",
        /// From the reaping of the batch that an order came in to its answer being handed to the net driver.
        OrderToAnswer = "order_to_answer_ns",
        /// From the reaping of a batch of market data that changed a book to the last of what was said of it.
        FeedToPublication = "feed_to_publication_ns",
        /// The same from the exchange's time of the first such message, where its clock is ours.
        ExchangeToPublication = "exchange_to_publication_ns",
        /// The same from the time at which the kernel received the datagram of that message.
        KernelToPublication = "kernel_to_publication_ns",
    }
}

/// Of so many inputs of a group one is timed on its way: those whose number it divides.
pub const TIMED_ONE_IN: u64 = 64;
/// The longest time a histogram tells apart, in nanoseconds; longer ones count as this.
pub const TIMING_NS_MAX: u64 = 60_000_000_000;
/// Two significant digits: 1 % is finer than one machine repeats, and the lines that one kind of traffic touches
/// stay within a few cache lines (a histogram is 32 KiB, with three digits 250).
const SIGNIFICANT_DIGITS: u8 = 2;
/// One being filled and one away.
const SNAPSHOTS_PER_SHARD: usize = 2;

type Counters = [u64; Counter::ALL.len()];

/// Counters from the shard's start; timings since the last hand-off, or in [`ShardTotals`] from the start.
#[derive(Debug)]
struct Snapshot {
    counters: Counters,
    timings: [Histogram<u64>; Timing::ALL.len()],
}

impl Snapshot {
    fn empty() -> Self {
        Self {
            counters: [0; Counter::ALL.len()],
            timings: Timing::ALL.map(|_| {
                Histogram::new_with_bounds(1, TIMING_NS_MAX, SIGNIFICANT_DIGITS)
                    .expect("bounds and digits are constants within the histogram's limits")
            }),
        }
    }
}

/// The shard's side: counts, measures and hands over, without a lock, a system call or an allocation. Dropping it
/// hands over what is left, also when the shard unwinds.
#[derive(Debug)]
pub struct ShardTelemetry {
    counters: Counters,
    /// Always there but for the moment of a hand-off.
    filling: Option<Box<Snapshot>>,
    full: Producer<Box<Snapshot>>,
    empty: Consumer<Box<Snapshot>>,
}

impl ShardTelemetry {
    /// Counts `n` more.
    #[inline]
    pub fn add(&mut self, counter: Counter, n: u64) {
        self.counters[counter as usize] += n;
    }

    /// Takes over a count that somebody else keeps from the start (the net driver's).
    #[inline]
    pub fn set(&mut self, counter: Counter, total: u64) {
        self.counters[counter as usize] = total;
    }

    /// The count so far.
    #[inline]
    pub fn get(&self, counter: Counter) -> u64 {
        self.counters[counter as usize]
    }

    /// Records one measurement, in nanoseconds; 3 to 4 ns. Above [`TIMING_NS_MAX`] it counts as that.
    #[inline]
    pub fn record(&mut self, timing: Timing, value_ns: u64) {
        if let Some(filling) = &mut self.filling {
            filling.timings[timing as usize].saturating_record(value_ns);
        }
    }

    /// Hands what was gathered to the collector; false, and nothing is lost, while the other snapshot is not back.
    pub fn offer(&mut self) -> bool {
        let Ok(empty) = self.empty.pop() else {
            return false;
        };
        let full = self.filling.replace(empty);
        self.send(full);
        true
    }

    fn send(&mut self, full: Option<Box<Snapshot>>) {
        if let Some(mut full) = full {
            full.counters = self.counters;
            // Never refused: the ring holds as many as exist.
            let _ = self.full.push(full);
        }
    }
}

impl Drop for ShardTelemetry {
    fn drop(&mut self) {
        let last = self.filling.take();
        self.send(last);
    }
}

/// Housekeeping's side: gathers the snapshots of all shards into totals.
#[derive(Debug, Default)]
pub struct Collector {
    shards: Vec<ShardTotals>,
}

impl Collector {
    /// A collector without shards.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a shard under a name for reports; the result goes to the shard's thread. All its memory, about 400 KiB,
    /// is allocated here.
    pub fn register(&mut self, name: impl Into<String>) -> ShardTelemetry {
        let (full_in, full) = RingBuffer::new(SNAPSHOTS_PER_SHARD);
        let (mut empty_in, empty) = RingBuffer::new(SNAPSHOTS_PER_SHARD);
        for _ in 1..SNAPSHOTS_PER_SHARD {
            empty_in.push(Box::new(Snapshot::empty())).expect("the ring holds as many as exist");
        }
        let (name, totals) = (name.into(), Snapshot::empty());
        self.shards.push(ShardTotals { name, totals, full, empty: empty_in });
        let filling = Some(Box::new(Snapshot::empty()));
        ShardTelemetry { counters: [0; Counter::ALL.len()], filling, full: full_in, empty }
    }

    /// Takes in what the shards handed over since, and sends the snapshots back; returns how many there were.
    pub fn collect(&mut self) -> usize {
        self.shards.iter_mut().map(ShardTotals::collect).sum()
    }

    /// The totals of each shard, in the order of registration.
    pub fn shards(&self) -> &[ShardTotals] {
        &self.shards
    }
}

/// All that one shard handed over so far.
#[derive(Debug)]
pub struct ShardTotals {
    name: String,
    totals: Snapshot,
    full: Consumer<Box<Snapshot>>,
    empty: Producer<Box<Snapshot>>,
}

impl ShardTotals {
    /// The name it was registered under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A counter's value at the last hand-off.
    pub fn counter(&self, counter: Counter) -> u64 {
        self.totals.counters[counter as usize]
    }

    /// All measurements up to the last hand-off, in nanoseconds.
    pub fn timing(&self, timing: Timing) -> &Histogram<u64> {
        &self.totals.timings[timing as usize]
    }

    fn collect(&mut self) -> usize {
        let mut collected = 0;
        while let Ok(mut snapshot) = self.full.pop() {
            self.totals.counters = snapshot.counters;
            for (total, part) in self.totals.timings.iter_mut().zip(&mut snapshot.timings) {
                total.add(&*part).expect("all histograms have the same bounds");
                part.reset();
            }
            // Never refused, as above; of a shard that has gone it ends with the ring.
            let _ = self.empty.push(snapshot);
            collected += 1;
        }
        collected
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn nothing_is_lost_over_many_hand_offs_with_a_slow_collector() {
        const HAND_OFFS: u64 = 500;
        let mut collector = Collector::new();
        let mut telemetry = collector.register("core-1");
        let shard = thread::spawn(move || {
            let (mut rounds, mut handed_over) = (0, 0);
            while handed_over < HAND_OFFS {
                rounds += 1;
                telemetry.add(Counter::Messages, 3);
                telemetry.set(Counter::NetBytesIn, rounds);
                telemetry.record(Timing::OrderToAnswer, rounds % 100);
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
        assert_eq!(collected, HAND_OFFS + 1);
        let totals = &collector.shards()[0];
        assert_eq!(totals.counter(Counter::Messages), 3 * rounds);
        assert_eq!(totals.counter(Counter::NetBytesIn), rounds);
        let timing = totals.timing(Timing::OrderToAnswer);
        assert_eq!(timing.len(), rounds);
        for value_ns in 1..100 {
            let expected = (rounds + 100 - value_ns) / 100;
            assert_eq!(timing.count_at(value_ns), expected, "at {value_ns} ns");
        }
    }

    #[test]
    fn an_offer_is_skipped_until_the_other_snapshot_is_back() {
        let mut collector = Collector::new();
        let mut telemetry = collector.register("ingress");
        telemetry.add(Counter::Cycles, 1);
        assert!(telemetry.offer());
        telemetry.add(Counter::Cycles, 1);
        telemetry.record(Timing::OrderToAnswer, 9);
        assert!(!telemetry.offer());
        assert_eq!(collector.collect(), 1);
        assert_eq!(collector.shards()[0].counter(Counter::Cycles), 1);
        assert!(telemetry.offer());
        assert_eq!(collector.collect(), 1);
        assert_eq!(collector.shards()[0].counter(Counter::Cycles), 2);
        assert_eq!(collector.shards()[0].timing(Timing::OrderToAnswer).max(), 9);
    }

    #[test]
    fn a_shard_that_unwinds_still_hands_over_its_last_figures() {
        let mut collector = Collector::new();
        let mut telemetry = collector.register("core-1");
        assert!(telemetry.offer());
        telemetry.add(Counter::ActorPanics, 1);
        telemetry.record(Timing::OrderToAnswer, u64::MAX);
        drop(telemetry);
        assert_eq!(collector.collect(), 2);
        let totals = &collector.shards()[0];
        assert_eq!(totals.counter(Counter::ActorPanics), 1);
        assert!(totals.timing(Timing::OrderToAnswer).max() >= TIMING_NS_MAX);
        assert_eq!(collector.collect(), 0);
    }

    #[test]
    fn shards_are_kept_apart_and_in_order() {
        let mut collector = Collector::new();
        let shards = ["a", "b"].map(|name| collector.register(name));
        for (n, mut telemetry) in (1..).zip(shards) {
            telemetry.add(Counter::Parks, n);
        }
        collector.collect();
        let parks: Vec<_> = collector.shards().iter().map(|s| (s.name(), s.counter(Counter::Parks))).collect();
        assert_eq!(parks, [("a", 1), ("b", 2)]);
    }

    #[test]
    fn labels_are_distinct_and_numbers_are_indices() {
        for (index, counter) in Counter::ALL.into_iter().enumerate() {
            assert_eq!(counter as usize, index);
        }
        let mut labels: Vec<_> =
            Counter::ALL.map(Counter::label).into_iter().chain(Timing::ALL.map(Timing::label)).collect();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), Counter::ALL.len() + Timing::ALL.len());
    }
}
