//! What a shard that parks costs while nothing can be done: with timers, heartbeats, peers that do not read, frames that are
//! held, edges that are full. The bound is three times what is promised, so that a busy host does not fail it.

use std::{
    io::Write,
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::support::threads::Thread;
use crate::support::{Note, Play, counter, listen_bytewise, note, options, out, shard, two_cpus, until};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    edge::port::Port,
    lifecycle::Running,
    net::{ConnId, Flow},
    telemetry::ShardCount,
    topology::{EdgeSpec, Idle, Topology},
};
use rustix::net::{AddressFamily, SocketType};

type One = Play<Port<Note>, 1>;

/// 10 % of a CPU; the promise is 3 %.
const BOUND: f64 = 0.10;

/// The part of a CPU that the shard uses over a second, while `meanwhile` is called every few milliseconds.
fn measure(name: &str, running: &Running, mut meanwhile: impl FnMut(Duration)) -> f64 {
    let thread = Thread::of(name);
    let parks = counter(running, 0, ShardCount::Parks);
    let (before, begun) = (thread.cpu_time(), Instant::now());
    while begun.elapsed() < Duration::from_secs(1) {
        meanwhile(begun.elapsed());
        thread::sleep(Duration::from_millis(2));
    }
    let used = (thread.cpu_time() - before).as_secs_f64() / begun.elapsed().as_secs_f64();
    let parks = counter(running, 0, ShardCount::Parks) - parks;
    println!("{name}: {:.2} % of a CPU, {parks} sleeps", used * 100.0);
    used
}

/// Echoes, and holds what it cannot echo. At the byte 255, it sends until nothing more fits.
struct Echo;

impl Actor for Echo {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    const TIMERS_MAX: usize = 2;
    fn on_start(&mut self, ctx: &mut Context<'_, ()>) {
        // A far timer and a near one, which is set again each time.
        assert!(ctx.set_timer(3_600_000_000_000, 0).is_ok());
        assert!(ctx.set_timer(100_000_000, 1).is_ok());
    }
    fn on_timer(&mut self, ctx: &mut Context<'_, ()>, token: u64) {
        assert!(ctx.set_timer(100_000_000, token).is_ok());
    }
    fn on_message(&mut self, _: &mut Context<'_, ()>, _: &Note) -> Step {
        Step::Done
    }
}

impl NetActor for Echo {
    fn on_frame(&mut self, ctx: &mut Context<'_, ()>, conn: ConnId, frame: &[u8]) -> Flow {
        if frame == [255] {
            while ctx.net.send(conn, &[7; 1024]).is_ok() {}
            return Flow::Taken;
        }
        ctx.net.send(conn, frame).map_or(Flow::Hold, |()| Flow::Taken)
    }
    fn on_writable(&mut self, ctx: &mut Context<'_, ()>, conn: ConnId) {
        while ctx.net.send(conn, &[7; 1024]).is_ok() {}
    }
}

fn echo(name: &str) -> (Running, SocketAddr) {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, name, two_cpus()[0], Idle::Park);
    let actor = topology.net_actor(shard, "echo", vec![listen_bytewise()], |_| Echo);
    let running = topology.start(options()).unwrap();
    let addr = running.addresses(actor)[0];
    (running, addr)
}

/// A client whose socket takes little, so that it is full soon.
fn narrow_client(addr: SocketAddr) -> TcpStream {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 4096).unwrap();
    rustix::net::connect(&socket, &addr).unwrap();
    socket.into()
}

/// A client that makes the actor fill all buffers and reads nothing, and then sends what the actor must hold.
fn deaf_client(addr: SocketAddr, running: &Running) -> TcpStream {
    let mut client = narrow_client(addr);
    client.write_all(&[255]).unwrap();
    let mut sent = 0;
    until("the sockets are full", || {
        let before = std::mem::replace(&mut sent, counter(running, 0, ShardCount::NetBytesOut));
        thread::sleep(Duration::from_millis(150));
        sent > 0 && sent == before
    });
    client.write_all(&[1, 2, 3]).unwrap();
    client
}

/// R3
#[test]
fn timers_and_heartbeats_let_a_shard_sleep() {
    let (running, addr) = echo("idle-beats");
    let mut clients: Vec<_> = (0..4).map(|_| TcpStream::connect(addr).unwrap()).collect();
    let mut beats = 0;
    let used = measure("idle-beats", &running, |now| {
        if now >= Duration::from_millis(100) * beats {
            beats += 1;
            clients.iter_mut().for_each(|client| client.write_all(&[1]).unwrap());
        }
    });
    assert!(running.stop().drained);
    assert!(used < BOUND, "{used}");
}

/// R6
#[test]
fn a_peer_that_does_not_read_lets_a_shard_sleep() {
    let (running, addr) = echo("idle-deaf");
    let client = deaf_client(addr, &running);
    let used = measure("idle-deaf", &running, |_| ());
    drop(client);
    let outcome = running.stop();
    assert!(outcome.drained && outcome.status.faults.is_empty(), "{:?}", outcome.problems());
    assert!(used < BOUND, "{used}");
}

