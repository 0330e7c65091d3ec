//! What ends a topology besides a stop: panics outside of its actors, in drops, in a panic's own payload, and actors that
//! never return. Each is reported, and none leaves a thread that nobody can end.

use std::{
    env, fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    ops::ControlFlow,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    hangs::{Worker, is_alive, until_it_ends},
    support::{Log, Note, Play, note, numbers, options, out, receive, shard, small_net, two_cpus, until},
};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    edge::port::Port,
    lifecycle::{RuntimeFault, StartError},
    net::{ConnId, EndpointSpec, Flow, FrameError, Framer},
    supervision::{Escalation, Strategy, SupervisorSpec},
    topology::{EdgeSpec, Idle, Refused, ShardSpec, Topology},
};

type One = Play<Port<Note>, 1>;

/// Frames of one byte; 255 finds a bug.
struct Faulty;

impl Framer for Faulty {
    fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        assert!(bytes.first() != Some(&255), "a fault in a framer");
        Ok((!bytes.is_empty()).then_some(1))
    }
}

/// Sends back what comes by the network, and on what comes by message.
struct Echo;

impl Actor for Echo {
    type In = Note;
    type Out = Port<Note>;
    const OUTPUTS_MAX: usize = 1;
    fn on_message(&mut self, ctx: &mut Context<'_, Port<Note>>, note: &Note) -> Step {
        ctx.out.send(*note);
        Step::Done
    }
}

impl NetActor for Echo {
    fn on_frame(&mut self, ctx: &mut Context<'_, Port<Note>>, conn: ConnId, frame: &[u8]) -> Flow {
        ctx.net.send(conn, frame).map_or(Flow::Hold, |()| Flow::Taken)
    }
}

// R5
#[test]
fn a_panic_outside_of_actors_ends_the_topology_in_order_and_is_told() {
    for idle in [Idle::Park, Idle::Backoff] {
        let [one, two] = two_cpus();
        let mut topology = Topology::new();
        let near = shard(&mut topology, "framer-dies", one, idle);
        let far = shard(&mut topology, "far", two, Idle::Park);
        let addr: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        let listen = EndpointSpec::Listen { addr, framer: Box::new(Faulty), backlog: 8 };
        let echo = topology.net_actor(near, "echo", vec![listen], |_| Echo);
        let log = Log::new();
        let said = log.clone();
        let relay = topology.actor(far, "relay", move || {
            let (down, stop) = (said.clone(), said.clone());
            let mut relay = One::relay();
            relay.on_down = Box::new(move |_, _| down.push("down"));
            relay.on_stop = Box::new(move |_, ()| stop.push("stop"));
            relay
        });
        topology.connect(relay, out, echo, EdgeSpec::backpressure(2));
        topology.leave_open(echo, out);
        let mut to_relay = topology.external_sender("in", relay, EdgeSpec::backpressure(64));
        let mut to_echo = topology.external_sender("echo", echo, EdgeSpec::backpressure(64));
        let running = topology.start(options()).unwrap();
        let mut client = TcpStream::connect(running.addresses(echo)[0]).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        client.write_all(&[1]).unwrap();
        client.read_exact(&mut [0]).unwrap();
        assert!(running.is_running());
        client.write_all(&[255]).unwrap();
        let died = Instant::now();
        until_it_ends(&running);
        assert!(died.elapsed() < Duration::from_secs(2), "{:?}", died.elapsed());
        assert!(client.read(&mut [0]).map_or(true, |bytes| bytes == 0), "its sockets are closed");
        until("senders are told", || matches!(to_echo.send(note(1)), Err(Refused::Closed(_))));
        // Many more than the edge to the dead actor holds: they are taken off it, or refused.
        (0..32).for_each(|number| _ = to_relay.send(note(number)));
        let outcome = running.stop();
        assert!(died.elapsed() < Duration::from_secs(5), "it waits for no deadline: {:?}", died.elapsed());
        assert!(outcome.drained && !outcome.is_clean());
        let [fault @ RuntimeFault::ShardPanicked { shard, message, .. }] = &outcome.status.faults[..] else {
            panic!("{:?}", outcome.status.faults);
        };
        assert_eq!((shard.as_str(), message.as_str()), ("framer-dies", "a fault in a framer"));
        assert!(fault.to_string().contains("lifecycle/faults.rs:"), "{fault}");
        assert_eq!(outcome.problems()[0], fault.to_string());
        let failed: Vec<_> = outcome.status.failures.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(failed, ["echo"], "its actors have failed with it");
        assert_eq!(log.entries(), ["down", "stop"], "the others stop in order");
        until("its thread is gone", || !is_alive("framer-dies"));
    }
}

