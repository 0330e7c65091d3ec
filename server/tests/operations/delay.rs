//! A server that stands still: what waits in its sockets meanwhile is too late.

use std::{fs, thread, time::Duration};

use corelane_test_support::wait::until;
use nix::sys::signal::Signal;

use crate::server::{Client, Server, packets};

/// A bound that a busy host keeps to, and a stall beyond it.
const PROTECTION: &str = "[delay_protection]\nmax_age_ms = 1000\npause_ms = 200\n\n[matching]\n";
const STALL: Duration = Duration::from_millis(1500);

fn is_stopped(server: &Server) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
    stat.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with('T'))
}

#[test]
fn orders_that_wait_while_the_server_stands_still_are_rejected_and_their_instrument_is_paused() {
    // A shard that sleeps does not know for how long nobody let it wake up.
    let changes = [("[matching]\n", PROTECTION), ("idle = \"auto\"", "idle = \"spin\"")];
    let server = Server::start("delay", &changes);
    let mut client = Client::log_in(&server, 1);
    client.enter(1, b'B', b'0');
    assert_eq!([client.hears(), client.hears()], ["S S", "A 1"]);
    server.signal(Signal::SIGSTOP);
    until("it stands still", || is_stopped(&server));
    client.enter(2, b'B', b'0');
    client.cancel(1);
    // This is the stall; nothing is waited for.
    thread::sleep(STALL);
    server.signal(Signal::SIGCONT);
    assert_eq!([client.hears(), client.hears()], ["J 2 07", "C 1 U"]);
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