/// R3, R6: together they cost no more.
#[test]
fn any_mix_of_timers_heartbeats_and_slow_peers_lets_a_shard_sleep() {
    let (running, addr) = echo("idle-mix");
    let deaf: Vec<_> = (0..2).map(|_| deaf_client(addr, &running)).collect();
    let mut client = TcpStream::connect(addr).unwrap();
    let mut beats = 0;
    let used = measure("idle-mix", &running, |now| {
        if now >= Duration::from_millis(250) * beats {
            beats += 1;
            client.write_all(&[1]).unwrap();
        }
    });
    drop((deaf, client));
    let outcome = running.stop();
    assert!(outcome.drained && outcome.status.faults.is_empty(), "{:?}", outcome.problems());
    assert!(used < BOUND, "{used}");
}

#[test]
fn a_full_edge_lets_a_shard_sleep() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "idle-full", two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "relay", || {
        let mut actor = One::relay();
        actor.on_start = Box::new(|ctx, ()| assert!(ctx.set_timer(50_000_000, 1).is_ok()));
        actor.on_timer = Box::new(|ctx, _| ctx.out.send(note(0)));
        actor
    });
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(8));
    let mut receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(2));
    let running = topology.start(options()).unwrap();
    let mut sent = 0;
    until("all edges are full", || {
        let before = sent;
        while sender.send(note(sent + 1)).is_ok() {
            sent += 1;
        }
        thread::sleep(Duration::from_millis(60));
        sent > 0 && sent == before
    });
    let used = measure("idle-full", &running, |_| ());
    // Room is found again, and the timer that waited for it fires.
    let mut received = Vec::new();
    until("all messages", || {
        received.extend(receiver.receive().map(|envelope| envelope.body.number));
        received.len() as u64 == sent + 1
    });
    received.sort_unstable();
    assert_eq!(received, (0..=sent).collect::<Vec<_>>());
    let outcome = running.stop();
    assert!(outcome.drained && outcome.status.faults.is_empty(), "{:?}", outcome.problems());
    assert!(used < BOUND, "{used}");
}

/// Fails at the first message, with a timer set.
struct Fails;

impl Actor for Fails {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    const TIMERS_MAX: usize = 1;
    fn on_message(&mut self, ctx: &mut Context<'_, ()>, _: &Note) -> Step {
        assert!(ctx.set_timer(1_000_000, 0).is_ok());
        panic!("as the test wants");
    }
}

/// R9: what a failed actor leaves behind includes its timers.
#[test]
fn the_timers_of_a_failed_actor_let_a_shard_sleep() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "idle-failed", two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "fails", || Fails);
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(8));
    let running = topology.start(options()).unwrap();
    sender.send(note(1)).unwrap();
    until("the failure", || running.status().failures.len() == 1);
    let used = measure("idle-failed", &running, |_| ());
    let outcome = running.stop();
    assert!(outcome.drained && outcome.status.faults.is_empty(), "{:?}", outcome.problems());
    assert!(used < BOUND, "{used}");
}

/// R3: rarer than the figures that housekeeping gets, or more often, with a timer that is far off or none.
#[test]
fn messages_that_come_now_and_then_let_a_shard_sleep() {
    let mut cases = Vec::new();
    for (every_ms, bound) in [(5, 2.0 * BOUND), (55, BOUND)] {
        for has_timer in [false, true] {
            let name = format!("light-{every_ms}-{has_timer}");
            let used = light_load(&name, Duration::from_millis(every_ms), has_timer);
            cases.push((name, used, bound));
        }
    }
    // 200 wake-ups a second are work.
    assert!(cases.iter().all(|&(_, used, bound)| used < bound), "{cases:?}");
}

/// The part of a CPU that a shard uses for one message in this time.
fn light_load(name: &str, every: Duration, has_timer: bool) -> f64 {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, name, two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "relay", move || {
        let mut actor = One::relay();
        actor.on_start = Box::new(move |ctx, ()| {
            assert!(!has_timer || ctx.set_timer(3_600_000_000_000, 1).is_ok());
        });
        actor
    });
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(64));
    let mut receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(64));
    let running = topology.start(options()).unwrap();
    let mut sent = 0;
    let used = measure(name, &running, |now| {
        if now >= every * sent {
            sent += 1;
            sender.send(note(sent.into())).unwrap();
        }
        while receiver.receive().is_some() {}
    });
    let outcome = running.stop();
    assert!(outcome.drained && outcome.status.faults.is_empty(), "{:?}", outcome.problems());
    used
}

#[test]
fn housekeeping_has_its_turns_on_the_cpu_of_a_shard_that_spins() {
    let mut topology = Topology::new();
    let cpu = two_cpus()[0];
    shard(&mut topology, "spins", cpu, Idle::Spin);
    let running = topology.start(options().housekeeping_cpu(cpu)).unwrap();
    let begun = Instant::now();
    let (mut seen, mut looks) = (running.status().clock, 0);
    while begun.elapsed() < Duration::from_secs(2) {
        thread::sleep(Duration::from_millis(2));
        let clock = running.status().clock;
        looks += u32::from(clock != seen);
        seen = clock;
    }
    println!("{looks} looks of 100");
    assert!(looks >= 25, "{looks} looks of 100");
    assert!(running.stop().drained);
}
