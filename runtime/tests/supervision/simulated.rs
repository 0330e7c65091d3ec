//! Supervision in simulated time: backoff, nested supervisors, timers and connections, step by step.

use std::time::Duration;

use crate::support::{Bytewise, Log, Note, drain, listen_bytewise, note, numbers, out, shard, two_cpus};
use corelane_runtime::{
    actor::{Actor, Context, Down, NetActor, Step, Up},
    edge::port::Port,
    net::{CloseReason, ConnId, EndpointId, EndpointSpec, Flow, FrameError, Framer},
    supervision::{Action, Backoff, Escalation, Event, Restart, Strategy, SupervisorId, SupervisorSpec, Tree},
    topology::{
        ActorId, EdgeSpec, ExternalReceiver, ExternalSender, Idle, ShardId, Topology,
        check::{TopologyError, TopologyErrors},
    },
};

const POISON: u64 = 666;
const SET_TIMER: u64 = 777;
const SECOND: u64 = 1_000_000_000;

/// Sends on what comes with its life beside it, and writes down when it begins.
struct Relay {
    name: &'static str,
    life: u64,
    log: Log<String>,
}

impl Actor for Relay {
    type In = Note;
    type Out = Port<Note>;
    const OUTPUTS_MAX: usize = 1;
    const TIMERS_MAX: usize = 1;
    fn on_start(&mut self, _: &mut Context<'_, Port<Note>>) {
        self.log.push(format!("{} {}", self.name, self.life));
    }
    fn on_message(&mut self, ctx: &mut Context<'_, Port<Note>>, message: &Note) -> Step {
        assert!(message.number != POISON, "poison");
        if message.number == SET_TIMER {
            ctx.set_timer(SECOND, self.life).unwrap();
        }
        ctx.out.send(Note { from: self.life, ..*message });
        Step::Done
    }
    fn on_timer(&mut self, ctx: &mut Context<'_, Port<Note>>, token: u64) {
        ctx.out.send(Note { from: self.life, ..note(token) });
    }
}

struct Stage {
    topology: Topology,
    shard: ShardId,
    log: Log<String>,
}

type Ends = (ExternalSender<Note>, ExternalReceiver<Note>);

impl Stage {
    fn new() -> Stage {
        let mut topology = Topology::new();
        let shard = shard(&mut topology, "shard", two_cpus()[0], Idle::Park);
        Stage { topology, shard, log: Log::new() }
    }

    fn relay(&mut self, name: &'static str) -> (ActorId<Relay>, Ends) {
        let log = self.log.clone();
        let relay = self.topology.actor(self.shard, name, move || Relay { name, life: 0, log });
        let sender = self.topology.external_sender(name, relay, EdgeSpec::backpressure(8));
        let receiver = self.topology.external_receiver(relay, out, EdgeSpec::backpressure(8));
        (relay, (sender, receiver))
    }

    fn supervise(&mut self, supervisor: SupervisorId, name: &'static str, relay: ActorId<Relay>) {
        let log = self.log.clone();
        let lives = std::sync::atomic::AtomicU64::new(1);
        self.topology.supervise(supervisor, relay, move |_| {
            let life = lives.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Relay { name, life, log: log.clone() }
        });
    }
}

fn spec(name: &str, strategy: Strategy) -> SupervisorSpec {
    SupervisorSpec::new(name, strategy).intensity(1, Duration::from_secs(60))
}

