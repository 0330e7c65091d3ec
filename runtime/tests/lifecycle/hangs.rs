//! What hangs: shards that make no turns, and code of the program's that holds housekeeping up. It is noticed, and left behind.

use std::{
    fs,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::support::{Log, Note, Play, note, options, out, shard, two_cpus, until};
use corelane_runtime::{
    actor::{Actor, Context, Step},
    edge::port::Port,
    lifecycle::{Failed, Running, RuntimeFault, Status},
    supervision::{Strategy, SupervisorSpec},
    topology::{EdgeSpec, Idle, Topology},
};

type One = Play<Port<Note>, 1>;

pub(crate) fn is_alive(thread: &str) -> bool {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.map(|name| name.trim().to_owned()).any(|name| name == thread)
}

pub(crate) fn until_it_ends(running: &Running) {
    until("the topology ends by itself", || !running.is_running());
}

#[test]
fn an_endless_loop_is_noticed_and_ends_the_topology_without_waiting_for_it() {
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let near = shard(&mut topology, "endless", one, Idle::Park);
    let far = shard(&mut topology, "other", two, Idle::Park);
    let release = Arc::new(AtomicBool::new(false));
    let released = release.clone();
    let looping = topology.actor(near, "looping", move || {
        One::new(move |_, _| {
            while !released.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            Step::Done
        })
    });
    topology.leave_open(looping, out);
    let log = Log::new();
    let said = log.clone();
    let other = topology.actor(far, "other", move || {
        let mut relay = One::relay();
        relay.on_stop = Box::new(move |_, ()| said.push("stop"));
        relay
    });
    topology.leave_open(other, out);
    let mut sender = topology.external_sender("in", looping, EdgeSpec::backpressure(8));
    let running = topology.start(options().watchdog(Duration::from_secs(1))).unwrap();
    sender.send(note(1)).unwrap();
    until_it_ends(&running);
    let outcome = running.stop();
    release.store(true, Ordering::Relaxed);
    let [
        RuntimeFault::ShardStuck { shard: stuck, milliseconds, .. },
        fault @ RuntimeFault::ShardHangs { shard: hangs, seconds, .. },
    ] = &outcome.status.faults[..]
    else {
        panic!("{:?}", outcome.status.faults);
    };
    assert_eq!((stuck.as_str(), hangs.as_str(), log.entries()), ("endless", "endless", vec!["stop"]));
    assert!(*seconds == 0 && fault.to_string().contains("nobody waited for it"), "{fault}");
    assert!(*milliseconds >= 1000);
    until("its thread is gone", || !is_alive("endless"));
}

/// It comes back before the stop ends, and its drop takes longer than the others' ends.
#[test]
fn a_stuck_shard_that_makes_turns_again_is_waited_for() {
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let (near, far) =
        (shard(&mut topology, "comes-back", one, Idle::Park), shard(&mut topology, "other", two, Idle::Park));
    let release = Arc::new(AtomicBool::new(false));
    let released = release.clone();
    let log = Log::new();
    let (said, heard) = (log.clone(), log.clone());
    let looping = topology.actor(near, "looping", move || {
        let (said, slow) = (said.clone(), SlowDrop);
        let mut looping = One::new(move |_, _| {
            while !released.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            Step::Done
        });
        looping.on_stop = Box::new(move |_, ()| {
            let _ = &slow;
            said.push("stop");
        });
        looping
    });
    topology.leave_open(looping, out);
    let other = topology.actor(far, "other", move || {
        let mut relay = One::relay();
        relay.on_stop = Box::new(move |_, ()| {
            release.store(true, Ordering::Relaxed);
            until("the other goes on", || heard.len() == 1);
        });
        relay
    });
    topology.leave_open(other, out);
    let mut sender = topology.external_sender("in", looping, EdgeSpec::backpressure(8));
    let running = topology.start(options().watchdog(Duration::from_secs(1))).unwrap();
    sender.send(note(1)).unwrap();
    until_it_ends(&running);
    let outcome = running.stop();
    let [RuntimeFault::ShardStuck { shard, .. }] = &outcome.status.faults[..] else {
        panic!("{:?}", outcome.status.faults);
    };
    assert_eq!((shard.as_str(), log.entries()), ("comes-back", vec!["stop"]));
}

/// Takes 0.3 s to be dropped.
struct SlowDrop;

impl Drop for SlowDrop {
    fn drop(&mut self) {
        let began = Instant::now();
        until("it is slow", || began.elapsed() > Duration::from_millis(300));
    }
}

/// A place in the program's code that does not return until it is let go.
#[derive(Clone, Default)]
struct Hang(Arc<[AtomicBool; 2]>);

impl Hang {
    fn here(&self) {
        self.0[0].store(true, Ordering::Relaxed);
        while !self.0[1].load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
    }

    fn has_begun(&self) -> bool {
        self.0[0].load(Ordering::Relaxed)
    }

    fn let_go(&self) {
        self.0[1].store(true, Ordering::Relaxed);
    }
}

/// Hangs when it is dropped.
struct HangsInDrop(Hang);

impl Drop for HangsInDrop {
    fn drop(&mut self) {
        self.0.here();
    }
}

/// Fails on what comes.
pub(crate) struct Worker<T> {
    pub(crate) _holds: Option<T>,
}

impl<T: Send + 'static> Actor for Worker<T> {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, _: &mut Context<'_, ()>, _: &Note) -> Step {
        panic!("as the test wants");
    }
}

