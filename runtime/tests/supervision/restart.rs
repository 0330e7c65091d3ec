//! Supervised actors on real threads: who fails is suspended, replaced and runs on; nothing that waits is lost or doubled.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::support::{
    Log, Note, Play, drain, listen_bytewise, note, numbers, options, out, receive, send_all, shard, small_net,
    two_cpus, until,
};
use corelane_runtime::{
    actor::{Actor, Context, Down, NetActor, Step, Up},
    edge::port::Port,
    lifecycle::RuntimeFault,
    net::{CloseReason, ConnId, DriverConfig, EndpointId, Flow},
    supervision::{Backoff, Escalation, Strategy, SupervisorSpec},
    topology::{EdgeSpec, Idle, ShardSpec, Topology},
};

type One = Play<Port<Note>, 4>;

/// The messages that an actor fails on.
const IN_MESSAGE: u64 = 1_001;
const IN_MORE: u64 = 1_002;
const IN_TIMER: u64 = 1_003;
const IN_BATCH_END: u64 = 1_004;
/// What a step sends that then fails.
const UNDONE: u64 = 333;

/// Sends on what comes, marked with its life, and fails as it is told.
struct Fragile {
    /// Which of the values it is that were built.
    life: u64,
    fails_at_batch_end: bool,
    fails_at_start: bool,
    fails_in_drop: bool,
}

impl Fragile {
    fn new(life: u64) -> Self {
        Fragile { life, fails_at_batch_end: false, fails_at_start: false, fails_in_drop: false }
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        assert!(!self.fails_in_drop, "in drop");
    }
}

impl Actor for Fragile {
    type In = Note;
    type Out = Port<Note>;
    const OUTPUTS_MAX: usize = 2;
    const TIMERS_MAX: usize = 2;

    fn on_start(&mut self, _: &mut Context<'_, Port<Note>>) {
        assert!(!self.fails_at_start, "in start");
    }

    fn on_message(&mut self, ctx: &mut Context<'_, Port<Note>>, message: &Note) -> Step {
        ctx.out.send(Note { from: self.life, ..*message });
        match message.number {
            IN_MESSAGE => {
                ctx.out.send(note(UNDONE));
                panic!("in message");
            }
            IN_MORE => return Step::More,
            IN_TIMER => assert!(ctx.set_timer(1, 1).is_ok()),
            IN_BATCH_END => self.fails_at_batch_end = true,
            _ => {}
        }
        Step::Done
    }

    fn on_more(&mut self, ctx: &mut Context<'_, Port<Note>>) -> Step {
        ctx.out.send(note(UNDONE));
        panic!("in more");
    }

    fn on_timer(&mut self, ctx: &mut Context<'_, Port<Note>>, _token: u64) {
        ctx.out.send(note(UNDONE));
        panic!("in timer");
    }

    fn on_batch_end(&mut self, ctx: &mut Context<'_, Port<Note>>) {
        if self.fails_at_batch_end {
            ctx.out.send(note(UNDONE));
            panic!("in batch end");
        }
    }
}

fn supervisor(strategy: Strategy) -> SupervisorSpec {
    SupervisorSpec::new("supervisor", strategy).intensity(20, Duration::from_secs(60))
}

fn wait_ms(ms: u64) -> Backoff {
    let wait = Duration::from_millis(ms);
    Backoff { first: wait, max: wait, jitter_percent: 0, reset_after: Duration::ZERO }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Down(u16),
    Up(u16),
}

/// Sends on what comes and records what it hears of others.
fn neighbour(heard: Log<Heard>) -> One {
    let mut actor = One::relay();
    let downs = heard.clone();
    actor.on_down = Box::new(move |_, Down { generation, .. }| downs.push(Heard::Down(generation)));
    actor.on_up = Box::new(move |_, Up { generation, .. }| heard.push(Heard::Up(generation)));
    actor
}

