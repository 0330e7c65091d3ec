//! `tokio::sync::mpsc` between two current-thread runtimes that await: each side sleeps until the other wakes it.

use std::time::{Duration, Instant};

use corelane_runtime::message::{Envelope, Header};
use hdrhistogram::Histogram;
use tokio::{runtime::Builder, sync::mpsc::channel};

use crate::{
    hop::{Ball, CAPACITY, on_two_cpus},
    peers::{Kind, Peer},
    round_trip_histogram,
};

/// See the [module](self).
pub(super) const PEER: Peer = Peer { name: "tokio mpsc, await", kind: Kind::Channel, round_trips, flood };

fn block_on<F: Future>(future: F) -> F::Output {
    // Without drivers: what sleeps is woken by the other thread alone.
    Builder::new_current_thread().build().expect("a runtime without drivers needs nothing").block_on(future)
}

fn round_trips(cpus: [usize; 2], duration: Duration) -> Histogram<u64> {
    let (there, mut there_out) = channel(CAPACITY);
    let (back, mut back_out) = channel::<Envelope<Ball>>(CAPACITY);
    let clock = quanta::Clock::new();
    let near = async move {
        let mut histogram = round_trip_histogram();
        let end = Instant::now() + duration;
        let mut number = 0u64;
        while !number.is_multiple_of(64) || Instant::now() < end {
            number += 1;
            let sent = clock.raw();
            let message = Envelope { header: Header::default(), body: Ball::new(number) };
            there.send(message).await.expect("the far side receives until this one ends");
            let answer = back_out.recv().await.expect("the far side answers until this one ends");
            assert_eq!(answer.body, Ball::new(number + 1));
            histogram.saturating_record(clock.delta_as_nanos(sent, clock.raw()));
        }
        histogram
    };
    let far = async move {
        while let Some(Envelope { header, body }) = there_out.recv().await {
            let answer = Envelope { header, body: Ball::new(body.number + 1) };
            back.send(answer).await.expect("the near side waits for its answer");
        }
    };
    on_two_cpus(cpus, || block_on(near), || block_on(far))
}

fn flood(cpus: [usize; 2], duration: Duration) -> f64 {
    let (sender, mut receiver) = channel::<Envelope<Ball>>(CAPACITY);
    let near = async move {
        let mut number = 0u64;
        let end = Instant::now() + duration;
        while !number.is_multiple_of(1 << 12) || Instant::now() < end {
            number += 1;
            let message = Envelope { header: Header::default(), body: Ball::new(number) };
            sender.send(message).await.expect("the far side receives until this one ends");
        }
    };
    let mut rate = 0.0;
    let far = async {
        let start = Instant::now();
        let mut seen = 0u64;
        while let Some(message) = receiver.recv().await {
            seen += 1;
            assert_eq!(message.body, Ball::new(seen));
        }
        rate = seen as f64 / start.elapsed().as_secs_f64();
    };
    on_two_cpus(cpus, || block_on(near), || block_on(far));
    rate
}
