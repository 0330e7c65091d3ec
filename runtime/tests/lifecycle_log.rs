//! A program's own log that panics on the housekeeping thread, or hangs there: that is reported, and the topology ends.

mod support;

use std::{
    fmt::Debug,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use corelane_runtime::{
    clock::ClockFault,
    edge::port::Port,
    lifecycle::RuntimeFault,
    telemetry::ShardCount,
    topology::{EdgeSpec, Idle, Topology},
};
use support::{Log, Note, Play, note, options, out, receive, shard, two_cpus, until};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

type One = Play<Port<Note>, 1>;

/// Panics when it shall write that an actor failed, or that a day is too long. Hangs instead if the actor is called [`HANGS`], and
/// holds a lock that the last words on that need.
struct BrokenLog;

const HANGS: &str = "hangs the log";

/// What one line after the other has.
static LINE: Mutex<()> = Mutex::new(());
/// Whether the log goes on.
static GOES_ON: AtomicBool = AtomicBool::new(false);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, _: &Field, value: &dyn Debug) {
        self.0 += &format!("{value:?} ");
    }
}

impl Subscriber for BrokenLog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        if text.0.contains(HANGS) || text.0.contains("made no turn") {
            let _line = LINE.lock().unwrap();
            while !GOES_ON.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            return;
        }
        assert!(!text.0.contains("actor failed") && !text.0.contains("since midnight"), "the disk is full");
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

fn break_the_log() {
    // Another test may have done it.
    let _ = tracing::subscriber::set_global_default(BrokenLog);
}

// R11
#[test]
fn a_panic_of_housekeeping_is_reported_and_stops_the_shards() {
    break_the_log();
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "log", two_cpus()[0], Idle::Park);
    let bad = topology.actor(shard, "bad", || One::new(|_, _| panic!("as the test wants")));
    let log = Log::new();
    let stopped = log.clone();
    let good = topology.actor(shard, "good", move || {
        let mut good = One::relay();
        good.on_stop = Box::new(move |_, ()| stopped.push(()));
        good
    });
    topology.leave_open(bad, out);
    topology.leave_open(good, out);
    let mut sender = topology.external_sender("in", bad, EdgeSpec::backpressure(8));
    let running = topology.start(options()).unwrap();
    sender.send(note(1)).unwrap();
    until("the topology ends by itself", || !running.is_running());
    let outcome = running.stop();
    let [RuntimeFault::HousekeepingPanicked { message, .. }] = &outcome.status.faults[..] else {
        panic!("{:?}", outcome.status.faults);
    };
    assert_eq!(message.as_str(), "the disk is full");
    assert!(outcome.drained);
    assert_eq!(outcome.status.failures.len(), 1, "what it was about to write is known");
    assert_eq!(log.len(), 1, "actors stop in order");
}

#[test]
fn a_panic_while_the_shards_end_keeps_no_figures_back() {
    break_the_log();
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "last", two_cpus()[0], Idle::Park);
    let relay = topology.actor(shard, "relay", One::relay);
    let mut sender = topology.external_sender("in", relay, EdgeSpec::backpressure(8));
    let mut receiver = topology.external_receiver(relay, out, EdgeSpec::backpressure(8));
    let running = topology.start(options()).unwrap();
    sender.send(note(1)).unwrap();
    let _ = receive(&mut receiver, 1);
    // Each is warned of. Housekeeping takes one where it looks after the shards and one in the stop, and the others while it
    // waits for the shards' ends.
    const PANICS: usize = 20;
    for _ in 0..PANICS {
        running.inject(ClockFault::TimePasses { ns: 25 * 3_600_000_000_000 });
    }
    until("the topology ends by itself", || !running.is_running());
    let outcome = running.stop();
    let is_own = |fault: &RuntimeFault| matches!(fault, RuntimeFault::HousekeepingPanicked { .. });
    let own = outcome.status.faults.iter().filter(|fault| is_own(fault)).count();
    assert_eq!(own, PANICS, "{:?}", outcome.problems());
    assert_eq!(outcome.status.count(ShardCount::Messages), 1, "what the shard handed over last");
}

/// The log panics for the first failure while the topology runs, and for the second during the stop.
#[test]
fn a_log_that_panics_again_during_the_stop_skips_no_stage() {
    break_the_log();
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let near = shard(&mut topology, "log-near", one, Idle::Park);
    let far = shard(&mut topology, "log-far", two, Idle::Park);
    let bad = ["bad", "worse"].map(|name| {
        let actor = topology.actor(near, name, || One::new(|_, _| panic!("as the test wants")));
        topology.leave_open(actor, out);
        actor
    });
    let log = Log::new();
    let stopped = log.clone();
    let good = topology.actor(far, "good", move || {
        let mut good = One::relay();
        good.on_stop = Box::new(move |_, ()| stopped.push(()));
        good
    });
    topology.leave_open(good, out);
    let mut senders = bad.map(|actor| topology.external_sender("in", actor, EdgeSpec::backpressure(8)));
    let running = topology.start(options()).unwrap();
    senders.iter_mut().for_each(|sender| sender.send(note(1)).unwrap());
    until("the topology ends by itself", || !running.is_running());
    let outcome = running.stop();
    assert_eq!(log.len(), 1, "actors stop in order: {:?}", outcome.problems());
    assert!(outcome.drained);
    assert_eq!(outcome.status.failures.len(), 2);
    let faults = &outcome.status.faults;
    assert!(faults.iter().all(|fault| matches!(fault, RuntimeFault::HousekeepingPanicked { .. })), "{faults:?}");
}

#[test]
fn a_log_that_hangs_keeps_neither_the_stop_nor_the_incidents() {
    break_the_log();
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "log-hangs", two_cpus()[0], Idle::Park);
    let bad = topology.actor(shard, HANGS, || One::new(|_, _| panic!("as the test wants")));
    topology.leave_open(bad, out);
    let mut sender = topology.external_sender("in", bad, EdgeSpec::backpressure(8));
    let log = Log::new();
    let told = log.clone();
    let options = options().housekeeping_watchdog(Duration::from_millis(300));
    let options = options.on_incident(move |incident| told.push((incident.what.label(), incident.decision)));
    let running = topology.start(options).unwrap();
    sender.send(note(1)).unwrap();
    until("the shards are told to end", || !running.is_running());
    let began = Instant::now();
    let outcome = running.stop();
    let took = began.elapsed();
    GOES_ON.store(true, Ordering::Relaxed);
    let [RuntimeFault::HousekeepingStuck { doing, .. }] = &outcome.status.faults[..] else {
        panic!("{:?}", outcome.problems());
    };
    assert_eq!(doing, "the program's log");
    let at_once = |label| (label, "the topology ends at once".to_owned());
    assert_eq!(log.entries(), [at_once("actor-panicked"), at_once("housekeeping-stuck")]);
    assert!(took < Duration::from_secs(4), "{took:?}");
}
