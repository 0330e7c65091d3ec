//! The ordered stop: what is in flight is finished, what cannot be finished does not hang it, and the last figures are
//! complete.

use std::{
    net::{Ipv4Addr, UdpSocket},
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    Log, Note, Play, Two, drain, left, note, numbers, options, out, right, send_all, shard, two_cpus, until,
};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    edge::port::Port,
    net::{EndpointId, EndpointSpec, UdpSpec},
    telemetry::ShardCount,
    topology::{EdgeSpec, Idle, Topology},
};

type One = Play<Port<Note>, 1>;

/// Ends the process if the test does not end: a hang here would be in a join.
fn watchdog() -> mpsc::Sender<()> {
    let (alive, ended) = mpsc::channel();
    thread::spawn(move || {
        if ended.recv_timeout(Duration::from_secs(120)) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("a stop hangs");
            std::process::abort();
        }
    });
    alive
}

#[test]
fn what_is_in_flight_is_finished() {
    let _watchdog = watchdog();
    for idle in [Idle::Park, Idle::Backoff] {
        let mut topology = Topology::new();
        let [one, two] = two_cpus();
        let shards = [shard(&mut topology, "one", one, idle), shard(&mut topology, "two", two, idle)];
        let chain: Vec<_> = (0..4).map(|n| topology.actor(shards[n % 2], format!("relay {n}"), One::relay)).collect();
        let mut sender = topology.external_sender("in", chain[0], EdgeSpec::backpressure(1000));
        chain.windows(2).for_each(|pair| topology.connect(pair[0], out, pair[1], EdgeSpec::backpressure(2)));
        let mut receiver = topology.external_receiver(chain[3], out, EdgeSpec::backpressure(1000));
        let running = topology.start(options()).unwrap();
        (0..1000).for_each(|n| sender.send(note(n)).unwrap());
        let outcome = running.stop();
        assert!(outcome.drained, "{idle:?}");
        assert_eq!(numbers(&drain(&mut receiver)), (0..1000).collect::<Vec<_>>(), "{idle:?}");
        // Each message was given to two actors of each shard, and the last figures know of all.
        for shard in &outcome.status.shards {
            assert_eq!(shard.count(ShardCount::Messages), 2000, "{idle:?}");
        }
    }
}

#[test]
fn actors_of_a_shard_stop_in_reverse_order_and_once() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let log = Log::new();
    for n in 0..4 {
        let log = log.clone();
        let actor = topology.actor(shard, format!("actor {n}"), move || {
            let mut actor = One::relay();
            actor.on_stop = Box::new(move |_, ()| log.push(n));
            actor
        });
        topology.leave_open(actor, out);
    }
    let outcome = topology.start(options()).unwrap().stop();
    assert!(outcome.drained);
    assert_eq!(log.entries(), [3, 2, 1, 0]);
}

#[test]
fn a_consumer_that_never_takes_is_told_of_and_does_not_hang_the_stop() {
    let _watchdog = watchdog();
    for (idle, messages, drained) in [(Idle::Park, 2, true), (Idle::Park, 3, false), (Idle::Backoff, 3, false)] {
        let mut topology = Topology::new();
        let shard = shard(&mut topology, "only", two_cpus()[0], idle);
        let actor = topology.actor(shard, "actor", One::relay);
        let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(8));
        let mut receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(2));
        let options = options().drain_deadline(Duration::from_millis(300));
        let running = topology.start(options).unwrap();
        (0..messages).for_each(|n| sender.send(note(n)).unwrap());
        let outcome = running.stop();
        assert_eq!(outcome.drained, drained, "{idle:?}, {messages} messages");
        let problems = outcome.problems();
        assert!(problems.iter().all(|problem| problem.contains("receiver") && problem.contains("drain_deadline")));
        assert_eq!(problems.is_empty(), drained, "{problems:?}");
        assert_eq!(numbers(&drain(&mut receiver)), [0, 1]);
    }
}

#[test]
fn a_reader_that_is_gone_holds_nobody_back_and_is_told_of() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "relay", One::relay);
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(64));
    let receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(2));
    let running = topology.start(options()).unwrap();
    drop(receiver);
    send_all(&mut sender, (0..200).map(note));
    let outcome = running.stop();
    assert!(outcome.is_clean(), "{:?}", outcome.problems());
    let count = |name| outcome.status.count(name);
    assert_eq!((count(ShardCount::Dropped), count(ShardCount::ReadersGone)), (200, 1));
}

