//! All that can make work for a shard while it goes to sleep, or just before: each is seen by its last look, or wakes it.
//!
//! That is messages from outside, from other shards and on edges that conflate; everything that the network brings; timers;
//! failures elsewhere; the stages of a stop; and the end of a batch of held frames. Nothing else wakes the shard here, so what
//! it misses stays missed. What others are sent with a held frame is in `parking`, and so are closes that take too long; the
//! driver's part of the last look is in `net_park`, set clocks in `clock_faults`.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use crate::support::threads::Thread;
use crate::support::{Note, Play, counter, listen_bytewise, note, options, out, shard, two_cpus, until};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    edge::port::Port,
    net::{CloseReason, ConnId, Datagram, EndpointId, EndpointSpec, Flow, UdpSpec},
    telemetry::ShardCount,
    topology::{EdgeSpec, ExternalReceiver, Idle, Topology},
};
use corelane_test_support::wait::PATIENCE;

type One = Play<Port<Note>, 1>;

/// The moments of a shard's way to sleep, after its last work: from at once until it sleeps, in odd steps.
fn moment(round: u64) -> Duration {
    Duration::from_nanos(round * 7_919 % 400_000)
}

/// Lets `cause` happen at each moment of a shard's way to sleep, and waits each time until it is `seen`.
#[track_caller]
fn sweep(rounds: u64, mut cause: impl FnMut(u64), mut seen: impl FnMut(u64) -> bool) {
    for round in 0..rounds {
        let at = Instant::now() + moment(round);
        // Without sleeps, which are longer than the moments are apart.
        while Instant::now() < at {
            thread::yield_now();
        }
        cause(round);
        let deadline = Instant::now() + PATIENCE;
        while !seen(round) {
            assert!(Instant::now() < deadline, "round {round} is not seen: the shard sleeps");
            thread::yield_now();
        }
    }
}

/// Whether the next message is this one; there must be no other.
fn receives(receiver: &mut ExternalReceiver<Note>, number: u64) -> bool {
    receiver.receive().is_some_and(|envelope| {
        assert_eq!(envelope.body.number, number);
        true
    })
}

#[test]
fn messages_from_outside() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "from-outside", two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "relay", One::relay);
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(8));
    let mut receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(8));
    let running = topology.start(options()).unwrap();
    let send = |round: u64| match round % 2 {
        0 => sender.send(note(round)).unwrap(),
        _ => sender.batch().send(note(round)).unwrap(),
    };
    sweep(2_000, send, |round| receives(&mut receiver, round));
    assert!(running.stop().drained);
}

#[test]
fn messages_from_another_shard_on_either_kind_of_edge() {
    for conflates in [false, true] {
        let [one, two] = two_cpus();
        let mut topology = Topology::new();
        let [near, far] = [("edge-near", one), ("edge-far", two)].map(|(name, cpu)| {
            let shard = shard(&mut topology, name, cpu, Idle::Park);
            topology.actor(shard, name, One::relay)
        });
        let mut sender = topology.external_sender("in", near, EdgeSpec::backpressure(8));
        if conflates {
            topology.conflate(near, out, far, 1);
        } else {
            topology.connect(near, out, far, EdgeSpec::backpressure(2));
        }
        let mut receiver = topology.external_receiver(far, out, EdgeSpec::backpressure(8));
        let running = topology.start(options()).unwrap();
        sweep(2_000, |round| sender.send(note(round)).unwrap(), |round| receives(&mut receiver, round));
        assert!(running.stop().drained);
    }
}

/// Tells of everything that the network brings.
struct Teller;

/// What it tells, beside the byte of a frame or datagram.
const OPENED: u64 = 1_000;
const HALF_CLOSED: u64 = 1_001;
const CLOSED: u64 = 1_002;

impl Actor for Teller {
    type In = Note;
    type Out = Port<Note>;
    const OUTPUTS_MAX: usize = 1;
    fn on_message(&mut self, _: &mut Context<'_, Port<Note>>, _: &Note) -> Step {
        Step::Done
    }
}

