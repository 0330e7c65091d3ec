//! The primitives on real threads, and what needs no second thread. The models in `tests/loom` prove more, of
//! smaller cases.

#![cfg(not(corelane_loom))]

use corelane_sync::seqlock::seqlock;
use corelane_sync::stage::{Progress, ProgressReader, ProgressWriter, Quiescence, Stage, progress};
use corelane_sync::wake::{WakeFlag, producer_fence};
use corelane_sync::watermark::{WatermarkReader, WatermarkWriter, watermark};
use std::array;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A wait that takes this long has lost its wake-up.
const LOST_AFTER: Duration = Duration::from_secs(20);

#[test]
fn a_sleeping_consumer_is_woken_for_every_message_of_two_producers() {
    const MESSAGES: u64 = 5_000;
    let flag = WakeFlag::new();
    let (writers, rings): (Vec<WatermarkWriter>, Vec<WatermarkReader>) =
        (0..2).map(|_| watermark()).unzip();
    let (mut handled, acknowledged) = watermark();
    let consumer = thread::current();

    thread::scope(|scope| {
        for mut ring in writers {
            let (flag, consumer, acknowledged) = (&flag, &consumer, acknowledged.clone());
            scope.spawn(move || {
                for message in 1..=MESSAGES {
                    ring.publish(message);
                    producer_fence();
                    if flag.take_wake() {
                        consumer.unpark();
                    }
                    // Let the consumer run dry, so that it sleeps again.
                    while acknowledged.get() < message {
                        thread::yield_now();
                    }
                }
            });
        }

        let pushed = || rings.iter().map(WatermarkReader::get).sum::<u64>();
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
            handled.publish(received);
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
fn a_watermark_brings_all_work_below_it() {
    const POSITIONS: u64 = 20_000;
    let work: Vec<AtomicU64> = (0..=POSITIONS).map(|_| AtomicU64::new(0)).collect();
    let (mut writer, reader) = watermark();
    thread::scope(|scope| {
        for reader in [reader.clone(), reader] {
            let work = &work;
            scope.spawn(move || {
                let mut seen = 0;
                while seen < POSITIONS {
                    let position = reader.get();
                    assert!(position >= seen, "back from {seen} to {position}");
                    assert_eq!(work[position as usize].load(Relaxed), position);
                    seen = position;
                }
            });
        }
        for position in 1..=POSITIONS {
            work[position as usize].store(position, Relaxed);
            writer.publish(position);
        }
    });
    assert_eq!(writer.published(), POSITIONS);
}

#[test]
#[should_panic(expected = "position 4 is below the published 5")]
fn a_watermark_refuses_to_go_back() {
    let (mut writer, _reader) = watermark();
    writer.publish(5);
    writer.publish(5);
    writer.publish(4);
}

#[test]
fn a_seqlock_is_read_whole_and_never_goes_back() {
    const WRITES: u64 = 20_000;
    let words =
        |write: u64| array::from_fn::<u64, 5, _>(|word| write.rotate_left(word as u32 * 13));
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
    for (order, advanced, current) in [
        (1, false, 1),
        (3, true, 3),
        (2, false, 3),
        (3, false, 3),
        (4, true, 4),
    ] {
        assert_eq!(stage.advance_to(order), advanced, "to {order}");
        assert_eq!(stage.current(), current, "after {order}");
    }
}

#[test]
fn progress_counts_from_the_start_and_appears_when_published() {
    let (mut shard, reader) = progress();
    shard.count_sent(2);
    shard.count_received(1);
    shard.reach(4);
    shard.reach(3);
    assert_eq!(reader.sample(), Progress::default(), "not published yet");
    shard.publish();
    shard.count_sent(1);
    shard.publish();
    let expected = Progress {
        sent: 3,
        received: 1,
        stage_reached: 4,
        heartbeat: 2,
    };
    assert_eq!(reader.sample(), expected);
}

#[test]
fn quiescence_needs_the_stage_the_balance_and_a_second_pass() {
    // Each pass: (sent, received, stage reached) of two shards, and whether it ends in quiescence of stage 2.
    type Pass = ([(u64, u64, u32); 2], bool);
    let at_rest: Pass = ([(5, 3, 2), (1, 3, 2)], true);
    let seen_once: Pass = (at_rest.0, false);
    let cases: [(&str, &[Pass]); 6] = [
        ("two equal passes", &[seen_once, at_rest, at_rest]),
        (
            "a later stage counts",
            &[
                ([(0, 0, 3), (0, 0, 2)], false),
                ([(0, 0, 3), (0, 0, 3)], true),
            ],
        ),
        (
            "one shard has not reached the stage",
            &[([(5, 3, 2), (1, 3, 1)], false), seen_once, at_rest],
        ),
        ("a message in flight", &[([(5, 3, 2), (1, 2, 2)], false); 3]),
        (
            "traffic between the passes",
            &[
                seen_once,
                ([(6, 3, 2), (1, 4, 2)], false),
                ([(6, 3, 2), (1, 4, 2)], true),
            ],
        ),
        (
            "a disturbed pass starts anew",
            &[seen_once, ([(6, 3, 2), (1, 3, 2)], false), seen_once],
        ),
    ];
    for (case, passes) in cases {
        let mut quiescence = Quiescence::new(2);
        for (number, (shards, expected)) in passes.iter().enumerate() {
            let samples = shards.map(|(sent, received, stage_reached)| Progress {
                sent,
                received,
                stage_reached,
                heartbeat: number as u64,
            });
            assert_eq!(
                quiescence.observe(samples),
                *expected,
                "{case}, pass {number}"
            );
        }
    }
}

#[test]
fn shards_that_exchange_messages_are_drained_before_quiescence() {
    const DRAINING: u32 = 1;
    const ROUNDS: usize = 50;
    for _ in 0..ROUNDS {
        let stage = Stage::new(0);
        let (to_a, from_b) = channel();
        let (to_b, from_a) = channel();
        let (shard_a, progress_a) = Shard::new(to_b, from_b);
        let (shard_b, progress_b) = Shard::new(to_a, from_a);
        thread::scope(|scope| {
            let threads =
                [shard_a, shard_b].map(|shard| scope.spawn(|| shard.run(&stage, DRAINING)));
            stage.advance_to(DRAINING);
            let cells = [progress_b, progress_a];
            let mut quiescence = Quiescence::new(DRAINING);
            while !quiescence.observe(cells.iter().map(ProgressReader::sample)) {
                thread::yield_now();
            }
            let at_rest = cells.each_ref().map(ProgressReader::sample);
            stage.advance_to(DRAINING + 1);
            for thread in threads {
                assert_eq!(
                    thread.join().unwrap(),
                    0,
                    "a message arrived after quiescence"
                );
            }
            for (cell, then) in cells.iter().zip(at_rest) {
                let now = cell.sample();
                assert_eq!((now.sent, now.received), (then.sent, then.received));
            }
        });
    }
}

/// Sends until told to drain; passes on each message it gets until the message's hops are used up.
struct Shard {
    progress: ProgressWriter,
    peer: Sender<u32>,
    inbox: Receiver<u32>,
}

impl Shard {
    const HOPS: u32 = 20;

    fn new(peer: Sender<u32>, inbox: Receiver<u32>) -> (Self, ProgressReader) {
        let (progress, reader) = progress();
        (
            Self {
                progress,
                peer,
                inbox,
            },
            reader,
        )
    }

    /// Runs until the stage after `draining`; returns the messages left over.
    fn run(mut self, stage: &Stage, draining: u32) -> usize {
        loop {
            let current = stage.current();
            if current > draining {
                return self.inbox.try_iter().count();
            }
            let mut staged: Vec<u32> = self.inbox.try_iter().take(4).collect();
            self.progress.count_received(staged.len() as u64);
            staged.retain_mut(|hops| {
                *hops -= 1;
                *hops > 0
            });
            if current < draining {
                staged.push(Self::HOPS);
            }
            self.progress.count_sent(staged.len() as u64);
            self.progress.reach(current);
            self.progress.publish();
            for message in staged {
                self.peer
                    .send(message)
                    .expect("the peer stops only after quiescence");
            }
            thread::yield_now();
        }
    }
}

#[test]
fn shared_words_are_alone_on_their_pair_of_cache_lines() {
    assert_eq!((align_of::<WakeFlag>(), size_of::<WakeFlag>()), (128, 128));
    assert_eq!((align_of::<Stage>(), size_of::<Stage>()), (128, 128));
}
