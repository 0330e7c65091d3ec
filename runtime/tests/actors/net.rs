//! What comes from outside while there is no room behind the actor: frames wait, datagrams are dropped, and what cannot
//! be put off waits in the port. Nothing of it fails the actor. And how long who only listens waits for the network.

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::support::asks::Asks;
use crate::support::{
    Bytewise, Log, Note, Play, drain, listen_bytewise, note, numbers, options, out, shard, two_cpus, until,
};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    edge::port::Port,
    net::{CloseReason, ConnId, Datagram, DriverConfig, EndpointId, EndpointSpec, Flow, UdpSpec},
    simulation::{SimNet, Simulation},
    topology::{EdgeSpec, Idle, ShardSpec, Topology},
};
use corelane_test_support::shards::small_net;

/// A millisecond in nanoseconds.
const MS: u64 = 1_000_000;

/// Sends one message for everything that happens.
struct Teller;

impl Actor for Teller {
    type In = Note;
    type Out = Port<Note>;
    const OUTPUTS_MAX: usize = 1;
    fn on_message(&mut self, _: &mut Context<'_, Port<Note>>, _: &Note) -> Step {
        Step::Done
    }
}

impl NetActor for Teller {
    fn on_open(&mut self, ctx: &mut Context<'_, Port<Note>>, _: EndpointId, conn: ConnId, _: SocketAddr) {
        ctx.out.send(note(100 + u64::from(conn.slot)));
    }
    fn on_frame(&mut self, ctx: &mut Context<'_, Port<Note>>, _: ConnId, frame: &[u8]) -> Flow {
        ctx.out.send(note(200 + u64::from(frame[0])));
        Flow::Taken
    }
    fn on_datagram(&mut self, ctx: &mut Context<'_, Port<Note>>, _: EndpointId, datagram: &Datagram<'_>) {
        ctx.out.send(note(300 + u64::from(datagram.payload[0])));
    }
    fn on_close(&mut self, ctx: &mut Context<'_, Port<Note>>, _: EndpointId, conn: ConnId, _: CloseReason) {
        ctx.out.send(note(400 + u64::from(conn.slot)));
    }
}

#[test]
fn nothing_from_outside_fails_an_actor_that_has_no_room() {
    let addr: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let actor = topology.net_actor(shard, "teller", vec![listen_bytewise()], |_| Teller);
    let mut receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(2));
    let mut simulation = topology.simulate().unwrap();
    let net = simulation.net(shard);
    let conns = [0, 1, 2, 3].map(|_| net.connect(EndpointId(0), addr));
    net.datagram(EndpointId(0), addr, &[1]);
    net.disconnect(conns[3], CloseReason::Peer);
    net.bytes(conns[0], &[1]);
    net.bytes(conns[1], &[2]);
    let mut told = Vec::new();
    for _ in 0..12 {
        simulation.turn();
        told.extend(receiver.receive().map(|envelope| envelope.body.number));
    }
    // The datagram found four messages before it; the frames were held until there was room for two steps.
    assert_eq!(told, [100, 101, 102, 103, 403, 201, 202]);
    net.datagram(EndpointId(0), addr, &[2]);
    simulation.run_until_idle();
    assert_eq!(numbers(&drain(&mut receiver)), [302]);
    assert!(simulation.failures().is_empty());
}

/// Writes down what it hears, and each end of a batch as 0.
struct Listener(Log<u64>);

impl Actor for Listener {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, _: &mut Context<'_, ()>, note: &Note) -> Step {
        self.0.push(note.number);
        Step::Done
    }
    fn on_batch_end(&mut self, _: &mut Context<'_, ()>) {
        self.0.push(0);
    }
}

/// A teller with one endpoint for datagrams, and a listener behind an edge that holds this many.
fn teller_and_listener(edge: usize) -> (Simulation, SimNet, Log<u64>) {
    let addr: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let teller = topology.net_actor(shard, "teller", vec![EndpointSpec::Udp(UdpSpec::receiver(addr))], |_| Teller);
    let heard = Log::new();
    let log = heard.clone();
    let listener = topology.actor(shard, "listener", move || Listener(log));
    topology.connect(teller, out, listener, EdgeSpec::backpressure(edge));
    let simulation = topology.simulate().unwrap();
    let net = simulation.net(shard);
    (simulation, net, heard)
}

fn datagram(net: &SimNet, byte: u8) {
    net.datagram(EndpointId(0), (Ipv4Addr::LOCALHOST, 0).into(), &[byte]);
}

#[test]
fn who_only_listens_waits_for_the_network_but_a_few_turns() {
    let (mut simulation, net, heard) = teller_and_listener(64);
    // One datagram in each turn: the ninth turn is the listener's too.
    for turn in 1..=12 {
        datagram(&net, turn);
        simulation.turn();
        assert_eq!(!heard.entries().is_empty(), turn >= 9, "{turn}");
    }
    let first: Vec<u64> = (301..=309).chain([0]).collect();
    assert_eq!(heard.entries(), first);
    // And the first turn without one is.
    simulation.turn();
    assert_eq!(heard.entries()[first.len()..], [310, 311, 312, 0]);
    assert_eq!(simulation.turn(), 0);
}

