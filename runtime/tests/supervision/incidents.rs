//! What is known of each failure, as the program gets it: what failed and on what, what its shard did last, what was decided.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::support::{Note, Play, note, options, out, shard, two_cpus, until};
use corelane_runtime::{
    FailedInput, Happened, InputKind,
    actor::{Actor, Context, NetActor, Step},
    edge::port::Port,
    lifecycle::{Failed, Incident, RunOptions, Running, RuntimeFault},
    net::{ConnId, EndpointSpec, Flow, FrameError, Framer},
    supervision::{Backoff, Escalation, Strategy, SupervisorSpec},
    topology::{EdgeSpec, Idle, Topology},
};

type One = Play<Port<Note>, 1>;

/// The incidents that a topology has handed over.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<Vec<Incident>>>);

impl Taken {
    fn options(&self) -> RunOptions {
        let taken = self.clone();
        options().on_incident(move |incident| taken.0.lock().unwrap().push(incident))
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// All of them, oldest first.
    fn all(&self) -> Vec<Incident> {
        self.0.lock().unwrap().clone()
    }
}

fn failure(incident: &Incident) -> &corelane_runtime::Failure {
    let Failed::Actor(failure) = &incident.what else { panic!("{incident:?}") };
    failure
}

/// Sends on what comes; fails on 13, and in its second step on 14.
struct Fragile;

impl Actor for Fragile {
    type In = Note;
    type Out = Port<Note>;
    const OUTPUTS_MAX: usize = 1;
    fn on_message(&mut self, ctx: &mut Context<'_, Port<Note>>, note: &Note) -> Step {
        assert_ne!(note.number, 13, "thirteen");
        ctx.out.send(*note);
        if note.number == 14 { Step::More } else { Step::Done }
    }
    fn on_more(&mut self, _: &mut Context<'_, Port<Note>>) -> Step {
        panic!("in more");
    }
}

fn until_it_ends(running: &Running) {
    until("the topology ends by itself", || !running.is_running());
}

#[test]
fn an_actors_incident_says_on_what_it_failed_and_what_its_shard_did_before() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "hot", two_cpus()[0], Idle::Park);
    let relay = topology.actor(shard, "relay", One::relay);
    let fragile = topology.actor(shard, "fragile", || Fragile);
    topology.connect(relay, out, fragile, EdgeSpec::backpressure(8));
    topology.leave_open(fragile, out);
    let restarts = SupervisorSpec::new("restarts", Strategy::OneForOne).intensity(5, Duration::from_secs(600));
    let restarts = topology.supervisor(restarts);
    topology.supervise(restarts, fragile, |_| Fragile);
    let mut sender = topology.external_sender("in", relay, EdgeSpec::backpressure(8));
    let taken = Taken::default();
    let running = topology.start(taken.options()).unwrap();
    sender.send(note(1)).unwrap();
    sender.send(Note { number: 13, from: 0x0a0b, ..Note::default() }).unwrap();
    until("the first is known", || taken.len() == 1);
    until("it is restarted", || running.status().restarted.get("fragile") == Some(&1));
    sender.send(note(14)).unwrap();
    until("the second is known", || taken.len() == 2);
    until("it is restarted again", || running.status().restarted.get("fragile") == Some(&2));
    let outcome = running.stop();
    assert_eq!(outcome.status.failed, 2);

    let [first, second] = &taken.all()[..] else { panic!("{:?}", taken.all()) };
    assert_eq!((first.actor.as_deref(), first.shard.as_deref()), (Some("fragile"), Some("hot")));
    assert_eq!((first.what.label(), &*first.decision), ("actor-panicked", "restart as generation 1"));
    assert!(first.what.to_string().contains("incidents.rs") && first.what.to_string().contains("thirteen"));
    let FailedInput { kind, length, bytes, .. } = failure(first).input.as_ref().expect("it was in a message");
    assert_eq!((*kind, *length), (InputKind::Message, size_of::<Note>()));
    assert_eq!(**bytes, *bytemuck::bytes_of(&Note { number: 13, from: 0x0a0b, ..Note::default() }));
    assert_eq!(failure(first).dead_letter.map(|letter| letter.steps), Some(0));
    let events: Vec<_> = first.events.iter().map(|(actor, event)| (actor.as_str(), event.what)).collect();
    let (last, before) = events.split_last().unwrap();
    assert_eq!(*last, ("fragile", Happened::Failed));
    assert!(before.iter().any(|(actor, what)| *actor == "relay" && matches!(what, Happened::Ran { .. })));
    let ran = before.iter().rfind(|(actor, _)| *actor == "fragile");
    assert!(matches!(ran, Some((_, Happened::Ran { .. }))), "{events:?}");
    assert!(first.events.iter().any(|(_, event)| event.input.kind == 7), "the kind of a note");
    assert!(first.events.is_sorted_by_key(|(_, event)| event.time_ns));

    assert_eq!(failure(second).input, None, "its slot is another message's by the second step");
    assert_eq!(failure(second).dead_letter.map(|letter| letter.steps), Some(1));
    assert_eq!(&*second.decision, "restart as generation 2");
    let restarted = Happened::Restarted { generation: 1 };
    assert!(second.events.iter().any(|(actor, event)| actor == "fragile" && event.what == restarted));
}

