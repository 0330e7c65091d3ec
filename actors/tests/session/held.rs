//! Requests that wait for room when their connection ends.

use crate::harness::{MS, SECOND, Venue, config, enter, login, short, summary};
use corelane_actors::session::{SessionConfig, SessionCount};
use corelane_codecs::{
    IntoBytes,
    ouch::Cancel,
    soup::{ClientPacket, LoginRequest},
};
use corelane_runtime::net::ConnId;

/// Requests that an [edge](venue) does not hold at once.
const MANY: u32 = 20;

/// A venue with room for a few requests.
fn venue(config: SessionConfig) -> Venue {
    Venue::with_edge(config, 6)
}

/// Sends cancels 1 to [`MANY`] of which all but a few are held.
fn send_cancels(venue: &mut Venue, conn: ConnId) {
    for user_ref in 1..=MANY {
        venue.queue(conn, &ClientPacket::Unsequenced(Cancel::new(user_ref, 0).as_bytes()));
    }
    venue.sim.run_until_idle();
}

/// Connects and sends a log-in without waiting for its answer.
fn ask_to_log_in(venue: &mut Venue) -> ConnId {
    let conn = venue.connect();
    venue.send(conn, &ClientPacket::Login(login("alice", "secret", 1)));
    conn
}

/// What the group gets once it reads.
fn read_all(venue: &mut Venue) -> Vec<String> {
    let mut got = Vec::new();
    for _ in 0..100 {
        got.extend(venue.commands().iter().map(short));
        venue.advance(2 * MS);
    }
    got
}

/// Log-in 1, all cancels, and then these.
fn all_cancels_and(then: &[&str]) -> Vec<String> {
    let cancels = (1..=MANY).map(|user_ref| format!("X{user_ref}"));
    let then = then.iter().map(|&command| command.to_owned());
    ["in0.1".to_owned()].into_iter().chain(cancels).chain(then).collect()
}

/// A venue whose group owes an answer before it takes more than one order. A log-in that waits has come in time, so it waits
/// longer than the log-in time-out.
fn waiting_venue() -> Venue {
    Venue::new(SessionConfig { in_flight_max: 1, login_timeout_ns: 2 * SECOND, ..config() })
}

/// Sends an order that is taken, and one that is held, with cancels behind it.
fn send_orders_and_cancels(venue: &mut Venue, conn: ConnId) {
    for user_ref in 1..=2 {
        venue.queue(conn, &ClientPacket::Unsequenced(enter(user_ref, "AAPL").as_bytes()));
    }
    send_cancels(venue, conn);
    assert_eq!(read_all(venue), ["in0.1", "O1"]);
}

#[test]
fn cancels_held_when_the_connection_is_superseded() {
    let mut venue = waiting_venue();
    let alice = venue.alice();
    send_orders_and_cancels(&mut venue, alice);
    let again = ask_to_log_in(&mut venue);
    assert!(venue.sent(again).is_empty() && !venue.is_closed(alice), "it waits for the cancels");
    // The old connection takes nothing that comes later.
    venue.send(alice, &ClientPacket::Unsequenced(enter(3, "AAPL").as_bytes()));
    venue.answer(0, 1, 100, &Venue::some_answer(1));
    let expected = all_cancels_and(&["out0.1", "in0.2"]);
    assert_eq!(read_all(&mut venue), [&["O2".to_owned()], &expected[1..]].concat());
    assert_eq!(summary(&venue.sent(again)), "A SC");
    assert!(venue.is_closed(alice) && !venue.is_closed(again));
    assert_eq!((venue.count(SessionCount::Superseded), venue.count(SessionCount::LogIns)), (1, 2));
}

#[test]
fn the_last_of_several_log_ins_that_wait_takes_over() {
    let mut venue = waiting_venue();
    let alice = venue.alice();
    send_orders_and_cancels(&mut venue, alice);
    let waiting = [(); 3].map(|()| ask_to_log_in(&mut venue));
    assert_eq!(waiting.map(|conn| venue.is_closed(conn)), [true, true, false]);
    // One that goes away meanwhile leaves its place to the next.
    venue.net.half_close(waiting[2]);
    let last = ask_to_log_in(&mut venue);
    venue.answer(0, 1, 100, &Venue::some_answer(1));
    assert_eq!(read_all(&mut venue)[21..], ["out0.1", "in0.2"]);
    assert_eq!(waiting.map(|conn| summary(&venue.sent(conn))), ["", "", ""]);
    assert_eq!(summary(&venue.sent(last)), "A SC");
    assert!(venue.is_closed(waiting[2]) && !venue.is_closed(last));
    assert_eq!((venue.count(SessionCount::Superseded), venue.count(SessionCount::LogIns)), (4, 2));
}

/// A group that answers nothing keeps nobody out for longer than the client time-out.
#[test]
fn a_log_in_waits_no_longer_than_the_client_time_out() {
    let mut venue = waiting_venue();
    let alice = venue.alice();
    send_orders_and_cancels(&mut venue, alice);
    let again = ask_to_log_in(&mut venue);
    venue.advance_slowly(14 * SECOND);
    assert!(venue.sent(again).is_empty() && !venue.is_closed(alice));
    venue.advance_slowly(2 * SECOND);
    assert!(venue.is_closed(alice));
    assert_eq!(read_all(&mut venue), ["out0.1", "in0.2"]);
    assert!(summary(&venue.sent(again)).starts_with('A'));
}

