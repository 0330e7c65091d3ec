//! Shards exchange messages over relaxed queues while the coordinator makes rounds. A round's verdict can therefore
//! rely only on the stage and the progress cells.

use crate::bounded;
use corelane_sync::stage::{Progress, Round, Stage, Verdict};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, AtomicUsize, Ordering::*};
use loom::thread;
use std::sync::Arc as StdArc;
use std::sync::atomic::AtomicI64 as GhostCounter;

#[test]
fn two_shards_are_at_rest_only_when_nothing_is_in_flight() {
    bounded(4, || exchange(Rules::Kept, 1, [2, 1]));
}

#[test]
fn three_shards_are_at_rest_only_when_nothing_is_in_flight() {
    bounded(2, || exchange(Rules::Kept, 2, [2, 1, 1]));
}

#[test]
#[should_panic(expected = "in flight")]
fn a_note_taken_after_the_order_is_too_late() {
    bounded(2, || exchange(Rules::OrderedBeforeNoted, 1, [2, 1]));
}

#[test]
#[should_panic(expected = "in flight")]
fn a_turn_that_sends_without_counting_it_goes_unnoticed() {
    bounded(2, || exchange(Rules::SendsUncounted, 1, [2, 1]));
}

#[derive(Clone, Copy, PartialEq)]
enum Rules {
    Kept,
    OrderedBeforeNoted,
    SendsUncounted,
}

const ROUND: u32 = 1;

/// Shards in a circle. The first shard sends a message to the second in its first turn, and each shard passes it on
/// until it has made `hops`. Each shard makes its `turns` while the coordinator makes a round. Then all shards make
/// turns in further rounds until they are at rest, which they must reach.
fn exchange<const SHARDS: usize>(rules: Rules, hops: usize, turns: [usize; SHARDS]) {
    let stage = Arc::new(Stage::new(0));
    let inboxes: [_; SHARDS] = std::array::from_fn(|_| Arc::new(AtomicUsize::new(0)));
    // The number of messages sent and not yet handled. It is not part of the model: loom runs one thread at a time, so
    // the number is always exact.
    let in_flight = StdArc::new(GhostCounter::new(0));
    let mut cells = Vec::new();
    let mut threads = Vec::new();
    for index in 0..SHARDS {
        let cell = Cell::new();
        cells.push(cell.clone());
        let mut shard = Shard {
            rules,
            stage: Arc::clone(&stage),
            cell,
            work: 0,
            inbox: Arc::clone(&inboxes[index]),
            next: Arc::clone(&inboxes[(index + 1) % SHARDS]),
            in_flight: in_flight.clone(),
            // There is only one message, so the nth hop is the nth shard's and the message needs no content.
            takes: (0..hops).filter(|hop| (hop + 1) % SHARDS == index).count(),
            passes_on: (1..hops).filter(|hop| hop % SHARDS == index).count(),
            taken: 0,
            sends_first: index == 0,
        };
        threads.push(thread::spawn(move || {
            (0..turns[index]).for_each(|_| shard.turn());
            shard
        }));
    }
    let samples = || cells.iter().map(Cell::sample);
    let at_rest = |round: &Round| {
        let at_rest = round.judge(samples()) == Verdict::AtRest;
        let in_flight = in_flight.load(Relaxed);
        assert!(!at_rest || in_flight == 0, "at rest with a message in flight");
        at_rest
    };

    if rules == Rules::OrderedBeforeNoted {
        stage.advance_to(ROUND);
    }
    let round = Round::begin(ROUND, samples());
    stage.advance_to(ROUND);
    at_rest(&round);

    let mut shards: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    let rested = (ROUND + 1..ROUND + 10).any(|number| {
        let round = Round::begin(number, samples());
        stage.advance_to(number);
        shards.iter_mut().for_each(Shard::turn);
        at_rest(&round)
    });
    assert!(rested, "at rest, and not seen to be");
    assert!(shards.iter().all(|shard| shard.taken == shard.takes));
}

struct Shard {
    rules: Rules,
    stage: Arc<Stage>,
    cell: Cell,
    work: u64,
    /// A stand-in for the inbound ring: the number of messages pushed. Relaxed, because the verdict must not rely on
    /// the ordering of the rings.
    inbox: Arc<AtomicUsize>,
    next: Arc<AtomicUsize>,
    in_flight: StdArc<GhostCounter>,
    takes: usize,
    passes_on: usize,
    taken: usize,
    sends_first: bool,
}

impl Shard {
    fn turn(&mut self) {
        let seen = self.stage.current();
        let sends = usize::from(std::mem::take(&mut self.sends_first));
        // A shard that has received all its messages need not look: it would find nothing, and add states.
        let found = match self.taken < self.takes {
            true => self.inbox.load(Relaxed) - self.taken,
            false => 0,
        };
        let answers = found.min(self.passes_on);
        self.passes_on -= answers;
        self.taken += found;
        self.in_flight.fetch_add((sends + answers) as i64, Relaxed);
        if sends + answers > 0 {
            let pushed = self.next.load(Relaxed);
            self.next.store(pushed + sends + answers, Relaxed);
        }
        self.in_flight.fetch_sub(found as i64, Relaxed);
        let counted = match self.rules {
            Rules::SendsUncounted => found,
            _ => found + sends,
        };
        self.work += u64::from(counted > 0);
        self.cell.publish(self.work, seen);
    }
}

/// A stand-in for the progress cell, in one word. It has the properties that the models of the seqlock and of its
/// publications prove, at a fraction of the states: with two real cells this exchange takes minutes.
#[derive(Clone)]
struct Cell(Arc<AtomicU64>);

impl Cell {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(0)))
    }

    fn publish(&self, work: u64, stage_reached: u32) {
        self.0.store(work << 32 | u64::from(stage_reached), Release);
    }

    fn sample(&self) -> Progress {
        let word = self.0.load(Acquire);
        Progress { work: word >> 32, stage_reached: word as u32, ..Progress::default() }
    }
}
