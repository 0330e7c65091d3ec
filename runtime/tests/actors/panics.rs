//! What an actor's panic does on real threads: to itself, to its neighbours, and to nobody else.

use std::{cell::Cell, process::Command, rc::Rc};

use crate::support::{Log, Note, Play, note, numbers, options, out, receive, send_all, shard, two_cpus, until};
use corelane_runtime::{
    actor::{Down, Step},
    edge::port::Port,
    message::SequenceNumber,
    telemetry::ShardCount,
    topology::{EdgeSpec, Idle, Topology},
};

type One = Play<Port<Note>, 4>;

/// In which hook the victim panics, and what it has sent before that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hook {
    Start,
    Message,
    More,
    Timer,
    BatchEnd,
    Stop,
}

/// Sends each message on. At message 3, or what leads to its hook then, it sends one message more and panics.
fn victim(hook: Hook) -> One {
    let reached = Rc::new(Cell::new(false));
    let at_three = reached.clone();
    let mut actor = One::new(move |ctx, message| {
        ctx.out.send(message);
        if message.number == 3 {
            reached.set(true);
            match hook {
                Hook::Message => panic!("as the test wants"),
                Hook::More => return Step::More,
                Hook::Timer => assert!(ctx.set_timer(1000, 1).is_ok()),
                Hook::Start | Hook::BatchEnd | Hook::Stop => {}
            }
        }
        Step::Done
    });
    let panics_in = move |it: Hook, out: &mut Port<Note>| {
        if hook == it {
            out.send(note(333));
            panic!("as the test wants");
        }
    };
    actor.on_start = Box::new(move |ctx, ()| panics_in(Hook::Start, ctx.out));
    actor.on_more = Box::new(move |ctx, ()| {
        panics_in(Hook::More, ctx.out);
        Step::Done
    });
    actor.on_timer = Box::new(move |ctx, _| panics_in(Hook::Timer, ctx.out));
    actor.on_batch_end = Box::new(move |ctx, ()| {
        if at_three.get() {
            panics_in(Hook::BatchEnd, ctx.out);
        }
    });
    actor.on_stop = Box::new(move |ctx, ()| panics_in(Hook::Stop, ctx.out));
    actor
}

/// Records what it is told, and sends on what comes.
fn neighbour(name: &'static str, downs: Log<(&'static str, Down)>) -> One {
    let mut actor = One::relay();
    actor.on_down = Box::new(move |_, down| downs.push((name, down)));
    actor
}

fn survive(hook: Hook) {
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let near = shard(&mut topology, "near", one, Idle::Park);
    let far = shard(&mut topology, "far", two, Idle::Park);
    let downs = Log::new();
    let [up, down, stranger] = ["upstream", "downstream", "stranger"].map(|name| (name, downs.clone()));
    let upstream = topology.actor(far, "upstream", move || neighbour(up.0, up.1));
    let victim = topology.actor(near, "victim", move || victim(hook));
    let downstream = topology.actor(near, "downstream", move || neighbour(down.0, down.1));
    let stranger = topology.actor(near, "stranger", move || neighbour(stranger.0, stranger.1));
    let mut sender = topology.external_sender("in", upstream, EdgeSpec::backpressure(64));
    topology.connect(upstream, out, victim, EdgeSpec::backpressure(8));
    topology.connect(victim, out, downstream, EdgeSpec::backpressure(8));
    let mut delivered = topology.external_receiver(downstream, out, EdgeSpec::backpressure(64));
    let mut strange = topology.external_sender("strange", stranger, EdgeSpec::backpressure(64));
    let mut strange_out = topology.external_receiver(stranger, out, EdgeSpec::backpressure(64));
    let running = topology.start(options()).unwrap();

    let delivered_first: &[u64] = match hook {
        Hook::Start => &[],
        Hook::Message => &[1, 2],
        _ => &[1, 2, 3],
    };
    for number in 1..=3 {
        send_all(&mut sender, [note(number)]);
        if delivered_first.contains(&number) {
            assert_eq!(numbers(&receive(&mut delivered, 1)), [number], "{hook:?}");
        }
    }
    let outcome = if hook == Hook::Stop {
        running.stop()
    } else {
        until(&format!("both neighbours are told: {hook:?}"), || downs.len() >= 2);
        // The edges to the dead actor block nobody, and others on its shard go on.
        send_all(&mut sender, (0..200).map(note));
        send_all(&mut strange, [note(7)]);
        assert_eq!(numbers(&receive(&mut strange_out, 1)), [7]);
        until("the failure is known", || !running.status().failures.is_empty());
        let outcome = running.stop();
        assert!(outcome.drained, "{hook:?}");
        let mut told = downs.entries();
        told.sort_by_key(|(name, _)| *name);
        let down = Down { actor: victim.into(), sequence: SequenceNumber::NONE, generation: 0 };
        assert_eq!(told, [("downstream", down), ("upstream", down)], "{hook:?}");
        outcome
    };
    assert_eq!(delivered.receive().map(|envelope| envelope.body), None, "{hook:?}");
    let [(name, failure)] = &outcome.status.failures[..] else {
        panic!("{hook:?}: {:?}", outcome.status.failures);
    };
    assert_eq!((name.as_str(), failure.actor), ("victim", victim.into()));
    let kind = if matches!(hook, Hook::Message | Hook::More) { 7 } else { 0 };
    assert_eq!(failure.header.kind, kind, "{hook:?}");
    let place = failure.place.to_string();
    let (file, line) = place.rsplit_once(':').unwrap();
    assert!(file.ends_with("runtime/tests/actors/panics.rs"), "{place}");
    assert!(line.parse::<u32>().unwrap() > 1, "{place}");
    assert_eq!(failure.to_string(), format!("failed at {place}: as the test wants"), "{hook:?}");
    assert_eq!(outcome.status.shards[0].count(ShardCount::ActorPanics), 1);
}

