//! Idle strategies on real threads: a shard that sleeps is woken by all that concerns it, costs nothing meanwhile, and
//! stays on its CPU.

use std::{
    cell::Cell,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    rc::Rc,
    thread,
    time::{Duration, Instant},
};

use crate::support::asks::Asks;
use crate::support::threads::Thread;
use crate::support::{
    Bytewise, Log, Note, Play, counter, listen_bytewise, note, numbers, options, out, receive, send_all, shard,
    two_cpus, until,
};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    edge::port::Port,
    lifecycle::Running,
    net::{CloseReason, ConnId, EndpointSpec, Flow},
    telemetry::ShardCount,
    topology::{EdgeSpec, Idle, Topology},
};

type One = Play<Port<Note>, 1>;

/// Waits until shard 0 sleeps with nothing left to tell, so that no timer of its own wakes it: housekeeping knows of all
/// that it did.
fn until_asleep(running: &Running, thread: &Thread, messages: u64) {
    until("the shard sleeps", || counter(running, 0, ShardCount::Messages) == messages && thread.stat().0 == 'S');
}

#[test]
fn a_message_from_outside_wakes_at_any_idle_strategy() {
    for (name, idle) in [("inject-park", Idle::Park), ("inject-backoff", Idle::Backoff), ("inject-spin", Idle::Spin)] {
        let mut topology = Topology::new();
        let shard = shard(&mut topology, name, two_cpus()[0], idle);
        let actor = topology.actor(shard, "relay", One::relay);
        let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(8));
        let mut receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(8));
        let running = topology.start(options()).unwrap();
        let thread = Thread::of(name);
        for round in 0..4 {
            if idle == Idle::Park {
                until_asleep(&running, &thread, round);
            }
            match round % 2 {
                0 => sender.send(note(round)).unwrap(),
                _ => sender.batch().send(note(round)).unwrap(),
            }
            assert_eq!(numbers(&receive(&mut receiver, 1)), [round]);
        }
        if idle == Idle::Park {
            until("sleeps are counted", || counter(&running, 0, ShardCount::Parks) > 0);
        }
        assert!(running.stop().drained);
    }
}

#[test]
fn a_message_from_another_shard_wakes() {
    let [one, two] = two_cpus();
    for (name, idle) in [("ring-park", Idle::Park), ("ring-backoff", Idle::Backoff)] {
        let mut topology = Topology::new();
        let sleeper = shard(&mut topology, name, one, Idle::Park);
        let other = shard(&mut topology, "other", two, idle);
        let near = topology.actor(other, "near", One::relay);
        let far = topology.actor(sleeper, "far", One::relay);
        let mut sender = topology.external_sender("in", near, EdgeSpec::backpressure(8));
        topology.connect(near, out, far, EdgeSpec::backpressure(2));
        let mut receiver = topology.external_receiver(far, out, EdgeSpec::backpressure(8));
        let running = topology.start(options()).unwrap();
        let thread = Thread::of(name);
        for round in 0..4 {
            until_asleep(&running, &thread, round);
            sender.send(note(round)).unwrap();
            assert_eq!(numbers(&receive(&mut receiver, 1)), [round]);
        }
        until("wakes are counted", || counter(&running, 1, ShardCount::WakesSent) > 0);
        assert!(running.stop().drained);
    }
}

#[test]
fn a_timer_wakes_and_not_before_its_time() {
    const AFTER: Duration = Duration::from_millis(150);
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "timer-park", two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "actor", || {
        let mut actor = One::new(|ctx, note| {
            assert!(ctx.set_timer(AFTER.as_nanos() as u64, note.number).is_ok());
            Step::Done
        });
        actor.on_timer = Box::new(|ctx, token| ctx.out.send(note(token)));
        actor
    });
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(8));
    let mut receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(8));
    let running = topology.start(options()).unwrap();
    for round in 0..3 {
        let sent = Instant::now();
        sender.send(note(round)).unwrap();
        assert_eq!(numbers(&receive(&mut receiver, 1)), [round]);
        // The shard's clock is slewed by 500 ppm at most.
        assert!(sent.elapsed() > AFTER.mul_f64(0.99), "{:?}", sent.elapsed());
    }
    assert!(running.stop().drained);
}

