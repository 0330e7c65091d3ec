use crate::{bounded, exhaustive};
use corelane_sync::wake::{WakeFlag, producer_fence};
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

#[test]
fn a_message_is_either_seen_or_signalled() {
    exhaustive(|| push_while_announcing(Look::AfterAnnouncing));
}

#[test]
#[should_panic(expected = "neither seen nor signalled")]
fn a_look_before_announcing_is_not_enough() {
    exhaustive(|| push_while_announcing(Look::BeforeAnnouncing));
}

#[test]
fn one_message_wakes_the_consumer() {
    exhaustive(|| deliver(1, 1));
}

#[test]
fn each_of_two_duty_cycles_wakes_the_consumer() {
    bounded(3, || deliver(1, 2));
}

#[test]
fn neither_of_two_producers_loses_its_wake_up() {
    bounded(3, || deliver(2, 1));
}

#[test]
fn exactly_one_of_two_producers_takes_an_announced_wake() {
    exhaustive(|| {
        let flag = Arc::new(WakeFlag::new());
        flag.announce();
        let other = Arc::clone(&flag);
        let producer = thread::spawn(move || {
            producer_fence();
            other.take_wake()
        });
        producer_fence();
        let here = flag.take_wake();
        let there = producer.join().unwrap();
        assert!(here ^ there, "taken here: {here}, there: {there}");
    });
}

#[test]
fn what_the_waking_producer_pushed_is_visible_after_retract() {
    exhaustive(|| {
        let flag = Arc::new(WakeFlag::new());
        let pushed = Arc::new(AtomicBool::new(false));
        flag.announce();

        let (waker, push) = (Arc::clone(&flag), Arc::clone(&pushed));
        let producer = thread::spawn(move || {
            push.store(true, Relaxed);
            producer_fence();
            waker.take_wake()
        });
        let woken = flag.retract();
        assert!(!woken || pushed.load(Relaxed), "woken, but nothing there");
        assert_eq!(producer.join().unwrap(), woken);
    });
}

#[derive(Clone, Copy)]
enum Look {
    BeforeAnnouncing,
    AfterAnnouncing,
}

/// The core of the protocol: one push, one announcement, and the check that decides whether to sleep.
fn push_while_announcing(look: Look) {
    let flag = Arc::new(WakeFlag::new());
    let pushed = Arc::new(AtomicBool::new(false));
    let (waker, push) = (Arc::clone(&flag), Arc::clone(&pushed));
    let producer = thread::spawn(move || {
        push.store(true, Relaxed);
        producer_fence();
        waker.take_wake()
    });
    let seen = match look {
        Look::BeforeAnnouncing => {
            let seen = pushed.load(Relaxed);
            flag.announce();
            seen
        }
        Look::AfterAnnouncing => {
            flag.announce();
            pushed.load(Relaxed)
        }
    };
    let signalled = producer.join().unwrap();
    assert!(seen || signalled, "neither seen nor signalled");
}

/// `producers` push `messages` each, one per duty cycle. The consumer sleeps whenever it finds nothing, and ends when
/// it has received all of them.
fn deliver(producers: usize, messages: usize) {
    let inbox = Arc::new(Inbox {
        flag: WakeFlag::new(),
        rings: (0..producers).map(|_| AtomicUsize::new(0)).collect(),
        descriptor: Descriptor::default(),
    });
    let threads: Vec<_> = (0..producers)
        .map(|ring| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || {
                for pushed in 1..=messages {
                    inbox.rings[ring].store(pushed, Relaxed);
                    producer_fence();
                    if inbox.flag.take_wake() {
                        inbox.descriptor.signal();
                    }
                }
            })
        })
        .collect();

    let mut received = 0;
    while received < producers * messages {
        inbox.flag.announce();
        if inbox.pushed() == received {
            inbox.descriptor.wait();
        }
        inbox.flag.retract();
        received = inbox.pushed();
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

struct Inbox {
    flag: WakeFlag,
    /// A stand-in for each producer's ring: the number of messages pushed. Relaxed, because the protocol must not rely
    /// on the ordering of the rings.
    rings: Vec<AtomicUsize>,
    descriptor: Descriptor,
}

impl Inbox {
    fn pushed(&self) -> usize {
        self.rings.iter().map(|ring| ring.load(Relaxed)).sum()
    }
}

/// A stand-in for the eventfd: a signal persists until somebody waits for it.
#[derive(Default)]
struct Descriptor {
    signalled: Mutex<bool>,
    changed: Condvar,
}

impl Descriptor {
    fn signal(&self) {
        *self.signalled.lock().unwrap() = true;
        self.changed.notify_one();
    }

    fn wait(&self) {
        let mut signalled = self.signalled.lock().unwrap();
        while !*signalled {
            signalled = self.changed.wait(signalled).unwrap();
        }
        *signalled = false;
    }
}