/// Fails in the hook that `poison` names, and comes back.
fn come_back(poison: u64, idle: Idle) {
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let near = shard(&mut topology, "near", one, idle);
    let far = shard(&mut topology, "far", two, Idle::Park);
    let heard = [Log::new(), Log::new(), Log::new()];
    let [first, second, third] = heard.clone();
    let upstream = topology.actor(far, "upstream", move || neighbour(first));
    let fragile = topology.actor(near, "fragile", || Fragile::new(0));
    let downstream = topology.actor(near, "downstream", move || neighbour(second));
    let stranger = topology.actor(far, "stranger", move || neighbour(third));
    topology.leave_open(stranger, out);
    let mut sender = topology.external_sender("in", upstream, EdgeSpec::backpressure(8));
    topology.connect(upstream, out, fragile, EdgeSpec::backpressure(8));
    topology.connect(fragile, out, downstream, EdgeSpec::backpressure(8));
    let mut delivered = topology.external_receiver(downstream, out, EdgeSpec::backpressure(1000));
    let restarts = topology.supervisor(supervisor(Strategy::OneForOne).backoff(wait_ms(5)));
    let lives = Arc::new(AtomicU64::new(0));
    topology.supervise(restarts, fragile, move |_| Fragile::new(lives.fetch_add(1, Ordering::Relaxed) + 1));
    let running = topology.start(options()).unwrap();

    // Many more than the edges hold: their producers are held while it is suspended.
    let sent: Vec<u64> = (0..100).chain([poison]).chain(101..200).chain([poison]).chain(201..300).collect();
    send_all(&mut sender, sent.iter().copied().map(note));
    let arrives = |number: &u64| *number != poison || poison != IN_MESSAGE;
    let expected: Vec<u64> = sent.iter().copied().filter(arrives).collect();
    let received = receive(&mut delivered, expected.len());
    assert_eq!(numbers(&received), expected, "each once and in order, but the steps that failed");
    until("both failures are known", || running.status().restarted.get("fragile") == Some(&2));
    let lives: Vec<u64> = received.iter().map(|note| note.from).collect();
    assert!(lives.is_sorted() && lives[0] == 0 && *lives.last().unwrap() == 2, "{poison}: {lives:?}");
    let outcome = running.stop();
    assert!(outcome.drained, "{poison}");
    assert_eq!(drain(&mut delivered), [], "{poison}");
    let [upstream, downstream, stranger] = heard.map(|log| log.entries());
    let twice = [Heard::Down(0), Heard::Up(1), Heard::Down(1), Heard::Up(2)];
    assert_eq!((&upstream[..], &downstream[..], &stranger[..]), (&twice[..], &twice[..], &[][..]), "{poison}");
    let status = outcome.status;
    assert_eq!((status.failed, status.failures.len()), (2, 2), "{poison}");
    assert!(status.failures.iter().all(|(_, failure)| failure.noticed_after.is_some()));
    let generations: Vec<u16> = status.failures.iter().map(|(_, failure)| failure.generation).collect();
    assert_eq!(generations, [0, 1], "{poison}");
    let steps: Vec<u32> = status.dead_letters.iter().map(|(_, letter)| letter.steps).collect();
    let expected: &[u32] = match poison {
        IN_MESSAGE => &[0, 0],
        IN_MORE => &[1, 1],
        _ => &[],
    };
    assert_eq!((steps.as_slice(), status.dead_lettered), (expected, expected.len() as u64), "{poison}");
    assert!(status.faults.is_empty(), "{:?}", status.faults);
}

#[test]
fn who_fails_in_any_hook_comes_back_and_its_input_has_waited() {
    for poison in [IN_MESSAGE, IN_MORE, IN_TIMER, IN_BATCH_END] {
        for idle in [Idle::Park, Idle::Backoff] {
            come_back(poison, idle);
        }
    }
}

