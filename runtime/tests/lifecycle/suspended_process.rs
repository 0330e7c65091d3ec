//! A process that is suspended for a while (SIGSTOP, a debugger, the pause of a virtual machine) finds nobody late when it goes on.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    ops::ControlFlow,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::support::{Note, Play, drain, note, options, out, shard, two_cpus, until};
use corelane_runtime::{
    actor::{Actor, Context, Step},
    edge::port::Port,
    supervision::{Strategy, SupervisorSpec},
    topology::{EdgeSpec, Idle, Refused, Topology},
};

const DEADLINE: Duration = Duration::from_secs(4);
const SUSPENDED: Duration = Duration::from_secs(5);

/// Fails on 13. On 1, it is in its step until something comes by the standard input.
struct Busy(Arc<AtomicBool>);

impl Actor for Busy {
    type In = Note;
    type Out = Port<Note>;
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, _: &mut Context<'_, Port<Note>>, note: &Note) -> Step {
        assert_ne!(note.number, 13, "as the test wants");
        if note.number == 1 {
            self.0.store(true, Ordering::Relaxed);
            std::io::stdin().lock().read_exact(&mut [0]).unwrap();
        }
        Step::Done
    }
}

#[test]
#[ignore = "it is a process of the test below"]
fn stop_late() {
    let mut topology = Topology::new();
    let is_busy = Arc::<AtomicBool>::default();
    let supervisor = topology.supervisor(SupervisorSpec::new("both", Strategy::OneForAll).deadline(DEADLINE));
    let mut senders = Vec::new();
    for (name, cpu) in ["fails", "busy"].into_iter().zip(two_cpus()) {
        let shard = shard(&mut topology, name, cpu, Idle::Park);
        let [flag, next] = [is_busy.clone(), is_busy.clone()];
        let actor = topology.actor(shard, name, move || Busy(flag));
        topology.supervise(supervisor, actor, move |_| Busy(next.clone()));
        topology.leave_open(actor, out);
        senders.push(topology.external_sender("in", actor, EdgeSpec::backpressure(8)));
    }
    let running = topology.start(options()).unwrap();
    senders[1].send(note(1)).unwrap();
    until("it is in its step", || is_busy.load(Ordering::Relaxed));
    senders[0].send(note(13)).unwrap();
    until("the other fails", || running.status().failed == 1);
    let mut last = Instant::now();
    println!("\nsuspend");
    until("it was suspended", || std::mem::replace(&mut last, Instant::now()).elapsed() > DEADLINE);
    for _ in 0..3 {
        let seen = running.status().clock;
        until("housekeeping has looked", || running.status().clock != seen);
    }
    println!("\ngoes on");
    until("both are restarted, or given up", || running.status().restarted.len() == 2 || !running.is_running());
    let faults = running.stop().status.faults;
    assert!(faults.is_empty(), "{faults:?}");
}

/// Reads nothing before the process was suspended, for longer than a stop waits.
#[test]
#[ignore = "it is a process of a test below"]
fn drain_late() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "relay", Play::<Port<Note>, 1>::relay);
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(16));
    let mut receiver = topology.external_receiver(actor, out, EdgeSpec::backpressure(4));
    let running = topology.start(options().drain_deadline(DEADLINE)).unwrap();
    (0..16).for_each(|number| sender.send(note(number)).unwrap());
    let stopping = thread::spawn(|| running.stop());
    until("it takes no more input", || {
        sender.send(note(99)).is_err_and(|refused| matches!(refused, Refused::Closed(_)))
    });
    let mut last = Instant::now();
    println!("\nsuspend");
    until("it was suspended", || std::mem::replace(&mut last, Instant::now()).elapsed() > DEADLINE);
    println!("\ngoes on");
    std::io::stdin().lock().read_exact(&mut [0]).unwrap();
    let mut received = 0;
    until("the stop has ended", || {
        received += drain(&mut receiver).len();
        stopping.is_finished()
    });
    assert!(received >= 16, "{received}");
    assert!(stopping.join().unwrap().drained);
}

