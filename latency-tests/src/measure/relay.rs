//! A message on its way round a ring of shards.

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use corelane_benches::{
    hop::{Ball, CAPACITY},
    round_trip_histogram,
};
use corelane_runtime::{
    actor::{Actor, Context, Step},
    edge::port::Port,
    lifecycle::RunOptions,
    topology::{ActorId, EdgeSpec, Idle, ShardSpec, Topology},
};
use hdrhistogram::Histogram;

/// Time limit of the ordered stop; nothing is under way then.
const DRAIN_DEADLINE: Duration = Duration::from_secs(1);
/// Time limit for start and end on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends a ball and waits for it to come round, until its time is over; then nothing is under way.
struct Server {
    duration: Duration,
    until: Instant,
    sent: Instant,
    number: u64,
    histogram: Histogram<u64>,
    result: mpsc::Sender<Histogram<u64>>,
}

impl Server {
    fn serve(&mut self, ctx: &mut Context<'_, Port<Ball>>) {
        self.number += 1;
        ctx.out.send(Ball::new(self.number));
    }
}

impl Actor for Server {
    type In = Ball;
    type Out = Port<Ball>;
    const OUTPUTS_MAX: usize = 1;

    fn on_start(&mut self, ctx: &mut Context<'_, Port<Ball>>) {
        self.until = Instant::now() + self.duration;
        self.sent = Instant::now();
        self.serve(ctx);
    }

    fn on_message(&mut self, ctx: &mut Context<'_, Port<Ball>>, ball: &Ball) -> Step {
        assert_eq!(*ball, Ball::new(self.number));
        let now = Instant::now();
        self.histogram.saturating_record(now.duration_since(self.sent).as_nanos() as u64);
        if now < self.until {
            self.sent = Instant::now();
            self.serve(ctx);
        } else {
            let _ = self.result.send(self.histogram.clone());
        }
        Step::Done
    }
}

/// Hands it on.
struct Relay;

impl Actor for Relay {
    type In = Ball;
    type Out = Port<Ball>;
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, ctx: &mut Context<'_, Port<Ball>>, ball: &Ball) -> Step {
        ctx.out.send(*ball);
        Step::Done
    }
}

/// Times round, in nanoseconds: an actor on each of these CPUs, and one more where there is one CPU only, so that there
/// is always a hop.
///
/// # Panics
/// If a ball is wrong, or the topology does not start.
pub(super) fn round_trips(cpus: &[usize], duration: Duration) -> Histogram<u64> {
    let (result, received) = mpsc::channel();
    let mut topology = Topology::new();
    let shards: Vec<_> = cpus
        .iter()
        .map(|&cpu| {
            let name = format!("shard {cpu}");
            topology.shard(ShardSpec::new(name, cpu).idle(Idle::Spin))
        })
        .collect();
    let server = topology.actor(shards[0], "server", move || Server {
        duration,
        until: Instant::now(),
        sent: Instant::now(),
        number: 0,
        histogram: round_trip_histogram(),
        result,
    });
    let others = if shards.len() == 1 { &shards[..] } else { &shards[1..] };
    let relays: Vec<ActorId<Relay>> = others
        .iter()
        .enumerate()
        .map(|(index, &shard)| topology.actor(shard, format!("relay {index}"), || Relay))
        .collect();
    let edge = || EdgeSpec::backpressure(CAPACITY);
    topology.connect(server, |out| out, relays[0], edge().in_flight(1));
    for pair in relays.windows(2) {
        topology.connect(pair[0], |out| out, pair[1], edge());
    }
    topology.connect(relays[relays.len() - 1], |out| out, server, edge());
    let options = RunOptions::default().drain_deadline(DRAIN_DEADLINE);
    let running = topology.start(options).unwrap_or_else(|error| panic!("{error}"));
    let seen = received.recv_timeout(duration + PATIENCE);
    let outcome = running.stop();
    assert!(outcome.status.failures.is_empty() && outcome.status.faults.is_empty(), "{:?}", outcome.problems());
    seen.expect("the ball comes round until the time is over")
}