#[test]
fn stopping_in_the_middle_of_traffic_never_hangs() {
    let _watchdog = watchdog();
    let [one, two] = two_cpus();
    for round in 0..50 {
        // On two CPUs every third round spins.
        let idle = match round % 3 {
            0 if one != two => Idle::Spin,
            1 => Idle::Backoff,
            _ => Idle::Park,
        };
        let mut topology = Topology::new();
        let shards = [shard(&mut topology, "one", one, idle), shard(&mut topology, "two", two, idle)];
        // Two that keep each other busy for ever in every other round, and a flood through both shards.
        let balls = if round % 2 == 0 { 3 } else { 0 };
        let players = [("first player", shards[0]), ("second player", shards[1])].map(|(name, shard)| {
            topology.actor(shard, name, move || {
                let mut player = One::relay();
                let first = shard == shards[0];
                player.on_start = Box::new(move |ctx, ()| {
                    if first && balls > 0 {
                        ctx.out.send(note(0));
                    }
                });
                player
            })
        });
        topology.connect(players[0], out, players[1], EdgeSpec::backpressure(8).in_flight(1));
        topology.connect(players[1], out, players[0], EdgeSpec::backpressure(8).in_flight(1));
        let source = topology.actor(shards[0], "source", || {
            let mut source = Play::<Two, 1>::new(|ctx, note| {
                ctx.out.right.send(note);
                Step::Done
            });
            source.on_start = Box::new(|ctx, ()| assert!(ctx.set_timer(0, 0).is_ok()));
            source.on_timer = Box::new(|ctx, number| {
                ctx.out.left.send(note(number));
                assert!(ctx.set_timer(0, number + 1).is_ok());
            });
            source
        });
        let sink = topology.actor(shards[1], "sink", One::relay);
        topology.connect(source, left, sink, EdgeSpec::backpressure(4));
        topology.leave_open(source, right);
        topology.leave_open(sink, out);
        let mut sender = topology.external_sender("in", source, EdgeSpec::backpressure(64));
        let options = options().drain_deadline(Duration::from_millis(10));
        let running = topology.start(options).unwrap();
        (0..64).for_each(|n| sender.send(note(n)).unwrap());
        let outcome = running.stop();
        assert!(outcome.status.failures.is_empty(), "round {round}: {:?}", outcome.status.failures);
        assert!(balls == 0 || !outcome.drained, "round {round}: the players never rest");
    }
}

/// An actor that relays and sends 99 as it stops.
fn speaker() -> One {
    let mut actor = One::relay();
    actor.on_stop = Box::new(|ctx, ()| ctx.out.send(note(99)));
    actor
}

#[test]
fn what_a_stop_hook_sends_without_room_is_told_of() {
    for messages in [1, 2] {
        let mut topology = Topology::new();
        let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
        let actor = topology.actor(shard, "speaker", speaker);
        let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(64));
        let mut receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(2));
        let running = topology.start(options().drain_deadline(Duration::from_millis(300))).unwrap();
        send_all(&mut sender, (0..messages).map(note));
        let outcome = running.stop();
        let is_there = numbers(&drain(&mut receiver)).contains(&99);
        assert_eq!((is_there, outcome.is_clean()), (messages < 2, messages < 2), "{:?}", outcome.problems());
    }
}

#[test]
fn what_a_stop_hook_sends_to_another_shard_is_handled_and_answered() {
    let [one, two] = two_cpus();
    for round in 0..30 {
        let idle = [Idle::Park, Idle::Backoff][round % 2];
        let mut topology = Topology::new();
        let (near, far) = (shard(&mut topology, "near", one, idle), shard(&mut topology, "far", two, idle));
        let speaker = topology.actor(near, "speaker", speaker);
        let relay = topology.actor(far, "relay", One::relay);
        let heard = Log::new();
        let log = heard.clone();
        let listener = topology.actor(near, "listener", move || {
            Play::<(), 0>::new(move |_, note| {
                log.push(note.number);
                Step::Done
            })
        });
        topology.connect(speaker, out, relay, EdgeSpec::backpressure(8));
        topology.connect(relay, out, listener, EdgeSpec::backpressure(8));
        let outcome = topology.start(options()).unwrap().stop();
        assert!(outcome.is_clean(), "{:?}", outcome.problems());
        assert_eq!(heard.entries(), [99], "round {round}");
    }
}

