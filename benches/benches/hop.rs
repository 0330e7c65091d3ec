//! A message from an actor to an actor on another shard and back, beside the raw ring that carries it.
//!
//! Both sides run on the same two CPUs in turns, round by round, because the machine's speed drifts; every round
//! gives one ratio, and the medians are printed. Every answer is checked.

use std::{
    hint::spin_loop,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use core_affinity::CoreId;
use corelane_benches::{median, percentiles, round_trip_histogram};
use corelane_runtime::{
    actor::{Actor, Context, Step},
    clock::UtcOffset,
    cpu,
    message::{Envelope, Header, Message},
    net::DriverConfig,
    port::Port,
    running::RunOptions,
    topology::{EdgeSpec, Idle, ShardSpec, Topology},
};
use hdrhistogram::Histogram;

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(400);
const CAPACITY: usize = 1024;
/// Messages that the flood's source sends per step.
const FLOOD_STEP: usize = 16;

/// 32 bytes, so that a slot is 64 as in the design's measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ball {
    number: u64,
    filler: [u64; 3],
}

impl Message for Ball {}

impl Ball {
    fn new(number: u64) -> Self {
        Ball { number, filler: [number; 3] }
    }
}

fn main() {
    let cpus = cpu::allowed_cpus();
    let [first, second] = match cpus[..] {
        [first, second, ..] => [first, second],
        _ => {
            println!("hop needs two CPUs, and this process may use {}", cpus.len());
            return;
        }
    };
    println!("hop: {ROUNDS} rounds of {ROUND:?} each, CPUs {first} and {second}, slots of 64 bytes");
    let (mut p50, mut p99_9, mut throughput, mut throughput_chunked) = (vec![], vec![], vec![], vec![]);
    for round in 1..=ROUNDS {
        let raw = raw_round_trips(first, second);
        let ours = actor_round_trips(first, second);
        let raw_rate = raw_flood(first, second, 1);
        let raw_chunked_rate = raw_flood(first, second, 64);
        let our_rate = actor_flood(first, second);
        println!("round {round}");
        println!("  {}", percentiles("raw ring round trip", &raw));
        println!("  {}", percentiles("actor round trip", &ours));
        println!(
            "  throughput: raw ring {:.1}, raw ring in chunks of 64 {:.1}, actors {:.1} M messages/s",
            raw_rate / 1e6,
            raw_chunked_rate / 1e6,
            our_rate / 1e6
        );
        let ratio =
            |percentile| ours.value_at_percentile(percentile) as f64 / raw.value_at_percentile(percentile) as f64;
        p50.push(ratio(50.0));
        p99_9.push(ratio(99.9));
        throughput.push(our_rate / raw_rate);
        throughput_chunked.push(our_rate / raw_chunked_rate);
    }
    println!("against the ring in chunks of 64: throughput={:.2}", median(&throughput_chunked));
    println!("ratio hop p50={:.2} p99_9={:.2} throughput={:.2}", median(&p50), median(&p99_9), median(&throughput));
}

/// Runs `far` on its own thread on CPU `second` and `near` on one on CPU `first`; returns what `near` returns.
fn on_two_cpus<R: Send>(first: usize, second: usize, near: impl FnOnce() -> R + Send, far: impl FnOnce() + Send) -> R {
    thread::scope(|scope| {
        scope.spawn(move || {
            assert!(core_affinity::set_for_current(CoreId { id: second }), "pinning to an allowed CPU");
            far();
        });
        let near = scope.spawn(move || {
            assert!(core_affinity::set_for_current(CoreId { id: first }), "pinning to an allowed CPU");
            near()
        });
        near.join().expect("the near side panicked")
    })
}

