//! A topology that halts by itself lets its program end its business first, within a bound.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::support::{Note, Play, drain, note, numbers, options, out, send_all, shard, two_cpus, until};
use corelane_runtime::{
    edge::port::Port,
    lifecycle::{RunOptions, Running, RuntimeFault},
    supervision::{Escalation, Strategy, SupervisorSpec},
    topology::{EdgeSpec, ExternalReceiver, ExternalSender, Idle, Topology},
};

type One = Play<Port<Note>, 1>;

/// What the chore sends as the last words of its business.
const LAST_WORDS: u64 = 99;

struct Stage {
    running: Running,
    to_fragile: ExternalSender<Note>,
    said: ExternalReceiver<Note>,
    /// How often the chore was told of the halt.
    told: Arc<AtomicU64>,
}

/// A relay, and an actor that fails on every message. The chore says its last words by the relay, and ends after `turns`.
fn stage(escalation: Escalation, options: RunOptions, turns: u64) -> Stage {
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let near = shard(&mut topology, "near", one, Idle::Park);
    let far = shard(&mut topology, "far", two, Idle::Park);
    let relay = topology.actor(near, "relay", One::relay);
    let fragile = topology.actor(far, "fragile", || One::new(|_, _| panic!("as the test wants")));
    topology.leave_open(fragile, out);
    let mut to_relay = topology.external_sender("words", relay, EdgeSpec::backpressure(8));
    let to_fragile = topology.external_sender("poison", fragile, EdgeSpec::backpressure(8));
    let said = topology.external_receiver(relay, out, EdgeSpec::backpressure(8));
    let needed = topology.supervisor(SupervisorSpec::new("needed", Strategy::OneForOne).escalation(escalation));
    topology.supervise_significant(needed, fragile);
    let told = Arc::new(AtomicU64::new(0));
    let counts = told.clone();
    let running = topology.start_with(options, move |status| {
        if !status.is_halting {
            return ControlFlow::Continue(());
        }
        let told = counts.fetch_add(1, Ordering::Relaxed) + 1;
        if told == 1 {
            assert_eq!(status.faults.len(), 1, "it knows why");
        }
        if told == turns {
            to_relay.send(note(LAST_WORDS)).unwrap();
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    Stage { running: running.unwrap(), to_fragile, said, told }
}

fn gave_up() -> RuntimeFault {
    RuntimeFault::GaveUp { supervisor: "needed".into(), actor: "fragile".into() }
}

#[test]
fn a_halt_waits_for_the_programs_business() {
    let long = Duration::from_secs(3600);
    let mut stage = stage(Escalation::Halt, options().halt_deadline(long), 5);
    send_all(&mut stage.to_fragile, [note(1)]);
    until("the topology ends by itself", || !stage.running.is_running());
    let outcome = stage.running.stop();
    assert!(outcome.drained, "{outcome:?}");
    assert_eq!(numbers(&drain(&mut stage.said)), [LAST_WORDS]);
    assert_eq!((stage.told.load(Ordering::Relaxed), &outcome.status.faults[..]), (5, &[gave_up()][..]));
}

#[test]
fn business_that_does_not_end_is_cut_off() {
    let bound = Duration::from_millis(300);
    let mut stage = stage(Escalation::Halt, options().halt_deadline(bound), u64::MAX);
    let began = Instant::now();
    send_all(&mut stage.to_fragile, [note(1)]);
    until("the topology ends by itself", || !stage.running.is_running());
    assert!(began.elapsed() >= bound);
    let outcome = stage.running.stop();
    assert!(stage.told.load(Ordering::Relaxed) > 1);
    assert_eq!(outcome.status.faults, [gave_up()]);
}

#[test]
fn an_exit_and_a_program_without_business_end_at_once() {
    let long = Duration::from_secs(3600);
    for (escalation, options) in [(Escalation::Exit, options().halt_deadline(long)), (Escalation::Halt, options())] {
        let mut stage = stage(escalation, options, u64::MAX);
        send_all(&mut stage.to_fragile, [note(1)]);
        until("the topology ends by itself", || !stage.running.is_running());
        let outcome = stage.running.stop();
        assert_eq!((stage.told.load(Ordering::Relaxed), outcome.status.faults), (0, vec![gave_up()]));
    }
}

#[test]
fn a_day_without_end_and_a_stop_during_a_halt_end_once() {
    let long = Duration::from_secs(3600);
    let options = options().halt_deadline(long).time_of_day_max(Duration::from_nanos(1));
    let stage = stage(Escalation::Halt, options, u64::MAX);
    until("the chore is told", || stage.told.load(Ordering::Relaxed) > 2);
    assert!(stage.running.is_running(), "its business is not over");
    let outcome = stage.running.stop();
    assert!(outcome.drained);
    assert!(matches!(outcome.status.faults[..], [RuntimeFault::DayWithoutEnd { .. }]), "{:?}", outcome.status.faults);
}

/// Once, or each time that it is told of the halt.
#[test]
fn a_chore_that_panics_is_told_of_the_halt_once_more() {
    for panics in [1, 2] {
        let mut topology = Topology::new();
        let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
        let relay = topology.actor(shard, "relay", One::relay);
        let mut to_relay = topology.external_sender("words", relay, EdgeSpec::backpressure(8));
        let mut said = topology.external_receiver(relay, out, EdgeSpec::backpressure(8));
        let mut turns = 0;
        let options = options().halt_deadline(Duration::from_secs(3600));
        let running = topology.start_with(options, move |status| {
            turns += 1;
            assert!(turns > panics, "as the test wants");
            assert!(status.is_halting);
            to_relay.send(note(LAST_WORDS)).unwrap();
            ControlFlow::Break(())
        });
        let running = running.unwrap();
        until("the topology ends by itself", || !running.is_running());
        let outcome = running.stop();
        assert!(outcome.drained, "{outcome:?}");
        let faults = outcome.status.faults;
        assert!(faults.iter().all(|fault| matches!(fault, RuntimeFault::HousekeepingPanicked { .. })), "{faults:?}");
        assert_eq!(faults.len(), panics);
        let words = if panics == 1 { &[LAST_WORDS][..] } else { &[] };
        assert_eq!(numbers(&drain(&mut said)), words);
    }
}
