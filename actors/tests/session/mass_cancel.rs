//! A mass cancel makes the group look at all resting orders of its port while everybody else waits, so a port has one on its
//! way to the group at a time.

use crate::harness::{Venue, config, enter, replace, short, with_options};
use corelane_codecs::{
    IntoBytes, MessageType,
    ouch::{self, Cancel, TagValue},
    soup::ClientPacket,
    text::{Mpid, Symbol},
};
use corelane_runtime::net::ConnId;

fn request(venue: &mut Venue, conn: ConnId, message: &[u8]) {
    venue.send(conn, &ClientPacket::Unsequenced(message));
}

fn shorts(venue: &mut Venue) -> Vec<String> {
    venue.commands().iter().map(short).collect()
}

fn mass_cancel(user_ref: u32) -> ouch::MassCancel {
    ouch::MassCancel {
        message_type: MessageType::NEW,
        user_ref_num: user_ref.into(),
        firm: Mpid::new("NONE").unwrap(),
        symbol: Symbol::BLANK,
        appendage_len: 0.into(),
    }
}

fn answer(venue: &mut Venue, port: u32, user_ref: u32, leaves_qty: u32) {
    venue.answer(port, user_ref, leaves_qty, &Venue::some_answer(user_ref));
    venue.tick();
}

/// What a client can make its neighbours wait for is the rest of one mass cancel and another one, not as many as may be in flight.
#[test]
fn a_mass_cancel_is_answered_before_the_next_request_with_a_number_goes_on() {
    let mut venue = Venue::new(config());
    let (alice, bob) = (venue.alice(), venue.bob());
    venue.commands();
    for user_ref in 1..=3 {
        request(&mut venue, alice, mass_cancel(user_ref).as_bytes());
    }
    request(&mut venue, alice, enter(4, "AAPL").as_bytes());
    request(&mut venue, bob, mass_cancel(1).as_bytes());
    request(&mut venue, bob, Cancel::new(9, 0).as_bytes());
    assert_eq!(shorts(&mut venue), ["C1", "C1", "X9"], "one of each port, and what uses no number");
    for next in ["C2", "C3", "O4"] {
        let answered: u32 = next[1..].parse().unwrap();
        answer(&mut venue, 0, answered - 1, 0);
        assert_eq!(shorts(&mut venue), [next]);
    }
    for user_ref in 5..=9 {
        request(&mut venue, alice, enter(user_ref, "AAPL").as_bytes());
    }
    assert_eq!(shorts(&mut venue), ["O5", "O6", "O7", "O8", "O9"], "the credit is whole again");
}

/// Those which the group ignores, and those in other channels, make it look at no order.
#[test]
fn a_mass_cancel_that_is_no_work_is_not_waited_for() {
    let mut venue = Venue::new(config());
    let alice = venue.alice();
    request(&mut venue, alice, enter(5, "AAPL").as_bytes());
    answer(&mut venue, 0, 5, 100);
    venue.commands();
    for _ in 0..2 {
        request(&mut venue, alice, mass_cancel(5).as_bytes());
        request(&mut venue, alice, mass_cancel(3).as_bytes());
        request(&mut venue, alice, &with_options(&mass_cancel(9), &[TagValue::UserRefIdx(1)]));
    }
    request(&mut venue, alice, enter(6, "AAPL").as_bytes());
    assert_eq!(shorts(&mut venue), ["C5", "C3", "C9/1", "C5", "C3", "C9/1", "O6"]);
}

/// A replace that is unanswered may have its number, or a higher one. Whatever becomes of that, the port goes on.
#[test]
fn a_mass_cancel_behind_a_replace_of_its_number_stops_nobody() {
    for (is_replaced, replaced_by) in [(true, 10), (false, 10), (true, 11), (false, 11)] {
        let mut venue = Venue::new(config());
        let alice = venue.alice();
        request(&mut venue, alice, enter(1, "AAPL").as_bytes());
        answer(&mut venue, 0, 1, 100);
        request(&mut venue, alice, replace(1, replaced_by).as_bytes());
        request(&mut venue, alice, mass_cancel(10).as_bytes());
        request(&mut venue, alice, enter(20, "AAPL").as_bytes());
        if is_replaced {
            venue.answer_replace(0, replaced_by, 50, 1, &Venue::some_answer(replaced_by));
            venue.tick();
        } else {
            // It was executed before.
            answer(&mut venue, 0, 1, 0);
            answer(&mut venue, 0, 10, 0);
        }
        let all =
            ["in0.1".to_owned(), "O1".to_owned(), format!("U1>{replaced_by}"), "C10".to_owned(), "O20".to_owned()];
        assert_eq!(shorts(&mut venue), all, "{is_replaced} {replaced_by}");
    }
}