#[test]
fn housekeeping_that_hangs_is_noticed_and_left_behind() {
    let threshold = Duration::from_millis(300);
    for doing in [
        "the factory of actor \"worker\"",
        "the drop of actor \"worker\"",
        "the program's chore",
        "what the program does with incidents",
        "the drop of the program's chore, of its factories, or of what takes its incidents",
    ] {
        let (hang, is) = (Hang::default(), |place: &str| doing.contains(place));
        let at = |here: bool| here.then(|| HangsInDrop(hang.clone()));
        let mut topology = Topology::new();
        let [near, far] = two_cpus().map(|cpu| shard(&mut topology, &format!("left {cpu}"), cpu, Idle::Park));
        let hangs = at(is("drop of actor"));
        let worker = topology.actor(near, "worker", || Worker { _holds: hangs });
        let supervisor = topology.supervisor(SupervisorSpec::new("all", Strategy::OneForOne));
        let factory = at(is("factory of actor"));
        topology.supervise(supervisor, worker, move |_| {
            factory.iter().for_each(|hangs| hangs.0.here());
            Worker { _holds: None }
        });
        let log = Log::new();
        let (said, told, decided) = (log.clone(), log.clone(), Log::new());
        let decides = decided.clone();
        let other = topology.actor(far, "other", move || {
            let mut relay = One::relay();
            relay.on_stop = Box::new(move |_, ()| said.push("stop".to_owned()));
            relay
        });
        topology.leave_open(other, out);
        let mut sender = topology.external_sender("in", worker, EdgeSpec::backpressure(8));
        let taker = at(is("with incidents"));
        let options = options().housekeeping_watchdog(threshold).on_incident(move |incident| {
            taker.iter().for_each(|hangs| hangs.0.here());
            match incident.what {
                Failed::Actor(_) => decides.push((incident.what.label(), incident.decision)),
                _ => told.push(format!("{} {:?}: {}", incident.what.label(), incident.actor, incident.decision)),
            }
        });
        let (chore, held) = (at(is("program's chore") && !is("drop")), at(is("drop of the program's chore")));
        let running = topology.start_with(options, move |status: &Status| {
            let _ = &held;
            chore.iter().filter(|_| status.failed > 0).for_each(|hangs| hangs.0.here());
            ControlFlow::Continue(())
        });
        let running = running.unwrap();
        if !is("drop of the program's chore") {
            sender.send(note(1)).unwrap();
            until("it hangs", || hang.has_begun());
        }
        let began = Instant::now();
        let outcome = running.stop();
        assert!(began.elapsed() >= threshold, "{doing}: {:?}", began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(8), "{doing}: {:?}", began.elapsed());
        let [fault @ RuntimeFault::HousekeepingStuck { milliseconds, doing: found }] = &outcome.status.faults[..]
        else {
            panic!("{doing}: {:?}", outcome.status.faults);
        };
        assert_eq!((found.as_str(), *milliseconds >= 300, outcome.drained), (doing, true, false));
        assert!(fault.to_string().contains("made no turn for"), "{fault}");
        until("the shards have ended", || !is_alive(&format!("left {}", two_cpus()[1])));
        let mut expected = vec!["stop".to_owned()];
        if !is("with incidents") {
            let actor = doing.contains("worker").then(|| "worker".to_owned());
            expected.push(format!("housekeeping-stuck {actor:?}: the topology ends at once"));
        }
        let mut entries = log.entries();
        entries.sort_by_key(|entry| entry.starts_with("housekeeping"));
        assert_eq!(entries, expected, "{doing}");
        let decided = decided.entries();
        let is_told = !is("with incidents") && !is("drop of the program's chore");
        assert_eq!(decided.len(), usize::from(is_told), "{doing}: {decided:?}");
        if is("factory of actor") {
            assert_eq!(decided, [("actor-panicked", "the topology ends at once".to_owned())]);
        }
        hang.let_go();
        // Nothing of the program's is held any more.
        until("its thread ends", || Arc::strong_count(&hang.0) == 1);
    }
}

#[test]
fn housekeeping_that_is_slow_within_its_bound_is_not_left_behind() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "slow-factory", two_cpus()[0], Idle::Park);
    let worker = topology.actor(shard, "worker", || Worker::<()> { _holds: None });
    let supervisor = topology.supervisor(SupervisorSpec::new("all", Strategy::OneForOne));
    topology.supervise(supervisor, worker, |_| {
        let began = Instant::now();
        until("it is slow", || began.elapsed() > Duration::from_secs(2));
        Worker { _holds: None }
    });
    let mut sender = topology.external_sender("in", worker, EdgeSpec::backpressure(8));
    let running = topology.start(options().housekeeping_watchdog(Duration::from_secs(6))).unwrap();
    sender.send(note(1)).unwrap();
    until("it is restarted", || running.status().restarted.get("worker") == Some(&1));
    let outcome = running.stop();
    assert!(outcome.drained && outcome.status.faults.is_empty(), "{:?}", outcome.problems());
}