#[test]
fn who_only_listens_waits_for_128_datagrams_at_most_however_few_turns_bring_them() {
    let (mut simulation, net, heard) = teller_and_listener(512);
    let mut turn = |datagrams: usize| {
        let before = heard.entries().len();
        (0..datagrams).for_each(|_| datagram(&net, 1));
        simulation.turn();
        // Without the ends of batches.
        heard.entries()[before..].iter().filter(|&&number| number > 0).count()
    };
    // 127 are not too many, by themselves or in turns; one more is.
    assert_eq!(turn(127), 0);
    assert_eq!(turn(1), 128);
    // It is counted anew from there on.
    assert_eq!([turn(50), turn(50), turn(27)], [0, 0, 0]);
    assert_eq!(turn(1), 128);
    // All at once need not wait at all.
    assert_eq!(turn(128), 128);
    assert_eq!(turn(1), 0);
    assert_eq!(turn(0), 1);
}

/// The shard that is asked has had its turn before the question is sent.
#[test]
fn a_simulation_does_not_rest_before_a_question_with_a_held_frame_is_answered() {
    for at_batch_end in [false, true] {
        let mut topology = Topology::new();
        let [far, near] = ["far", "near"].map(|name| shard(&mut topology, name, two_cpus()[0], Idle::Park));
        let answers = topology.actor(far, "answers", Play::<Port<Note>, 1>::relay);
        let asks = topology.net_actor(near, "asks", vec![listen_bytewise()], move |_| Asks::new(at_batch_end));
        topology.connect(asks, out, answers, EdgeSpec::backpressure(8));
        topology.connect(answers, out, asks, EdgeSpec::backpressure(8).in_flight(1));
        let mut simulation = topology.simulate().unwrap();
        let net = simulation.net(near);
        let conn = net.connect(EndpointId(0), (Ipv4Addr::LOCALHOST, 0).into());
        simulation.run_until_idle();
        net.bytes(conn, &[7]);
        simulation.run_until_idle();
        assert_eq!(net.take_sent(conn), [7], "at the end of a batch: {at_batch_end}");
    }
}

/// Forwards each frame, and has a timer of a millisecond.
struct Gateway(Log<u64>);

impl Actor for Gateway {
    type In = Note;
    type Out = Port<Note>;
    const OUTPUTS_MAX: usize = 1;
    const TIMERS_MAX: usize = 1;
    fn on_start(&mut self, ctx: &mut Context<'_, Port<Note>>) {
        assert!(ctx.set_timer(MS, 0).is_ok());
    }
    fn on_message(&mut self, _: &mut Context<'_, Port<Note>>, _: &Note) -> Step {
        Step::Done
    }
    fn on_timer(&mut self, ctx: &mut Context<'_, Port<Note>>, _: u64) {
        self.0.push(ctx.time_ns());
        assert!(ctx.set_timer(MS, 0).is_ok());
    }
}

impl NetActor for Gateway {
    fn on_frame(&mut self, ctx: &mut Context<'_, Port<Note>>, _: ConnId, frame: &[u8]) -> Flow {
        ctx.out.send(note(frame[0].into()));
        Flow::Taken
    }
}

#[test]
fn network_input_that_fills_an_edge_does_not_keep_timers_from_firing() {
    for reads in [true, false] {
        let mut topology = Topology::new();
        let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Spin);
        let fired = Log::new();
        let log = fired.clone();
        let gateway = topology.net_actor(shard, "gateway", vec![listen_bytewise()], move |_| Gateway(log));
        let relay = topology.actor(shard, "relay", Play::<Port<Note>, 1>::relay);
        topology.connect(gateway, out, relay, EdgeSpec::backpressure(64).admission());
        let mut receiver = topology.external_receiver(relay, out, EdgeSpec::backpressure(256));
        let mut simulation = topology.simulate().unwrap();
        let net = simulation.net(shard);
        let conn = net.connect(EndpointId(0), SocketAddr::from((Ipv4Addr::LOCALHOST, 9)));
        let mut passed = 0;
        for turn in 1..=1000 {
            simulation.set_time_ns(turn * MS);
            // More than the edge takes in a turn always waits.
            (0..64).for_each(|_| net.bytes(conn, &[1]));
            simulation.turn();
            if reads {
                passed += drain(&mut receiver).len();
            }
        }
        assert!(!reads || passed > 10_000, "{passed} of 64,000 frames were passed on");
        assert!(fired.len() > 400, "in a second, the timer of 1 ms fired {} times", fired.len());
    }
}

/// Stands still on the byte 255, until the test lets it go on. Of each other byte, on which it spends some time, it writes down how
/// old it is, and the time of its turn.
struct Stalls {
    ages_ns: Log<u64>,
    turns: Log<u64>,
    spends: Duration,
    stalled: mpsc::Sender<()>,
    goes_on: mpsc::Receiver<()>,
}