#[test]
fn a_storm_ends_in_one_escalation() {
    for escalation in [Escalation::Halt, Escalation::Exit] {
        let mut topology = Topology::new();
        let near = shard(&mut topology, "near", two_cpus()[0], Idle::Park);
        let fragile = topology.actor(near, "fragile", || Fragile::new(0));
        topology.leave_open(fragile, out);
        let mut sender = topology.external_sender("in", fragile, EdgeSpec::backpressure(64));
        let spec = supervisor(Strategy::OneForOne).intensity(3, Duration::from_secs(60)).escalation(escalation);
        let restarts = topology.supervisor(spec);
        topology.supervise(restarts, fragile, |_| Fragile::new(1));
        let running = topology.start(options()).unwrap();
        send_all(&mut sender, (0..10).map(|_| note(IN_MESSAGE)));
        until("the topology ends by itself", || !running.is_running());
        let outcome = running.stop();
        let told = RuntimeFault::GaveUp { supervisor: "supervisor".into(), actor: "fragile".into() };
        assert_eq!((outcome.status.failed, &outcome.status.faults[..]), (4, &[told][..]));
        assert_eq!(outcome.status.restarted["fragile"], 3);
    }
}

#[test]
fn replacements_that_fail_to_be_built_or_to_start_count_and_drops_that_panic_are_told() {
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let near = shard(&mut topology, "near", one, Idle::Park);
    let far = shard(&mut topology, "far", two, Idle::Park);
    let fragile = topology.actor(near, "fragile", || Fragile { fails_in_drop: true, ..Fragile::new(0) });
    let heard = Log::new();
    let hears = heard.clone();
    let downstream = topology.actor(far, "downstream", move || neighbour(hears));
    let mut sender = topology.external_sender("in", fragile, EdgeSpec::backpressure(64));
    topology.connect(fragile, out, downstream, EdgeSpec::backpressure(8));
    let mut delivered = topology.external_receiver(downstream, out, EdgeSpec::backpressure(64));
    let restarts = topology.supervisor(supervisor(Strategy::OneForOne));
    let built = AtomicU64::new(0);
    topology.supervise(restarts, fragile, move |_| {
        let life = built.fetch_add(1, Ordering::Relaxed) + 1;
        assert!(life != 1, "in the factory");
        Fragile { fails_at_start: life == 2, ..Fragile::new(life) }
    });
    let running = topology.start(options()).unwrap();
    send_all(&mut sender, [IN_MESSAGE, 7].map(note));
    assert_eq!(receive(&mut delivered, 1), [Note { from: 3, ..note(7) }]);
    let outcome = running.stop();
    let told: Vec<&str> = outcome.status.failures.iter().map(|(_, failure)| failure.message.as_str()).collect();
    let mut sorted = told.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["in drop", "in message", "in start", "in the factory"], "{told:?}");
    let in_restart = outcome.status.failures.iter().filter(|(_, failure)| failure.in_restart);
    let in_restart: Vec<String> = in_restart.map(|(_, failure)| failure.to_string()).collect();
    assert!(in_restart[0].starts_with("could not be restarted as generation 1: failed at "), "{in_restart:?}");
    assert!(in_restart[1].starts_with("could not be restarted as generation 2: failed at "), "{in_restart:?}");
    assert_eq!(in_restart.len(), 2);
    // One of the three replacements ran.
    assert_eq!((outcome.status.restarted["fragile"], outcome.status.generations["fragile"]), (1, 3));
    // The second generation never came up, so nobody hears of its end.
    assert_eq!(heard.entries(), [Heard::Down(0), Heard::Up(3)]);
}

#[test]
fn a_replacement_that_never_comes_up_keeps_housekeeping_from_nothing() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "never-up", two_cpus()[0], Idle::Park);
    let fragile = topology.actor(shard, "fragile", || Fragile::new(0));
    let mut sender = topology.external_sender("in", fragile, EdgeSpec::backpressure(64));
    topology.leave_open(fragile, out);
    let for_ever = SupervisorSpec::new("for ever", Strategy::OneForOne).intensity(u32::MAX, Duration::from_secs(3600));
    let restarts = topology.supervisor(for_ever);
    topology.supervise(restarts, fragile, |_| -> Fragile { panic!("in the factory") });
    let running = topology.start(options()).unwrap();
    send_all(&mut sender, [IN_MESSAGE].map(note));
    until("it is tried again and again", || running.status().failed > 100);
    let clock = running.status().clock;
    until("the clock is kept meanwhile", || running.status().clock != clock);
    let outcome = running.stop();
    assert!(outcome.drained && outcome.status.faults.is_empty(), "{:?}", outcome.status.faults);
}

