//! Ends of connections on real threads: a close after a long sleep, a peer that ends its side first, an actor that fails.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use crate::support::{
    Bytewise, Note, Play, counter, listen_bytewise, note, numbers, options, out, receive, shard, two_cpus, until,
};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    edge::port::Port,
    net::{CloseReason, ConnId, EndpointId, EndpointSpec, Flow},
    telemetry::ShardCount,
    topology::{EdgeSpec, Idle, Topology},
};

type One = Play<Port<Note>, 1>;

/// Answers with a word and closes.
struct Reject;

impl Actor for Reject {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, _: &mut Context<'_, ()>, _: &Note) -> Step {
        Step::Done
    }
}

impl NetActor for Reject {
    fn on_frame(&mut self, ctx: &mut Context<'_, ()>, conn: ConnId, _: &[u8]) -> Flow {
        let _ = ctx.net.send(conn, b"rejected");
        ctx.net.close(conn, CloseReason::Local);
        Flow::Taken
    }
}

/// R4: a close is graceful however long its shard has slept before.
#[test]
fn a_close_on_a_shard_that_slept_or_spun_is_graceful() {
    for (name, idle) in [("rej-park", Idle::Park), ("rej-spin", Idle::Spin)] {
        let mut topology = Topology::new();
        let shard = shard(&mut topology, name, two_cpus()[0], idle);
        let actor = topology.net_actor(shard, "reject", vec![listen_bytewise()], |_| Reject);
        let running = topology.start(options()).unwrap();
        let mut client = TcpStream::connect(running.addresses(actor)[0]).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        // Longer than a close may take.
        thread::sleep(Duration::from_millis(2_500));
        client.write_all(&[1]).unwrap();
        // A peer that is not in a hurry: what the kernel does meanwhile counts.
        thread::sleep(Duration::from_millis(300));
        let mut got = Vec::new();
        let ended = client.read_to_end(&mut got).map_err(|error| error.kind());
        assert_eq!((got.as_slice(), ended), (&b"rejected"[..], Ok(8)), "{name}");
        drop(client);
        assert!(running.stop().drained);
    }
}

/// Its answers come from another shard, so later. Closes a half-closed connection when it owes nothing more.
#[derive(Default)]
struct Later {
    owed: usize,
    half_closed: Option<ConnId>,
}

impl Later {
    fn close_if_done(&mut self, ctx: &mut Context<'_, Port<Note>>) {
        if let Some(conn) = self.half_closed
            && self.owed == 0
        {
            ctx.net.close(conn, CloseReason::Peer);
        }
    }
}

impl Actor for Later {
    type In = Note;
    type Out = Port<Note>;
    const OUTPUTS_MAX: usize = 1;
    fn on_message(&mut self, ctx: &mut Context<'_, Port<Note>>, note: &Note) -> Step {
        let conn = ConnId { slot: note.filler[0] as u32, generation: note.filler[1] as u32 };
        let _ = ctx.net.send(conn, &[note.number as u8]);
        self.owed -= 1;
        self.close_if_done(ctx);
        Step::Done
    }
}

impl NetActor for Later {
    fn on_frame(&mut self, ctx: &mut Context<'_, Port<Note>>, conn: ConnId, frame: &[u8]) -> Flow {
        let filler = [conn.slot.into(), conn.generation.into()];
        ctx.out.send(Note { number: frame[0].into(), from: 0, filler });
        self.owed += 1;
        Flow::Taken
    }
    fn on_half_close(&mut self, ctx: &mut Context<'_, Port<Note>>, conn: ConnId) {
        self.half_closed = Some(conn);
        self.close_if_done(ctx);
    }
}

/// R10
#[test]
fn a_half_closed_peer_gets_answers_that_come_later() {
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let near = shard(&mut topology, "later-near", one, Idle::Park);
    let far = shard(&mut topology, "later-far", two, Idle::Park);
    let session = topology.net_actor(near, "session", vec![listen_bytewise()], |_| Later::default());
    let group = topology.actor(far, "group", One::relay);
    topology.connect(session, out, group, EdgeSpec::backpressure(64).admission());
    topology.connect(group, out, session, EdgeSpec::backpressure(64));
    let running = topology.start(options()).unwrap();
    let mut client = TcpStream::connect(running.addresses(session)[0]).unwrap();
    client.write_all(&[1, 2, 3]).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut got = Vec::new();
    client.read_to_end(&mut got).unwrap();
    assert_eq!(got, [1, 2, 3]);
    assert!(running.stop().drained);
}