impl NetActor for Teller {
    fn on_open(&mut self, ctx: &mut Context<'_, Port<Note>>, _: EndpointId, _: ConnId, _: SocketAddr) {
        ctx.out.send(note(OPENED));
    }
    fn on_frame(&mut self, ctx: &mut Context<'_, Port<Note>>, _: ConnId, frame: &[u8]) -> Flow {
        ctx.out.send(note(frame[0].into()));
        Flow::Taken
    }
    fn on_datagram(&mut self, ctx: &mut Context<'_, Port<Note>>, _: EndpointId, datagram: &Datagram<'_>) {
        ctx.out.send(note(datagram.payload[0].into()));
    }
    fn on_half_close(&mut self, ctx: &mut Context<'_, Port<Note>>, conn: ConnId) {
        ctx.out.send(note(HALF_CLOSED));
        ctx.net.close(conn, CloseReason::Peer);
    }
    fn on_close(&mut self, ctx: &mut Context<'_, Port<Note>>, _: EndpointId, _: ConnId, _: CloseReason) {
        ctx.out.send(note(CLOSED));
    }
}

#[test]
fn everything_that_the_network_brings() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "net-brings", two_cpus()[0], Idle::Park);
    let udp = EndpointSpec::Udp(UdpSpec::receiver((Ipv4Addr::LOCALHOST, 0).into()));
    let teller = topology.net_actor(shard, "teller", vec![listen_bytewise(), udp], |_| Teller);
    let mut receiver = topology.external_receiver(teller, out, EdgeSpec::backpressure(8));
    let running = topology.start(options()).unwrap();
    let [stream, datagrams] = *running.addresses(teller) else { panic!("two endpoints") };
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut client = None;
    let cause = |round| match round % 4 {
        0 => client = Some(TcpStream::connect(stream).unwrap()),
        1 => client.as_mut().unwrap().write_all(&[1]).unwrap(),
        2 => assert_eq!(socket.send_to(&[2], datagrams).unwrap(), 1),
        _ => client = None,
    };
    let mut half_closed = false;
    sweep(1_200, cause, |round| match round % 4 {
        0 => receives(&mut receiver, OPENED),
        3 => {
            half_closed = half_closed || receives(&mut receiver, HALF_CLOSED);
            let closed = half_closed && receives(&mut receiver, CLOSED);
            half_closed &= !closed;
            closed
        }
        byte => receives(&mut receiver, byte),
    });
    assert!(running.stop().drained);
}

/// Sends this many bytes for each one that comes, as its peer takes them.
const ANSWER_BYTES: usize = 12_000_000;

struct Gusher {
    left: usize,
}

impl Gusher {
    fn gush(&mut self, ctx: &mut Context<'_, ()>, conn: ConnId) {
        while self.left > 0 && ctx.net.send(conn, &[7; 1000]).is_ok() {
            self.left -= 1000;
        }
    }
}

impl Actor for Gusher {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, _: &mut Context<'_, ()>, _: &Note) -> Step {
        Step::Done
    }
}

impl NetActor for Gusher {
    fn on_frame(&mut self, ctx: &mut Context<'_, ()>, conn: ConnId, _: &[u8]) -> Flow {
        self.left += ANSWER_BYTES;
        self.gush(ctx, conn);
        Flow::Taken
    }
    fn on_writable(&mut self, ctx: &mut Context<'_, ()>, conn: ConnId) {
        self.gush(ctx, conn);
    }
}

#[test]
fn room_to_send() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "net-room", two_cpus()[0], Idle::Park);
    let gusher = topology.net_actor(shard, "gusher", vec![listen_bytewise()], |_| Gusher { left: 0 });
    let running = topology.start(options()).unwrap();
    let mut client = TcpStream::connect(running.addresses(gusher)[0]).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(&[1]).unwrap();
    let mut chunk = vec![0; 10_000];
    sweep((ANSWER_BYTES / 10_000) as u64, |_| client.read_exact(&mut chunk).unwrap(), |_| true);
    assert!(running.stop().drained);
}