/// A panic's payload whose drop panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        std::panic::panic_any(Bomb);
    }
}

// R5
#[test]
fn a_payload_whose_drop_panics_ends_its_actor_only() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "bomb", two_cpus()[0], Idle::Park);
    let bad = topology.actor(shard, "bad", || One::new(|_, _| std::panic::panic_any(Bomb)));
    let worse = topology.actor(shard, "worse", || {
        let mut worse = One::relay();
        worse.on_start = Box::new(|_, ()| std::panic::panic_any(Bomb));
        worse
    });
    let good = topology.actor(shard, "good", One::relay);
    let mut to_bad = topology.external_sender("bad", bad, EdgeSpec::backpressure(8));
    let mut to_good = topology.external_sender("good", good, EdgeSpec::backpressure(8));
    topology.leave_open(bad, out);
    topology.leave_open(worse, out);
    let mut receiver = topology.external_receiver(good, out, EdgeSpec::backpressure(8));
    let running = topology.start(options()).unwrap();
    to_bad.send(note(1)).unwrap();
    until("both failures are known", || running.status().failures.len() == 2);
    to_good.send(note(2)).unwrap();
    assert_eq!(numbers(&receive(&mut receiver, 1)), [2]);
    let outcome = running.stop();
    assert!(outcome.drained && outcome.status.faults.is_empty(), "{:?}", outcome.status.faults);
}

/// Panics when it is dropped, and before that on message 13.
struct DropsBadly;

impl Actor for DropsBadly {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, _: &mut Context<'_, ()>, note: &Note) -> Step {
        assert_ne!(note.number, 13, "thirteen");
        Step::Done
    }
}

impl Drop for DropsBadly {
    fn drop(&mut self) {
        panic!("a fault in an actor's drop");
    }
}

// R11
#[test]
fn an_actor_whose_drop_panics_is_reported() {
    for fails_before in [false, true] {
        let mut topology = Topology::new();
        let shard = shard(&mut topology, "drops-badly", two_cpus()[0], Idle::Park);
        let bad = topology.actor(shard, "bad", || DropsBadly);
        let _also_bad = topology.actor(shard, "also bad", || DropsBadly);
        let mut sender = topology.external_sender("in", bad, EdgeSpec::backpressure(8));
        let running = topology.start(options()).unwrap();
        if fails_before {
            sender.send(note(13)).unwrap();
        }
        let outcome = running.stop();
        assert!(outcome.drained && outcome.status.faults.is_empty() && !outcome.is_clean());
        let failures: Vec<_> =
            outcome.status.failures.iter().map(|(name, failure)| (name.as_str(), failure.message.as_str())).collect();
        let thirteen = failures.iter().filter(|(name, message)| *name == "bad" && message.contains("thirteen"));
        assert_eq!(thirteen.count(), usize::from(fails_before));
        let in_drops: Vec<_> =
            failures.iter().filter(|(_, message)| *message == "a fault in an actor's drop").collect();
        assert_eq!(in_drops.len(), 2, "{failures:?}");
        assert_eq!(failures.len(), 2 + usize::from(fails_before), "{failures:?}");
    }
}

/// A framer whose drop panics.
struct FramesBadly;

impl Framer for FramesBadly {
    fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        Ok((!bytes.is_empty()).then_some(1))
    }
}

impl Drop for FramesBadly {
    fn drop(&mut self) {
        panic!("a fault in a framer's drop");
    }
}