/// What was received before a stop is taken, also what is held for lack of room.
#[test]
fn an_ordered_stop_takes_held_frames_first() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "held", two_cpus()[0], Idle::Park);
    let actor = topology.net_actor(shard, "numbers", vec![listen_bytewise()], |_| Later::default());
    let mut receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(4));
    let running = topology.start(options()).unwrap();
    let address = running.addresses(actor)[0];
    let mut client = TcpStream::connect(address).unwrap();
    let sent: Vec<u8> = (0..100).collect();
    client.write_all(&sent).unwrap();
    until("a frame is held", || counter(&running, 0, ShardCount::Holds) > 0);
    let stop = thread::spawn(move || running.stop());
    until("the stop has begun", || TcpStream::connect(address).is_err());
    let got = numbers(&receive(&mut receiver, sent.len()));
    assert_eq!(got, sent.iter().map(|&byte| byte.into()).collect::<Vec<u64>>());
    assert!(stop.join().unwrap().drained);
}

/// Keeps an outgoing connection up: opens it again after every end, at once or after a pause.
struct Caller;

impl Actor for Caller {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    const TIMERS_MAX: usize = 1;
    fn on_message(&mut self, _: &mut Context<'_, ()>, _: &Note) -> Step {
        Step::Done
    }
    fn on_timer(&mut self, ctx: &mut Context<'_, ()>, endpoint: u64) {
        ctx.net.reconnect(EndpointId(endpoint as u32)).expect("the connection has ended");
    }
}

impl NetActor for Caller {
    fn on_open(&mut self, ctx: &mut Context<'_, ()>, _: EndpointId, conn: ConnId, _: SocketAddr) {
        ctx.net.send(conn, b"h").expect("a new connection has room");
    }
    fn on_close(&mut self, ctx: &mut Context<'_, ()>, endpoint: EndpointId, _: ConnId, reason: CloseReason) {
        match reason {
            CloseReason::Peer => drop(ctx.net.reconnect(endpoint).expect("the connection has ended")),
            CloseReason::Shutdown => assert!(ctx.net.reconnect(endpoint).is_err(), "the shard stops"),
            _ => assert!(ctx.set_timer(1_000_000, endpoint.0.into()).is_ok()),
        }
    }
}

#[test]
fn an_actor_connects_again() {
    // A host of its own: nobody else is given the port while it is free.
    let peer = TcpListener::bind("127.0.0.77:0").unwrap();
    let addr = peer.local_addr().unwrap();
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "caller", two_cpus()[0], Idle::Park);
    let connect = EndpointSpec::Connect { addr, framer: Box::new(Bytewise) };
    let actor = topology.net_actor(shard, "caller", vec![connect], |_| Caller);
    let _sender = topology.external_sender("in", actor, EdgeSpec::backpressure(8));
    let running = topology.start(options()).unwrap();
    let accept = |peer: &TcpListener| {
        let (mut accepted, _) = peer.accept().unwrap();
        let mut hello = [0];
        accepted.read_exact(&mut hello).unwrap();
        assert_eq!(hello, *b"h");
        accepted
    };
    for _ in 0..3 {
        drop(accept(&peer));
    }
    // Nobody listens for a while: the attempts fail and are repeated.
    let last = accept(&peer);
    drop((peer, last));
    thread::sleep(Duration::from_millis(50));
    let peer = TcpListener::bind(addr).unwrap();
    let last = accept(&peer);
    assert!(running.stop().drained);
    drop(last);
    peer.set_nonblocking(true).unwrap();
    assert_eq!(peer.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "no call after the stop");
}

