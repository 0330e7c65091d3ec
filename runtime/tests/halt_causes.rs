//! Whatever it is that a topology cannot go on without, it halts in order, once, and who has not failed works on meanwhile.

mod support;

use std::{ops::ControlFlow, time::Duration};

use corelane_runtime::{
    actor::{Actor, Context, Step},
    edge::port::Port,
    lifecycle::RuntimeFault,
    supervision::{Strategy, SupervisorSpec},
    topology::{EdgeSpec, Idle, Topology},
};
use support::{Note, drain, note, numbers, options, out, shard, two_cpus, until};

const LONG: Duration = Duration::from_secs(3600);

/// Passes on what comes, and fails on 13.
struct Relay;

impl Actor for Relay {
    type In = Note;
    type Out = Port<Note>;
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, ctx: &mut Context<'_, Port<Note>>, note: &Note) -> Step {
        assert_ne!(note.number, 13, "as the test wants");
        ctx.out.send(*note);
        Step::Done
    }
}

#[test]
fn a_panic_on_an_incident_halts_in_order_while_others_are_restarted() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let relay = topology.actor(shard, "relay", || Relay);
    let supervisor = topology.supervisor(SupervisorSpec::new("relays", Strategy::OneForOne));
    topology.supervise(supervisor, relay, |_| Relay);
    let mut to_relay = topology.external_sender("poison", relay, EdgeSpec::backpressure(8));
    let mut last_words = topology.external_sender("words", relay, EdgeSpec::backpressure(8));
    let mut said = topology.external_receiver(relay, out, EdgeSpec::backpressure(8));
    let options = options().halt_deadline(LONG).on_incident(|incident| panic!("on {}", incident.what));
    let running = topology.start_with(options, move |status| {
        if !status.is_halting {
            return ControlFlow::Continue(());
        }
        last_words.send(note(99)).unwrap();
        ControlFlow::Break(())
    });
    let running = running.unwrap();
    to_relay.send(note(13)).unwrap();
    until("the topology ends by itself", || !running.is_running());
    let outcome = running.stop();
    assert!(outcome.drained, "{outcome:?}");
    assert!(matches!(outcome.status.faults[..], [RuntimeFault::HousekeepingPanicked { .. }]), "{outcome:?}");
    assert_eq!(numbers(&drain(&mut said)), [99], "the program has ended its business");
}

#[test]
fn a_halt_without_a_deadline_is_told_once() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let relay = topology.actor(shard, "relay", || Relay);
    topology.leave_open(relay, out);
    let options = options().halt_deadline(Duration::MAX).time_of_day_max(Duration::from_nanos(1));
    let mut told = 0;
    let running = topology.start_with(options, move |status| {
        told += u32::from(status.is_halting);
        if told < 5 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    let running = running.unwrap();
    until("the topology ends by itself", || !running.is_running());
    let faults = running.stop().status.faults;
    assert!(matches!(faults[..], [RuntimeFault::DayWithoutEnd { .. }]), "{faults:?}");
}