#[test]
fn input_waits_while_its_actor_does_and_timers_end_with_it() {
    let mut stage = Stage::new();
    let (relay, (mut sender, mut receiver)) = stage.relay("relay");
    let wait = Duration::from_secs(1);
    let backoff = Backoff { first: wait, max: wait, jitter_percent: 0, reset_after: Duration::ZERO };
    let supervisor = stage.topology.supervisor(spec("all", Strategy::OneForOne).backoff(backoff));
    stage.supervise(supervisor, "relay", relay);
    let mut simulation = stage.topology.simulate().unwrap();
    simulation.set_time_ns(SECOND);
    for number in [SET_TIMER, POISON, 1, 2, 3, 4, 5, 6] {
        sender.send(note(number)).unwrap();
    }
    simulation.run_until_idle();
    assert_eq!(numbers(&drain(&mut receiver)), [SET_TIMER]);
    for number in [7, 8] {
        sender.send(note(number)).unwrap();
    }
    assert!(sender.send(note(9)).unwrap_err().is_full(), "the edge holds its producer");
    let status = simulation.status();
    assert_eq!((status.failed, status.dead_lettered, status.restarted.get("relay")), (1, 1, None));
    simulation.set_time_ns(2 * SECOND - 1);
    simulation.run_until_idle();
    assert_eq!(drain(&mut receiver), []);
    // At once its backoff and the timer of the one before are due.
    simulation.set_time_ns(2 * SECOND + 100_000);
    simulation.run_until_idle();
    let received = drain(&mut receiver);
    assert_eq!(numbers(&received), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert!(received.iter().all(|note| note.from == 1));
    let status = simulation.status();
    assert_eq!((status.restarted.get("relay"), status.generations.get("relay")), (Some(&1), Some(&1)));
    simulation.set_time_ns(9 * SECOND);
    sender.send(note(SET_TIMER)).unwrap();
    simulation.run_until_idle();
    simulation.set_time_ns(11 * SECOND);
    simulation.run_until_idle();
    assert_eq!(numbers(&drain(&mut receiver)), [SET_TIMER, 1], "the place of the timer that was cancelled is free");
    let [failure] = simulation.failures() else { panic!("{:?}", simulation.failures()) };
    assert_eq!(failure.dead_letter.map(|letter| (letter.header.kind, letter.steps)), Some((7, 0)));
    assert_eq!(simulation.gave_up(), None);
}

#[test]
fn a_supervisor_that_gives_up_is_restarted_with_its_children_and_the_one_above_it_gives_up_last() {
    let mut stage = Stage::new();
    let (first, (mut to_first, mut from_first)) = stage.relay("first");
    let (second, (mut to_second, _receiver)) = stage.relay("second");
    let (third, (mut to_third, mut from_third)) = stage.relay("third");
    let above = stage.topology.supervisor(spec("above", Strategy::RestForOne));
    let below = spec("below", Strategy::OneForOne).escalation(Escalation::Parent);
    let below = stage.topology.supervisor_below(above, below);
    stage.supervise(below, "first", first);
    stage.supervise(below, "second", second);
    stage.supervise(above, "third", third);
    let log = stage.log.clone();
    let mut simulation = stage.topology.simulate().unwrap();
    let said = |count: usize| log.entries()[count..].join(", ");
    assert_eq!(said(0), "first 0, second 0, third 0");
    to_first.send(note(POISON)).unwrap();
    simulation.run_until_idle();
    assert_eq!(said(3), "first 1");
    to_third.send(note(5)).unwrap();
    to_second.send(note(POISON)).unwrap();
    to_first.send(note(6)).unwrap();
    simulation.run_until_idle();
    assert_eq!(said(4), "first 2, second 1, third 1");
    assert_eq!((numbers(&drain(&mut from_first)), numbers(&drain(&mut from_third))), (vec![6], vec![5]));
    for _ in 0..2 {
        to_first.send(note(POISON)).unwrap();
    }
    simulation.run_until_idle();
    assert_eq!(said(7), "first 3");
    assert_eq!(simulation.gave_up(), Some((above, first.into())));
    // Nobody is restarted any more, and nobody waits for who is down.
    for number in 0..100 {
        let _ = to_first.send(note(number));
        simulation.run_until_idle();
    }
    assert!(!to_first.send(note(7)).unwrap_err().is_full());
}

/// Fails on what comes, and writes down what it hears of its neighbour.
struct Hears {
    name: &'static str,
    life: u64,
    log: Log<String>,
}

impl Actor for Hears {
    type In = Note;
    type Out = Port<Note>;
    const OUTPUTS_MAX: usize = 1;
    fn on_start(&mut self, _: &mut Context<'_, Port<Note>>) {
        self.log.push(format!("{} {}", self.name, self.life));
    }
    fn on_message(&mut self, _: &mut Context<'_, Port<Note>>, _: &Note) -> Step {
        panic!("poison");
    }
    fn on_down(&mut self, _: &mut Context<'_, Port<Note>>, down: Down) {
        self.log.push(format!("{} {} hears down {}", self.name, self.life, down.generation));
    }
    fn on_up(&mut self, _: &mut Context<'_, Port<Note>>, up: Up) {
        self.log.push(format!("{} {} hears up {}", self.name, self.life, up.generation));
    }
}

#[test]
fn who_is_built_while_a_neighbour_is_down_hears_of_that_once() {
    for is_apart in [false, true] {
        let mut topology = Topology::new();
        let shards = two_cpus().map(|cpu| shard(&mut topology, &format!("shard {cpu}"), cpu, Idle::Park));
        let log = Log::new();
        let mut actors = Vec::new();
        let mut senders = Vec::new();
        for (name, shard, wait_s) in [("quick", shards[0], 0), ("slow", shards[usize::from(is_apart)], 1)] {
            let [first, next] = [log.clone(), log.clone()];
            let actor = topology.actor(shard, name, move || Hears { name, life: 0, log: first });
            senders.push(topology.external_sender("in", actor, EdgeSpec::backpressure(8)));
            let wait = Duration::from_secs(wait_s);
            let backoff = Backoff { first: wait, max: wait, jitter_percent: 0, reset_after: Duration::ZERO };
            let spec = spec(name, Strategy::OneForOne).intensity(9, Duration::from_secs(60)).backoff(backoff);
            let supervisor = topology.supervisor(spec);
            let lives = std::sync::atomic::AtomicU64::new(1);
            topology.supervise(supervisor, actor, move |_| {
                let life = lives.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                Hears { name, life, log: next.clone() }
            });
            actors.push(actor);
        }
        topology.connect(actors[0], out, actors[1], EdgeSpec::backpressure(8));
        topology.leave_open(actors[1], out);
        let mut simulation = topology.simulate().unwrap();
        let mut at = 0;
        let mut said = || {
            let said = log.entries()[at..].to_vec();
            at += said.len();
            said
        };
        assert_eq!(said(), ["quick 0", "slow 0"]);
        simulation.set_time_ns(SECOND);
        senders[1].send(note(1)).unwrap();
        simulation.run_until_idle();
        assert_eq!(said(), ["quick 0 hears down 0"]);
        // Each time that it is built, it hears of a neighbour that is down, and nothing of its own end or start.
        for life in 1..=2 {
            senders[0].send(note(2)).unwrap();
            simulation.run_until_idle();
            assert_eq!(said(), [format!("quick {life}"), format!("quick {life} hears down 0")], "apart: {is_apart}");
        }
        simulation.set_time_ns(3 * SECOND);
        simulation.run_until_idle();
        assert_eq!(said(), ["slow 1", "quick 2 hears up 1"]);
        // Both are up, and nothing is to be made up for.
        senders[0].send(note(3)).unwrap();
        simulation.run_until_idle();
        assert_eq!(said(), ["slow 1 hears down 2", "quick 3", "slow 1 hears up 3"]);
    }
}

/// Sends back what comes by the network.
struct Echo(u8);

impl Actor for Echo {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, _: &mut Context<'_, ()>, _: &Note) -> Step {
        Step::Done
    }
}

