//! A desk whose group does what the test says.

use std::{io::prelude::*, os::unix::net::UnixStream};

use corelane_config::{Retransmission, VENUE_TOML};
use corelane_runtime::cpu;

use super::*;
use crate::declare::{Declared, declare};

/// Writes a request; what it reads is the answer.
fn ask(socket: &std::path::Path, request: &str) -> UnixStream {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(format!("{request}\n").as_bytes()).unwrap();
    stream
}

fn answer(mut stream: UnixStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A desk of a venue that does not run, and what asks it.
fn desk(config: &Config, at: Instant, socket: Option<AdminSocket>) -> (Desk, mpsc::Sender<Asked>) {
    let Declared { control, counters, permits, gate, .. } = declare(config, &cpu::allowed_cpus()).unwrap();
    let (ask, asked) = mpsc::channel();
    let (now, progress) = (Duration::ZERO, Arc::default());
    let day = Day::new(config, now).unwrap();
    (Desk::new(config, Parts { control, counters, permits, gate, day, now, at, socket, asked, progress }), ask)
}

/// Those that have asked for nothing make room, the oldest first, and are told.
#[test]
fn a_request_waits_behind_no_connection_that_asks_for_nothing() {
    let path = std::env::temp_dir().join(format!("corelane-idle-{}.sock", std::process::id()));
    let mut socket = AdminSocket::bind(&path).unwrap();
    let connect = || UnixStream::connect(&path).unwrap();
    // As many more wait in the kernel's queue.
    let mut idle: Vec<UnixStream> = (0..16).map(|_| connect()).collect();
    assert_eq!(socket.poll(), []);
    idle.extend((0..8).map(|_| connect()));
    let asks = ask(&path, "kill-switch engage everyone");
    let requests = socket.poll();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!(requests[0].1, "kill-switch engage everyone");
    let displaced: Vec<String> = idle.drain(..9).map(answer).collect();
    assert_eq!(displaced, vec!["error\nothers wait, and this connection has asked for nothing yet; try again\n"; 9]);
    // A request that waits for its answer makes room for nobody.
    let more: Vec<UnixStream> = (0..16).map(|_| connect()).collect();
    assert_eq!(socket.poll(), []);
    socket.answer(requests[0].0, &Ok("done".to_owned()));
    // Its connection is closed then.
    assert_eq!(socket.poll(), []);
    assert_eq!(answer(asks), "ok\ndone\n");
    drop((idle, more));
}

#[test]
fn a_request_holds_its_permit_until_it_is_answered_and_what_lowers_risk_needs_none() {
    let mut config = Config::parse("venue.toml", VENUE_TOML).unwrap();
    config.bulkhead.permits.venue = 1;
    let path = std::env::temp_dir().join(format!("corelane-desk-{}.sock", std::process::id()));
    // It stands still, so that nothing is late.
    let at = Instant::now();
    let (mut desk, _ask) = desk(&config, at, Some(AdminSocket::bind(&path).unwrap()));
    let (counters, permits) = (desk.counters.clone(), desk.permits.clone());
    // The second one closes the connections that the first one has answered.
    let mut turns = || (0..2).for_each(|_| assert!(desk.turn(&Status::default(), at).is_continue()));
    let first = ask(&path, "kill-switch release everyone");
    turns();
    assert_eq!((permits.venue.in_use(), permits.venue.refused()), (1, 0));
    let [second, third] = [ask(&path, "kill-switch release everyone"), ask(&path, "phase end-of-messages")];
    let engage = ask(&path, "kill-switch engage everyone");
    turns();
    for refused in [second, third] {
        assert!(answer(refused).starts_with("error\nno permit of 1 is left; "));
    }
    let status = ask(&path, "status");
    turns();
    let status = answer(status);
    assert!(status.contains("\npermits venue: 1 of 1 in use, 2 refused\n"), "{status}");
    assert!(status.contains("\npermits fetch: 0 of 50 in use, 0 refused\n"), "{status}");
    // The group has done them.
    counters.group.set(GroupCount::CommandsDone, u64::MAX);
    turns();
    assert_eq!(answer(first), "ok\nkill switch released for everyone\n");
    assert_eq!(answer(engage), "ok\nkill switch engaged for everyone\n");
    assert_eq!((permits.venue.in_use(), permits.analytics.in_use()), (0, 0));
    assert_eq!(permits.venue.refused(), 2);
}

/// By SIGSTOP, a debugger, the pause of a virtual machine: nobody could have done anything meanwhile.
#[test]
fn a_pause_of_the_process_makes_nobody_late_and_shortens_no_lingering() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let mut config = Config::parse("venue.toml", VENUE_TOML).unwrap();
    let linger = Duration::from_secs(3);
    config.feeds.outbound.as_mut().unwrap().retransmission = Some(Retransmission {
        listen: "127.0.0.1:0".parse().unwrap(),
        allow_ephemeral_port: true,
        messages_max: 4096,
        linger_ms: linger.as_millis() as u64,
    });
    let mut at = Instant::now();
    let (mut desk, asking) = desk(&config, at, None);
    let mut turn_after = |time: Duration| {
        at += time;
        assert!(desk.turn(&Status::default(), at).is_continue());
        (desk.progress.is_done.load(Ordering::Relaxed), desk.counters.clone())
    };
    let (answer, answered) = mpsc::channel();
    asking.send((Request::Stop, answer)).unwrap();
    turn_after(Duration::ZERO);
    (0..3).for_each(|_| drop(turn_after(HOUR)));
    assert_eq!(answered.try_recv().unwrap_err(), mpsc::TryRecvError::Empty, "the group had no time");
    let (_, counters) = turn_after(HOUR);
    // The group has ended the day.
    counters.group.set(GroupCount::CommandsDone, u64::MAX);
    turn_after(HOUR);
    assert!(answered.try_recv().unwrap().is_ok());
    (0..3).for_each(|_| assert!(!turn_after(HOUR).0, "requests for retransmission are answered"));
    let step = Duration::from_millis(50);
    (0..linger.as_millis() / step.as_millis()).for_each(|_| drop(turn_after(step)));
    assert!(turn_after(step).0);
}