/// Ends its business after the process was suspended, for longer than a halt waits for that.
#[test]
#[ignore = "it is a process of a test below"]
fn halt_late() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "fails", || Busy(Arc::default()));
    topology.leave_open(actor, out);
    let supervisor = topology.supervisor(SupervisorSpec::new("halts", Strategy::OneForOne).intensity(0, DEADLINE));
    topology.supervise(supervisor, actor, |_| Busy(Arc::default()));
    let mut sender = topology.external_sender("in", actor, EdgeSpec::backpressure(16));
    let (may_end, has_ended) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
    let (may, has) = (may_end.clone(), has_ended.clone());
    let running = topology.start_with(options().halt_deadline(DEADLINE), move |status| {
        if !status.is_halting || !may.load(Ordering::Relaxed) {
            return ControlFlow::Continue(());
        }
        has.store(true, Ordering::Relaxed);
        ControlFlow::Break(())
    });
    let running = running.unwrap();
    sender.send(note(13)).unwrap();
    until("it halts", || running.status().is_halting);
    let mut last = Instant::now();
    println!("\nsuspend");
    until("it was suspended", || std::mem::replace(&mut last, Instant::now()).elapsed() > DEADLINE);
    for _ in 0..3 {
        let seen = running.status().clock;
        until("housekeeping has looked", || running.status().clock != seen || !running.is_running());
    }
    println!("\ngoes on");
    may_end.store(true, Ordering::Relaxed);
    until("it ends", || !running.is_running());
    assert!(has_ended.load(Ordering::Relaxed), "its program had its time");
    let _ = running.stop();
}

/// Has a chore that waits for the end of the suspension, for longer than housekeeping may be held up.
#[test]
#[ignore = "it is a process of a test below"]
fn chore_late() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let actor = topology.actor(shard, "relay", Play::<Port<Note>, 1>::relay);
    topology.leave_open(actor, out);
    let waits = Arc::<AtomicBool>::default();
    let is_held = waits.clone();
    let running = topology.start_with(options().housekeeping_watchdog(DEADLINE), move |_| {
        if is_held.load(Ordering::Relaxed) {
            let mut last = Instant::now();
            println!("\nsuspend");
            until("it was suspended", || std::mem::replace(&mut last, Instant::now()).elapsed() > DEADLINE);
            is_held.store(false, Ordering::Relaxed);
        }
        ControlFlow::Continue(())
    });
    let running = running.unwrap();
    let began = Instant::now();
    until("its jitter is measured", || began.elapsed() > Duration::from_secs(2));
    waits.store(true, Ordering::Relaxed);
    until("it goes on", || !waits.load(Ordering::Relaxed));
    for _ in 0..3 {
        let seen = running.status().clock;
        until("housekeeping has looked", || running.status().clock != seen || !running.is_running());
    }
    println!("\ngoes on");
    let outcome = running.stop();
    assert!(outcome.drained && outcome.status.faults.is_empty(), "{:?}", outcome.problems());
}

#[test]
fn who_could_not_stop_while_the_process_was_suspended_is_not_late() {
    suspend("stop_late");
}

#[test]
fn a_stop_waits_for_what_is_in_flight_as_long_as_it_would_if_the_process_was_suspended_meanwhile() {
    suspend("drain_late");
}

#[test]
fn a_program_has_its_time_to_end_its_business_if_the_process_was_suspended_meanwhile() {
    suspend("halt_late");
}

#[test]
fn housekeeping_is_not_held_up_by_a_suspension_of_the_process() {
    suspend("chore_late");
}

/// Runs a test in a process of its own, and suspends that when it says so.
fn suspend(test: &str) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", &format!("suspended_process::{test}"), "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut until_it_says = |words: &str| assert!(lines.any(|line| line.unwrap() == words), "it never says {words:?}");
    until_it_says("suspend");
    let pid = child.id().to_string();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    signal("-STOP");
    // The time is the fault.
    thread::sleep(SUSPENDED);
    signal("-CONT");
    until_it_says("goes on");
    // Not all wait for it.
    let _ = child.stdin.take().unwrap().write_all(&[1]);
    lines.for_each(drop);
    assert!(child.wait().unwrap().success());
}
