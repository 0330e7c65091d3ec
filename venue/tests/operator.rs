//! The operator's requests while the group stands still: what is said, and when.

mod support;

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
};

use corelane_runtime::cpu;
use corelane_venue as venue;
use support::{PATIENCE, until};

/// Inputs of the group that may be unread before the sequencer waits, and with it the group.
const UNREAD_MAX: usize = 16;

/// What the operator's socket answers.
fn ask(socket: &Path, request: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(format!("{request}\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_kill_switch_is_said_to_be_engaged_only_when_the_group_has_engaged_it() {
    let config = support::config();
    let mut declared = venue::declare(&config, &cpu::allowed_cpus()).unwrap();
    // Nobody reads them: after some requests, no more reach the group.
    let mut inputs = declared.record(UNREAD_MAX);
    let socket = std::env::temp_dir().join(format!("corelane-operator-{}.sock", std::process::id()));
    let venue = declared.start_with_socket(&config, Some(&socket)).unwrap_or_else(|error| panic!("{error}"));
    let is_engaged = |status: &str| status.contains("kill switches engaged: everyone\n");
    let turns = ["engage", "release"].into_iter().cycle().take(2 * UNREAD_MAX);
    let late = turns.into_iter().find(|turn| {
        let answer = ask(&socket, &format!("kill-switch {turn} everyone"));
        let is_done = answer == format!("ok\nkill switch {turn}d for everyone\n");
        assert!(is_done || answer.starts_with("error\nnot done within 5 s, but may still be: "), "{answer}");
        !is_done
    });
    let late = late.expect("the sequencer waits for the reader of its inputs");
    let status = ask(&socket, "status");
    assert!(status.contains(&format!("on its way: {late} the kill switch for everyone\n")), "{status}");
    assert_eq!(is_engaged(&status), late == "release", "as it was before: {status}");

    // The group goes on.
    until("the group has done it", || {
        while inputs.receive().is_some() {}
        let status = ask(&socket, "status");
        !status.contains("on its way") && is_engaged(&status) == (late == "engage")
    });
    let stopping = std::thread::spawn(move || venue.stop());
    while !stopping.is_finished() {
        while inputs.receive().is_some() {}
        std::thread::yield_now();
    }
    assert_eq!(stopping.join().unwrap().problems(), [""; 0]);
}
