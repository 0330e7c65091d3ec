//! Runtimes for a framework's actors, and the messages between the actors.

use std::{
    hint::spin_loop,
    sync::mpsc,
    time::{Duration, Instant},
};

use corelane_runtime::message::{Envelope, Header};
use hdrhistogram::Histogram;
use tokio::{runtime::Builder, sync::oneshot, task::yield_now};

use crate::{
    hop::{Ball, on_two_cpus},
    round_trip_histogram,
};

/// A runtime for one thread. Without drivers, so that a wake-up from the other thread makes no system call while this one
/// does not sleep, and looking for tasks from there at every turn.
pub(super) fn runtime() -> tokio::runtime::Runtime {
    let runtime = Builder::new_current_thread().global_queue_interval(1).build();
    runtime.expect("a runtime without drivers needs nothing")
}

/// Yields for ever: spawned, it keeps the runtime from sleeping.
pub(super) async fn spin() {
    loop {
        yield_now().await;
    }
}

/// A framework's way to run actors.
pub(super) trait Framework {
    /// Runs a future on this thread, spinning.
    fn spinning<F: Future>(future: F) -> F::Output;

    /// Runs `near` beside an actor that `far` starts on the other CPU, and returns what it returns.
    fn beside<A: Send, R: Send>(
        cpus: [usize; 2],
        far: impl AsyncFnOnce() -> A + Send,
        near: impl AsyncFnOnce(A) -> R + Send,
    ) -> R {
        let (meet, met) = mpsc::channel();
        let (done, over) = oneshot::channel::<()>();
        let near = move || {
            Self::spinning(async {
                let result = near(met.recv().expect("the far side starts")).await;
                drop(done);
                result
            })
        };
        let far = move || {
            Self::spinning(async {
                meet.send(far().await).expect("the near side waits");
                let _ = over.await;
            });
        };
        on_two_cpus(cpus, near, far)
    }

    /// Runs `near` without a runtime beside a sink that `far` starts on the other CPU, and returns what that reports.
    fn into_sink<A: Send>(
        cpus: [usize; 2],
        far: impl AsyncFnOnce(oneshot::Sender<f64>) -> A + Send,
        near: impl FnOnce(A) + Send,
    ) -> f64 {
        let (meet, met) = mpsc::channel();
        let near = move || near(met.recv().expect("the far side starts"));
        let mut rate = 0.0;
        let far = || {
            Self::spinning(async {
                let (result, over) = oneshot::channel();
                meet.send(far(result).await).expect("the near side waits");
                rate = over.await.expect("it reports at the end");
            });
        };
        on_two_cpus(cpus, near, far);
        rate
    }
}

/// Frameworks whose actors are plain tasks.
pub(super) struct Tasks;

impl Framework for Tasks {
    fn spinning<F: Future>(future: F) -> F::Output {
        runtime().block_on(async {
            tokio::spawn(spin());
            future.await
        })
    }
}

pub(super) fn ball(number: u64) -> Envelope<Ball> {
    Envelope { header: Header::default(), body: Ball::new(number) }
}

/// The answer to a message.
pub(super) fn answer(message: &Envelope<Ball>) -> Envelope<Ball> {
    Envelope { header: message.header, body: Ball::new(message.body.number + 1) }
}

/// Sends and times one message after another, for a while.
pub(super) struct Pinger {
    clock: quanta::Clock,
    sent: u64,
    number: u64,
    end: Instant,
    pub(super) histogram: Histogram<u64>,
}

impl Pinger {
    pub(super) fn new(duration: Duration) -> Pinger {
        let (clock, end, histogram) = (quanta::Clock::new(), Instant::now() + duration, round_trip_histogram());
        Pinger { clock, sent: 0, number: 0, end, histogram }
    }

    /// The next message, to be sent now.
    pub(super) fn serve(&mut self) -> Envelope<Ball> {
        self.number += 1;
        self.sent = self.clock.raw();
        ball(self.number)
    }

    /// Takes the answer; whether to go on.
    pub(super) fn take(&mut self, answer: &Envelope<Ball>) -> bool {
        assert_eq!(answer.body, Ball::new(self.number + 1));
        self.histogram.saturating_record(self.clock.delta_as_nanos(self.sent, self.clock.raw()));
        !self.number.is_multiple_of(256) || Instant::now() < self.end
    }
}

/// Sends as fast as `try_send` takes, for a while.
pub(super) fn flood_with(duration: Duration, mut try_send: impl FnMut(Envelope<Ball>) -> bool) {
    let end = Instant::now() + duration;
    let mut number = 0u64;
    while !number.is_multiple_of(1 << 12) || Instant::now() < end {
        number += 1;
        while !try_send(ball(number)) {
            spin_loop();
        }
    }
}

/// Counts and checks a flood.
pub(super) struct Counter {
    pub(super) seen: u64,
    start: Instant,
}

impl Counter {
    pub(super) fn new() -> Counter {
        Counter { seen: 0, start: Instant::now() }
    }

    pub(super) fn take(&mut self, message: &Envelope<Ball>) {
        self.seen += 1;
        assert_eq!(message.body, Ball::new(self.seen));
    }

    pub(super) fn per_s(&self) -> f64 {
        self.seen as f64 / self.start.elapsed().as_secs_f64()
    }
}