impl NetActor for Echo {
    fn on_frame(&mut self, ctx: &mut Context<'_, ()>, conn: ConnId, frame: &[u8]) -> Flow {
        assert!(frame[0] != 255, "in frame");
        ctx.net.send(conn, &[frame[0], self.0]).map_or(Flow::Hold, |()| Flow::Taken)
    }
    fn on_close(&mut self, _: &mut Context<'_, ()>, _: EndpointId, _: ConnId, _: CloseReason) {
        panic!("of a connection that is not its own");
    }
}

#[test]
fn a_simulated_listener_is_the_next_generations() {
    let mut topology = Topology::new();
    let near = shard(&mut topology, "near", two_cpus()[0], Idle::Park);
    let echo = topology.net_actor(near, "echo", vec![listen_bytewise()], |_| Echo(0));
    let wait = Duration::from_secs(1);
    let backoff = Backoff { first: wait, max: wait, jitter_percent: 0, reset_after: Duration::ZERO };
    let supervisor = topology.supervisor(spec("all", Strategy::OneForOne).backoff(backoff));
    topology.supervise(supervisor, echo, |_| Echo(1));
    let mut simulation = topology.simulate().unwrap();
    let net = simulation.net(near);
    let peer = ([127, 0, 0, 1], 9).into();
    let (one, two) = (net.connect(EndpointId(0), peer), net.connect(EndpointId(0), peer));
    net.bytes(one, &[255]);
    net.bytes(two, &[7]);
    simulation.run_until_idle();
    assert_eq!([one, two].map(|conn| net.closed_by_actor(conn)), [Some(CloseReason::Local); 2]);
    net.disconnect(one, CloseReason::Peer);
    let three = net.connect(EndpointId(0), peer);
    net.bytes(three, &[9]);
    simulation.run_until_idle();
    assert_eq!(net.take_sent(three), []);
    simulation.set_time_ns(SECOND);
    simulation.run_until_idle();
    assert_eq!((net.take_sent(three), net.closed_by_actor(three)), (vec![9, 1], None));
    assert_eq!(simulation.failures().len(), 1);
}

