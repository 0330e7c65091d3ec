//! The primitives on real threads, and the behaviour that needs only one thread. The models in `tests/loom` prove more,
//! about smaller cases.

#![cfg(not(corelane_loom))]

use corelane_sync::conflate::conflated;
use corelane_sync::seqlock::seqlock;
use corelane_sync::stage::{Progress, ProgressReader, ProgressWriter, Round, Stage, Verdict, progress};
use corelane_sync::trail::trail;
use corelane_sync::wake::{WakeFlag, producer_fence};
use std::array;
use std::ops::Range;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A wait this long means that a wake-up was lost.
const LOST_AFTER: Duration = Duration::from_secs(20);

#[test]
fn a_sleeping_consumer_is_woken_for_every_message_of_two_producers() {
    const MESSAGES: u64 = 5_000;
    let flag = WakeFlag::new();
    // Stand-ins for the rings: the number of messages pushed to each. Relaxed, because the flag must not rely on their
    // ordering.
    let rings = [AtomicU64::new(0), AtomicU64::new(0)];
    let handled = AtomicU64::new(0);
    let consumer = thread::current();

    thread::scope(|scope| {
        for ring in &rings {
            let (flag, consumer, handled) = (&flag, &consumer, &handled);
            scope.spawn(move || {
                for message in 1..=MESSAGES {
                    ring.store(message, Relaxed);
                    producer_fence();
                    if flag.take_wake() {
                        consumer.unpark();
                    }
                    // Let the consumer run dry, so that it sleeps again.
                    while handled.load(Relaxed) < message {
                        thread::yield_now();
                    }
                }
            });
        }

        let pushed = || rings.iter().map(|ring| ring.load(Relaxed)).sum::<u64>();
        let mut received = 0;
        while received < 2 * MESSAGES {
            flag.announce();
            if pushed() == received {
                let asleep = Instant::now();
                thread::park_timeout(LOST_AFTER);
                assert!(asleep.elapsed() < LOST_AFTER, "a wake-up was lost");
            }
            flag.retract();
            received = pushed();
            handled.store(received, Relaxed);
        }
    });
}

#[test]
fn a_wake_is_taken_once_and_only_while_announced() {
    let flag = WakeFlag::new();
    assert!(!flag.take_wake(), "awake");
    flag.announce();
    assert!(!flag.retract(), "nobody took the wake");
    assert!(!flag.take_wake(), "awake again");
    flag.announce();
    assert!(flag.take_wake());
    assert!(!flag.take_wake(), "taken already");
    assert!(flag.retract(), "the wake was taken");
}

#[test]
fn a_seqlock_is_read_whole_and_never_goes_back() {
    const WRITES: u64 = 20_000;
    let words = |write: u64| array::from_fn::<u64, 5, _>(|word| write.rotate_left(word as u32 * 13));
    let (mut writer, reader) = seqlock(words(0));
    thread::scope(|scope| {
        for reader in [reader.clone(), reader] {
            scope.spawn(move || {
                let mut seen = 0;
                while seen < WRITES {
                    let read = reader.try_read().unwrap_or_else(|| reader.read());
                    assert_eq!(read, words(read[0]), "a torn read");
                    assert!(read[0] >= seen, "back from {seen} to {}", read[0]);
                    seen = read[0];
                }
            });
        }
        for write in 1..=WRITES {
            writer.write(words(write));
        }
    });
}

#[test]
fn a_stage_only_moves_forward() {
    let stage = Stage::new(1);
    for (order, advanced, current) in [(1, false, 1), (3, true, 3), (2, false, 3), (3, false, 3), (4, true, 4)] {
        assert_eq!(stage.advance_to(order), advanced, "to {order}");
        assert_eq!(stage.current(), current, "after {order}");
    }
}

#[test]
fn progress_counts_from_the_start_and_appears_when_published() {
    let (mut shard, reader) = progress();
    shard.count_work();
    shard.reach(4);
    shard.reach(3);
    assert_eq!(reader.sample(), Progress::default(), "not published yet");
    shard.publish();
    shard.count_work();
    shard.publish();
    let expected = Progress { work: 2, stage_reached: 4, heartbeat: 2, is_asleep: false };
    assert_eq!(reader.sample(), expected);
    shard.publish_asleep();
    assert_eq!(reader.sample(), Progress { heartbeat: 3, is_asleep: true, ..expected });
    shard.reach(u32::MAX);
    shard.publish();
    assert_eq!(reader.sample(), Progress { heartbeat: 4, stage_reached: u32::MAX, ..expected });
}