#[test]
fn a_topology_that_is_dropped_has_stopped() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let log = Log::new();
    let stopped = log.clone();
    let actor = topology.actor(shard, "actor", move || {
        let mut actor = One::relay();
        actor.on_stop = Box::new(move |_, ()| stopped.push(()));
        actor
    });
    topology.leave_open(actor, out);
    let running = topology.start(options()).unwrap();
    assert!(running.is_running());
    drop(running);
    assert_eq!(log.len(), 1);
}

#[test]
fn housekeeping_calls_the_chore_with_the_status_until_the_stop() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let relay = topology.actor(shard, "relay", One::relay);
    topology.leave_open(relay, out);
    let calls = Arc::new(AtomicU64::new(0));
    let counted = calls.clone();
    let running = topology.start_with(options(), move |status| {
        assert_eq!(status.failures, []);
        counted.fetch_add(1, Ordering::Relaxed);
        ControlFlow::Continue(())
    });
    let running = running.unwrap();
    until("housekeeping has called the chore", || calls.load(Ordering::Relaxed) > 2);
    assert!(running.stop().drained);
    assert_eq!(Arc::strong_count(&calls), 1, "the chore is dropped");
}

#[test]
fn status_does_not_wait_for_the_chore() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "slow-chore", two_cpus()[0], Idle::Park);
    let relay = topology.actor(shard, "relay", One::relay);
    topology.leave_open(relay, out);
    let (entered, enters) = mpsc::channel();
    let (leave, left) = mpsc::channel::<()>();
    let running = topology.start_with(options(), move |_| {
        let _ = entered.send(());
        // Until this test has looked, or its end has dropped the other side.
        let _ = left.recv_timeout(Duration::from_secs(10));
        ControlFlow::Continue(())
    });
    let running = running.unwrap();
    enters.recv().unwrap();
    let begun = Instant::now();
    let status = running.status();
    let took = begun.elapsed();
    drop(leave);
    assert!(status.clock.time_of_day_ns > 0);
    assert!(running.stop().drained);
    assert!(took < Duration::from_secs(5), "it waited for the chore: {took:?}");
}

#[test]
fn on_stop_sees_the_time_of_the_stop() {
    const LOOPS: Duration = Duration::from_millis(600);
    let _watchdog = watchdog();
    let [one, two] = two_cpus();
    let mut topology = Topology::new();
    let sleepy = shard(&mut topology, "sleepy", one, Idle::Park);
    let busy = shard(&mut topology, "busy", two, Idle::Park);
    let (begun, log, entered) = (Instant::now(), Log::new(), Log::new());
    let (stopped, enters) = (log.clone(), entered.clone());
    let sleeps = topology.actor(sleepy, "sleeps", move || {
        let (mut actor, started) = (One::relay(), Log::new());
        let start = started.clone();
        let lag_ns = move |time_ns: u64| begun.elapsed().as_nanos() as i64 - time_ns as i64;
        actor.on_start = Box::new(move |ctx, ()| start.push(lag_ns(ctx.time_ns())));
        actor.on_stop = Box::new(move |ctx, ()| stopped.push(lag_ns(ctx.time_ns()) - started.entries()[0]));
        actor
    });
    topology.leave_open(sleeps, out);
    // The drain ends by its deadline, and the other shard sleeps meanwhile.
    let loops = topology.actor(busy, "loops", move || {
        let enters = enters.clone();
        One::new(move |_, _| {
            enters.push(());
            thread::sleep(LOOPS);
            Step::Done
        })
    });
    topology.leave_open(loops, out);
    let mut sender = topology.external_sender("in", loops, EdgeSpec::backpressure(8));
    let running = topology.start(options().drain_deadline(LOOPS / 2)).unwrap();
    sender.send(note(1)).unwrap();
    until("it loops", || entered.len() == 1);
    assert!(!running.stop().drained);
    let age = Duration::from_nanos(log.entries()[0].max(0) as u64);
    assert!(age < LOOPS / 4, "on_stop saw a time {age:?} old");
}

/// Sends a datagram for each message, and the message on.
struct Talker {
    endpoint: EndpointId,
    sent: Arc<AtomicU64>,
}

