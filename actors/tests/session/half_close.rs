//! R10: a client that ends its side of the connection first.

use crate::harness::{MS, SECOND, Venue, config, enter, packets, short, summary};
use corelane_actors::session::SessionCount;
use corelane_codecs::{IntoBytes, soup::ClientPacket};
use corelane_runtime::net::{CloseReason, ConnId};

fn shorts(venue: &mut Venue) -> Vec<String> {
    venue.commands().iter().map(short).collect()
}

fn order(venue: &mut Venue, conn: ConnId, user_ref: u32) {
    venue.queue(conn, &ClientPacket::Unsequenced(enter(user_ref, "AAPL").as_bytes()));
}

#[test]
fn answers_come_first_then_the_cancels_of_the_disconnect_then_the_end() {
    let mut venue = Venue::new(config());
    let alice = venue.alice();
    order(&mut venue, alice, 1);
    order(&mut venue, alice, 2);
    venue.net.half_close(alice);
    venue.sim.run_until_idle();
    // The group hears of the end behind the requests.
    assert_eq!(shorts(&mut venue), ["in0.1", "O1", "O2", "out0.1"]);
    venue.answer(0, 1, 100, &Venue::some_answer(1));
    venue.tick();
    assert_eq!(summary(&venue.sent(alice)), "SC");
    venue.answer(0, 2, 0, &Venue::some_answer(2));
    venue.tick();
    assert!(!venue.is_closed(alice), "order 1 is open");
    venue.answer(0, 1, 0, &Venue::some_answer(1));
    venue.tick();
    assert_eq!(summary(&venue.sent(alice)), "SC SC");
    assert_eq!(venue.net.closed_by_actor(alice), Some(CloseReason::Local));
    assert_eq!(venue.count(SessionCount::Peer), 1);
    assert_eq!(shorts(&mut venue), Vec::<String>::new(), "told once");
    // The port is free for its next log-in.
    let again = venue.log_in("alice", "secret", 1);
    assert_eq!(summary(&venue.sent(again)), "A SC SC SC");
    assert_eq!(shorts(&mut venue), ["in0.2"]);
}

/// The answer to a query is about no order.
#[test]
fn an_unanswered_query_is_waited_for() {
    let mut venue = Venue::new(config());
    let alice = venue.alice();
    venue.queue(alice, &ClientPacket::Unsequenced(b"Q"));
    venue.net.half_close(alice);
    venue.sim.run_until_idle();
    assert_eq!(shorts(&mut venue), ["in0.1", "Q", "out0.1"]);
    assert!(!venue.is_closed(alice));
    venue.answer(0, 0, 0, b"Q");
    venue.tick();
    assert_eq!((summary(&venue.sent(alice)).as_str(), venue.is_closed(alice)), ("SQ", true));
}

#[test]
fn who_is_owed_nothing_is_closed_at_once() {
    let mut venue = Venue::new(config());
    let (alice, stranger) = (venue.alice(), venue.connect());
    venue.net.half_close(alice);
    venue.net.half_close(stranger);
    venue.sim.run_until_idle();
    assert!(venue.is_closed(alice) && venue.is_closed(stranger));
    assert_eq!(venue.count(SessionCount::Peer), 2);
    assert_eq!(shorts(&mut venue), ["in0.1", "out0.1"]);
}

#[test]
fn a_full_edge_delays_the_end_and_loses_nothing() {
    let mut venue = Venue::with_edge(config(), 6);
    let alice = venue.alice();
    for user_ref in 1..=20 {
        order(&mut venue, alice, user_ref);
    }
    venue.net.half_close(alice);
    let mut got = Vec::new();
    for _ in 0..100 {
        venue.advance(2 * MS);
        got.extend(venue.commands().iter().map(short));
    }
    let expected = (1..=20).map(|user_ref| format!("O{user_ref}"));
    let expected = ["in0.1".to_owned()].into_iter().chain(expected).chain(["out0.1".to_owned()]);
    assert_eq!(got, expected.collect::<Vec<_>>());
    assert!(!venue.is_closed(alice));
    for user_ref in 1..=20 {
        venue.answer(0, user_ref, 0, &Venue::some_answer(user_ref));
    }
    venue.tick();
    assert_eq!(packets(&venue.sent(alice)).len(), 20);
    assert!(venue.is_closed(alice));
}

#[test]
fn who_does_not_get_its_last_answer_is_closed_by_time_out() {
    let mut venue = Venue::new(config());
    let alice = venue.alice();
    order(&mut venue, alice, 1);
    venue.net.half_close(alice);
    venue.sim.run_until_idle();
    venue.advance_slowly(14 * SECOND);
    assert!(!venue.is_closed(alice));
    venue.advance_slowly(2 * SECOND);
    assert!(venue.is_closed(alice));
    assert_eq!(venue.count(SessionCount::ClientTimeout), 1);
}

#[test]
fn a_log_in_elsewhere_takes_over_from_one_that_leaves() {
    let mut venue = Venue::new(config());
    let alice = venue.alice();
    order(&mut venue, alice, 1);
    venue.net.half_close(alice);
    venue.sim.run_until_idle();
    let again = venue.log_in("alice", "secret", 1);
    assert!(venue.is_closed(alice));
    assert_eq!(shorts(&mut venue), ["in0.1", "O1", "out0.1", "in0.2"]);
    venue.answer(0, 1, 0, &Venue::some_answer(1));
    venue.tick();
    assert!(!venue.is_closed(again), "it has not ended its side");
    assert_eq!(summary(&venue.sent(again)), "A SC");
}
