//! Bulkheads: what a port, an account or a firm sends beyond its limits is marked, on both sides of each bound. The gate: what
//! comes while it is shut is marked.

use std::collections::VecDeque;

use crate::harness::{MS, SECOND, Venue, config, enter, replace};
use corelane_actors::{
    session::{Compartment, Level, Session, SessionConfig, SessionCount},
    types::{Command, Mark, PortId},
};
use corelane_codecs::{
    IntoBytes, MessageType,
    ouch::{self, Cancel},
    soup::ClientPacket,
    text::{Mpid, Symbol},
};
use corelane_runtime::{net::ConnId, resilience::Rate};

/// A compartment: level, rate, requests in flight, ports.
type Limits<'a> = (Level, Option<Rate>, Option<u32>, &'a [u32]);

fn venue(compartments: &[Limits<'_>]) -> Venue {
    let compartments = compartments.iter().map(|&(level, rate, in_flight_max, ports)| Compartment {
        level,
        rate,
        in_flight_max,
        ports: ports.iter().copied().map(PortId).collect(),
    });
    Venue::new(SessionConfig { compartments: compartments.collect(), ..config() })
}

/// The marks of the enters and replaces that the session forwards.
fn marks(venue: &mut Venue) -> Vec<Mark> {
    let mark = |command: &Command| match command {
        Command::Enter(enter) => Some(enter.mark),
        Command::Replace(replace) => Some(replace.mark),
        _ => None,
    };
    venue.commands().iter().filter_map(mark).collect()
}

fn request(venue: &mut Venue, conn: ConnId, message: &[u8]) {
    venue.send(conn, &ClientPacket::Unsequenced(message));
}

/// Enters one order, and returns its mark.
fn mark_of(venue: &mut Venue, conn: ConnId, user_ref: u32) -> Mark {
    venue.commands();
    request(venue, conn, enter(user_ref, "AAPL").as_bytes());
    let marks = marks(venue);
    assert_eq!(marks.len(), 1, "a request that is marked is forwarded");
    marks[0]
}

#[test]
fn an_order_beyond_the_burst_is_marked_until_a_token_is_back() {
    let mut venue = venue(&[(Level::Port, Some(Rate::per_second(10, 3)), None, &[0])]);
    let (alice, bob) = (venue.alice(), venue.bob());
    let got: Vec<_> = (1..=5).map(|user_ref| mark_of(&mut venue, alice, user_ref)).collect();
    assert_eq!(got, [Mark::None, Mark::None, Mark::None, Mark::Rate, Mark::Rate]);
    assert_eq!(venue.count(SessionCount::PortRateMarks), 2);
    assert_eq!(mark_of(&mut venue, bob, 1), Mark::None, "another port has its own");
    venue.advance(99 * MS);
    assert_eq!(mark_of(&mut venue, alice, 6), Mark::Rate);
    venue.advance(MS);
    assert_eq!([7, 8].map(|user_ref| mark_of(&mut venue, alice, user_ref)), [Mark::None, Mark::Rate]);
    venue.advance_slowly(10 * SECOND);
    let got: Vec<_> = (9..=12).map(|user_ref| mark_of(&mut venue, alice, user_ref)).collect();
    assert_eq!(got, [Mark::None, Mark::None, Mark::None, Mark::Rate], "no more than the burst comes back");
}

#[test]
fn replaces_are_counted_and_what_only_lowers_exposure_is_not() {
    let mut venue = venue(&[(Level::Port, Some(Rate::per_second(1, 2)), Some(9), &[0])]);
    let conn = venue.alice();
    request(&mut venue, conn, enter(1, "AAPL").as_bytes());
    venue.commands();
    let modify = ouch::Modify {
        message_type: MessageType::NEW,
        user_ref_num: 1.into(),
        side: ouch::Side::Buy,
        quantity: 40.into(),
    };
    let mass_cancel = |user_ref: u32| ouch::MassCancel {
        message_type: MessageType::NEW,
        user_ref_num: user_ref.into(),
        firm: Mpid::BLANK,
        symbol: Symbol::BLANK,
        appendage_len: 0.into(),
    };
    for user_ref in 2..22 {
        request(&mut venue, conn, Cancel::new(1, 10).as_bytes());
        request(&mut venue, conn, modify.as_bytes());
        request(&mut venue, conn, mass_cancel(user_ref).as_bytes());
        assert_eq!(venue.commands().len(), 3, "they pass, whatever the limits");
        venue.answer(0, user_ref, 0, &Venue::some_answer(user_ref));
        venue.tick();
    }
    request(&mut venue, conn, replace(1, 30).as_bytes());
    request(&mut venue, conn, replace(1, 31).as_bytes());
    assert_eq!(marks(&mut venue), [Mark::None, Mark::Rate], "one token was left");
}

#[test]
fn unanswered_requests_are_bounded_over_all_ports_of_an_account_and_of_a_firm() {
    let cases = [
        (Level::Port, &[0][..], SessionCount::PortInFlightMarks),
        (Level::Account, &[0, 1], SessionCount::AccountInFlightMarks),
        (Level::Firm, &[0, 1, 2], SessionCount::FirmInFlightMarks),
    ];
    for (level, ports, count) in cases {
        let mut venue = venue(&[(level, None, Some(3), ports)]);
        let conns = [venue.alice(), venue.bob(), venue.carol()];
        // The compartment's unanswered requests, oldest first.
        let mut open = VecDeque::new();
        let mut user_ref = 0;
        let mut enter = |venue: &mut Venue, open: &mut VecDeque<_>, port: u32| {
            user_ref += 1;
            if ports.contains(&port) {
                open.push_back((port, user_ref));
            }
            mark_of(venue, conns[port as usize], user_ref)
        };
        let last = ports[ports.len() - 1];
        for port in [0, 0, last] {
            assert_eq!(enter(&mut venue, &mut open, port), Mark::None, "{level:?}");
        }
        for port in 0..3 {
            let expected = if ports.contains(&port) { Mark::InFlight } else { Mark::None };
            assert_eq!(enter(&mut venue, &mut open, port), expected, "{level:?}: port {port}");
        }
        assert_eq!(venue.count(count), ports.len() as u64);
        // Requests that are marked are unanswered too, until the group has rejected them.
        for (left, expected) in [(3, Mark::InFlight), (2, Mark::None)] {
            while open.len() > left {
                let (port, answered) = open.pop_front().unwrap();
                venue.answer(port, answered, 0, &Venue::some_answer(answered));
            }
            venue.tick();
            assert_eq!(enter(&mut venue, &mut open, last), expected, "{level:?}: {left} unanswered");
        }
    }
}

#[test]
fn a_request_that_one_level_refuses_uses_no_token_of_another() {
    let mut venue = venue(&[
        (Level::Port, Some(Rate::per_second(1, 9)), None, &[0]),
        (Level::Account, Some(Rate::per_second(10, 2)), None, &[0, 1]),
        (Level::Firm, Some(Rate::per_second(1, 3)), None, &[0, 1, 2]),
    ]);
    let (alice, bob, carol) = (venue.alice(), venue.bob(), venue.carol());
    assert_eq!(mark_of(&mut venue, bob, 1), Mark::None);
    assert_eq!(mark_of(&mut venue, alice, 1), Mark::None);
    for user_ref in 2..100 {
        assert_eq!(mark_of(&mut venue, alice, user_ref), Mark::Rate, "the account's two are used");
    }
    assert_eq!(venue.count(SessionCount::AccountRateMarks), 98);
    assert_eq!(
        [1, 2].map(|user_ref| mark_of(&mut venue, carol, user_ref)),
        [Mark::None, Mark::Rate],
        "the firm's third"
    );
    assert_eq!(venue.count(SessionCount::FirmRateMarks), 1);
    venue.advance(900 * MS);
    assert_eq!(mark_of(&mut venue, alice, 100), Mark::Rate, "the account has some again, the firm has not");
    assert_eq!((venue.count(SessionCount::PortRateMarks), venue.count(SessionCount::FirmRateMarks)), (0, 2));
}

#[test]
fn a_compartment_of_a_port_that_is_not_there_is_refused() {
    let compartments =
        vec![Compartment { level: Level::Port, rate: None, in_flight_max: None, ports: vec![PortId(3)] }];
    let error = Session::new(SessionConfig { compartments, ..config() }).unwrap_err();
    assert_eq!(error.to_string(), "compartments.ports is 3; it must be from 0 to 2");
}

#[test]
fn what_comes_while_the_gate_is_shut_is_marked_and_uses_no_token() {
    let mut venue = venue(&[(Level::Port, Some(Rate::per_second(1, 2)), None, &[0])]);
    let (alice, bob) = (venue.alice(), venue.bob());
    assert_eq!(mark_of(&mut venue, alice, 1), Mark::None);
    venue.gate.set_shut(true);
    assert_eq!([2, 3, 4].map(|user_ref| mark_of(&mut venue, alice, user_ref)), [Mark::Breaker; 3]);
    assert_eq!(mark_of(&mut venue, bob, 1), Mark::Breaker, "it is that of all ports");
    request(&mut venue, alice, replace(1, 5).as_bytes());
    request(&mut venue, alice, Cancel::new(1, 0).as_bytes());
    assert_eq!(marks(&mut venue), [Mark::Breaker]);
    assert_eq!(venue.count(SessionCount::BreakerMarks), 5);
    venue.gate.set_shut(false);
    assert_eq!([6, 7].map(|user_ref| mark_of(&mut venue, alice, user_ref)), [Mark::None, Mark::Rate]);
}

#[test]
fn unanswered_requests_of_all_ports_are_counted() {
    let mut venue = venue(&[]);
    let (alice, bob) = (venue.alice(), venue.bob());
    assert_eq!(venue.count(SessionCount::Unanswered), 0);
    for user_ref in 1..=3 {
        mark_of(&mut venue, alice, user_ref);
    }
    mark_of(&mut venue, bob, 1);
    assert_eq!(venue.count(SessionCount::Unanswered), 4);
    // An answer to a later number tells that the earlier ones were ignored.
    venue.answer(0, 2, 0, &Venue::some_answer(2));
    venue.answer(1, 1, 100, &Venue::some_answer(1));
    venue.tick();
    assert_eq!(venue.count(SessionCount::Unanswered), 1);
}