#[test]
fn rest_needs_a_whole_turn_of_every_shard_and_no_work_since_the_note() {
    use Verdict::{AtRest, Busy, Pending};
    // Two shards have published 5 and 3 turns of work when the round of stage 7 begins.
    const STAGE: u32 = 7;
    const NOTED: [u64; 2] = [5, 3];
    // What is judged, as (work, stage reached) of each.
    let cases = [
        ("nothing yet", [(5, 6), (3, 6)], Pending),
        ("one is still to come", [(5, 7), (3, 6)], Pending),
        ("one is still to come, the other worked", [(6, 7), (3, 6)], Pending),
        ("one worked before its turn in the round", [(6, 6), (3, 7)], Pending),
        ("the first worked", [(6, 7), (3, 7)], Busy),
        ("the second worked", [(5, 7), (4, 7)], Busy),
        ("both worked", [(9, 7), (9, 7)], Busy),
        ("no work", [(5, 7), (3, 7)], AtRest),
        ("no work, and one is further", [(5, 8), (3, 7)], AtRest),
    ];
    let sample = |(work, stage_reached)| Progress { work, stage_reached, heartbeat: 1, is_asleep: false };
    for (case, samples, expected) in cases {
        let round = Round::begin(STAGE, NOTED.map(|work| sample((work, 1))));
        assert_eq!(round.judge(samples.map(sample)), expected, "{case}");
    }
}

#[test]
fn a_round_refuses_to_judge_other_shards_than_it_noted() {
    for judged in [1, 3] {
        let round = Round::begin(1, [Progress::default(); 2]);
        let refused = std::panic::catch_unwind(|| round.judge(vec![Progress::default(); judged]));
        assert!(refused.is_err(), "{judged} judged of 2 noted");
    }
}

#[test]
fn shards_that_exchange_messages_are_drained_before_rest() {
    const DRAINING: u32 = 1;
    const STOPPED: u32 = u32::MAX;
    const DRAINS: usize = 50;
    for _ in 0..DRAINS {
        let stage = Stage::new(0);
        let in_flight = AtomicU64::new(0);
        let (to_a, from_b) = channel();
        let (to_b, from_a) = channel();
        let (shard_a, progress_a) = Shard::new(to_b, from_b);
        let (shard_b, progress_b) = Shard::new(to_a, from_a);
        thread::scope(|scope| {
            let threads =
                [shard_a, shard_b].map(|shard| scope.spawn(|| shard.run(&stage, DRAINING..STOPPED, &in_flight)));
            let cells = [progress_b, progress_a];
            let samples = || cells.iter().map(ProgressReader::sample);
            for number in DRAINING.. {
                let round = Round::begin(number, samples());
                stage.advance_to(number);
                while round.judge(samples()) == Verdict::Pending {
                    thread::yield_now();
                }
                if round.judge(samples()) == Verdict::AtRest {
                    break;
                }
            }
            let left = in_flight.load(Acquire);
            let at_rest: Vec<u64> = samples().map(|progress| progress.work).collect();
            stage.advance_to(STOPPED);
            for thread in threads {
                assert_eq!(thread.join().unwrap(), 0, "a message came after rest");
            }
            assert_eq!(left, 0, "at rest with a message in flight");
            let stopped: Vec<u64> = samples().map(|progress| progress.work).collect();
            assert_eq!(stopped, at_rest);
        });
    }
}

/// A shard that sends until the draining stage, and passes each message on until the message's hops are used up.
struct Shard {
    progress: ProgressWriter,
    peer: Sender<u32>,
    inbox: Receiver<u32>,
}

impl Shard {
    const HOPS: u32 = 20;
    /// The number of turns between two publications before draining.
    const TURNS_PER_PUBLICATION: u32 = 8;

    fn new(peer: Sender<u32>, inbox: Receiver<u32>) -> (Self, ProgressReader) {
        let (progress, reader) = progress();
        let shard = Self { progress, peer, inbox };
        (shard, reader)
    }

