//! A server that stands still: what waits in its sockets meanwhile is too late.

use std::{fs, process::Output, thread, time::Duration};

use corelane_test_support::wait::until;
use nix::sys::signal::Signal;

use crate::server::{Client, Server, corelane, packets, topology};

/// A bound that a busy host keeps to.
const PROTECTION: &str = "[delay_protection]\nmax_age_ms = 1000\npause_ms = 200\n\n[matching]\n";

fn is_stopped(server: &Server) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
    stat.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with('T'))
}

#[test]
fn the_check_prints_delay_protection_and_breakers() {
    let breakers = "[[breaker]]\nname = \"queue\"\nwatches = \"edge\"\nedge = \"replies\"\nwindow_samples = 50\n\n\
                    [[breaker]]\nname = \"late\"\nwatches = \"answers\"\nslow_ms = 200\n\n";
    let changes = [("[matching]\n", &format!("{breakers}{PROTECTION}")[..])];
    let folder = topology("check-delay", ([127, 0, 0, 1], 26400).into(), &changes);
    let Output { status, stdout, .. } = corelane().arg("check").arg(folder.join("venue.toml")).output().unwrap();
    let text = String::from_utf8(stdout).unwrap();
    assert!(status.success(), "{text}");
    // Without the lines between the columns, however wide these are.
    let words = text.split_whitespace().filter(|word| word.is_ascii()).collect::<Vec<_>>().join(" ");
    for line in [
        "queue edge replies 50 % failed 50 samples, 10 samples at least 1000 ms, then 5 trials",
        "late answers 50 % slower than 200 ms 1000 ms, 10 samples at least 1000 ms, then 5 trials",
        "requests older than 1000 ms are rejected, and their instruments paused for 200 ms",
    ] {
        assert!(words.contains(line), "{line}\n{text}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn orders_that_wait_while_the_server_stands_still_are_rejected_and_their_instrument_is_paused() {
    // One that sleeps knows that it should have woken up for a heartbeat, one second after the last at the latest.
    thread::scope(|scope| {
        for (idle, stall_ms) in [("spin", 1500), ("backoff", 1500), ("park", 3000)] {
            scope.spawn(move || check_stall(idle, Duration::from_millis(stall_ms)));
        }
    });
}

fn check_stall(idle: &str, stall: Duration) {
    let key = format!("idle = \"{idle}\"");
    let server = Server::start(&format!("delay-{idle}"), &[("[matching]\n", PROTECTION), ("idle = \"auto\"", &key)]);
    let mut client = Client::log_in(&server, 1);
    client.enter(1, b'B', b'0');
    assert_eq!([client.hears(), client.hears()], ["S S", "A 1"]);
    server.signal(Signal::SIGSTOP);
    until("it stands still", || is_stopped(&server));
    client.enter(2, b'B', b'0');
    client.cancel(1);
    // This is the stall; nothing is waited for.
    thread::sleep(stall);
    server.signal(Signal::SIGCONT);
    assert_eq!([client.hears(), client.hears()], ["J 2 07", "C 1 U"], "{idle}");
    let mut user_ref = 2;
    until("the pause is over", || {
        user_ref += 1;
        client.enter(user_ref, b'B', b'0');
        client.hears() == format!("A {user_ref}")
    });
    let log = server.log();
    assert!(log.contains("delay protection: 1 instruments are paused"), "{log}");
    server.signal(Signal::SIGTERM);
    let feed = server.feed.try_clone().unwrap();
    assert_eq!(server.ended().code, Some(0));
    let said: Vec<String> = packets(&feed).into_iter().flat_map(|(_, messages)| messages).collect();
    let traded: Vec<&str> = said.iter().map(String::as_str).filter(|one| "AHD".contains(&one[..1])).collect();
    assert_eq!(traded, ["A", "H P", "D", "H T", "A", "D"]);
}