#[test]
fn framers_whose_drops_panic_are_reported() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "frames-badly", two_cpus()[0], Idle::Park);
    let addr: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let listen = || EndpointSpec::Listen { addr, framer: Box::new(FramesBadly), backlog: 8 };
    let echo = topology.net_actor(shard, "echo", vec![listen(), listen()], |_| Echo);
    topology.leave_open(echo, out);
    let outcome = topology.start(options()).unwrap().stop();
    let [RuntimeFault::ShardPanicked { shard, message, .. }] = &outcome.status.faults[..] else {
        panic!("{:?}", outcome.problems());
    };
    assert_eq!((shard.as_str(), message.as_str()), ("frames-badly", "a fault in a framer's drop"));
}

// R11
#[test]
fn a_stop_with_a_deadline_without_end_ends() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "no-deadline", two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "relay", One::relay);
    topology.leave_open(actor, out);
    let running = topology.start(options().drain_deadline(Duration::MAX)).unwrap();
    let outcome = running.stop();
    assert!(outcome.is_clean(), "{:?}", outcome.status.faults);
    until("its thread is gone", || !is_alive("no-deadline"));
}

// R11
#[test]
fn an_actor_that_never_returns_does_not_keep_the_stop() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "loops", two_cpus()[0], Idle::Park);
    let (entered, released) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (enters, release) = (entered.clone(), released.clone());
    let actor = topology.actor(shard, "loops", move || {
        One::new(move |_, _| {
            enters.store(true, Ordering::Relaxed);
            while !release.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            Step::Done
        })
    });
    topology.leave_open(actor, out);
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(8));
    let running = topology.start(options().drain_deadline(Duration::from_millis(50))).unwrap();
    sender.send(note(1)).unwrap();
    until("it loops", || entered.load(Ordering::Relaxed));
    let outcome = running.stop();
    released.store(true, Ordering::Relaxed);
    assert!(!outcome.drained);
    let (shard, actor) = ("loops".to_owned(), Some("loops".to_owned()));
    assert_eq!(outcome.status.faults, [RuntimeFault::ShardHangs { shard, seconds: 5, actor }]);
}

// T1
#[test]
fn a_start_is_refused_if_housekeeping_may_not_run_on_its_cpu() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "relay", One::relay);
    topology.leave_open(actor, out);
    let error = topology.start(options().housekeeping_cpu(1023)).unwrap_err();
    assert!(matches!(error, StartError::HousekeepingCpu { cpu: 1023, .. }), "{error}");
}

#[test]
fn a_refused_message_comes_back_with_the_reason() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "refuses", two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "fails at 13", || {
        One::new(|ctx, note| {
            assert_ne!(note.number, 13);
            ctx.out.send(note);
            Step::Done
        })
    });
    let relay = topology.actor(shard, "relay", One::relay);
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(1));
    let mut receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(2));
    let mut other = topology.external_sender("other", relay, EdgeSpec::backpressure(8));
    let mut others = topology.external_receiver(relay, out, EdgeSpec::backpressure(8));
    let running = topology.start(options()).unwrap();
    // Two are in the edge out, of which nobody takes any, and one in the edge in.
    let mut sent = 0;
    until("the edge is full", || {
        sender.send(note(sent)).map(|()| sent += 1) == Err(Refused::Full(note(sent))) && sent == 3
    });
    assert_eq!(numbers(&receive(&mut receiver, 3)), [0, 1, 2]);
    until("there is room", || sender.send(note(13)).is_ok());
    until("the failure is known", || !running.status().failures.is_empty());
    until("its reader is told too", || receiver.is_closed());
    let refused = sender.send(note(5)).unwrap_err();
    assert_eq!((refused, refused.is_full(), refused.into_message()), (Refused::Closed(note(5)), false, note(5)));
    let error: Box<dyn std::error::Error> = Box::new(refused);
    assert!(error.to_string().contains("has failed"), "{error}");
    other.send(note(1)).unwrap();
    let _ = running.stop();
    assert!(!others.is_closed(), "something waits in it");
    assert_eq!(others.receive().map(|envelope| envelope.body), Some(note(1)));
    assert!(others.is_closed() && receiver.is_closed());
    assert_eq!(other.send(note(6)), Err(Refused::Closed(note(6))), "it has stopped");
}

/// A chore holds it.
struct ChoreBomb;

impl Drop for ChoreBomb {
    fn drop(&mut self) {
        panic!("a fault in a chore's drop");
    }
}