#[test]
fn a_simulated_outgoing_connection_is_made_anew_for_the_next_generation() {
    let mut topology = Topology::new();
    let near = shard(&mut topology, "near", two_cpus()[0], Idle::Park);
    let peer = ([127, 0, 0, 1], 9).into();
    let connect = EndpointSpec::Connect { addr: peer, framer: Box::new(Bytewise) };
    let echo = topology.net_actor(near, "echo", vec![connect], |_| Echo(0));
    let supervisor = topology.supervisor(spec("all", Strategy::OneForOne));
    topology.supervise(supervisor, echo, |_| Echo(1));
    let mut simulation = topology.simulate().unwrap();
    let net = simulation.net(near);
    let first = net.connect(EndpointId(0), peer);
    net.bytes(first, &[255]);
    simulation.run_until_idle();
    assert_eq!(net.closed_by_actor(first), Some(CloseReason::Local));
    let [second] = net.take_reconnects()[..] else { panic!("one new connection") };
    net.establish(second, peer);
    net.bytes(second, &[9]);
    simulation.run_until_idle();
    assert_eq!((net.take_sent(second), net.take_reconnects()), (vec![9, 1], vec![]));
}

#[test]
fn only_the_first_generation_is_0() {
    let mut stage = Stage::new();
    let actor = stage.relay("relay").0.into();
    let mut tree = Tree::new(0);
    let for_ever = SupervisorSpec::new("for ever", Strategy::OneForOne).intensity(u32::MAX, Duration::ZERO);
    let supervisor = tree.supervisor(None, for_ever);
    tree.child(supervisor, actor, Restart::Permanent);
    for now_ns in 0..70_000 {
        let mut actions = Vec::new();
        tree.turn(now_ns, &[Event::Failed(actor)], &mut actions);
        let [Action::Start { generation, .. }] = actions[..] else { panic!("{actions:?}") };
        assert_ne!(generation, 0, "after {now_ns} restarts");
        tree.turn(now_ns, &[Event::Started(actor)], &mut actions);
    }
}

/// Frames of one byte. It panics on 255.
struct Fragile;

impl Framer for Fragile {
    fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        assert_ne!(bytes.first(), Some(&255), "as the test wants");
        Ok((!bytes.is_empty()).then_some(1))
    }
}

/// Fails on each frame.
struct Failing;

impl Actor for Failing {
    type In = ();
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, _: &mut Context<'_, ()>, (): &()) -> Step {
        Step::Done
    }
}

impl NetActor for Failing {
    fn on_frame(&mut self, _: &mut Context<'_, ()>, _: ConnId, _: &[u8]) -> Flow {
        panic!("as the test wants");
    }
}

