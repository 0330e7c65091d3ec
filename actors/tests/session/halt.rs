//! What clients get when the group fails: what it has answered, and nothing from anybody else.

use crate::harness::{BURST_ANSWERS, MS, Venue, config, enter, packets, summary};
use corelane_codecs::{IntoBytes, soup::ClientPacket};

#[test]
fn requests_wait_when_the_group_has_failed() {
    let mut venue = Venue::new(config());
    let (alice, bob) = (venue.alice(), venue.bob());
    for user_ref in 1..=3 {
        venue.send(alice, &ClientPacket::Unsequenced(enter(user_ref, "AAPL").as_bytes()));
    }
    venue.answer(0, 1, 60, &Venue::some_answer(1));
    venue.tick();
    // Answers that are on the edge when the group fails are its own.
    venue.answer(0, 2, 100, &Venue::some_answer(2));
    venue.fail_group();
    for _ in 0..5 {
        venue.tick();
    }
    assert_eq!(venue.sim.failures().len(), 1);
    let given = venue.sent(alice);
    assert_eq!(packets(&given).len(), 2);
    assert_eq!(packets(&venue.sent(bob)).len(), 0, "and the third order, and those of others, have none");
    venue.commands();
    let again = venue.log_in("alice", "secret", 1);
    assert_eq!(venue.sent(again)[33..], given, "they are still replayed");
    venue.commands();
    venue.send(again, &ClientPacket::Unsequenced(enter(4, "AAPL").as_bytes()));
    venue.advance_slowly(1200 * MS);
    assert_eq!(venue.commands(), []);
    assert_eq!(summary(&venue.sent(again)), "H", "the connection stays until the venue ends");
}

#[test]
fn all_answers_that_the_group_has_given_are_delivered() {
    let mut venue = Venue::new(config());
    let alice = venue.alice();
    for user_ref in 1..=20 {
        venue.send(alice, &ClientPacket::Unsequenced(enter(user_ref, "AAPL").as_bytes()));
    }
    // More answers than the session reads in one turn.
    for user_ref in 1..=20 {
        venue.burst(user_ref, 80, &Venue::some_answer(user_ref));
    }
    venue.fail_group();
    for _ in 0..50 {
        venue.tick();
    }
    assert_eq!(venue.sim.failures().len(), 1, "the group alone has failed");
    assert_eq!(packets(&venue.sent(alice)).len(), 20 * BURST_ANSWERS);
}
