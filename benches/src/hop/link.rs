//! Messages between two threads that spin: both look again until there is a message, or room.

use std::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use corelane_runtime::message::{Envelope, Header};
use hdrhistogram::Histogram;

use super::ball::{Ball, on_two_cpus};
use crate::round_trip_histogram;

/// A ring or a channel in one direction.
pub trait Link {
    /// The end that sends.
    type Sender: Send;
    /// The end that receives.
    type Receiver: Send;

    /// Both ends of an empty one.
    fn new() -> (Self::Sender, Self::Receiver);

    /// Sends, unless there is no room; tells whether it has.
    fn try_send(sender: &mut Self::Sender, message: Envelope<Ball>) -> bool;

    /// Hands what has come to `each`, in the number that it gives at once; returns how many.
    fn try_receive(receiver: &mut Self::Receiver, each: impl FnMut(Envelope<Ball>)) -> u64;
}

/// Sends as soon as there is room.
#[inline]
fn send<L: Link>(sender: &mut L::Sender, message: Envelope<Ball>) {
    while !L::try_send(sender, message) {
        spin_loop();
    }
}

/// Round trips in nanoseconds, one message under way at a time.
///
/// # Panics
/// If an answer is wrong, or a thread cannot be pinned.
pub fn round_trips<L: Link>(cpus: [usize; 2], duration: Duration) -> Histogram<u64> {
    let (there, there_out) = L::new();
    let (back, back_out) = L::new();
    let done = &AtomicBool::new(false);
    // Each thread gets its ends as its own: beside each other on this thread's stack they would share cache lines.
    let near = move || {
        let (mut there, mut back_out) = (there, back_out);
        let clock = quanta::Clock::new();
        let mut histogram = round_trip_histogram();
        let end = Instant::now() + duration;
        let mut number = 0u64;
        while !number.is_multiple_of(1024) || Instant::now() < end {
            number += 1;
            let sent = clock.raw();
            let message = Envelope { header: Header::default(), body: Ball::new(number) };
            send::<L>(&mut there, message);
            while L::try_receive(&mut back_out, |answer| assert_eq!(answer.body, Ball::new(number + 1))) == 0 {
                spin_loop();
            }
            histogram.saturating_record(clock.delta_as_nanos(sent, clock.raw()));
        }
        done.store(true, Ordering::Release);
        histogram
    };
    let far = move || {
        let (mut back, mut there_out) = (back, there_out);
        while !done.load(Ordering::Relaxed) {
            let seen = L::try_receive(&mut there_out, |message| {
                let answer = Envelope { header: message.header, body: Ball::new(message.body.number + 1) };
                send::<L>(&mut back, answer);
            });
            if seen == 0 {
                spin_loop();
            }
        }
    };
    on_two_cpus(cpus, near, far)
}

/// Messages per second one way.
///
/// # Panics
/// If a message is wrong, or a thread cannot be pinned.
pub fn flood<L: Link>(cpus: [usize; 2], duration: Duration) -> f64 {
    let (sender, receiver) = L::new();
    let done = &AtomicBool::new(false);
    let near = move || {
        let mut sender = sender;
        let mut number = 0u64;
        let end = Instant::now() + duration;
        while !number.is_multiple_of(1 << 16) || Instant::now() < end {
            number += 1;
            let message = Envelope { header: Header::default(), body: Ball::new(number) };
            send::<L>(&mut sender, message);
        }
        done.store(true, Ordering::Release);
    };
    let mut rate = 0.0;
    let measured = &mut rate;
    let far = move || {
        let mut receiver = receiver;
        let start = Instant::now();
        let mut seen = 0u64;
        let mut over = false;
        loop {
            let received = L::try_receive(&mut receiver, |message| {
                seen += 1;
                assert_eq!(message.body, Ball::new(seen));
            });
            if received == 0 {
                if over {
                    break;
                }
                // Once more after that: it may have come in between.
                over = done.load(Ordering::Acquire);
                spin_loop();
            }
        }
        *measured = seen as f64 / start.elapsed().as_secs_f64();
    };
    on_two_cpus(cpus, near, far);
    rate
}