#[test]
fn siblings_stop_and_start_in_order_and_what_waits_for_them_is_kept() {
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let shards = [one, two].map(|cpu| shard(&mut topology, &format!("cpu {cpu}"), cpu, Idle::Park));
    let names = ["first", "second", "third"];
    let [first, second, third] = [0, 1, 2].map(|at| topology.actor(shards[at % 2], names[at], || Fragile::new(0)));
    let mut sender = topology.external_sender("in", first, EdgeSpec::backpressure(8));
    topology.connect(first, out, second, EdgeSpec::backpressure(4));
    topology.connect(second, out, third, EdgeSpec::backpressure(4));
    let mut delivered = topology.external_receiver(third, out, EdgeSpec::backpressure(1000));
    let restarts = topology.supervisor(supervisor(Strategy::RestForOne));
    let log = Log::new();
    for (name, actor) in names.into_iter().zip([first, second, third]) {
        let log = log.clone();
        topology.supervise(restarts, actor, move |_| {
            log.push(name);
            Fragile::new(1)
        });
    }
    let running = topology.start(options()).unwrap();
    let sent: Vec<u64> = (0..50).chain([IN_MESSAGE]).chain(51..100).collect();
    send_all(&mut sender, sent.iter().copied().map(note));
    let expected: Vec<u64> = sent.iter().copied().filter(|number| *number != IN_MESSAGE).collect();
    assert_eq!(numbers(&receive(&mut delivered, 99)), expected);
    let outcome = running.stop();
    assert!(outcome.drained && outcome.status.faults.is_empty(), "{outcome:?}");
    assert_eq!(log.entries(), names, "the first failed; the others were stopped and started after it");
    let restarts: Vec<u64> = outcome.status.restarted.values().copied().collect();
    assert_eq!((outcome.status.failed, &restarts[..]), (1, &[1, 1, 1][..]));
}

#[test]
fn a_stop_waits_for_a_restart_and_not_for_who_was_given_up() {
    let run = |backoff_ms: u64, intensity: u32| {
        let mut topology = Topology::new();
        let near = shard(&mut topology, "near", two_cpus()[0], Idle::Park);
        let fragile = topology.actor(near, "fragile", || Fragile::new(0));
        let mut sender = topology.external_sender("in", fragile, EdgeSpec::backpressure(64));
        let mut delivered = topology.external_receiver(fragile, out, EdgeSpec::backpressure(64));
        let spec = supervisor(Strategy::OneForOne).intensity(intensity, Duration::from_secs(60));
        let restarts = topology.supervisor(spec.backoff(wait_ms(backoff_ms)));
        topology.supervise(restarts, fragile, |_| Fragile::new(1));
        let running = topology.start(options()).unwrap();
        send_all(&mut sender, [IN_MESSAGE, 7, 8].map(note));
        until("the failure is known", || running.status().failed == 1);
        let outcome = running.stop();
        assert!(outcome.drained, "{outcome:?}");
        numbers(&drain(&mut delivered))
    };
    assert_eq!(run(200, 1), [7, 8]);
    assert_eq!(run(200, 0), [0; 0]);
}

/// Sends back each byte with its life beside it; fails on what is sent to it.
struct Echo {
    life: u8,
    log: Log<(u8, &'static str)>,
}

const FRAME_FAILS: u8 = 255;
const OPEN_FAILS: u8 = 100;

impl Actor for Echo {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, _: &mut Context<'_, ()>, _: &Note) -> Step {
        panic!("in message");
    }
}

