//! The allocator's counts, on a real shard: one whose actor allocates after start is seen to, one whose actor does not is
//! seen not to.

#[path = "../src/allocator.rs"]
mod allocator;

use std::hint::black_box;

use corelane_latency::profiler::{
    allocations::{self, Calls},
    image::Image,
    stages::{Stage, Stages},
};
use corelane_runtime::{
    actor::{Actor, Context, Step},
    clock::UtcOffset,
    cpu,
    lifecycle::RunOptions,
    message::Message,
    topology::{EdgeSpec, Idle, ShardSpec, Topology},
};

#[global_allocator]
static ALLOCATOR: allocator::Counted = allocator::Counted;

const MESSAGES: u64 = 1000;
const BYTES: u64 = 48;

#[derive(Clone, Copy)]
struct Ball;
impl Message for Ball {}

struct Receiver {
    allocates: bool,
    received: std::sync::mpsc::SyncSender<()>,
    count: u64,
}

impl Actor for Receiver {
    type In = Ball;
    type Out = ();
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, _ctx: &mut Context<'_, ()>, _message: &Ball) -> Step {
        if self.allocates {
            takes_memory();
        }
        self.count += 1;
        if [1, 1 + MESSAGES].contains(&self.count) {
            self.received.try_send(()).unwrap();
        }
        Step::Done
    }
}

#[inline(never)]
fn takes_memory() {
    let mut memory = Vec::<u8>::with_capacity(BYTES as usize / 2);
    memory.push(black_box(1));
    // Grows it.
    memory.reserve_exact(BYTES as usize - 1);
    drop(black_box(memory));
}

#[test]
fn a_shard_that_allocates_after_start_is_told_from_one_that_does_not() {
    let cpus = cpu::allowed_cpus();
    let stages = Stages::kept();
    stages.enter(Stage::Start);
    let mut topology = Topology::new();
    let mut receiver = |name: &str, cpu, allocates| {
        let shard = ShardSpec::new(name, cpu).idle(Idle::Spin);
        let shard = topology.shard(shard);
        let (received, receives) = std::sync::mpsc::sync_channel(2);
        let actor = topology.actor(shard, name, move || Receiver { allocates, received, count: 0 });
        (topology.external_sender(name, actor, EdgeSpec::backpressure(MESSAGES as usize)), receives)
    };
    let wasteful = receiver("wasteful", cpus[0], true);
    let thrifty = receiver("thrifty", cpus[cpus.len() - 1], false);
    let utc_offset = UtcOffset::from_seconds(0).unwrap();
    let drain_deadline = std::time::Duration::from_secs(10);
    let running = topology.start(RunOptions::default().utc_offset(utc_offset).drain_deadline(drain_deadline)).unwrap();
    let mut receivers = [wasteful, thrifty];
    for (sender, receives) in &mut receivers {
        // Threads finish their start by themselves.
        sender.send(Ball).unwrap_or_else(|_| panic!("the edge is empty"));
        receives.recv().unwrap();
    }
    stages.enter(Stage::Load);
    for (sender, receives) in &mut receivers {
        for _ in 0..MESSAGES {
            sender.send(Ball).unwrap_or_else(|_| panic!("the edge holds all"));
        }
        receives.recv().unwrap();
    }
    stages.enter(Stage::Stop);
    drop(running);
    let (spans, threads) = stages.finish();
    assert!(spans.is_sorted_by_key(|span| span.from_ns));
    let counted = allocations::counted();
    let tid = |name: &str| threads.iter().find(|thread| thread.name == name).expect("it was seen").tid;
    let of = |name: &str, stage| {
        let one = counted.iter().find(|one| one.tid == tid(name) && one.stage == stage);
        one.map(|one| one.calls)
    };
    let bytes = MESSAGES * (BYTES / 2 + BYTES);
    let expected = Calls { allocations: MESSAGES, growths: MESSAGES, releases: MESSAGES, bytes };
    assert_eq!(of("wasteful", Stage::Load), Some(expected));
    assert_eq!(of("thrifty", Stage::Load), None);
    for name in ["wasteful", "thrifty"] {
        assert!(
            of(name, Stage::Start).is_some_and(|calls| calls.allocations > 10),
            "{name} is built on its own thread"
        );
    }

    let image = Image::of_this_process().unwrap();
    let here = image.address(takes_memory as fn() as usize as u64).unwrap();
    let sites = allocations::sites(&image);
    let is_here = |address: &u64| (here..here + 4096).contains(address);
    let of_wasteful = sites.iter().filter(|site| site.tid == tid("wasteful") && site.stage == Stage::Load);
    let calls: u64 = of_wasteful.filter(|site| site.addresses.iter().any(is_here)).map(|site| site.calls).sum();
    assert_eq!(calls, 2 * MESSAGES, "{sites:?}");

    // Nothing counts any more.
    takes_memory();
    assert_eq!(allocations::counted(), counted);
}
