//! Whatever it is that a topology cannot go on without, it halts in order, once, and who has not failed works on meanwhile.

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::support::{Note, drain, note, numbers, options, out, receive, shard, two_cpus, until};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    edge::port::Port,
    lifecycle::{RuntimeFault, Status},
    net::{ConnId, EndpointSpec, Flow, FrameError, Framer},
    supervision::{Backoff, Escalation, Strategy, SupervisorId, SupervisorSpec},
    topology::{EdgeSpec, Idle, Topology},
};

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

impl NetActor for Relay {
    fn on_frame(&mut self, _: &mut Context<'_, Port<Note>>, _: ConnId, _: &[u8]) -> Flow {
        Flow::Taken
    }
}

struct Faulty;

impl Framer for Faulty {
    fn frame_len(&self, _: &[u8]) -> Result<Option<usize>, FrameError> {
        panic!("a fault in a framer");
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

/// A chore whose business never ends, so that only what ends at once ends.
fn busy(_: &Status) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn gave_up(supervisor: &str, actor: &str) -> RuntimeFault {
    RuntimeFault::GaveUp { supervisor: supervisor.into(), actor: actor.into() }
}

fn supervisors(topology: &mut Topology) -> [SupervisorId; 2] {
    [("gateways", Escalation::Halt), ("engine", Escalation::Exit)].map(|(name, escalation)| {
        topology.supervisor(SupervisorSpec::new(name, Strategy::OneForOne).escalation(escalation))
    })
}

#[test]
fn a_halt_ends_when_that_fails_without_which_all_ends_at_once() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let mut senders = Vec::new();
    for (name, supervisor) in ["session", "group"].into_iter().zip(supervisors(&mut topology)) {
        let actor = topology.actor(shard, name, || Relay);
        topology.leave_open(actor, out);
        topology.supervise_significant(supervisor, actor);
        senders.push(topology.external_sender("poison", actor, EdgeSpec::backpressure(8)));
    }
    let running = topology.start_with(options().halt_deadline(LONG), busy).unwrap();
    senders[0].send(note(13)).unwrap();
    until("it halts", || running.status().is_halting);
    senders[1].send(note(13)).unwrap();
    until("the topology ends by itself", || !running.is_running());
    assert_eq!(running.stop().status.faults, [gave_up("gateways", "session"), gave_up("engine", "group")]);
}

#[test]
fn a_shard_that_dies_ends_all_at_once_if_one_of_its_actors_would() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let [gateways, engine] = supervisors(&mut topology);
    let addr: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let listen = EndpointSpec::Listen { addr, framer: Box::new(Faulty), backlog: 8 };
    let feed = topology.net_actor(shard, "feed", vec![listen], |_| Relay);
    let group = topology.actor(shard, "group", || Relay);
    topology.supervise(gateways, feed, |_| Relay);
    topology.supervise_significant(engine, group);
    topology.leave_open(feed, out);
    topology.leave_open(group, out);
    let running = topology.start_with(options().halt_deadline(LONG), busy).unwrap();
    TcpStream::connect(running.addresses(feed)[0]).unwrap().write_all(&[1]).unwrap();
    until("the topology ends by itself", || !running.is_running());
    let faults = running.stop().status.faults;
    assert!(faults.contains(&gave_up("engine", "group")), "{faults:?}");
}

/// The siblings of an actor whose shard has died are not stopped for a restart that cannot be.
#[test]
fn actors_of_a_dead_shard_take_no_others_along() {
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let near = shard(&mut topology, "near", one, Idle::Park);
    let far = shard(&mut topology, "far", two, Idle::Park);
    let addr: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let listen = EndpointSpec::Listen { addr, framer: Box::new(Faulty), backlog: 8 };
    let dies = topology.net_actor(near, "dies", vec![listen], |_| Relay);
    let lives = topology.actor(far, "lives", || Relay);
    let supervisor = topology.supervisor(SupervisorSpec::new("both", Strategy::OneForAll).intensity(9, LONG));
    topology.supervise(supervisor, dies, |_| Relay);
    topology.supervise(supervisor, lives, |_| Relay);
    topology.leave_open(dies, out);
    let mut to_lives = topology.external_sender("in", lives, EdgeSpec::backpressure(64));
    let mut said = topology.external_receiver(lives, out, EdgeSpec::backpressure(64));
    let (halts, is_over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (tells, ends) = (halts.clone(), is_over.clone());
    let mut turns = 0;
    let running = topology.start_with(options().halt_deadline(LONG), move |status| {
        turns += u32::from(status.is_halting);
        // By then the supervisor has had its turns.
        tells.store(turns > 5, Ordering::Relaxed);
        if ends.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let running = running.unwrap();
    TcpStream::connect(running.addresses(dies)[0]).unwrap().write_all(&[1]).unwrap();
    until("the topology halts", || halts.load(Ordering::Relaxed));
    (1..=5).for_each(|number| to_lives.send(note(number)).unwrap());
    assert_eq!(numbers(&receive(&mut said, 5)), [1, 2, 3, 4, 5]);
    is_over.store(true, Ordering::Relaxed);
    let outcome = running.stop();
    assert!(outcome.drained, "{outcome:?}");
    let faults = &outcome.status.faults;
    assert!(faults.iter().any(|fault| matches!(fault, RuntimeFault::ShardPanicked { .. })), "{faults:?}");
    assert!(faults.len() == 2 && faults.contains(&gave_up("both", "dies")), "{faults:?}");
    assert!(outcome.status.restarted.is_empty(), "{outcome:?}");
}

#[test]
fn a_halt_does_not_wait_for_an_actor_that_was_to_be_restarted_on_a_shard_that_has_died() {
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let near = shard(&mut topology, "framer-dies", one, Idle::Park);
    let far = shard(&mut topology, "far", two, Idle::Park);
    let addr: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let listen = EndpointSpec::Listen { addr, framer: Box::new(Faulty), backlog: 8 };
    let listens = topology.net_actor(near, "listens", vec![listen], |_| Relay);
    let fails = topology.actor(near, "fails", || Relay);
    let relay = topology.actor(far, "relay", || Relay);
    [listens, relay].into_iter().for_each(|actor| topology.leave_open(actor, out));
    topology.leave_open(fails, out);
    let mut sender = topology.external_sender("in", fails, EdgeSpec::backpressure(8));
    let wait = Backoff { first: LONG, max: LONG, jitter_percent: 0, reset_after: Duration::ZERO };
    let spec = SupervisorSpec::new("exits", Strategy::OneForOne).backoff(wait).escalation(Escalation::Exit);
    let exits = topology.supervisor(spec);
    topology.supervise(exits, fails, |_| Relay);
    // Its program never ends its business.
    let running = topology.start(options().halt_deadline(LONG)).unwrap();
    let address = running.addresses(listens)[0];
    sender.send(note(13)).unwrap();
    until("it waits for its restart", || running.status().failed == 1);
    TcpStream::connect(address).unwrap().write_all(&[1]).unwrap();
    until("the topology ends at once", || !running.is_running());
    let status = running.stop().status;
    let [RuntimeFault::ShardPanicked { .. }, gave_up] = &status.faults[..] else { panic!("{:?}", status.faults) };
    assert_eq!(*gave_up, RuntimeFault::GaveUp { supervisor: "exits".into(), actor: "fails".into() });
    let lost = status.failures.iter().filter(|(actor, _)| actor == "fails").count();
    assert_eq!(lost, 2, "it failed, and was lost with its shard");
}
