//! Between two executors that await: each side lets the other wake it.

use std::time::{Duration, Instant};

use corelane_runtime::message::{Envelope, Header};
use glommio::{
    LocalExecutorBuilder, Placement,
    channels::shared_channel::{ConnectedReceiver, ConnectedSender, SharedReceiver, SharedSender, new_bounded},
};
use hdrhistogram::Histogram;
use tokio::sync::mpsc;

use crate::{
    hop::{Ball, CAPACITY, on_two_cpus},
    peers::peer::{Kind, Peer},
    round_trip_histogram,
};

type Message = Envelope<Ball>;

/// See [`Tokio`].
pub(super) const TOKIO: Peer = peer::<Tokio>("tokio mpsc, await");
/// See [`Glommio`].
pub(super) const GLOMMIO: Peer = peer::<Glommio>("glommio shared_channel");

/// A channel in one direction, and what its ends are awaited on.
trait Channel {
    /// The ends as they go to their threads.
    type Sender: Send;
    type Receiver: Send;
    /// The ends on them.
    type Sending;
    type Receiving;

    fn new() -> (Self::Sender, Self::Receiver);

    /// Runs a future on this thread, which is pinned to this CPU.
    fn block_on<R>(cpu: usize, future: impl Future<Output = R>) -> R;

    async fn sending(sender: Self::Sender) -> Self::Sending;

    async fn receiving(receiver: Self::Receiver) -> Self::Receiving;

    /// False if nobody receives any more.
    async fn send(sending: &Self::Sending, message: Message) -> bool;

    /// `None` if nobody sends any more.
    async fn receive(receiving: &mut Self::Receiving) -> Option<Message>;
}

const fn peer<C: Channel>(name: &'static str) -> Peer {
    Peer { name, kind: Kind::Channel, round_trips: round_trips::<C>, flood: flood::<C> }
}

fn round_trips<C: Channel>([first, second]: [usize; 2], duration: Duration) -> Histogram<u64> {
    let (there, there_out) = C::new();
    let (back, back_out) = C::new();
    let near = move || {
        C::block_on(first, async move {
            let clock = quanta::Clock::new();
            let (there, mut back_out) = (C::sending(there).await, C::receiving(back_out).await);
            let mut histogram = round_trip_histogram();
            let end = Instant::now() + duration;
            let mut number = 0u64;
            while !number.is_multiple_of(64) || Instant::now() < end {
                number += 1;
                let sent = clock.raw();
                let message = Envelope { header: Header::default(), body: Ball::new(number) };
                assert!(C::send(&there, message).await, "the far side receives until this one ends");
                let answer = C::receive(&mut back_out).await.expect("the far side answers until this one ends");
                assert_eq!(answer.body, Ball::new(number + 1));
                histogram.saturating_record(clock.delta_as_nanos(sent, clock.raw()));
            }
            histogram
        })
    };
    let far = move || {
        C::block_on(second, async move {
            // Each side takes its ends in the order in which the other waits for them.
            let (mut there_out, back) = (C::receiving(there_out).await, C::sending(back).await);
            while let Some(Envelope { header, body }) = C::receive(&mut there_out).await {
                let answer = Envelope { header, body: Ball::new(body.number + 1) };
                assert!(C::send(&back, answer).await, "the near side waits for its answer");
            }
        });
    };
    on_two_cpus([first, second], near, far)
}

fn flood<C: Channel>([first, second]: [usize; 2], duration: Duration) -> f64 {
    let (sender, receiver) = C::new();
    let near = move || {
        C::block_on(first, async move {
            let sending = C::sending(sender).await;
            let mut number = 0u64;
            let end = Instant::now() + duration;
            while !number.is_multiple_of(1 << 12) || Instant::now() < end {
                number += 1;
                let message = Envelope { header: Header::default(), body: Ball::new(number) };
                assert!(C::send(&sending, message).await, "the far side receives until this one ends");
            }
        });
    };
    let mut rate = 0.0;
    let far = || {
        rate = C::block_on(second, async move {
            let mut receiving = C::receiving(receiver).await;
            let start = Instant::now();
            let mut seen = 0u64;
            while let Some(message) = C::receive(&mut receiving).await {
                seen += 1;
                assert_eq!(message.body, Ball::new(seen));
            }
            seen as f64 / start.elapsed().as_secs_f64()
        });
    };
    on_two_cpus([first, second], near, far);
    rate
}

/// `tokio::sync::mpsc` between two current-thread runtimes, which sleep until they are woken.
struct Tokio;

impl Channel for Tokio {
    type Sender = mpsc::Sender<Message>;
    type Receiver = mpsc::Receiver<Message>;
    type Sending = Self::Sender;
    type Receiving = Self::Receiver;

    fn new() -> (Self::Sender, Self::Receiver) {
        mpsc::channel(CAPACITY)
    }

    fn block_on<R>(_: usize, future: impl Future<Output = R>) -> R {
        // Without drivers: what sleeps is woken by the other thread alone.
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime without drivers needs nothing").block_on(future)
    }

    async fn sending(sender: Self::Sender) -> Self::Sending {
        sender
    }

    async fn receiving(receiver: Self::Receiver) -> Self::Receiving {
        receiver
    }

    async fn send(sending: &Self::Sending, message: Message) -> bool {
        sending.send(message).await.is_ok()
    }

    async fn receive(receiving: &mut Self::Receiving) -> Option<Message> {
        receiving.recv().await
    }
}

/// Memory for I/O, of which there is none.
const IO_MEMORY_BYTES: usize = 1 << 20;
/// Longer than any answer takes: the executors never park while a message is under way.
const SPIN: Duration = Duration::from_millis(10);

/// glommio's `shared_channel` between two executors that spin before they park.
struct Glommio;

impl Channel for Glommio {
    type Sender = SharedSender<Message>;
    type Receiver = SharedReceiver<Message>;
    type Sending = ConnectedSender<Message>;
    type Receiving = ConnectedReceiver<Message>;

    fn new() -> (Self::Sender, Self::Receiver) {
        new_bounded(CAPACITY)
    }

    fn block_on<R>(cpu: usize, future: impl Future<Output = R>) -> R {
        let builder =
            LocalExecutorBuilder::new(Placement::Fixed(cpu)).io_memory(IO_MEMORY_BYTES).spin_before_park(SPIN);
        builder.make().unwrap_or_else(|error| panic!("an executor on CPU {cpu}: {error}")).run(future)
    }

    async fn sending(sender: Self::Sender) -> Self::Sending {
        sender.connect().await
    }

    async fn receiving(receiver: Self::Receiver) -> Self::Receiving {
        receiver.connect().await
    }

    async fn send(sending: &Self::Sending, message: Message) -> bool {
        sending.send(message).await.is_ok()
    }

    async fn receive(receiving: &mut Self::Receiving) -> Option<Message> {
        receiving.recv().await
    }
}