#[test]
fn a_timer_set_late_in_a_long_step_fires_no_earlier_for_it() {
    const AFTER: Duration = Duration::from_millis(30);
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "long-step", two_cpus()[0], Idle::Park);
    let waited = Log::new();
    let log = waited.clone();
    let actor = topology.actor(shard, "actor", move || {
        let set_at = Rc::new(Cell::new(Instant::now()));
        let set = set_at.clone();
        let mut actor = Play::<(), 0>::new(move |ctx, _| {
            // The turn's reading is taken now.
            let _ = ctx.time_ns();
            let begun = Instant::now();
            while begun.elapsed() < AFTER + Duration::from_millis(10) {
                std::hint::spin_loop();
            }
            set.set(Instant::now());
            assert!(ctx.set_timer(AFTER.as_nanos() as u64, 1).is_ok());
            Step::Done
        });
        actor.on_timer = Box::new(move |_, _| log.push(set_at.get().elapsed()));
        actor
    });
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(8));
    let running = topology.start(options()).unwrap();
    sender.send(note(1)).unwrap();
    until("the timer", || waited.len() == 1);
    // The shard's clock is slewed by 500 ppm at most.
    assert!(waited.entries()[0] > AFTER.mul_f64(0.99), "{waited:?}");
    assert!(running.stop().drained);
}

#[test]
fn a_stop_wakes() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "stop-park", two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "relay", One::relay);
    topology.leave_open(actor, out);
    let running = topology.start(options()).unwrap();
    until_asleep(&running, &Thread::of("stop-park"), 0);
    assert!(running.stop().drained);
}

struct Echo;

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
        ctx.net.send(conn, frame).map_or(Flow::Hold, |()| Flow::Taken)
    }
}

#[test]
fn a_socket_wakes() {
    for (name, idle) in [("socket-park", Idle::Park), ("socket-backoff", Idle::Backoff)] {
        let mut topology = Topology::new();
        let shard = shard(&mut topology, name, two_cpus()[0], idle);
        let addr: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        let listen = EndpointSpec::Listen { addr, framer: Box::new(Bytewise), backlog: 8 };
        let actor = topology.net_actor(shard, "echo", vec![listen], |_| Echo);
        let running = topology.start(options()).unwrap();
        let thread = Thread::of(name);
        let until_asleep = || until("the shard sleeps", || idle != Idle::Park || thread.stat().0 == 'S');
        until_asleep();
        let mut client = TcpStream::connect(running.addresses(actor)[0]).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        for round in 0..10 {
            until_asleep();
            client.write_all(&[round]).unwrap();
            let mut answer = [0];
            client.read_exact(&mut answer).unwrap();
            assert_eq!(answer, [round]);
        }
        assert!(running.stop().drained);
        assert_eq!(client.read(&mut [0]).unwrap(), 0, "the client is told");
    }
}

/// Closes a connection when the first byte comes.
struct Refuse;

impl Actor for Refuse {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, _: &mut Context<'_, ()>, _: &Note) -> Step {
        Step::Done
    }
}

impl NetActor for Refuse {
    fn on_frame(&mut self, ctx: &mut Context<'_, ()>, conn: ConnId, _: &[u8]) -> Flow {
        ctx.net.close(conn, CloseReason::Local);
        Flow::Taken
    }
}

#[test]
fn a_peer_that_does_not_let_a_connection_close_is_reset_by_a_sleeping_shard_too() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "refuse-park", two_cpus()[0], Idle::Park);
    let addr: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let listen = EndpointSpec::Listen { addr, framer: Box::new(Bytewise), backlog: 8 };
    let actor = topology.net_actor(shard, "refuse", vec![listen], |_| Refuse);
    let running = topology.start(options()).unwrap();
    let mut client = TcpStream::connect(running.addresses(actor)[0]).unwrap();
    client.write_all(&[1]).unwrap();
    until("the connection is given up", || counter(&running, 0, ShardCount::NetClosed) == 1);
    assert!(running.stop().drained);
}

/// A client of an actor that asks one on another shard. Both shards sleep between two frames.
fn ask(name: &str, at_batch_end: bool) {
    let [one, two] = two_cpus();
    let (near_name, far_name) = (format!("near-{name}"), format!("far-{name}"));
    let mut topology = Topology::new();
    let near = shard(&mut topology, &near_name, one, Idle::Park);
    let far = shard(&mut topology, &far_name, two, Idle::Park);
    let asks = topology.net_actor(near, "asks", vec![listen_bytewise()], move |_| Asks::new(at_batch_end));
    let answers = topology.actor(far, "answers", One::relay);
    topology.connect(asks, out, answers, EdgeSpec::backpressure(8));
    topology.connect(answers, out, asks, EdgeSpec::backpressure(8).in_flight(1));
    let running = topology.start(options()).unwrap();
    let thread = Thread::of(&far_name);
    let mut client = TcpStream::connect(running.addresses(asks)[0]).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    for round in 0..5 {
        let told = || counter(&running, 1, ShardCount::Messages) == round;
        until("the other shard sleeps", || told() && thread.stat().0 == 'S');
        client.write_all(&[1]).unwrap();
        client.read_exact(&mut [0]).unwrap_or_else(|error| panic!("{name}, round {round}: {error}"));
    }
    assert!(running.stop().drained);
}

#[test]
fn a_question_sent_with_a_held_frame_wakes_the_other_shard() {
    ask("frame", false);
}