fn raw_round_trips(first: usize, second: usize) -> Histogram<u64> {
    let (mut there, mut there_out) = rtrb::RingBuffer::<Envelope<Ball>>::new(CAPACITY);
    let (mut back, mut back_out) = rtrb::RingBuffer::<Envelope<Ball>>::new(CAPACITY);
    let done = AtomicBool::new(false);
    let clock = quanta::Clock::new();
    let near = || {
        let mut histogram = round_trip_histogram();
        let end = Instant::now() + ROUND;
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
    let far = || {
        while !done.load(Ordering::Relaxed) {
            if let Ok(message) = there_out.pop() {
                let answer = Envelope { header: message.header, body: Ball::new(message.body.number + 1) };
                back.push(answer).expect("one message is under way at a time");
            } else {
                spin_loop();
            }
        }
    };
    on_two_cpus(first, second, near, far)
}

/// Messages per second through the raw ring, pushed and popped `chunk` at a time.
fn raw_flood(first: usize, second: usize, chunk: usize) -> f64 {
    let (mut producer, mut consumer) = rtrb::RingBuffer::<Envelope<Ball>>::new(CAPACITY);
    let done = AtomicBool::new(false);
    let near = || {
        let mut staged = Vec::with_capacity(chunk);
        let mut number = 0u64;
        let end = Instant::now() + ROUND;
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
    let far = || {
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
        rate = seen as f64 / start.elapsed().as_secs_f64();
    };
    on_two_cpus(first, second, near, far);
    rate
}

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

fn two_shards(topology: &mut Topology, first: usize, second: usize) -> [corelane_runtime::topology::ShardRef; 2] {
    [("near", first), ("far", second)].map(|(name, cpu)| {
        topology.shard(ShardSpec { name: name.to_owned(), cpu, idle: Idle::Spin, net: DriverConfig::default() })
    })
}

fn run_for(topology: Topology, duration: Duration) {
    let options = RunOptions {
        housekeeping_cpu: None,
        utc_offset: UtcOffset::from_seconds(0).expect("UTC is a zone"),
        drain_deadline: Duration::from_millis(20),
    };
    let running = topology.start(options).unwrap_or_else(|error| panic!("{error}"));
    thread::sleep(duration);
    let outcome = running.stop();
    assert!(outcome.status.failures.is_empty(), "{:?}", outcome.status.failures);
}

fn actor_round_trips(first: usize, second: usize) -> Histogram<u64> {
    let (result, received) = mpsc::channel();
    let mut topology = Topology::new();
    let [near_shard, far_shard] = two_shards(&mut topology, first, second);
    let near = topology.actor(near_shard, "near", move || Near {
        clock: quanta::Clock::new(),
        sent: 0,
        number: 0,
        histogram: round_trip_histogram(),
        result,
    });
    let far = topology.actor(far_shard, "far", || Far);
    topology.connect(near, |out| out, far, EdgeSpec::hold(CAPACITY).in_flight(1));
    topology.connect(far, |out| out, near, EdgeSpec::hold(CAPACITY));
    run_for(topology, ROUND);
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
        if self.total == 0 && start.elapsed() >= ROUND {
            self.total = self.seen;
            let _ = self.result.send(self.seen as f64 / start.elapsed().as_secs_f64());
        }
    }
}

fn actor_flood(first: usize, second: usize) -> f64 {
    let (result, received) = mpsc::channel();
    let stop = Arc::new(AtomicBool::new(false));
    let mut topology = Topology::new();
    let [near_shard, far_shard] = two_shards(&mut topology, first, second);
    let stopping = stop.clone();
    let source = topology.actor(near_shard, "source", move || Source { number: 0, stop: stopping });
    let sink = topology.actor(far_shard, "sink", move || Sink { seen: 0, start: None, result, total: 0 });
    topology.connect(source, |out| out, sink, EdgeSpec::hold(CAPACITY));
    let mut starter = topology.injector("start", source, EdgeSpec::hold(1));
    starter.send(Ball::new(0)).expect("the edge is empty");
    let stopper = thread::spawn(move || {
        let rate = received.recv_timeout(ROUND * 10).expect("the sink reports");
        stop.store(true, Ordering::Relaxed);
        rate
    });
    run_for(topology, ROUND + Duration::from_millis(100));
    stopper.join().expect("the stopper waits for one message")
}
