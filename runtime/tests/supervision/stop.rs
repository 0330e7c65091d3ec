//! A stop with supervised actors: who is suspended is given up, so that nobody waits for it, and what built the others ends
//! with the topology.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::support::{Note, Play, drain, note, numbers, options, out, send_all, shard, two_cpus, until};
use corelane_runtime::{
    actor::{Actor, Context, Step},
    edge::port::Port,
    lifecycle::RuntimeFault,
    supervision::{Backoff, Strategy, SupervisorSpec},
    topology::{EdgeSpec, Idle, Topology},
};
use corelane_test_support::random::Random;

type One = Play<Port<Note>, 1>;

/// Fails at each message.
struct Fails;

impl Actor for Fails {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, _: &mut Context<'_, ()>, _: &Note) -> Step {
        panic!("as the test wants");
    }
}

#[test]
fn nobody_waits_for_what_a_stop_hook_sends_to_who_is_given_up() {
    for idle in [Idle::Park, Idle::Backoff, Idle::Park, Idle::Backoff] {
        let mut topology = Topology::new();
        let shard = shard(&mut topology, "given-up", two_cpus()[0], idle);
        let fails = topology.actor(shard, "fails", || Fails);
        let speaker = topology.actor(shard, "speaker", || {
            let mut speaker = One::relay();
            speaker.on_stop = Box::new(|ctx, ()| ctx.out.send(note(99)));
            speaker
        });
        topology.connect(speaker, out, fails, EdgeSpec::backpressure(8));
        let mut sender = topology.external_sender("in", fails, EdgeSpec::backpressure(8));
        let wait = Duration::from_secs(3600);
        let backoff = Backoff { first: wait, max: wait, ..Backoff::NONE };
        let restarts = topology.supervisor(SupervisorSpec::new("restarts", Strategy::OneForOne).backoff(backoff));
        topology.supervise(restarts, fails, |_| Fails);
        let running = topology.start(options().drain_deadline(Duration::from_secs(2))).unwrap();
        sender.send(note(1)).unwrap();
        until("the failure is known", || running.status().failed == 1);
        let outcome = running.stop();
        assert!(outcome.drained, "{idle:?}: {:?}", outcome.problems());
    }
}

/// Both failures are heard of together: one stops a sibling, the other ends supervision.
#[test]
fn who_is_being_stopped_when_supervision_ends_is_given_up_too() {
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let near = shard(&mut topology, "near", one, Idle::Park);
    let far = shard(&mut topology, "far", two, Idle::Park);
    let fails = topology.actor(near, "fails", || Fails);
    let needed = topology.actor(near, "needed", || Fails);
    let sibling = topology.actor(far, "sibling", || Hop { at: HOPS, fails_at_start: false });
    let mut to_fails = topology.external_sender("fails", fails, EdgeSpec::backpressure(8));
    let mut to_needed = topology.external_sender("needed", needed, EdgeSpec::backpressure(8));
    let mut to_sibling = topology.external_sender("sibling", sibling, EdgeSpec::backpressure(8));
    // Nobody reads, so that the sibling's input waits.
    let _unread = topology.external_receiver(sibling, out, EdgeSpec::backpressure(2));
    let together = topology.supervisor(SupervisorSpec::new("together", Strategy::OneForAll));
    topology.supervise(together, sibling, |_| Hop { at: HOPS, fails_at_start: false });
    topology.supervise(together, fails, |_| Fails);
    let alone = topology.supervisor(SupervisorSpec::new("alone", Strategy::OneForOne));
    topology.supervise_significant(alone, needed);
    send_all(&mut to_sibling, (0..6).map(note));
    to_fails.send(note(1)).unwrap();
    to_needed.send(note(1)).unwrap();
    let running = topology.start(options().drain_deadline(Duration::from_secs(2))).unwrap();
    until("supervision ends", || !running.is_running());
    let outcome = running.stop();
    assert!(matches!(&outcome.status.faults[..], [RuntimeFault::GaveUp { .. }]), "{:?}", outcome.status.faults);
    assert!(outcome.drained, "{:?}", outcome.problems());
}

/// Its drop panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a fault in a drop");
    }
}

