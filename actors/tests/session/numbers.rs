//! A client gives one number to two requests before either is answered. Which of them the group takes shows only by its
//! answers.

use crate::harness::{Venue, config, enter, replace, short};
use corelane_actors::{
    session::SessionCount,
    types::{Command, Locate},
};
use corelane_codecs::{
    IntoBytes, MessageType, YesNo,
    ouch::{Accepted, Cancel, Capacity, CrossType, Display, OrderState, Replaced, Side, TimeInForce},
    price::Price,
    soup::ClientPacket,
    text::Alpha,
};
use corelane_runtime::net::ConnId;

fn request(venue: &mut Venue, conn: ConnId, message: &[u8]) {
    venue.send(conn, &ClientPacket::Unsequenced(message));
}

fn shorts(venue: &mut Venue) -> Vec<String> {
    venue.commands().iter().map(short).collect()
}

fn accepted(user_ref: u32, symbol: &str) -> Vec<u8> {
    let message = Accepted {
        message_type: MessageType::NEW,
        timestamp: 7.into(),
        user_ref_num: user_ref.into(),
        side: Side::Buy,
        quantity: 100.into(),
        symbol: Alpha::new(symbol).unwrap(),
        price: Price::from_raw(1_000_000).into(),
        time_in_force: TimeInForce::Day,
        display: Display::Visible,
        order_ref: 9.into(),
        capacity: Capacity::Principal,
        intermarket_sweep: YesNo::No,
        cross_type: CrossType::Continuous,
        order_state: OrderState::Live,
        cl_ord_id: Alpha::new("ID").unwrap(),
        appendage_len: 0.into(),
    };
    message.as_bytes().to_vec()
}

fn replaced(original: u32, user_ref: u32, symbol: &str) -> Vec<u8> {
    let message = Replaced {
        message_type: MessageType::NEW,
        timestamp: 7.into(),
        orig_user_ref_num: original.into(),
        user_ref_num: user_ref.into(),
        side: Side::Buy,
        quantity: 50.into(),
        symbol: Alpha::new(symbol).unwrap(),
        price: Price::from_raw(1_000_000).into(),
        time_in_force: TimeInForce::Day,
        display: Display::Visible,
        order_ref: 10.into(),
        capacity: Capacity::Principal,
        intermarket_sweep: YesNo::No,
        cross_type: CrossType::Continuous,
        order_state: OrderState::Live,
        cl_ord_id: Alpha::new("ID").unwrap(),
        appendage_len: 0.into(),
    };
    message.as_bytes().to_vec()
}

/// The instrument that a replace of an order goes with, which decides the reference price of its collar.
fn locate_of(venue: &mut Venue, conn: ConnId, original: u32, user_ref: u32) -> Locate {
    venue.commands();
    request(venue, conn, replace(original, user_ref).as_bytes());
    let [Command::Replace(replace)] = venue.commands()[..] else { panic!("no replace") };
    replace.locate
}

/// Alice, with the order 1 for AAPL.
fn venue() -> (Venue, ConnId) {
    let mut venue = Venue::new(config());
    let conn = venue.alice();
    request(&mut venue, conn, enter(1, "AAPL").as_bytes());
    venue.answer(0, 1, 100, &accepted(1, "AAPL"));
    venue.tick();
    venue.commands();
    (venue, conn)
}

/// The order dies before its replace arrives, so an enter takes the number of the replace.
#[test]
fn an_order_that_took_the_number_of_an_ignored_replace_is_known_by_its_own_instrument() {
    let (mut venue, conn) = venue();
    request(&mut venue, conn, Cancel::new(1, 0).as_bytes());
    request(&mut venue, conn, replace(1, 1000).as_bytes());
    request(&mut venue, conn, enter(1000, "MSFT").as_bytes());
    request(&mut venue, conn, enter(500, "MSFT").as_bytes());
    assert_eq!(shorts(&mut venue), ["X1", "U1>1000", "O1000", "O500"]);
    venue.answer(0, 1, 0, &Venue::some_answer(1));
    venue.answer(0, 1000, 100, &accepted(1000, "MSFT"));
    venue.tick();
    assert_eq!(venue.count(SessionCount::Unanswered), 0, "500 came behind 1000 and is ignored");
    assert_eq!(locate_of(&mut venue, conn, 1000, 1001), Locate(2));
    assert_eq!(venue.count(SessionCount::Unanswered), 1);
    venue.answer_replace(0, 1001, 50, 1000, &replaced(1000, 1001, "MSFT"));
    venue.tick();
    assert_eq!(venue.count(SessionCount::Unanswered), 0);
    // Its client gets its end before that of the connection.
    venue.net.half_close(conn);
    venue.tick();
    assert!(!venue.is_closed(conn), "an order is open");
    venue.answer(0, 1001, 0, &Venue::some_answer(1001));
    venue.tick();
    assert!(venue.is_closed(conn));
}

/// Two replaces of one number, the first of an order that is dead.
#[test]
fn a_replace_that_took_the_number_of_an_ignored_one_is_known_by_its_own_instrument() {
    let (mut venue, conn) = venue();
    request(&mut venue, conn, enter(2, "MSFT").as_bytes());
    venue.answer(0, 2, 100, &accepted(2, "MSFT"));
    venue.tick();
    request(&mut venue, conn, Cancel::new(1, 0).as_bytes());
    request(&mut venue, conn, replace(1, 10).as_bytes());
    request(&mut venue, conn, replace(2, 10).as_bytes());
    venue.answer(0, 1, 0, &Venue::some_answer(1));
    venue.answer_replace(0, 10, 50, 2, &replaced(2, 10, "MSFT"));
    venue.tick();
    assert_eq!(venue.count(SessionCount::Unanswered), 0);
    assert_eq!(locate_of(&mut venue, conn, 10, 11), Locate(2));
    assert_eq!(venue.count(SessionCount::Unanswered), 1);
}

/// A number of an ignored replace that then is that of a mass cancel, whose answer ends its use.
#[test]
fn a_request_without_an_order_may_take_the_number_of_an_ignored_replace() {
    let (mut venue, conn) = venue();
    let disable = corelane_codecs::ouch::DisableEntry {
        message_type: MessageType::NEW,
        user_ref_num: 10.into(),
        firm: Alpha::BLANK,
        appendage_len: 0.into(),
    };
    request(&mut venue, conn, Cancel::new(1, 0).as_bytes());
    request(&mut venue, conn, replace(1, 10).as_bytes());
    request(&mut venue, conn, disable.as_bytes());
    request(&mut venue, conn, enter(7, "MSFT").as_bytes());
    venue.answer(0, 1, 0, &Venue::some_answer(1));
    venue.answer(0, 10, 0, &Venue::some_answer(10));
    venue.tick();
    assert_eq!(venue.count(SessionCount::Unanswered), 0);
    venue.net.half_close(conn);
    venue.tick();
    assert!(venue.is_closed(conn), "nothing is owed");
}
