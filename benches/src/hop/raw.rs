//! The floor: the `rtrb` ring that carries the edges, used directly, with the same slots.

use std::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use corelane_runtime::message::{Envelope, Header};
use hdrhistogram::Histogram;

use super::{Ball, CAPACITY, on_two_cpus};
use crate::round_trip_histogram;

/// Round trips in nanoseconds, one message under way at a time.
///
/// # Panics
/// If an answer is wrong, or a thread cannot be pinned.
pub fn round_trips(cpus: [usize; 2], duration: Duration) -> Histogram<u64> {
    let (there, there_out) = rtrb::RingBuffer::<Envelope<Ball>>::new(CAPACITY);
    let (back, back_out) = rtrb::RingBuffer::<Envelope<Ball>>::new(CAPACITY);
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
            there.push(message).expect("one message is under way at a time");
            let answer = loop {
                if let Ok(answer) = back_out.pop() {
                    break answer;
                }
                spin_loop();
            };
            assert_eq!(answer.body, Ball::new(number + 1));
            histogram.saturating_record(clock.delta_as_nanos(sent, clock.raw()));
        }
        done.store(true, Ordering::Release);
        histogram
    };
    let far = move || {
        let (mut back, mut there_out) = (back, there_out);
        while !done.load(Ordering::Relaxed) {
            if let Ok(message) = there_out.pop() {
                let answer = Envelope { header: message.header, body: Ball::new(message.body.number + 1) };
                back.push(answer).expect("one message is under way at a time");
            } else {
                spin_loop();
            }
        }
    };
    on_two_cpus(cpus, near, far)
}

/// Messages per second one way, pushed and popped `chunk` at a time.
///
/// # Panics
/// If a message is wrong, or a thread cannot be pinned.
pub fn flood(cpus: [usize; 2], duration: Duration, chunk: usize) -> f64 {
    let (producer, consumer) = rtrb::RingBuffer::<Envelope<Ball>>::new(CAPACITY);
    let done = &AtomicBool::new(false);
    let near = move || {
        let mut producer = producer;
        let mut staged = Vec::with_capacity(chunk);
        let mut number = 0u64;
        let end = Instant::now() + duration;
        while !number.is_multiple_of(1 << 16) || Instant::now() < end {
            if chunk == 1 {
                number += 1;
                let mut message = Envelope { header: Header::default(), body: Ball::new(number) };
                while let Err(rtrb::PushError::Full(again)) = producer.push(message) {
                    message = again;
                    spin_loop();
                }
            } else {
                staged.clear();
                for _ in 0..chunk {
                    number += 1;
                    staged.push(Envelope { header: Header::default(), body: Ball::new(number) });
                }
                while producer.push_entire_slice(&staged).is_err() {
                    spin_loop();
                }
            }
        }
        done.store(true, Ordering::Release);
    };
    let mut rate = 0.0;
    let measured = &mut rate;
    let far = move || {
        let mut consumer = consumer;
        let start = Instant::now();
        let mut seen = 0u64;
        loop {
            let over = done.load(Ordering::Acquire);
            let before = seen;
            if chunk == 1 {
                while let Ok(message) = consumer.pop() {
                    seen += 1;
                    assert_eq!(message.body, Ball::new(seen));
                }
            } else if let Ok(messages) = consumer.read_chunk(consumer.slots().min(chunk)) {
                let (one, two) = messages.as_slices();
                for message in one.iter().chain(two) {
                    seen += 1;
                    assert_eq!(message.body, Ball::new(seen));
                }
                messages.commit_all();
            }
            if seen == before {
                if over {
                    break;
                }
                spin_loop();
            }
        }
        *measured = seen as f64 / start.elapsed().as_secs_f64();
    };
    on_two_cpus(cpus, near, far);
    rate
}