#[test]
fn what_builds_replacements_and_panics_in_its_drop_is_told_and_makes_no_stop_worse() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "bomb", two_cpus()[0], Idle::Park);
    let fails = topology.actor(shard, "fails", || Fails);
    let restarts = topology.supervisor(SupervisorSpec::new("restarts", Strategy::OneForOne));
    let bomb = Bomb;
    topology.supervise(restarts, fails, move |_| {
        let _keeps = &bomb;
        Fails
    });
    let outcome = topology.start(options()).unwrap().stop();
    assert!(outcome.drained, "{:?}", outcome.problems());
    let [RuntimeFault::HousekeepingPanicked { message, .. }] = &outcome.status.faults[..] else {
        panic!("{:?}", outcome.status.faults);
    };
    assert_eq!(message.as_str(), "a fault in a drop");
}

/// Passes messages on but those that it fails on; some generations fail as they start.
struct Hop {
    at: u64,
    fails_at_start: bool,
}

/// Whether the hop at `at` fails on a message.
fn is_poison(at: u64, number: u64) -> bool {
    number % 31 == 7 * at + 3
}

impl Actor for Hop {
    type In = Note;
    type Out = Port<Note>;
    const OUTPUTS_MAX: usize = 1;
    fn on_start(&mut self, _: &mut Context<'_, Port<Note>>) {
        assert!(!self.fails_at_start, "in start");
    }
    fn on_message(&mut self, ctx: &mut Context<'_, Port<Note>>, note: &Note) -> Step {
        ctx.out.send(*note);
        assert!(!is_poison(self.at, note.number), "in message");
        Step::Done
    }
}

const HOPS: u64 = 4;

/// A stop in the middle of restarts, of whatever strategy and shards, delivers every message but those that were fatal.
#[test]
fn a_stop_in_a_storm_of_restarts_loses_and_doubles_nothing() {
    for seed in 0..12 {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let mut topology = Topology::new();
        let idle = [Idle::Park, Idle::Backoff];
        let shards: Vec<_> = (0..3)
            .map(|at| {
                let cpu = two_cpus()[random.index(2)];
                shard(&mut topology, &format!("shard {at}"), cpu, idle[random.index(2)])
            })
            .collect();
        let mut hop = |topology: &mut Topology, at: u64| {
            let shard = shards[random.index(shards.len())];
            topology.actor(shard, format!("hop {at}"), move || Hop { at, fails_at_start: false })
        };
        let hops: Vec<_> = (0..HOPS).map(|at| hop(&mut topology, at)).collect();
        let mut sender = topology.external_sender("in", hops[0], EdgeSpec::backpressure(8));
        for pair in hops.windows(2) {
            topology.connect(pair[0], out, pair[1], EdgeSpec::backpressure(2 + random.index(6)));
        }
        let mut receiver = topology.external_receiver(hops[3], out, EdgeSpec::backpressure(4096));
        let strategy = [Strategy::OneForOne, Strategy::RestForOne, Strategy::OneForAll][random.index(3)];
        let wait = Duration::from_micros(random.below(1500));
        let backoff = Backoff { first: wait, max: wait, ..Backoff::NONE };
        let spec = SupervisorSpec::new("all", strategy).intensity(u32::MAX, Duration::from_secs(60)).backoff(backoff);
        let supervisor = topology.supervisor(spec);
        for (at, &hop) in hops.iter().enumerate() {
            let built = AtomicU64::new(seed);
            topology.supervise(supervisor, hop, move |_| {
                let fails_at_start = built.fetch_add(1, Ordering::Relaxed) % 5 == 3;
                Hop { at: at as u64, fails_at_start }
            });
        }
        let running = topology.start(options()).unwrap();
        let count = 200 + random.below(200);
        send_all(&mut sender, (0..count).map(note));
        let outcome = running.stop();
        assert!(outcome.drained && outcome.status.faults.is_empty(), "{:?}", outcome.status.faults);
        let survives = |number: &u64| !(0..HOPS).any(|at| is_poison(at, *number));
        assert_eq!(numbers(&drain(&mut receiver)), (0..count).filter(survives).collect::<Vec<_>>());
    }
}
