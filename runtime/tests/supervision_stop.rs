//! A stop with supervised actors: who is suspended is given up, so that nobody waits for it, and what built the others ends
//! with the topology.

mod support;

use std::time::Duration;

use corelane_runtime::{
    actor::Step,
    edge::port::Port,
    lifecycle::RuntimeFault,
    supervision::{Backoff, Strategy, SupervisorSpec},
    topology::{EdgeSpec, Idle, Topology},
};
use support::{Note, Play, note, options, out, shard, two_cpus, until};

type One = Play<Port<Note>, 1>;

/// Fails at each message.
struct Fails;

impl corelane_runtime::actor::Actor for Fails {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, _: &mut corelane_runtime::actor::Context<'_, ()>, _: &Note) -> Step {
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
