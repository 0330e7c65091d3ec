//! The answers to clients when the group fails.

mod session_harness;

use corelane_actors::{session::SessionCount, types::Command};
use corelane_codecs::{
    IntoBytes,
    ouch::{Cancel, CancelReason, Outbound, RejectReason},
    soup::{ClientPacket, ServerPacket},
};
use corelane_runtime::net::ConnId;
use session_harness::{BURST_ANSWERS, MS, Venue, config, enter, packets, replace, summary};

fn request(venue: &mut Venue, conn: ConnId, message: &[u8]) {
    venue.send(conn, &ClientPacket::Unsequenced(message));
}

/// A summary of the answers in a stream: type, order, and quantity and reason if the answer has them.
fn answers(bytes: &[u8]) -> Vec<String> {
    packets(bytes)
        .iter()
        .filter_map(|packet| match ServerPacket::decode(packet).unwrap() {
            ServerPacket::Sequenced(message) => Some(match Outbound::decode(message).unwrap() {
                Outbound::Canceled(canceled, _) => {
                    format!("C{} {} {:?}", canceled.user_ref_num, canceled.quantity, canceled.reason().unwrap())
                }
                Outbound::Rejected(rejected, _) => {
                    format!("J{} {:?}", rejected.user_ref_num, rejected.reason().unwrap())
                }
                other => format!("{other:?}"),
            }),
            _ => None,
        })
        .collect()
}

#[test]
fn every_order_is_answered_once_when_the_group_fails() {
    let mut venue = Venue::new(config());
    let (alice, bob) = (venue.alice(), venue.bob());
    for user_ref in 1..=5 {
        request(&mut venue, alice, enter(user_ref, "AAPL").as_bytes());
    }
    request(&mut venue, alice, replace(2, 6).as_bytes());
    request(&mut venue, alice, replace(3, 7).as_bytes());
    request(&mut venue, bob, enter(9, "MSFT").as_bytes());
    // Order 1 is dead, 2 is open, 3 was replaced by 7; the others have no answer yet.
    venue.answer(0, 1, 0, &Venue::some_answer(1));
    venue.answer(0, 2, 60, &Venue::some_answer(2));
    venue.answer(0, 3, 100, &Venue::some_answer(3));
    venue.tick();
    // Answers that are on the edge when the group fails still count.
    venue.answer(0, 4, 100, &Venue::some_answer(4));
    venue.answer(0, 4, 30, &Venue::some_answer(4));
    venue.fail_group();
    // The group has failed before it reads this.
    venue.answer(0, 5, 100, &Venue::some_answer(5));
    venue.numbers[0] -= 1;
    for _ in 0..5 {
        venue.tick();
    }
    assert_eq!(venue.sim.failures().len(), 1);
    let user = |user_ref| format!("C{user_ref} 1 UserRequested");
    let system = |user_ref, leaves| format!("C{user_ref} {leaves} {:?}", CancelReason::System);
    let processing = |user_ref| format!("J{user_ref} {:?}", RejectReason::ProcessingError);
    let live = venue.sent(alice);
    let expected =
        [user(1), user(2), user(3), user(4), user(4), system(2, 60), system(3, 100), system(4, 30), processing(5)];
    assert_eq!(answers(&live), expected);
    assert_eq!(answers(&venue.sent(bob)), [processing(9)]);
    assert_eq!(venue.count(SessionCount::AnswersForGroup), 5);

    // Sessions stay up: the session rejects orders; cancels of dead orders and retransmissions are ignored.
    venue.commands();
    request(&mut venue, alice, enter(8, "AAPL").as_bytes());
    request(&mut venue, alice, replace(2, 10).as_bytes());
    request(&mut venue, alice, enter(8, "AAPL").as_bytes());
    request(&mut venue, alice, Cancel::new(2, 0).as_bytes());
    assert_eq!(answers(&venue.sent(alice)), [processing(8), processing(10)]);
    assert_eq!(venue.commands(), []);
    venue.advance_slowly(1200 * MS);
    assert_eq!(summary(&venue.sent(alice)), "H");

    // A client that logs in later gets all of it.
    let again = venue.log_in("alice", "secret", 1);
    let replayed = venue.sent(again);
    assert_eq!(packets(&replayed).len(), 1 + 11);
    assert_eq!(replayed[33..][..live.len()], live);
    assert!(matches!(venue.commands()[..], [Command::Disconnect(_), Command::LogIn(_)]));
}

#[test]
fn answers_on_the_edge_are_taken_before_orders_are_answered_for() {
    let mut venue = Venue::new(config());
    let alice = venue.alice();
    for user_ref in 1..=60 {
        request(&mut venue, alice, enter(user_ref, "AAPL").as_bytes());
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
    let got = answers(&venue.sent(alice));
    let (before, after) = got.split_at(20 * BURST_ANSWERS);
    assert!(before.iter().all(|answer| answer.ends_with("1 UserRequested")));
    let mut expected: Vec<_> = (1..=20).map(|user_ref| format!("C{user_ref} 80 System")).collect();
    expected.extend((21..=60).map(|user_ref| format!("J{user_ref} ProcessingError")));
    assert_eq!(after, expected);
}