#[test]
fn a_panic_ends_its_actor_and_nothing_else() {
    for hook in [Hook::Start, Hook::Message, Hook::More, Hook::Timer, Hook::BatchEnd, Hook::Stop] {
        survive(hook);
    }
}

#[test]
fn a_failure_of_who_is_told_of_a_failure_is_reported_too() {
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let near = shard(&mut topology, "near", one, Idle::Park);
    let far = shard(&mut topology, "far", two, Idle::Park);
    let fragile = || {
        let mut actor = One::relay();
        actor.on_down = Box::new(|_, down| panic!("told of {down:?}"));
        actor
    };
    let downs = Log::new();
    let told = downs.clone();
    let before = topology.actor(far, "before", fragile);
    let victim = topology.actor(near, "victim", || victim(Hook::Message));
    let after = topology.actor(near, "after", fragile);
    let last = topology.actor(far, "last", move || neighbour("last", told));
    let mut sender = topology.external_sender("in", before, EdgeSpec::backpressure(8));
    topology.connect(before, out, victim, EdgeSpec::backpressure(8));
    topology.connect(victim, out, after, EdgeSpec::backpressure(8));
    topology.connect(after, out, last, EdgeSpec::backpressure(8));
    topology.leave_open(last, out);
    let running = topology.start(options()).unwrap();
    send_all(&mut sender, [note(3)]);
    until("all three failures are known", || running.status().failures.len() == 3);
    until("the last one is told", || downs.len() == 1);
    let outcome = running.stop();
    let mut names: Vec<_> = outcome.status.failures.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["after", "before", "victim"]);
    assert_eq!(
        downs.entries(),
        [("last", Down { actor: after.into(), sequence: SequenceNumber::NONE, generation: 0 })]
    );
}

#[test]
fn without_a_log_a_failure_is_a_line_of_standard_error() {
    let run = |test: &str| {
        let exe = std::env::current_exe().unwrap();
        let child = Command::new(exe)
            .args(["--exact", &format!("panics::{test}"), "--nocapture"])
            .env("RUST_BACKTRACE", "0")
            .output();
        let child = child.unwrap();
        assert!(child.status.success(), "{child:?}");
        String::from_utf8(child.stderr).unwrap()
    };
    let printed = run("a_failure_of_who_is_told_of_a_failure_is_reported_too");
    assert!(!printed.contains("panicked"), "a shard formats nothing: {printed}");
    for actor in ["before", "victim", "after"] {
        let line = format!("corelane: actor {actor:?} failed at ");
        assert_eq!(printed.matches(&line).count(), 1, "{printed}");
    }
    assert!(printed.contains("runtime/tests/actors/panics.rs") && printed.contains("told of Down"), "{printed}");
    let printed = run("a_panic_outside_a_shard_is_printed_as_ever");
    assert!(printed.contains("panicked") && printed.contains("outside"), "{printed}");
}

#[test]
fn a_panic_outside_a_shard_is_printed_as_ever() {
    let mut topology = Topology::new();
    let near = shard(&mut topology, "near", two_cpus()[0], Idle::Park);
    let actor = topology.actor(near, "actor", One::relay);
    topology.leave_open(actor, out);
    let running = topology.start(options()).unwrap();
    assert!(std::thread::spawn(|| panic!("outside")).join().is_err());
    assert!(running.stop().status.failures.is_empty());
}