/// Rule 2: what a client sends is unread meanwhile, its heartbeats too.
#[test]
fn a_client_that_is_held_does_not_time_out_before_its_requests_are_taken() {
    let mut venue = Venue::with_relay(config(), 6, 6);
    let alice = venue.alice();
    send_cancels(&mut venue, alice);
    for _ in 0..40 {
        venue.send(alice, &ClientPacket::Heartbeat);
        venue.advance_slowly(SECOND);
    }
    assert_eq!(read_all(&mut venue), all_cancels_and(&[]));
    assert!(!venue.is_closed(alice), "it was never silent");
    venue.advance_slowly(16 * SECOND);
    assert_eq!(read_all(&mut venue), ["out0.1"]);
    assert!(venue.is_closed(alice));
    assert_eq!(venue.count(SessionCount::ClientTimeout), 1);
}

/// The same if it waits for answers to its own requests, however short a time-out it has named: nobody answers meanwhile.
#[test]
fn a_client_that_waits_for_its_own_answers_does_not_time_out_before_its_requests_are_taken() {
    for (timeout_ms, step_ms) in [(None, 1000), (None, 16_000), (Some(500), 100), (Some(500), 600), (Some(2000), 2100)]
    {
        let mut venue = waiting_venue();
        let alice = venue.connect();
        let heartbeat_timeout_ms = timeout_ms;
        venue.send(alice, &ClientPacket::Login(LoginRequest { heartbeat_timeout_ms, ..login("alice", "secret", 1) }));
        send_orders_and_cancels(&mut venue, alice);
        for _ in 0..40 {
            venue.send(alice, &ClientPacket::Heartbeat);
            venue.advance(step_ms * MS);
        }
        assert!(!venue.is_closed(alice), "{timeout_ms:?} {step_ms}: it was never silent");
        venue.answer(0, 1, 100, &Venue::some_answer(1));
        assert_eq!(read_all(&mut venue)[..2], ["O2", "X1"], "{timeout_ms:?} {step_ms}");
    }
}

/// Whoever came to log in is not closed for the venue's overload, and whoever says nothing has its time once that is over.
#[test]
fn a_log_in_that_waits_for_room_does_not_time_out() {
    for held_s in [40, 29] {
        let mut venue = Venue::with_relay(config(), 6, 6);
        let alice = venue.alice();
        send_cancels(&mut venue, alice);
        let (bob, silent) = (venue.connect(), venue.connect());
        venue.send(bob, &ClientPacket::Login(login("bob", "hunter2", 1)));
        venue.advance_slowly(held_s * SECOND);
        assert!(venue.sent(bob).is_empty() && !venue.is_closed(bob) && !venue.is_closed(silent), "{held_s} s");
        assert_eq!(read_all(&mut venue), all_cancels_and(&["in1.1"]), "{held_s} s");
        assert_eq!(summary(&venue.sent(bob)).split(' ').next(), Some("A"), "{held_s} s");
        venue.send(bob, &ClientPacket::Heartbeat);
        venue.advance_slowly(31 * SECOND);
        assert!(venue.is_closed(silent), "{held_s} s");
        assert_eq!(venue.count(SessionCount::LoginTimeout), 1, "{held_s} s");
    }
}

#[test]
fn requests_of_a_slow_reader_are_taken_before_it_is_disconnected() {
    let mut venue = venue(SessionConfig { unsent_bytes_max: 100, ..config() });
    let alice = venue.alice();
    send_cancels(&mut venue, alice);
    venue.net.set_send_room(Some(10));
    for user_ref in 1..=10 {
        venue.answer(0, user_ref, 0, &Venue::some_answer(user_ref));
    }
    venue.tick();
    assert!(!venue.is_closed(alice), "its cancels wait");
    assert_eq!(read_all(&mut venue), all_cancels_and(&["out0.1"]));
    assert!(venue.is_closed(alice));
    assert_eq!(venue.count(SessionCount::SlowReader), 1);
}

/// What ends a connection by a packet ends it at that packet's place: what came before is taken, what comes behind is not.
#[test]
fn a_packet_that_ends_its_connection_is_taken_in_its_order() {
    let unreadable = ClientPacket::Unsequenced(b"?");
    let cases = [
        (ClientPacket::Logout, SessionCount::Logout),
        (unreadable, SessionCount::Unreadable),
        (ClientPacket::Login(login("alice", "secret", 1)), SessionCount::LoggedInAlready),
    ];
    for (last, reason) in cases {
        let mut venue = venue(SessionConfig { unreadable_per_minute_max: 0, ..config() });
        let alice = venue.alice();
        send_cancels(&mut venue, alice);
        venue.send(alice, &last);
        venue.send(alice, &ClientPacket::Unsequenced(enter(1, "AAPL").as_bytes()));
        assert!(!venue.is_closed(alice), "{reason:?}");
        assert_eq!(read_all(&mut venue), all_cancels_and(&["out0.1"]), "{reason:?}");
        assert!(venue.is_closed(alice));
        assert_eq!(venue.count(reason), 1);
    }
}