#[test]
fn decisions_of_those_who_are_not_restarted_at_once_are_told() {
    let waits = Backoff { first: Duration::from_secs(3600), max: Duration::from_secs(3600), ..Backoff::NONE };
    let spec = |name| SupervisorSpec::new(name, Strategy::OneForOne);
    let cases: [(&str, Option<SupervisorSpec>, bool, &str); 5] = [
        ("nobody", None, false, "it ended alone: nobody supervises it"),
        ("waits", Some(spec("waits").backoff(waits)), true, "restart as generation 1 in 3600000 ms"),
        (
            "halts",
            Some(spec("halts").intensity(0, Duration::from_secs(1)).escalation(Escalation::Halt)),
            true,
            r#"supervisor "halts" gave up for actor "fragile": the topology halts in order"#,
        ),
        (
            "exits",
            Some(spec("exits").intensity(0, Duration::from_secs(1)).escalation(Escalation::Exit)),
            true,
            r#"supervisor "exits" gave up for actor "fragile": the topology ends at once"#,
        ),
        ("temporary", Some(spec("temporary")), false, "it ended alone: it is temporary"),
    ];
    for (name, supervisor, is_restarted, decision) in cases {
        let mut topology = Topology::new();
        let shard = shard(&mut topology, "hot", two_cpus()[0], Idle::Park);
        let fragile = topology.actor(shard, "fragile", || Fragile);
        topology.leave_open(fragile, out);
        if let Some(spec) = supervisor {
            let supervisor = topology.supervisor(spec);
            if is_restarted {
                topology.supervise(supervisor, fragile, |_| Fragile);
            } else {
                topology.supervise_temporary(supervisor, fragile);
            }
        }
        let mut sender = topology.external_sender("in", fragile, EdgeSpec::backpressure(8));
        let taken = Taken::default();
        let running = topology.start(taken.options()).unwrap();
        sender.send(note(13)).unwrap();
        until("it is known", || taken.len() == 1);
        let _ = running.stop();
        let [incident] = &taken.all()[..] else { panic!("{name}: {:?}", taken.all()) };
        let (label, decided) = (incident.what.label(), incident.decision.as_str());
        assert_eq!((label, decided), ("actor-panicked", decision), "{name}");
    }
}

#[test]
fn the_incident_of_a_replacement_that_could_not_be_built_says_what_follows_from_that() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "hot", two_cpus()[0], Idle::Park);
    let fragile = topology.actor(shard, "fragile", || Fragile);
    topology.leave_open(fragile, out);
    let spec = SupervisorSpec::new("restarts", Strategy::OneForOne).intensity(2, Duration::from_secs(600));
    let restarts = topology.supervisor(spec);
    topology.supervise(restarts, fragile, |_| -> Fragile { panic!("in the factory") });
    let mut sender = topology.external_sender("in", fragile, EdgeSpec::backpressure(8));
    let taken = Taken::default();
    let running = topology.start(taken.options()).unwrap();
    sender.send(note(13)).unwrap();
    until_it_ends(&running);
    let _ = running.stop();
    let told: Vec<_> = taken.all().iter().map(|one| (one.what.label(), one.decision.clone())).collect();
    let gave_up = r#"supervisor "restarts" gave up for actor "fragile": the topology stops in order"#;
    let gave_up = [gave_up.to_owned(), gave_up.replace("stops", "halts")];
    let [first, second, third] = &told[..] else { panic!("{told:?}") };
    assert_eq!(*first, ("actor-panicked", "restart as generation 1".to_owned()));
    assert_eq!(*second, ("restart-failed", "restart as generation 2".to_owned()));
    assert_eq!(third.0, "restart-failed");
    assert!(gave_up.contains(&third.1), "{third:?}");
}

/// Frames of one byte; 255 finds a bug.
struct Faulty;

impl Framer for Faulty {
    fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        assert!(bytes.first() != Some(&255), "a fault in a framer");
        Ok(if bytes.len() < 3 { None } else { Some(3) })
    }
}

/// Sends frames back; fails on those that begin with 13.
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
        assert_ne!(frame[0], 13, "thirteen");
        ctx.net.send(conn, frame).map_or(Flow::Hold, |()| Flow::Taken)
    }
}

fn echo(topology: &mut Topology) -> corelane_runtime::topology::ActorId<Echo> {
    let shard = shard(topology, "net", two_cpus()[0], Idle::Park);
    let addr: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let listen = EndpointSpec::Listen { addr, framer: Box::new(Faulty), backlog: 8 };
    topology.net_actor(shard, "echo", vec![listen], |_| Echo)
}