impl NetActor for Echo {
    fn on_open(&mut self, _: &mut Context<'_, ()>, _: EndpointId, _: ConnId, _: std::net::SocketAddr) {
        self.log.push((self.life, "open"));
        assert!(self.life != OPEN_FAILS, "in open");
    }
    fn on_frame(&mut self, ctx: &mut Context<'_, ()>, conn: ConnId, frame: &[u8]) -> Flow {
        assert!(frame[0] != FRAME_FAILS, "in frame");
        ctx.net.send(conn, &[frame[0], self.life]).map_or(Flow::Hold, |()| Flow::Taken)
    }
    fn on_close(&mut self, _: &mut Context<'_, ()>, _: EndpointId, _: ConnId, _: CloseReason) {
        self.log.push((self.life, "close"));
    }
}

#[test]
fn connections_end_with_their_actor_and_its_listener_is_the_next_ones() {
    let mut topology = Topology::new();
    let net = DriverConfig { connections_max: 32, ..small_net() };
    let near = topology.shard(ShardSpec::new("near", two_cpus()[0]).net(net));
    let log = Log::new();
    let said = log.clone();
    let echo = topology.net_actor(near, "echo", vec![listen_bytewise()], move |_| Echo { life: 0, log: said });
    let mut sender = topology.external_sender("in", echo, EdgeSpec::backpressure(64));
    let restarts = topology.supervisor(supervisor(Strategy::OneForOne).backoff(wait_ms(300)));
    let (said, lives) = (log.clone(), AtomicU64::new(0));
    topology.supervise(restarts, echo, move |endpoints| {
        assert_eq!(endpoints, [EndpointId(0)]);
        let life = [1, OPEN_FAILS, 3, 4][lives.fetch_add(1, Ordering::Relaxed) as usize];
        Echo { life, log: said.clone() }
    });
    let running = topology.start(options()).unwrap();
    let address = running.addresses(echo)[0];
    let connect = || {
        let client = TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        client
    };
    let ask = |client: &mut TcpStream| {
        let mut answer = [0; 2];
        client.write_all(&[7]).unwrap();
        client.read_exact(&mut answer).map(|()| answer)
    };
    let is_closed = |client: &mut TcpStream| client.read(&mut [0]).map_or(true, |bytes| bytes == 0);
    let (mut idle, mut client) = (connect(), connect());
    assert_eq!((ask(&mut client).unwrap(), ask(&mut idle).unwrap()), ([7, 0], [7, 0]));
    client.write_all(&[FRAME_FAILS]).unwrap();
    assert!(is_closed(&mut client) && is_closed(&mut idle));
    // It is suspended now; whoever connects waits for the next one.
    let mut clients: Vec<TcpStream> = (0..12).map(|_| connect()).collect();
    for client in &mut clients {
        assert_eq!(ask(client).unwrap(), [7, 1]);
    }
    send_all(&mut sender, [note(1)]);
    assert!(clients.iter_mut().all(is_closed), "a failure in a message ends them too");
    let mut refused = connect();
    assert!(is_closed(&mut refused), "the next fails when it opens");
    let mut last = connect();
    assert_eq!(ask(&mut last).unwrap(), [7, 3]);
    until("the restarts are known", || running.status().restarted.get("echo") == Some(&3));
    let outcome = running.stop();
    let messages: Vec<&str> = outcome.status.failures.iter().map(|(_, failure)| failure.message.as_str()).collect();
    assert_eq!(messages, ["in frame", "in message", "in open"]);
    let count = |life, what| log.entries().iter().filter(|&&entry| entry == (life, what)).count();
    let opened: Vec<usize> = [0, 1, OPEN_FAILS, 3].map(|life| count(life, "open")).to_vec();
    assert_eq!(opened, [2, 12, 1, 1]);
    // Nobody hears of the end of another's connections.
    assert_eq!([0, 1, OPEN_FAILS, 3].map(|life| count(life, "close")), [0, 0, 0, 1], "the last at the stop");
}