#[test]
fn a_chore_whose_drop_panics_is_reported() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "chore-drop", two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "relay", One::relay);
    topology.leave_open(actor, out);
    let bomb = ChoreBomb;
    let running = topology.start_with(options(), move |_| {
        let _ = &bomb;
        ControlFlow::Continue(())
    });
    let outcome = running.unwrap().stop();
    assert!(outcome.drained, "nothing was in flight: {:?}", outcome.problems());
    let [RuntimeFault::HousekeepingPanicked { message, .. }] = &outcome.status.faults[..] else {
        panic!("{:?}", outcome.status.faults);
    };
    assert_eq!(message.as_str(), "a fault in a chore's drop");
}

/// Closes the rings of all executors, as if the kernel refused them. They have 128 entries, and the drivers' have not.
fn close_executors_rings() {
    let mut closed = 0;
    for entry in fs::read_dir("/proc/self/fdinfo").unwrap().flatten() {
        let is_ring = fs::read_to_string(entry.path()).is_ok_and(|text| text.contains("SqMask:\t0x7f"));
        if is_ring {
            let descriptor = entry.file_name().to_str().unwrap().parse().unwrap();
            // SAFETY: whoever uses it finds it closed, which is the fault.
            closed += i32::from(unsafe { libc::close(descriptor) } == 0);
        }
    }
    assert!(closed >= 3, "{closed}");
}

/// Its shard's executor panics when it sleeps next.
#[test]
#[ignore = "it is a process of the test below"]
fn executor_dies() {
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let near = topology.shard(ShardSpec::new("dies", one).idle(Idle::Park).net(small_net()));
    // It never sleeps in its executor.
    let far = shard(&mut topology, "other", two, Idle::Backoff);
    let breaks = topology.actor(near, "breaks", || {
        One::new(|_, _| {
            close_executors_rings();
            Step::Done
        })
    });
    topology.leave_open(breaks, out);
    let engine = SupervisorSpec::new("engine", Strategy::OneForOne).escalation(Escalation::Exit);
    let engine = topology.supervisor(engine);
    topology.supervise_significant(engine, breaks);
    // Its first value is dropped by housekeeping, whose last panic that is.
    let worker = topology.actor(far, "worker", || Worker { _holds: Some(ChoreBomb) });
    let workers = topology.supervisor(SupervisorSpec::new("workers", Strategy::OneForOne));
    topology.supervise(workers, worker, |_| Worker { _holds: None });
    let log = Log::new();
    let said = log.clone();
    let other = topology.actor(far, "other", move || {
        let mut relay = One::relay();
        relay.on_down = Box::new(move |_, down| said.push(down.generation));
        relay
    });
    topology.connect(other, out, breaks, EdgeSpec::backpressure(8));
    let mut sender = topology.external_sender("in", breaks, EdgeSpec::backpressure(8));
    let mut to_worker = topology.external_sender("worker", worker, EdgeSpec::backpressure(8));
    let running = topology.start(options().halt_deadline(Duration::from_secs(60))).unwrap();
    to_worker.send(note(1)).unwrap();
    until("its first value is dropped", || running.status().failed == 2);
    sender.send(note(1)).unwrap();
    until_it_ends(&running);
    let outcome = running.stop();
    let [RuntimeFault::ShardEnded { shard }, RuntimeFault::GaveUp { supervisor, actor }] = &outcome.status.faults[..]
    else {
        panic!("{:?}", outcome.problems());
    };
    assert_eq!((shard.as_str(), supervisor.as_str(), actor.as_str()), ("dies", "engine", "breaks"));
    assert_eq!(log.entries(), [0], "its neighbour has heard of it");
    let failed: Vec<_> =
        outcome.status.failures.iter().map(|(name, failure)| (&**name, failure.noticed_after.is_some())).collect();
    assert_eq!(failed, [("worker", true), ("worker", true), ("breaks", false)], "its thread did not panic");
}

#[test]
fn a_shard_whose_executor_dies_loses_its_actors_as_one_that_panics() {
    let test =
        Command::new(env::current_exe().unwrap()).args(["--exact", "faults::executor_dies", "--ignored"]).output();
    let test = test.unwrap();
    assert!(
        test.status.success(),
        "{}{}",
        String::from_utf8_lossy(&test.stdout),
        String::from_utf8_lossy(&test.stderr)
    );
}