#[test]
fn a_question_sent_at_the_end_of_a_batch_of_held_frames_wakes_the_other_shard() {
    ask("batch", true);
}

/// Two shards hand a ball to and fro.
fn play(idle: [Idle; 2], cpus: [usize; 2], trips: u64) {
    let mut topology = Topology::new();
    let shards = [shard(&mut topology, "ping", cpus[0], idle[0]), shard(&mut topology, "pong", cpus[1], idle[1])];
    let ping = topology.actor(shards[0], "ping", move || {
        Play::<crate::support::Two, 1>::new(move |ctx, ball| {
            if ball.number < trips {
                ctx.out.left.send(note(ball.number + 1));
            } else {
                ctx.out.right.send(ball);
            }
            Step::Done
        })
    });
    let pong = topology.actor(shards[1], "pong", One::relay);
    let mut sender = topology.external_sender("in", ping, EdgeSpec::backpressure(1));
    topology.connect(ping, crate::support::left, pong, EdgeSpec::backpressure(3).in_flight(1));
    topology.connect(pong, out, ping, EdgeSpec::backpressure(3).in_flight(1));
    let mut receiver = topology.external_receiver(ping, crate::support::right, EdgeSpec::backpressure(2));
    let running = topology.start(options()).unwrap();
    sender.send(note(0)).unwrap();
    assert_eq!(numbers(&receive(&mut receiver, 1)), [trips], "{idle:?}");
    let outcome = running.stop();
    assert!(outcome.drained);
    let received = |shard: usize| outcome.status.shards[shard].count(ShardCount::Messages);
    assert_eq!((received(0), received(1)), (trips + 1, trips), "{idle:?}");
}

#[test]
fn no_wake_up_is_lost_between_two_shards() {
    let [one, two] = two_cpus();
    play([Idle::Park, Idle::Park], [one, one], 20_000);
    play([Idle::Park, Idle::Park], [one, two], 5_000);
    play([Idle::Park, Idle::Backoff], [one, one], 500);
    if one != two {
        play([Idle::Spin, Idle::Park], [one, two], 5_000);
        play([Idle::Spin, Idle::Spin], [one, two], 5_000);
    }
}

#[test]
fn a_parked_shard_uses_no_cpu() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "idle-park", two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "relay", One::relay);
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(64));
    let mut receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(64));
    let running = topology.start(options()).unwrap();
    let thread = Thread::of("idle-park");
    send_all(&mut sender, (0..50).map(note));
    receive(&mut receiver, 50);
    until_asleep(&running, &thread, 50);
    let (_, before) = thread.stat();
    // Not to wait for something, but to measure over it.
    thread::sleep(Duration::from_secs(1));
    let (_, after) = thread.stat();
    assert!(after - before <= 5, "{} ticks of 10 ms in an idle second", after - before);
    assert!(running.stop().drained);
}

#[test]
fn a_busy_shard_tells_its_figures() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "busy", two_cpus()[0], Idle::Spin);
    let actor = topology.actor(shard, "slow", || {
        Play::<(), 0>::new(|_, _| {
            thread::sleep(Duration::from_millis(5));
            Step::Done
        })
    });
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(1024));
    let running = topology.start(options().drain_deadline(Duration::ZERO)).unwrap();
    send_all(&mut sender, (0..1024).map(note));
    // Before the last message is taken, after 5 s and 16 turns.
    until("some of the messages are told of", || counter(&running, 0, ShardCount::Messages) > 0);
    let told = counter(&running, 0, ShardCount::Messages);
    assert!(told < 1024, "{told}");
    let _ = running.stop();
}

#[test]
fn a_shard_is_pinned_and_tells_when_it_was_moved() {
    let [one, two] = two_cpus();
    for (name, idle) in [("pin-backoff", Idle::Backoff), ("pin-park", Idle::Park)] {
        let mut topology = Topology::new();
        let shard = shard(&mut topology, name, one, idle);
        let actor = topology.actor(shard, "relay", One::relay);
        let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(64));
        topology.leave_open(actor, out);
        let running = topology.start(options()).unwrap();
        let thread = Thread::of(name);
        assert_eq!(thread.cpus(), [one]);
        if one == two {
            continue;
        }
        send_all(&mut sender, [note(1)]);
        until("figures", || counter(&running, 0, ShardCount::Messages) == 1);
        assert_eq!(counter(&running, 0, ShardCount::PinLosses), 0);
        thread.move_to(two);
        until("the loss is counted", || {
            send_all(&mut sender, [note(2)]);
            counter(&running, 0, ShardCount::PinLosses) > 0
        });
        let warnings = running.status().warnings();
        assert!(warnings.iter().any(|warning| warning.contains("on another CPU than its own")), "{warnings:?}");
        assert!(running.stop().drained);
    }
}
