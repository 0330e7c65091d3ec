//! Risk, matching and reports in one process on one CPU, without sockets: commands at times fixed beforehand, and as
//! many as go.
//!
//! | module | what |
//! |---|---|
//! | [`commands`] | the seeded stream: orders that rest, orders that trade, cancels |
//! | [`group`] | ours: order, risk and matching on their shard, turn by turn, with or without the sequencer |
//! | [`matching`] | ours: matching alone, which is what the published crates do |
//!
//! The published crates that take the same commands are in `peers::matching`, with the cargo feature `peers`.

pub mod commands;
pub mod group;
pub mod matching;

use std::{hint::spin_loop, ops::Range, thread, time::Duration};

use core_affinity::CoreId;
use hdrhistogram::Histogram;

pub use self::commands::{Commands, Op, Totals};
use crate::round_trip_histogram;

/// Name of the thread that executes.
pub const THREAD: &str = "engine";
/// Commands that are given at once when the engine is behind.
const BATCH: usize = 64;

/// Executes commands.
pub trait Engine {
    /// Executes these of `commands`, in order. Calls `done` with the places of commands, in their order, when the first
    /// answer of each is there; an engine may keep some for its next call.
    fn execute(&mut self, commands: &Commands, places: Range<usize>, done: &mut impl FnMut(Range<usize>));

    /// Finishes what it has begun, and tells what came of everything.
    fn finish(&mut self, done: &mut impl FnMut(Range<usize>)) -> Totals;
}

/// Results of one round.
#[derive(Debug)]
pub struct Round {
    /// Times from a command's intended time to its first answer, in nanoseconds.
    pub latency: Histogram<u64>,
    /// Commands per second.
    pub per_s: f64,
    /// Results of the commands.
    pub totals: Totals,
}

/// Executes `commands` on `cpu`: first those that fill the books, as fast as it goes and without being measured, then the
/// others at `rate_per_s`, or all due at once if it is infinite.
///
/// # Panics
/// If the thread cannot be pinned, or a command stays without answer.
pub fn run<E: Engine>(engine: impl FnOnce() -> E + Send, cpu: usize, commands: &Commands, rate_per_s: f64) -> Round {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name(THREAD.to_owned()).spawn_scoped(scope, move || {
            assert!(core_affinity::set_for_current(CoreId { id: cpu }), "pinning to an allowed CPU");
            on_this_thread(engine(), commands, rate_per_s)
        });
        thread.expect("the system starts a thread").join().expect("the engine panicked")
    })
}

fn on_this_thread<E: Engine>(mut engine: E, commands: &Commands, rate_per_s: f64) -> Round {
    let (opening, all) = (commands.opening(), commands.len());
    let mut answered = 0;
    for first in (0..opening).step_by(BATCH) {
        engine.execute(commands, first..(first + BATCH).min(opening), &mut |places| answered += places.len());
    }
    let clock = quanta::Clock::new();
    let interval_ns = 1e9 / rate_per_s;
    let mut latency = round_trip_histogram();
    let start = clock.raw();
    let now_ns = || clock.delta_as_nanos(start, clock.raw());
    let due_ns = |place: usize| ((place - opening) as f64 * interval_ns) as u64;
    let mut done = |places: Range<usize>| {
        answered += places.len();
        // What is said to be done at once is done at one time.
        let now_ns = now_ns();
        for place in places.start.max(opening)..places.end {
            latency.saturating_record(now_ns.saturating_sub(due_ns(place)).max(1));
        }
    };
    let mut next = opening;
    while next < all {
        let now_ns = now_ns();
        let mut end = next;
        while end < all && end - next < BATCH && due_ns(end) <= now_ns {
            end += 1;
        }
        if end == next {
            spin_loop();
        } else {
            engine.execute(commands, next..end, &mut done);
            next = end;
        }
    }
    let totals = engine.finish(&mut done);
    let per_s = (all - opening) as f64 / Duration::from_nanos(now_ns()).as_secs_f64();
    assert_eq!(answered, all, "every command has an answer");
    Round { latency, per_s, totals }
}

/// The baseline: answers every command at once, so that only the measuring takes time.
#[derive(Debug, Default)]
pub struct Nothing;

impl Engine for Nothing {
    fn execute(&mut self, _: &Commands, places: Range<usize>, done: &mut impl FnMut(Range<usize>)) {
        done(places);
    }

    fn finish(&mut self, _: &mut impl FnMut(Range<usize>)) -> Totals {
        Totals::default()
    }
}