#[test]
fn a_simulated_actor_connects_again() {
    let addr = SocketAddr::from(([10, 0, 0, 1], 7));
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "caller", two_cpus()[0], Idle::Park);
    let connect = EndpointSpec::Connect { addr, framer: Box::new(Bytewise) };
    let actor = topology.net_actor(shard, "caller", vec![connect], |_| Caller);
    let _sender = topology.external_sender("in", actor, EdgeSpec::backpressure(8));
    let mut simulation = topology.simulate().unwrap();
    let net = simulation.net(shard);
    let first = net.connect(EndpointId(0), addr);
    simulation.run_until_idle();
    net.disconnect(first, CloseReason::Peer);
    simulation.run_until_idle();
    let [second] = net.take_reconnects()[..] else { panic!("one new connection") };
    net.disconnect(second, CloseReason::Socket);
    simulation.run_until_idle();
    assert_eq!(net.take_reconnects(), [], "after a pause");
    simulation.set_time_ns(2_000_000);
    simulation.run_until_idle();
    let [third] = net.take_reconnects()[..] else { panic!("one new connection") };
    net.establish(third, addr);
    simulation.run_until_idle();
    assert_eq!((net.take_sent(second), net.take_sent(third)), (vec![], b"h".to_vec()));
    assert!(simulation.failures().is_empty());
}

/// Fails on any message, or in the network callback of this name.
struct Fails(&'static str);

impl Actor for Fails {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, _: &mut Context<'_, ()>, _: &Note) -> Step {
        panic!("as the test wants")
    }
}

impl NetActor for Fails {
    fn on_open(&mut self, _: &mut Context<'_, ()>, _: EndpointId, _: ConnId, _: SocketAddr) {
        assert_ne!(self.0, "open");
    }
    fn on_frame(&mut self, _: &mut Context<'_, ()>, _: ConnId, _: &[u8]) -> Flow {
        assert_ne!(self.0, "frame");
        Flow::Taken
    }
    fn on_half_close(&mut self, ctx: &mut Context<'_, ()>, conn: ConnId) {
        assert_ne!(self.0, "half-close");
        ctx.net.close(conn, CloseReason::Peer);
    }
    fn on_close(&mut self, _: &mut Context<'_, ()>, _: EndpointId, _: ConnId, _: CloseReason) {
        assert_ne!(self.0, "close");
    }
}

/// R9
#[test]
fn a_failed_actors_idle_connections_and_its_listener_are_closed() {
    for (name, idle) in [("fails-park", Idle::Park), ("fails-spin", Idle::Spin)] {
        let mut topology = Topology::new();
        let shard = shard(&mut topology, name, two_cpus()[0], idle);
        let actor = topology.net_actor(shard, "fails", vec![listen_bytewise()], |_| Fails("message"));
        let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(8));
        let running = topology.start(options()).unwrap();
        let addr = running.addresses(actor)[0];
        let mut client = TcpStream::connect(addr).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        // One that is not accepted yet would be reset with the listener.
        until("the client is accepted", || counter(&running, 0, ShardCount::NetOpened) == 1);
        sender.send(note(13)).unwrap();
        until("the failure", || running.status().failures.len() == 1);
        assert_eq!(client.read(&mut [0]).map_err(|error| error.kind()), Ok(0), "{name}");
        drop(client);
        until("nobody listens", || {
            TcpStream::connect(addr).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
        });
        assert!(running.stop().drained);
    }
}

/// R9
#[test]
fn a_panic_in_each_network_callback_is_survived_and_told() {
    for hook in ["open", "frame", "half-close", "close"] {
        let mut topology = Topology::new();
        let shard = shard(&mut topology, &format!("fails-{hook}"), two_cpus()[0], Idle::Park);
        let actor = topology.net_actor(shard, "fails", vec![listen_bytewise()], move |_| Fails(hook));
        let good = topology.actor(shard, "good", One::relay);
        let _to_bad = topology.external_sender("bad", actor, EdgeSpec::backpressure(8));
        let mut sender = topology.external_sender("good", good, EdgeSpec::backpressure(8));
        let mut receiver = topology.external_receiver(good, out, EdgeSpec::backpressure(8));
        let running = topology.start(options()).unwrap();
        let mut client = TcpStream::connect(running.addresses(actor)[0]).unwrap();
        let _ = client.write_all(&[1]);
        drop(client);
        until("the failure", || running.status().failures.len() == 1);
        sender.send(note(5)).unwrap();
        assert_eq!(numbers(&receive(&mut receiver, 1)), [5], "{hook}");
        assert!(running.stop().drained, "{hook}");
    }
}
