use crate::{bounded, exhaustive};
use corelane_sync::stage::{Progress, ProgressReader, Quiescence, Stage, progress};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, AtomicUsize, Ordering::*};
use loom::thread;
use std::sync::atomic::AtomicI64 as GhostCounter;

#[test]
fn a_stage_brings_what_was_prepared_for_it() {
    exhaustive(|| {
        let stage = Arc::new(Stage::new(0));
        let prepared = Arc::new(AtomicU64::new(0));

        let (order, prepare) = (Arc::clone(&stage), Arc::clone(&prepared));
        let coordinator = thread::spawn(move || {
            prepare.store(1, Relaxed);
            assert!(order.advance_to(1));
        });
        if stage.current() == 1 {
            assert_eq!(prepared.load(Relaxed), 1);
        }
        coordinator.join().unwrap();
    });
}

#[test]
fn of_two_coordinators_the_later_stage_wins() {
    exhaustive(|| {
        let stage = Arc::new(Stage::new(0));
        let coordinators: Vec<_> = [1, 2]
            .map(|to| {
                let stage = Arc::clone(&stage);
                thread::spawn(move || stage.advance_to(to))
            })
            .into();
        let first = stage.current();
        assert!(stage.current() >= first, "the stage went back");
        let advanced: Vec<_> = coordinators
            .into_iter()
            .map(|c| c.join().unwrap())
            .collect();
        assert!(advanced[1], "nothing was later than stage 2");
        assert_eq!(stage.current(), 2);
    });
}

#[test]
fn progress_is_published_as_a_whole() {
    bounded(3, || {
        let (mut writer, reader) = progress();
        let shard = thread::spawn(move || {
            writer.count_received(1);
            writer.count_sent(2);
            writer.reach(3);
            writer.publish();
        });
        let published = Progress {
            sent: 2,
            received: 1,
            stage_reached: 3,
            heartbeat: 1,
        };
        let sample = reader.sample();
        assert!(
            sample == Progress::default() || sample == published,
            "{sample:?}"
        );
        shard.join().unwrap();
        assert_eq!(reader.sample(), published);
    });
}

#[test]
fn quiescence_is_never_reported_while_a_message_is_in_flight() {
    bounded(3, || exchange(Publish::BeforePush, Decide::Quiescence));
}

#[test]
#[should_panic(expected = "in flight")]
fn one_pass_alone_would_report_quiescence_too_early() {
    bounded(3, || exchange(Publish::BeforePush, Decide::OnePass));
}

#[test]
#[should_panic(expected = "in flight")]
fn publishing_after_the_push_would_report_quiescence_too_early() {
    bounded(3, || exchange(Publish::AfterPush, Decide::Quiescence));
}

#[test]
fn quiescence_of_published_progress_waits_for_the_message_in_flight() {
    const DRAINING: u32 = 1;
    bounded(2, || {
        let (mut a, a_progress) = progress();
        let (mut b, b_progress) = progress();
        let to_b = Arc::new(AtomicUsize::new(0));
        let handled = std::sync::Arc::new(GhostCounter::new(0));

        let pushed = Arc::clone(&to_b);
        let a_thread = thread::spawn(move || {
            a.count_sent(1);
            a.reach(DRAINING);
            a.publish();
            pushed.store(1, Release);
        });
        let handling = handled.clone();
        let b_thread = thread::spawn(move || {
            while to_b.load(Acquire) == 0 {
                thread::yield_now();
            }
            handling.fetch_add(1, Relaxed);
            b.count_received(1);
            b.reach(DRAINING);
            b.publish();
        });

        let cells = [b_progress, a_progress];
        let mut quiescence = Quiescence::new(DRAINING);
        for _pass in 0..2 {
            if quiescence.observe(cells.iter().map(ProgressReader::sample)) {
                assert_eq!(
                    handled.load(Relaxed),
                    1,
                    "quiescent with a message in flight"
                );
            }
        }
        a_thread.join().unwrap();
        b_thread.join().unwrap();
    });
}

#[derive(Clone, Copy, PartialEq)]
enum Publish {
    BeforePush,
    AfterPush,
}

#[derive(Clone, Copy)]
enum Decide {
    Quiescence,
    OnePass,
}

/// Shard A has sent one message to shard B, which answers with two, while the coordinator takes two passes.
fn exchange(publish: Publish, decide: Decide) {
    let a = Shard::new(Progress {
        sent: 1,
        ..Progress::default()
    });
    let b = Shard::new(Progress::default());
    let to_a = Arc::new(AtomicUsize::new(0));
    // Messages sent and not yet handled. No part of the model: loom runs one thread at a time, so that this
    // tells the truth at every moment.
    let in_flight = std::sync::Arc::new(GhostCounter::new(1));

    let b_thread = {
        let (b, to_a, in_flight) = (b.clone(), Arc::clone(&to_a), in_flight.clone());
        thread::spawn(move || {
            let (received, sent) = (1, 2);
            in_flight.fetch_add(sent as i64 - received, Relaxed);
            if publish == Publish::BeforePush {
                b.publish(sent, 1);
            }
            to_a.store(1, Release);
            to_a.store(2, Release);
            if publish == Publish::AfterPush {
                b.publish(sent, 1);
            }
        })
    };
    let a_thread = {
        let (a, to_a, in_flight) = (a.clone(), Arc::clone(&to_a), in_flight.clone());
        thread::spawn(move || {
            for message in 1..=2 {
                while to_a.load(Acquire) < message {
                    thread::yield_now();
                }
                in_flight.fetch_sub(1, Relaxed);
                a.publish(1, message as u64);
            }
        })
    };

    // B before A: the order in which a single pass is fooled.
    let shards = [b, a];
    let mut quiescence = Quiescence::new(0);
    for _pass in 0..2 {
        let samples = shards.iter().map(Shard::sample);
        let quiescent = match decide {
            Decide::Quiescence => quiescence.observe(samples),
            Decide::OnePass => {
                let samples: Vec<_> = samples.collect();
                samples.iter().map(|s| s.sent).sum::<u64>()
                    == samples.iter().map(|s| s.received).sum()
            }
        };
        if quiescent {
            assert_eq!(
                in_flight.load(Relaxed),
                0,
                "quiescent with a message in flight"
            );
        }
    }
    a_thread.join().unwrap();
    b_thread.join().unwrap();
    let mut rested = || quiescence.observe(shards.iter().map(Shard::sample));
    rested();
    assert!(rested(), "at rest, and not seen to be");
}

/// A stand-in for the progress cell, in one word: what the seqlock's models prove, at a fraction of the states
/// (with two real cells this exchange exceeds loom's limits at a bound of 3).
#[derive(Clone)]
struct Shard(Arc<AtomicU64>);

impl Shard {
    fn new(progress: Progress) -> Self {
        let shard = Self(Arc::new(AtomicU64::new(0)));
        shard.publish(progress.sent, progress.received);
        shard
    }

    fn publish(&self, sent: u64, received: u64) {
        self.0.store(sent << 32 | received, Release);
    }

    fn sample(&self) -> Progress {
        let word = self.0.load(Acquire);
        Progress {
            sent: word >> 32,
            received: word & u64::from(u32::MAX),
            ..Progress::default()
        }
    }
}