#[test]
fn timers() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "timers", two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "actor", || {
        let mut actor = One::new(|ctx, note| {
            assert!(ctx.set_timer(moment(note.number).as_nanos() as u64, note.number).is_ok());
            Step::Done
        });
        actor.on_timer = Box::new(|ctx, token| ctx.out.send(note(token)));
        actor
    });
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(8));
    let mut receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(8));
    let running = topology.start(options()).unwrap();
    sweep(2_000, |round| sender.send(note(round)).unwrap(), |round| receives(&mut receiver, round));
    assert!(running.stop().drained);
}

/// A failure reaches the neighbours on other shards, and what they send then reaches its receiver.
#[test]
fn failures_elsewhere() {
    const FAILURES: u64 = 20;
    let [one, two] = two_cpus();
    let mut topology = Topology::new();
    let near = shard(&mut topology, "told", one, Idle::Park);
    let far = shard(&mut topology, "fails", two, Idle::Park);
    let told = topology.actor(near, "told", || {
        let mut told = One::relay();
        told.on_down = Box::new(|ctx, _| ctx.out.send(note(1)));
        told
    });
    let heir = topology.actor(far, "heir", One::relay);
    topology.connect(told, out, heir, EdgeSpec::backpressure(2));
    let mut receiver = topology.external_receiver(heir, out, EdgeSpec::backpressure(8));
    let mut senders: Vec<_> = (0..FAILURES)
        .map(|number| {
            let fails = topology.actor(far, format!("fails {number}"), || One::new(|_, _| panic!("as the test wants")));
            topology.connect(fails, out, told, EdgeSpec::backpressure(2));
            topology.external_sender(&format!("in {number}"), fails, EdgeSpec::backpressure(2))
        })
        .collect();
    let running = topology.start(options()).unwrap();
    sweep(FAILURES, |round| senders[round as usize].send(note(0)).unwrap(), |_| receives(&mut receiver, 1));
    assert_eq!(running.stop().status.failures.len() as u64, FAILURES);
}

#[test]
fn stages_of_a_stop() {
    for round in 0..100 {
        let [one, two] = two_cpus();
        let mut topology = Topology::new();
        for (name, cpu) in [("stage-one", one), ("stage-two", two)] {
            let shard = shard(&mut topology, name, cpu, Idle::Park);
            let actor = topology.actor(shard, name, One::relay);
            topology.leave_open(actor, out);
        }
        let running = topology.start(options()).unwrap();
        thread::sleep(moment(round));
        // A stage that a shard sleeps through lasts until the drain deadline.
        assert!(running.stop().is_clean(), "round {round}");
    }
}

/// A sink of the network: holds a frame until the batch has ended.
#[derive(Default)]
struct Patient {
    has_held: bool,
    batch_ended: bool,
}

impl Actor for Patient {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, _: &mut Context<'_, ()>, _: &Note) -> Step {
        Step::Done
    }
    fn on_batch_end(&mut self, _: &mut Context<'_, ()>) {
        self.batch_ended = std::mem::take(&mut self.has_held);
    }
}

impl NetActor for Patient {
    fn on_frame(&mut self, ctx: &mut Context<'_, ()>, conn: ConnId, frame: &[u8]) -> Flow {
        if std::mem::take(&mut self.batch_ended) {
            return ctx.net.send(conn, frame).map_or(Flow::Hold, |()| Flow::Taken);
        }
        self.has_held = true;
        Flow::Hold
    }
}

/// A frame that is held is no work, but its batch ends, for sinks too.
#[test]
fn a_sinks_end_of_batch() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "sink-holds", two_cpus()[0], Idle::Park);
    let sink = topology.net_actor(shard, "sink", vec![listen_bytewise()], |_| Patient::default());
    // With this one, the other is a sink.
    let feeds = topology.actor(shard, "feeds", One::relay);
    topology.connect(feeds, out, sink, EdgeSpec::backpressure(2));
    let running = topology.start(options()).unwrap();
    let thread = Thread::of("sink-holds");
    let mut client = TcpStream::connect(running.addresses(sink)[0]).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    for byte in 0..5 {
        until("the shard sleeps", || thread.stat().0 == 'S' && counter(&running, 0, ShardCount::NetOpened) == 1);
        client.write_all(&[byte]).unwrap();
        let mut answer = [0];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [byte]);
    }
    assert!(running.stop().drained);
}