#[test]
fn an_actor_that_nothing_goes_on_without_escalates_at_once() {
    let mut topology = Topology::new();
    let near = shard(&mut topology, "near", two_cpus()[0], Idle::Park);
    let fragile = topology.actor(near, "fragile", || Fragile::new(0));
    topology.leave_open(fragile, out);
    let mut sender = topology.external_sender("in", fragile, EdgeSpec::backpressure(64));
    let needed = topology.supervisor(supervisor(Strategy::OneForOne));
    topology.supervise_significant(needed, fragile);
    let running = topology.start(options()).unwrap();
    send_all(&mut sender, [note(IN_MESSAGE)]);
    until("the topology ends by itself", || !running.is_running());
    let faults = running.stop().status.faults;
    assert_eq!(faults, [RuntimeFault::GaveUp { supervisor: "supervisor".into(), actor: "fragile".into() }]);
}

#[test]
fn a_shard_that_is_behind_hears_of_every_generation_once() {
    const FAILURES: u16 = 50;
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let near = shard(&mut topology, "near", one, Idle::Park);
    let far = shard(&mut topology, "far", two, Idle::Park);
    let (heard, is_free) = (Log::new(), Arc::new(AtomicBool::new(false)));
    let (hears, waits) = (heard.clone(), is_free.clone());
    let slow = topology.actor(far, "slow", move || {
        let mut actor = One::new(move |_, _| {
            while !waits.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            Step::Done
        });
        let downs = hears.clone();
        actor.on_down = Box::new(move |_, Down { generation, .. }| downs.push(Heard::Down(generation)));
        actor.on_up = Box::new(move |_, Up { generation, .. }| hears.push(Heard::Up(generation)));
        actor
    });
    let fragile = topology.actor(near, "fragile", || Fragile::new(0));
    topology.leave_open(fragile, out);
    topology.connect(slow, out, fragile, EdgeSpec::backpressure(8));
    let mut to_slow = topology.external_sender("slow", slow, EdgeSpec::backpressure(8));
    let mut to_fragile = topology.external_sender("fragile", fragile, EdgeSpec::backpressure(64));
    let restarts = topology.supervisor(supervisor(Strategy::OneForOne).intensity(1000, Duration::from_secs(3600)));
    topology.supervise(restarts, fragile, |_| Fragile::new(1));
    let running = topology.start(options()).unwrap();
    send_all(&mut to_slow, [note(1)]);
    send_all(&mut to_fragile, (0..FAILURES).map(|_| note(IN_MESSAGE)));
    // As many as its ring holds, and those that were under way: no more are restarted before it has heard of them.
    until("its ring is full", || running.status().restarted.get("fragile").is_some_and(|&times| times >= 4));
    is_free.store(true, Ordering::Relaxed);
    until("all are known", || heard.len() == 2 * usize::from(FAILURES));
    let expected: Vec<Heard> =
        (0..FAILURES).flat_map(|generation| [Heard::Down(generation), Heard::Up(generation + 1)]).collect();
    assert_eq!(heard.entries(), expected);
    assert_eq!(running.stop().status.failed, u64::from(FAILURES));
}

#[test]
fn a_shard_that_takes_no_notice_keeps_supervision_no_longer_than_an_actor_may_take_to_stop() {
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let near = shard(&mut topology, "near", one, Idle::Park);
    let far = shard(&mut topology, "far", two, Idle::Park);
    let is_free = Arc::new(AtomicBool::new(false));
    let waits = is_free.clone();
    let stuck = topology.actor(far, "stuck", move || {
        One::new(move |_, _| {
            while !waits.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            Step::Done
        })
    });
    topology.leave_open(stuck, out);
    let fragile = topology.actor(near, "fragile", || Fragile::new(0));
    topology.leave_open(fragile, out);
    let mut to_stuck = topology.external_sender("stuck", stuck, EdgeSpec::backpressure(8));
    let mut to_fragile = topology.external_sender("fragile", fragile, EdgeSpec::backpressure(64));
    let spec = supervisor(Strategy::OneForOne).intensity(1000, Duration::from_secs(3600));
    let restarts = topology.supervisor(spec.deadline(Duration::from_secs(1)));
    topology.supervise(restarts, fragile, |_| Fragile::new(1));
    // Without a watchdog.
    let running = topology.start(options()).unwrap();
    send_all(&mut to_stuck, [note(1)]);
    send_all(&mut to_fragile, (0..50).map(|_| note(IN_MESSAGE)));
    until("it ends by itself", || !running.is_running());
    is_free.store(true, Ordering::Relaxed);
    let faults = running.stop().status.faults;
    let RuntimeFault::ShardStuck { shard, actor, .. } = &faults[0] else { panic!("{faults:?}") };
    assert_eq!((shard.as_str(), actor.as_deref()), ("far", Some("stuck")));
}