#[test]
fn an_actor_that_fails_in_the_turn_in_which_its_shard_dies_is_lost_with_it() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "shard", two_cpus()[0], Idle::Park);
    let listen = EndpointSpec::Listen { addr: "127.0.0.1:0".parse().unwrap(), framer: Box::new(Fragile), backlog: 8 };
    let fails = topology.net_actor(shard, "fails", vec![listen], |_| Failing);
    let exits = topology.supervisor(spec("exits", Strategy::OneForOne).escalation(Escalation::Exit));
    topology.supervise(exits, fails, |_| Failing);
    let mut simulation = topology.simulate().unwrap();
    let (net, endpoint) = (simulation.net(shard), simulation.sockets(fails)[0].endpoint);
    let [first, second] = [1, 2].map(|port| net.connect(endpoint, ([127, 0, 0, 1], port).into()));
    simulation.run_until_idle();
    // In one turn, the first is a frame on which the actor panics, the second one on which the framer does.
    net.bytes(first, &[1]);
    net.bytes(second, &[255]);
    simulation.run_until_idle();
    assert_eq!(simulation.escalation(), Some(Escalation::Exit), "nobody waits for its restart");
    assert_eq!(simulation.failures().len(), 2, "it failed, and was lost with its shard");
}

/// Why a topology of two relays is refused that `declare` adds supervisors to.
fn refusal(declare: impl FnOnce(&mut Stage, ActorId<Relay>, ActorId<Relay>)) -> TopologyErrors {
    let mut stage = Stage::new();
    let (one, _ends) = stage.relay("one");
    let (two, _other_ends) = stage.relay("two");
    declare(&mut stage, one, two);
    stage.topology.check().map(|_| ()).unwrap_err()
}

#[test]
fn check_refuses_supervisors_that_cannot_do_what_they_declare() {
    let refused = |error| TopologyErrors(vec![error]);
    let (one_for_one, all) = (Strategy::OneForOne, Strategy::OneForAll);
    let names = refusal(|stage, _, _| {
        stage.topology.supervisor(spec("all", one_for_one));
        stage.topology.supervisor(spec("all", one_for_one));
    });
    assert_eq!(names, refused(TopologyError::SupervisorNameTaken { name: "all".into() }));
    let parent = refusal(|stage, _, _| {
        stage.topology.supervisor(spec("all", one_for_one).escalation(Escalation::Parent));
    });
    assert_eq!(parent, refused(TopologyError::NobodyAbove { supervisor: "all".into() }));
    let twice = refusal(|stage, one, _| {
        let [first, second] = ["first", "second"].map(|name| stage.topology.supervisor(spec(name, one_for_one)));
        stage.supervise(first, "one", one);
        stage.topology.supervise_temporary(second, one);
    });
    assert_eq!(twice, refused(TopologyError::SupervisedTwice { actor: "one".into() }));
    let restarted = TopologyError::SignificantRestarted { actor: "one".into(), supervisor: "all".into() };
    let with_others = refusal(|stage, one, two| {
        let supervisor = stage.topology.supervisor(spec("all", all));
        stage.topology.supervise_significant(supervisor, one);
        stage.supervise(supervisor, "two", two);
    });
    assert_eq!(with_others, refused(restarted.clone()));
    let with_its_supervisor = refusal(|stage, one, _| {
        let above = stage.topology.supervisor(spec("all", all));
        let below = stage.topology.supervisor_below(above, spec("below", one_for_one));
        stage.topology.supervise_significant(below, one);
    });
    assert_eq!(with_its_supervisor, refused(restarted));
    let in_flight = |restarts: bool| {
        refusal(|stage, one, _| {
            let asks = stage.topology.actor(stage.shard, "asks", || Relay { name: "asks", life: 0, log: Log::new() });
            stage.topology.connect(asks, out, one, EdgeSpec::backpressure(8).in_flight(1));
            let supervisor = stage.topology.supervisor(spec("all", one_for_one));
            if restarts {
                stage.supervise(supervisor, "asks", asks);
            } else {
                stage.topology.supervise_temporary(supervisor, asks);
                // It has a fault all the same.
                stage.topology.supervisor(spec("all", one_for_one));
            }
        })
    };
    let error = TopologyError::InFlightRestarted { actor: "asks".into(), edge: "asks.out".into() };
    assert_eq!(in_flight(true), refused(error));
    assert_eq!(in_flight(false), names, "it is not restarted");
}
