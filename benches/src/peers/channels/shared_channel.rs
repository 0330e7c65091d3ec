//! glommio's `shared_channel` between two executors that spin before they park.

use std::time::{Duration, Instant};

use corelane_runtime::message::{Envelope, Header};
use glommio::{
    LocalExecutorBuilder, Placement,
    channels::shared_channel::{SharedReceiver, SharedSender, new_bounded},
};
use hdrhistogram::Histogram;

use crate::{
    hop::{Ball, CAPACITY, on_two_cpus},
    peers::{Kind, Peer},
    round_trip_histogram,
};

/// Memory for I/O, of which there is none.
const IO_MEMORY_BYTES: usize = 1 << 20;
/// Longer than any answer takes: the executors never park while a message is under way.
const SPIN: Duration = Duration::from_millis(10);

/// See the [module](self).
pub(super) const PEER: Peer = Peer { name: "glommio shared_channel", kind: Kind::Channel, round_trips, flood };

type Sender = SharedSender<Envelope<Ball>>;
type Receiver = SharedReceiver<Envelope<Ball>>;

fn run<R>(cpu: usize, future: impl Future<Output = R>) -> R {
    let builder = LocalExecutorBuilder::new(Placement::Fixed(cpu)).io_memory(IO_MEMORY_BYTES).spin_before_park(SPIN);
    builder.make().unwrap_or_else(|error| panic!("an executor on CPU {cpu}: {error}")).run(future)
}

fn round_trips([first, second]: [usize; 2], duration: Duration) -> Histogram<u64> {
    let (there, there_out): (Sender, Receiver) = new_bounded(CAPACITY);
    let (back, back_out): (Sender, Receiver) = new_bounded(CAPACITY);
    let clock = quanta::Clock::new();
    let near = move || {
        run(first, async move {
            let (there, back_out) = (there.connect().await, back_out.connect().await);
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
        })
    };
    let far = move || {
        run(second, async move {
            // Each side connects its ends in the order in which the other waits for them.
            let (there_out, back) = (there_out.connect().await, back.connect().await);
            while let Some(Envelope { header, body }) = there_out.recv().await {
                let answer = Envelope { header, body: Ball::new(body.number + 1) };
                back.send(answer).await.expect("the near side waits for its answer");
            }
        });
    };
    on_two_cpus([first, second], near, far)
}

fn flood([first, second]: [usize; 2], duration: Duration) -> f64 {
    let (sender, receiver): (Sender, Receiver) = new_bounded(CAPACITY);
    let near = move || {
        run(first, async move {
            let sender = sender.connect().await;
            let mut number = 0u64;
            let end = Instant::now() + duration;
            while !number.is_multiple_of(1 << 12) || Instant::now() < end {
                number += 1;
                let message = Envelope { header: Header::default(), body: Ball::new(number) };
                sender.send(message).await.expect("the far side receives until this one ends");
            }
        });
    };
    let mut rate = 0.0;
    let far = || {
        rate = run(second, async move {
            let receiver = receiver.connect().await;
            let start = Instant::now();
            let mut seen = 0u64;
            while let Some(message) = receiver.recv().await {
                seen += 1;
                assert_eq!(message.body, Ball::new(seen));
            }
            seen as f64 / start.elapsed().as_secs_f64()
        });
    };
    on_two_cpus([first, second], near, far);
    rate
}