#[test]
fn a_supervisor_that_gives_up_is_restarted_by_the_one_above_it() {
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let near = shard(&mut topology, "near", one, Idle::Park);
    let far = shard(&mut topology, "far", two, Idle::Park);
    let first = topology.actor(near, "first", || Fragile::new(0));
    let second = topology.actor(far, "second", || Fragile::new(0));
    let mut sender = topology.external_sender("in", first, EdgeSpec::backpressure(64));
    topology.connect(first, out, second, EdgeSpec::backpressure(4));
    let mut delivered = topology.external_receiver(second, out, EdgeSpec::backpressure(64));
    let above = topology.supervisor(supervisor(Strategy::OneForAll));
    let spec = SupervisorSpec::new("below", Strategy::OneForOne).intensity(1, Duration::from_secs(60));
    let below = topology.supervisor_below(above, spec.escalation(Escalation::Parent));
    topology.supervise(below, first, |_| Fragile::new(1));
    topology.supervise(above, second, |_| Fragile::new(1));
    let running = topology.start(options()).unwrap();
    // The first is its own to answer, the second the one above's, and then it starts over.
    let sent = [1, IN_MESSAGE, 2, IN_MESSAGE, 3, IN_MESSAGE, 4];
    send_all(&mut sender, sent.map(note));
    assert_eq!(numbers(&receive(&mut delivered, 4)), [1, 2, 3, 4]);
    until("all restarts are known", || running.status().restarted.get("first") == Some(&3));
    let status = running.stop().status;
    assert_eq!((status.restarted["second"], status.failed, status.faults.len()), (1, 3, 0));
}

#[test]
fn the_time_in_which_a_replacement_is_built_is_none_of_its_time_to_start() {
    let mut topology = Topology::new();
    let near = shard(&mut topology, "near", two_cpus()[0], Idle::Park);
    let fragile = topology.actor(near, "fragile", || Fragile::new(0));
    topology.leave_open(fragile, out);
    let is_busy = Arc::new(AtomicBool::new(false));
    let holds_up = is_busy.clone();
    let busy = topology.actor(near, "busy", move || {
        let mut busy = One::relay();
        busy.on_start = Box::new(|ctx, ()| assert!(ctx.set_timer(0, 0).is_ok()));
        busy.on_timer = Box::new(move |ctx, _| {
            if holds_up.swap(false, Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(20));
            }
            assert!(ctx.set_timer(1_000_000, 0).is_ok());
        });
        busy
    });
    topology.leave_open(busy, out);
    let mut sender = topology.external_sender("in", fragile, EdgeSpec::backpressure(8));
    let restarts = topology.supervisor(supervisor(Strategy::OneForOne).deadline(Duration::from_millis(90)));
    topology.supervise(restarts, fragile, move |_| {
        // The time is the fault. Its shard takes notice 20 ms after it is built.
        std::thread::sleep(Duration::from_millis(145));
        is_busy.store(true, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(5));
        Fragile::new(1)
    });
    let running = topology.start(options()).unwrap();
    send_all(&mut sender, [note(IN_MESSAGE)]);
    until("it is restarted, or given up", || !running.status().restarted.is_empty() || !running.is_running());
    let status = running.stop().status;
    assert_eq!((status.restarted.get("fragile"), &status.faults[..]), (Some(&1), &[][..]));
}