impl Actor for Stalls {
    type In = ();
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, _: &mut Context<'_, ()>, (): &()) -> Step {
        Step::Done
    }
}

impl NetActor for Stalls {
    fn on_frame(&mut self, ctx: &mut Context<'_, ()>, _: ConnId, frame: &[u8]) -> Flow {
        if frame == [255] {
            self.stalled.send(()).unwrap();
            self.goes_on.recv().unwrap();
        } else {
            self.ages_ns.push(ctx.age_ns());
            self.turns.push(ctx.time_ns());
            let began = Instant::now();
            while began.elapsed() < self.spends {}
        }
        Flow::Taken
    }
}

/// The kernel hands over what has come on some twenty sockets at a time, and a poll takes 128 frames of each.
#[test]
fn what_has_come_during_a_stall_counts_from_its_beginning_however_much_and_on_however_many_sockets() {
    const PEERS: usize = 100;
    /// Bytes of each of the first of them.
    const MANY: usize = 1000;
    const BUSY: usize = 3;
    const STALL: Duration = Duration::from_millis(40);
    for (name, idle) in [("stalls-spin", Idle::Spin), ("stalls-park", Idle::Park)] {
        let ages_ns = Log::new();
        let ((stalled, has_stalled), (go_on, goes_on)) = (mpsc::channel(), mpsc::channel());
        let mut topology = Topology::new();
        let net = DriverConfig { connections_max: 128, receive_buffers: 256, ..small_net() };
        let shard = topology.shard(ShardSpec::new(name, two_cpus()[0]).idle(idle).net(net));
        let stalls = Stalls { ages_ns: ages_ns.clone(), turns: Log::new(), spends: Duration::ZERO, stalled, goes_on };
        let addr = (Ipv4Addr::LOCALHOST, 0).into();
        let listen = EndpointSpec::Listen { addr, framer: Box::new(Bytewise), backlog: 128 };
        let actor = topology.net_actor(shard, "stalls", vec![listen], |_| stalls);
        let running = topology.start(options()).unwrap();
        let connect = || TcpStream::connect(running.addresses(actor)[0]).unwrap();
        let mut peers: Vec<TcpStream> = (0..PEERS).map(|_| connect()).collect();
        peers.iter_mut().for_each(|peer| peer.write_all(&[1]).unwrap());
        until("all are served", || ages_ns.len() == PEERS);
        connect().write_all(&[255]).unwrap();
        has_stalled.recv().unwrap();
        peers.iter_mut().for_each(|peer| peer.write_all(&[2]).unwrap());
        peers[..BUSY].iter_mut().for_each(|peer| peer.write_all(&[2; MANY]).unwrap());
        // The time is the fault.
        thread::sleep(STALL);
        go_on.send(()).unwrap();
        let sent = PEERS + BUSY * MANY;
        until("all are served again", || ages_ns.len() == PEERS + sent);
        let young = ages_ns.entries()[PEERS..].iter().filter(|age_ns| u128::from(**age_ns) < STALL.as_nanos()).count();
        assert_eq!(young, 0, "{name}: of {sent} bytes that came during the stall");
        drop(peers);
        assert!(running.stop().drained);
    }
}

#[test]
fn catching_up_after_a_stall_ends_in_time_where_each_frame_takes_long() {
    const PEERS: usize = 3;
    const MANY: usize = 1000;
    let turns = Log::new();
    let ((stalled, has_stalled), (go_on, goes_on)) = (mpsc::channel(), mpsc::channel());
    let mut topology = Topology::new();
    let shard = topology.shard(ShardSpec::new("spends", two_cpus()[0]).net(small_net()));
    let spends = Duration::from_micros(100);
    let stalls = Stalls { ages_ns: Log::new(), turns: turns.clone(), spends, stalled, goes_on };
    let actor = topology.net_actor(shard, "spends", vec![listen_bytewise()], |_| stalls);
    let running = topology.start(options()).unwrap();
    let connect = || TcpStream::connect(running.addresses(actor)[0]).unwrap();
    let mut peers: Vec<TcpStream> = (0..PEERS).map(|_| connect()).collect();
    peers.iter_mut().for_each(|peer| peer.write_all(&[1]).unwrap());
    until("all are served", || turns.len() == PEERS);
    connect().write_all(&[255]).unwrap();
    has_stalled.recv().unwrap();
    peers.iter_mut().for_each(|peer| peer.write_all(&[2; MANY]).unwrap());
    // The time is the fault.
    thread::sleep(Duration::from_millis(40));
    go_on.send(()).unwrap();
    until("all are served again", || turns.len() == PEERS + PEERS * MANY);
    let entries = turns.entries();
    let longest = entries.chunk_by(|one, next| one == next).map(<[u64]>::len).max();
    // The 128 frames of each in its first round, and as many in one more, of which the first takes all the time there is.
    assert!(longest.is_some_and(|frames| frames <= 2 * 128 * PEERS), "{longest:?} frames in a turn");
    drop(peers);
    assert!(running.stop().drained);
}
