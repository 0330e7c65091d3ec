//! Round trips and one-way throughput from actor to actor, each on a shard of its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use corelane_runtime::{
    actor::{Actor, Context, Step},
    edge::port::Port,
    lifecycle::RunOptions,
    topology::{EdgeSpec, Idle, ShardId, ShardSpec, Topology},
};
use hdrhistogram::Histogram;

use super::ball::{Ball, CAPACITY};
use crate::round_trip_histogram;

/// Names of the shards, and of their threads.
pub const SHARDS: [&str; 2] = ["near", "far"];
/// How long a busy machine may take beside what is measured.
const PATIENCE: Duration = Duration::from_secs(10);
/// Messages that the flood's source sends per step.
const FLOOD_STEP: usize = 16;

struct Near {
    clock: quanta::Clock,
    sent: u64,
    number: u64,
    histogram: Histogram<u64>,
    result: mpsc::Sender<Histogram<u64>>,
}

impl Near {
    fn serve(&mut self, ctx: &mut Context<'_, Port<Ball>>) {
        self.number += 1;
        self.sent = self.clock.raw();
        ctx.out.send(Ball::new(self.number));
    }
}

impl Actor for Near {
    type In = Ball;
    type Out = Port<Ball>;
    const OUTPUTS_MAX: usize = 1;

    fn on_start(&mut self, ctx: &mut Context<'_, Port<Ball>>) {
        self.serve(ctx);
    }

    fn on_message(&mut self, ctx: &mut Context<'_, Port<Ball>>, answer: &Ball) -> Step {
        assert_eq!(*answer, Ball::new(self.number + 1));
        self.histogram.saturating_record(self.clock.delta_as_nanos(self.sent, self.clock.raw()));
        self.serve(ctx);
        Step::Done
    }

    fn on_stop(&mut self, _ctx: &mut Context<'_, Port<Ball>>) {
        let _ = self.result.send(self.histogram.clone());
    }
}

struct Far;

impl Actor for Far {
    type In = Ball;
    type Out = Port<Ball>;
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, ctx: &mut Context<'_, Port<Ball>>, ball: &Ball) -> Step {
        ctx.out.send(Ball::new(ball.number + 1));
        Step::Done
    }
}

fn two_shards(topology: &mut Topology, [first, second]: [usize; 2]) -> [ShardId; 2] {
    let [near, far] = SHARDS;
    [(near, first), (far, second)].map(|(name, cpu)| topology.shard(ShardSpec::new(name, cpu).idle(Idle::Spin)))
}

/// Runs it until `wait` returns. How long a busy machine takes to begin is not known.
fn run_until<T>(topology: Topology, wait: impl FnOnce() -> T) -> T {
    let options = RunOptions::default().drain_deadline(Duration::from_millis(20));
    let running = topology.start(options).unwrap_or_else(|error| panic!("{error}"));
    let seen = wait();
    let outcome = running.stop();
    assert!(outcome.status.failures.is_empty(), "{:?}", outcome.status.failures);
    seen
}

/// Round trips in nanoseconds, one message under way at a time.
///
/// # Panics
/// If an answer is wrong, or the topology does not start.
pub fn round_trips(cpus: [usize; 2], duration: Duration) -> Histogram<u64> {
    let (result, received) = mpsc::channel();
    let mut topology = Topology::new();
    let [near_shard, far_shard] = two_shards(&mut topology, cpus);
    let near = topology.actor(near_shard, "near", move || Near {
        clock: quanta::Clock::new(),
        sent: 0,
        number: 0,
        histogram: round_trip_histogram(),
        result,
    });
    let far = topology.actor(far_shard, "far", || Far);
    topology.connect(near, |out| out, far, EdgeSpec::backpressure(CAPACITY).in_flight(1));
    topology.connect(far, |out| out, near, EdgeSpec::backpressure(CAPACITY));
    run_until(topology, || thread::sleep(duration));
    received.recv().expect("the actor reports when it stops")
}

/// Sends as fast as the edge takes.
struct Source {
    number: u64,
    stop: Arc<AtomicBool>,
}

impl Source {
    fn burst(&mut self, ctx: &mut Context<'_, Port<Ball>>) -> Step {
        for _ in 0..FLOOD_STEP {
            self.number += 1;
            ctx.out.send(Ball::new(self.number));
        }
        if self.number.is_multiple_of(1 << 16) && self.stop.load(Ordering::Relaxed) { Step::Done } else { Step::More }
    }
}

impl Actor for Source {
    type In = Ball;
    type Out = Port<Ball>;
    const OUTPUTS_MAX: usize = FLOOD_STEP;

    fn on_message(&mut self, ctx: &mut Context<'_, Port<Ball>>, _start: &Ball) -> Step {
        self.burst(ctx)
    }

    fn on_more(&mut self, ctx: &mut Context<'_, Port<Ball>>) -> Step {
        self.burst(ctx)
    }
}

/// Counts and checks what comes.
struct Sink {
    seen: u64,
    start: Option<Instant>,
    result: mpsc::Sender<f64>,
    duration: Duration,
    total: u64,
}

impl Actor for Sink {
    type In = Ball;
    type Out = ();
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, _ctx: &mut Context<'_, ()>, ball: &Ball) -> Step {
        self.seen += 1;
        assert_eq!(*ball, Ball::new(self.seen));
        Step::Done
    }

    fn on_batch_end(&mut self, _ctx: &mut Context<'_, ()>) {
        let start = *self.start.get_or_insert_with(Instant::now);
        if self.total == 0 && start.elapsed() >= self.duration {
            self.total = self.seen;
            let _ = self.result.send(self.seen as f64 / start.elapsed().as_secs_f64());
        }
    }
}

/// Messages per second one way.
///
/// # Panics
/// If a message is wrong, or the topology does not start.
pub fn flood(cpus: [usize; 2], duration: Duration) -> f64 {
    let (result, received) = mpsc::channel();
    let stop = Arc::new(AtomicBool::new(false));
    let mut topology = Topology::new();
    let [near_shard, far_shard] = two_shards(&mut topology, cpus);
    let stopping = stop.clone();
    let source = topology.actor(near_shard, "source", move || Source { number: 0, stop: stopping });
    let sink = topology.actor(far_shard, "sink", move || Sink { seen: 0, start: None, result, duration, total: 0 });
    topology.connect(source, |out| out, sink, EdgeSpec::backpressure(CAPACITY));
    let mut starter = topology.external_sender("start", source, EdgeSpec::backpressure(1));
    starter.send(Ball::new(0)).expect("the edge is empty");
    run_until(topology, || {
        let rate = received.recv_timeout(duration + PATIENCE).expect("the sink reports");
        stop.store(true, Ordering::Relaxed);
        rate
    })
}