impl Actor for Talker {
    type In = Note;
    type Out = Port<Note>;
    const OUTPUTS_MAX: usize = 1;
    fn on_start(&mut self, ctx: &mut Context<'_, Port<Note>>) {
        ctx.out.send(note(0));
    }
    fn on_message(&mut self, ctx: &mut Context<'_, Port<Note>>, note: &Note) -> Step {
        let is_sent = ctx.net.send_datagram(self.endpoint, &[1]).is_ok();
        self.sent.fetch_add(is_sent.into(), Ordering::Relaxed);
        ctx.out.send(*note);
        Step::Done
    }
}

impl NetActor for Talker {}

/// Actors have turns until their shard ends, and no poll follows the last one.
#[test]
fn what_the_last_turn_sends_leaves() {
    let _watchdog = watchdog();
    let hears = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let udp = UdpSpec::sender((Ipv4Addr::LOCALHOST, 0).into(), hears.local_addr().unwrap());
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "talks", two_cpus()[0], Idle::Park);
    let sent = Arc::new(AtomicU64::new(0));
    let counted = sent.clone();
    let talker = topology.net_actor(shard, "talker", vec![EndpointSpec::Udp(udp)], move |endpoints| Talker {
        endpoint: endpoints[0],
        sent: counted,
    });
    let relay = topology.actor(shard, "relay", One::relay);
    topology.connect(talker, out, relay, EdgeSpec::backpressure(8).in_flight(1));
    topology.connect(relay, out, talker, EdgeSpec::backpressure(8).in_flight(1));
    let running = topology.start(options().drain_deadline(Duration::from_millis(10))).unwrap();
    until("it talks", || sent.load(Ordering::Relaxed) > 0);
    let status = running.stop().status;
    let counts = [ShardCount::NetDatagramsOut, ShardCount::NetDatagramsLost].map(|count| status.count(count));
    assert_eq!(counts, [sent.load(Ordering::Relaxed), 0]);
}

/// The last stage comes before a shard has seen the one in which actors stop.
#[test]
fn a_stop_without_patience_calls_on_stop_and_reports_its_panic() {
    let _watchdog = watchdog();
    for idle in [Idle::Park, Idle::Backoff, Idle::Spin] {
        let mut topology = Topology::new();
        let shard = shard(&mut topology, "impatient", two_cpus()[0], idle);
        let log = Log::new();
        let stopped = log.clone();
        let actors = [false, true].map(|panics| {
            let stopped = stopped.clone();
            topology.actor(shard, format!("panics: {panics}"), move || {
                let mut actor = One::relay();
                actor.on_stop = Box::new(move |_, ()| {
                    stopped.push(panics);
                    assert!(!panics, "as the test wants");
                });
                actor
            })
        });
        actors.into_iter().for_each(|actor| topology.leave_open(actor, out));
        let outcome = topology.start(options().drain_deadline(Duration::ZERO)).unwrap().stop();
        assert_eq!(log.entries(), [true, false], "{idle:?}");
        assert_eq!(outcome.status.failures.len(), 1, "{idle:?}: {:?}", outcome.problems());
        assert!(outcome.status.faults.is_empty(), "{idle:?}: {:?}", outcome.problems());
    }
}

/// No turn follows the one in which the first failure is collected, behind the actor that is told of it.
#[test]
fn a_failure_in_answer_to_the_last_one_is_reported() {
    let _watchdog = watchdog();
    for idle in [Idle::Park, Idle::Backoff, Idle::Spin] {
        let mut topology = Topology::new();
        let shard = shard(&mut topology, "impatient", two_cpus()[0], idle);
        let second = topology.actor(shard, "second", || {
            let mut actor = One::relay();
            actor.on_down = Box::new(|_, down| panic!("told of {down:?}"));
            actor
        });
        let first = topology.actor(shard, "first", || {
            let mut actor = One::relay();
            actor.on_stop = Box::new(|_, ()| panic!("as the test wants"));
            actor
        });
        topology.connect(first, out, second, EdgeSpec::backpressure(8));
        topology.leave_open(second, out);
        let outcome = topology.start(options().drain_deadline(Duration::ZERO)).unwrap().stop();
        let failed: Vec<_> = outcome.status.failures.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(failed, ["first", "second"], "{idle:?}: {:?}", outcome.problems());
    }
}
