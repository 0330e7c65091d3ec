//! A desk whose group does what the test says.

use std::{io::prelude::*, os::unix::net::UnixStream};

use corelane_config::VENUE_TOML;
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

#[test]
fn a_request_holds_its_permit_until_it_is_answered_and_what_lowers_risk_needs_none() {
    let mut config = Config::parse("venue.toml", VENUE_TOML).unwrap();
    config.bulkhead.permits.venue = 1;
    let Declared { control, counters, permits, gate, .. } = declare(&config, &cpu::allowed_cpus()).unwrap();
    let path = std::env::temp_dir().join(format!("corelane-desk-{}.sock", std::process::id()));
    let (_ask, asked) = mpsc::channel();
    // It stands still, so that nothing is late.
    let at = Instant::now();
    let parts = Parts {
        control,
        counters: counters.clone(),
        permits: permits.clone(),
        gate,
        day: Day::new(&config, Duration::ZERO).unwrap(),
        now: Duration::ZERO,
        at,
        socket: Some(AdminSocket::bind(&path).unwrap()),
        asked,
        progress: Arc::default(),
    };
    let mut desk = Desk::new(&config, parts);
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