#[test]
fn the_frame_that_an_actor_failed_on_is_kept() {
    let mut topology = Topology::new();
    let echo = echo(&mut topology);
    let taken = Taken::default();
    let running = topology.start(taken.options()).unwrap();
    let mut client = TcpStream::connect(running.addresses(echo)[0]).unwrap();
    client.write_all(&[1, 2, 3, 13, 14, 15, 16, 17, 18]).unwrap();
    until("it is known", || taken.len() == 1);
    let _ = running.stop();
    let [incident] = &taken.all()[..] else { panic!("{:?}", taken.all()) };
    let input = failure(incident).input.as_ref().expect("it was in a frame");
    assert_eq!((input.kind, input.length, &*input.bytes), (InputKind::Frame, 3, &[13, 14, 15][..]));
    assert!(!format!("{incident:?}").contains("[13, 14, 15]"), "it may be a password");
}

#[test]
fn a_shard_that_panics_outside_of_its_actors_is_one_incident() {
    let mut topology = Topology::new();
    let echo = echo(&mut topology);
    let taken = Taken::default();
    let running = topology.start(taken.options()).unwrap();
    let mut client = TcpStream::connect(running.addresses(echo)[0]).unwrap();
    client.write_all(&[1, 2, 3]).unwrap();
    client.read_exact(&mut [0; 3]).unwrap();
    client.write_all(&[255]).unwrap();
    until_it_ends(&running);
    let outcome = running.stop();
    assert_eq!(outcome.status.failed, 1, "its actor failed with it");
    let [incident] = &taken.all()[..] else { panic!("{:?}", taken.all()) };
    assert_eq!((incident.what.label(), incident.shard.as_deref()), ("shard-panicked", Some("net")));
    assert_eq!(incident.decision, "the topology stops in order");
    assert!(incident.what.to_string().contains("a fault in a framer"));
    assert!(incident.events.iter().any(|(actor, event)| actor == "echo" && matches!(event.what, Happened::Ran { .. })));
}

#[test]
fn a_stuck_shard_is_an_incident_that_names_the_actor() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "endless", two_cpus()[0], Idle::Park);
    let release = Arc::new(AtomicBool::new(false));
    let released = release.clone();
    let relay = topology.actor(shard, "relay", One::relay);
    let looping = topology.actor(shard, "looping", move || {
        let mut looping = One::new(|_, _| Step::Done);
        looping.on_batch_end = Box::new(move |_, ()| {
            while !released.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
        });
        looping
    });
    let last = topology.actor(shard, "last", One::relay);
    topology.connect(relay, out, looping, EdgeSpec::backpressure(8));
    topology.connect(looping, out, last, EdgeSpec::backpressure(8));
    topology.leave_open(last, out);
    let mut sender = topology.external_sender("in", relay, EdgeSpec::backpressure(8));
    let taken = Taken::default();
    let running = topology.start(taken.options().watchdog(Duration::from_secs(1))).unwrap();
    sender.send(note(1)).unwrap();
    until_it_ends(&running);
    let outcome = running.stop();
    release.store(true, Ordering::Relaxed);
    let [stuck, hangs] = &taken.all()[..] else { panic!("{:?}", taken.all()) };
    assert_eq!((stuck.what.label(), hangs.what.label()), ("shard-stuck", "shard-hangs"));
    for incident in [stuck, hangs] {
        assert_eq!((incident.actor.as_deref(), incident.shard.as_deref()), (Some("looping"), Some("endless")));
    }
    let [RuntimeFault::ShardStuck { actor, .. }, _] = &outcome.status.faults[..] else { panic!("{outcome:?}") };
    assert_eq!(actor.as_deref(), Some("looping"));
    assert!(stuck.what.to_string().contains(r#"look for an endless loop in actor "looping""#), "{:?}", stuck.what);
    assert_eq!(stuck.decision, "the topology ends at once");
}

#[test]
fn a_clean_stop_is_no_incident_and_one_who_panics_on_them_is_called_once() {
    let calls = Arc::new(AtomicU64::new(0));
    for number in [1, 13] {
        let mut topology = Topology::new();
        let shard = shard(&mut topology, "hot", two_cpus()[0], Idle::Park);
        let fragile = topology.actor(shard, "fragile", || Fragile);
        topology.leave_open(fragile, out);
        let mut sender = topology.external_sender("in", fragile, EdgeSpec::backpressure(8));
        let called = calls.clone();
        let panics = move |incident: Incident| {
            called.fetch_add(1, Ordering::Relaxed);
            panic!("on {}", incident.what);
        };
        let running = topology.start(options().on_incident(panics)).unwrap();
        sender.send(note(number)).unwrap();
        if number == 13 {
            until_it_ends(&running);
        }
        let outcome = running.stop();
        let called = calls.load(Ordering::Relaxed);
        match number {
            1 => assert_eq!((called, outcome.problems()), (0, Vec::new())),
            _ => {
                assert_eq!((called, outcome.status.failed), (1, 1));
                let [RuntimeFault::HousekeepingPanicked { .. }] = &outcome.status.faults[..] else {
                    panic!("{:?}", outcome.status.faults);
                };
            }
        }
    }
}