    /// Runs until the stage after `draining`, and returns the messages that are left over.
    fn run(mut self, stage: &Stage, draining: Range<u32>, in_flight: &AtomicU64) -> usize {
        for turn in 0u32.. {
            let seen = stage.current();
            if seen >= draining.end {
                break;
            }
            let taken: Vec<u32> = self.inbox.try_iter().take(4).collect();
            let mut answers: Vec<u32> = taken.iter().map(|hops| hops - 1).collect();
            answers.retain(|&hops| hops > 0);
            if seen < draining.start {
                answers.push(Self::HOPS);
            }
            in_flight.fetch_add(answers.len() as u64, Release);
            in_flight.fetch_sub(taken.len() as u64, Release);
            if taken.len() + answers.len() > 0 {
                self.progress.count_work();
            }
            for message in answers {
                self.peer.send(message).expect("the peer stops only at rest");
            }
            if seen >= draining.start || turn % Self::TURNS_PER_PUBLICATION == 0 {
                self.progress.reach(seen);
                self.progress.publish();
            }
            thread::yield_now();
        }
        self.inbox.try_iter().count()
    }
}

#[test]
fn shared_words_are_alone_on_their_pair_of_cache_lines() {
    assert_eq!((align_of::<WakeFlag>(), size_of::<WakeFlag>()), (128, 128));
    assert_eq!((align_of::<Stage>(), size_of::<Stage>()), (128, 128));
}

#[test]
fn conflated_values_of_many_keys_arrive_whole_and_the_last_of_each_always() {
    const KEYS: usize = 5_000;
    const WRITES: usize = 300_000;
    let (mut writer, mut reader) = conflated(KEYS, 12);
    // Every key is written, some far more often than others.
    let key_of = |write: usize| if write.is_multiple_of(3) { write / 3 % KEYS } else { write * 7 % 11 * 450 };
    let writing = thread::spawn(move || {
        for write in 0..WRITES {
            writer.write(key_of(write), &[write as u64 + 1; 12]);
        }
    });
    let mut newest = vec![0; KEYS];
    let (mut words, mut reads) = ([0; 12], 0);
    loop {
        let is_last = writing.is_finished();
        while let Some(key) = reader.take(&mut words) {
            assert!(words.iter().all(|&word| word == words[0]), "a torn read");
            assert!(words[0] > newest[key], "key {key} goes back or is read twice");
            newest[key] = words[0];
            reads += 1;
        }
        if is_last {
            break;
        }
    }
    for write in (0..WRITES).rev().take(3 * KEYS) {
        assert!(newest[key_of(write)] > write as u64, "the last value of key {} was not read", key_of(write));
    }
    writing.join().unwrap();
    assert_eq!(reads + reader.overwritten() as usize, WRITES, "a value is read or counts as hidden");
    assert!(reader.is_empty());
}

#[test]
fn conflated_keys_take_turns_and_are_counted() {
    let (mut writer, mut reader) = conflated(4_200, 1);
    for key in [4_199, 3, 70, 64] {
        writer.write(key, &[key as u64]);
    }
    writer.write(3, &[33]);
    assert_eq!(reader.len(), 4);
    let mut word = [0];
    let mut order = Vec::new();
    while let Some(key) = reader.take(&mut word) {
        order.push((key, word[0]));
        assert_eq!(reader.len(), 4 - order.len());
    }
    order.sort_unstable();
    assert_eq!(order, [(3, 33), (64, 64), (70, 70), (4_199, 4_199)]);
    assert_eq!(reader.overwritten(), 1);
}

#[test]
fn a_reader_of_a_trail_that_is_written_gets_whole_records_in_order() {
    const RECORDS: u64 = 200_000;
    let (mut writer, reader) = trail(8);
    thread::scope(|scope| {
        scope.spawn(move || (1..=RECORDS).for_each(|number| writer.push([number, number, !number])));
        let (mut records, mut last) = ([[0; 3]; 8], 0);
        while last < RECORDS {
            let read = reader.read(&mut records);
            let Some(&[newest, ..]) = read.last() else { continue };
            for (at, &[first, second, third]) in read.iter().enumerate() {
                let number = newest + 1 - read.len() as u64 + at as u64;
                assert_eq!([first, second, third], [number, number, !number]);
            }
            assert!(newest >= last, "{newest} after {last}");
            last = newest;
        }
    });
    let mut records = [[0; 3]; 8];
    assert_eq!(reader.read(&mut records).len(), 7);
}
