//! Requests become commands, to which the session adds the port and the instrument.

use crate::harness::{Venue, config, enter, replace, short, with_options};
use corelane_actors::{
    session::{SessionConfig, SessionCount},
    types::{AccountQuery, Command, EntrySwitch, Locate, MassCancel, Modify, PortId, Quantity},
};
use corelane_codecs::{
    IntoBytes,
    ouch::{Cancel, RejectReason, TagValue},
    soup::ClientPacket,
    text::Mpid,
};
use corelane_runtime::net::ConnId;

fn request(venue: &mut Venue, conn: ConnId, message: &[u8]) {
    venue.send(conn, &ClientPacket::Unsequenced(message));
}

#[test]
fn requests_become_commands_with_port_and_instrument() {
    let mut venue = Venue::new(config());
    venue.alice();
    let bob = venue.bob();
    venue.commands();
    for (user_ref, symbol, locate) in [(1, "AAPL", 1), (2, "MSFT", 2), (3, "IBM", 0), (4, "aapl", 0)] {
        request(&mut venue, bob, enter(user_ref, symbol).as_bytes());
        let commands = venue.commands();
        let [Command::Enter(read)] = commands[..] else { panic!("{commands:?}") };
        assert_eq!((read.port.0, read.user_ref, read.locate.0), (1, user_ref, locate));
        assert_eq!((read.price.raw(), read.quantity.0), (1_000_000, 100));
        assert_eq!((read.side, read.time_in_force, read.display), (b'B', b'0', b'Y'));
        assert_eq!((read.capacity, read.intermarket_sweep, read.cross), (b'P', b'N', b'N'));
        assert_eq!((&read.cl_ord_id, read.unsupported), (b"ID            ", 0));
    }
    request(&mut venue, bob, Cancel::new(2, 7).as_bytes());
    let [Command::Cancel(cancel)] = venue.commands()[..] else { panic!() };
    assert_eq!((cancel.port.0, cancel.user_ref, cancel.quantity.0), (1, 2, 7));
}

#[test]
fn a_replace_has_the_instrument_of_its_original_as_long_as_that_may_live() {
    let mut venue = Venue::new(config());
    let conn = venue.alice();
    let locate_of = |venue: &mut Venue, original, user_ref| {
        venue.commands();
        request(venue, conn, replace(original, user_ref).as_bytes());
        let [Command::Replace(read)] = venue.commands()[..] else { panic!() };
        read.locate.0
    };
    request(&mut venue, conn, enter(1, "MSFT").as_bytes());
    assert_eq!(locate_of(&mut venue, 1, 2), 2, "of an order that is not answered");
    assert_eq!(locate_of(&mut venue, 2, 3), 2, "of a replace that is not answered");
    assert_eq!(locate_of(&mut venue, 9, 10), 0, "of an order that never was");
    venue.answer(0, 1, 100, &Venue::some_answer(1));
    venue.answer_replace(0, 2, 50, 1, &Venue::some_answer(2));
    venue.tick();
    assert_eq!(locate_of(&mut venue, 1, 4), 0, "of an order that was replaced");
    assert_eq!(locate_of(&mut venue, 2, 5), 2, "of one that replaced another");
    venue.answer(0, 2, 0, &Venue::some_answer(2));
    venue.tick();
    for dead in [2, 3, 5] {
        assert_eq!(locate_of(&mut venue, dead, 100 + dead), 0, "{dead} died with its original");
    }
}

#[test]
fn options_that_inform_pass_and_options_that_change_the_order_are_named() {
    let firm = Mpid::new("LIME").unwrap();
    let route = Mpid::new("SCAN").unwrap();
    let cases: [(TagValue, Option<RejectReason>); 23] = [
        (TagValue::Firm(firm), None),
        (TagValue::CustomerType(b'R'), None),
        (TagValue::GroupId(7), None),
        (TagValue::SharesLocated(b'Y'), None),
        (TagValue::LocateBroker(firm), None),
        (TagValue::BboWeight(b'1'), None),
        (TagValue::MinQty(0), None),
        (TagValue::PriceType(b'L'), None),
        (TagValue::PostOnly(b'N'), None),
        (TagValue::TradeNow(b'N'), None),
        (TagValue::UserRefIdx(0), None),
        (TagValue::HandleInst(b' '), None),
        (TagValue::MinQty(1), Some(RejectReason::InvalidMinQuantity)),
        (TagValue::MaxFloor(1), Some(RejectReason::InvalidMaxFloor)),
        (TagValue::PriceType(b'P'), Some(RejectReason::PeggingNotAllowed)),
        (TagValue::PegOffset(-1), Some(RejectReason::PeggingNotAllowed)),
        (TagValue::DiscretionPrice(1), Some(RejectReason::InvalidPrice)),
        (TagValue::PostOnly(b'P'), Some(RejectReason::Other)),
        (TagValue::Route(route), Some(RejectReason::RoutingNotAllowed)),
        (TagValue::ExpireTime(1), Some(RejectReason::Other)),
        (TagValue::TradeNow(b'Y'), Some(RejectReason::Other)),
        (TagValue::DisplayQty(1), Some(RejectReason::InvalidDisplay)),
        (TagValue::RandomReserves(1), Some(RejectReason::InvalidMaxFloor)),
    ];
    let mut venue = Venue::new(config());
    let conn = venue.alice();
    for (user_ref, (option, refusal)) in (1..).zip(cases) {
        venue.commands();
        request(&mut venue, conn, &with_options(&enter(user_ref, "AAPL"), &[option]));
        let [Command::Enter(read)] = venue.commands()[..] else { panic!("{option:?}") };
        assert_eq!(read.unsupported, refusal.map_or(0, RejectReason::to_wire), "{option:?}");
        venue.answer(0, user_ref, 0, &Venue::some_answer(user_ref));
        venue.tick();
    }
    assert_eq!(venue.count(SessionCount::MalformedRequests), 0);
}

/// Options of a later revision, among them its prevention of self-matches (29, 30), between two that are known.
#[test]
fn an_option_that_is_not_known_is_skipped() {
    let firm = Mpid::new("LIME").unwrap();
    let known = with_options(&enter(1, "AAPL"), &[TagValue::Firm(firm), TagValue::MinQty(5)]);
    let fixed = known.len() - 12;
    let options =
        [&known[fixed..fixed + 6], b"\x02\x1dY", b"\x03\x1e\x00\x07", b"\x01\xff", &known[fixed + 6..]].concat();
    let length = u16::try_from(options.len()).unwrap().to_be_bytes();
    let mut venue = Venue::new(config());
    let conn = venue.alice();
    venue.commands();
    request(&mut venue, conn, &[&known[..fixed - 2], &length, &options].concat());
    let [Command::Enter(read)] = venue.commands()[..] else { panic!("no enter") };
    assert_eq!((read.firm, read.unsupported), (*b"LIME", RejectReason::InvalidMinQuantity.to_wire()));
}

/// M2: every request of OUCH 5.0 is served.
#[test]
fn every_kind_of_request_becomes_a_command() {
    use corelane_codecs::{MessageType, ouch, text::Symbol};
    let mut venue = Venue::new(config());
    let bob = venue.log_in("bob", "hunter2", 0);
    venue.commands();
    let firm = Mpid::new("LIME").unwrap();
    let mass_cancel = |user_ref: u32, symbol: &str| ouch::MassCancel {
        message_type: MessageType::NEW,
        user_ref_num: user_ref.into(),
        firm,
        symbol: Symbol::new(symbol).unwrap(),
        appendage_len: 0.into(),
    };
    let disable =
        ouch::DisableEntry { message_type: MessageType::NEW, user_ref_num: 4.into(), firm, appendage_len: 0.into() };
    let enable =
        ouch::EnableEntry { message_type: MessageType::NEW, user_ref_num: 5.into(), firm, appendage_len: 0.into() };
    let modify = ouch::Modify {
        message_type: MessageType::NEW,
        user_ref_num: 1.into(),
        side: ouch::Side::SellShort,
        quantity: 40.into(),
    };
    let port = PortId(1);
    let meant = MassCancel {
        port,
        user_ref: 2,
        firm: *b"LIME",
        symbol: *b"MSFT    ",
        locate: Locate(2),
        group: 0,
        has_group: 0,
        side: 0,
        channel: 0,
        reserved: [0; 5],
    };
    let switch = |user_ref, enabled| {
        Command::EntrySwitch(EntrySwitch { port, user_ref, firm: *b"LIME", enabled, channel: 0, reserved: [0; 2] })
    };
    let query = Command::AccountQuery(AccountQuery { port, channel: 0, reserved: [0; 3] });
    let all = [TagValue::Side(b'B'), TagValue::GroupId(7)];
    let cases = [
        (b"Q".to_vec(), query),
        (b"Q\0\0".to_vec(), query),
        (
            modify.as_bytes().to_vec(),
            Command::Modify(Modify { port, user_ref: 1, quantity: Quantity(40), side: b'T', reserved: [0; 3] }),
        ),
        (mass_cancel(2, "MSFT").as_bytes().to_vec(), Command::MassCancel(meant)),
        (
            with_options(&mass_cancel(3, ""), &all),
            Command::MassCancel(MassCancel {
                user_ref: 3,
                symbol: *b"        ",
                locate: Locate::NONE,
                group: 7,
                has_group: 1,
                side: b'B',
                ..meant
            }),
        ),
        (disable.as_bytes().to_vec(), switch(4, 0)),
        (enable.as_bytes().to_vec(), switch(5, 1)),
    ];
    for (message, expected) in cases {
        request(&mut venue, bob, &message);
        assert_eq!(venue.commands(), [expected]);
        // The next request may wait for the answer to a mass cancel.
        if let Command::MassCancel(MassCancel { user_ref, .. }) = expected {
            venue.answer(1, user_ref, 0, &Venue::some_answer(user_ref));
            venue.tick();
        }
    }
    let order = with_options(&enter(6, "AAPL"), &[TagValue::Firm(firm), TagValue::GroupId(7)]);
    request(&mut venue, bob, &order);
    let [Command::Enter(order)] = venue.commands()[..] else { panic!() };
    assert_eq!((&order.firm, order.group), (b"LIME", 7));
    // In another channel, those that name no order are served too.
    let channel = [TagValue::UserRefIdx(2)];
    let others = [
        (with_options(&mass_cancel(9, ""), &channel), "C9/2"),
        (with_options(&disable, &channel), "D4/2"),
        (with_options(&enable, &channel), "E5/2"),
        (b"Q\0\x03\x02\x1c\x02".to_vec(), "Q/2"),
    ];
    for (message, expected) in others {
        request(&mut venue, bob, &message);
        assert_eq!(venue.commands().iter().map(short).collect::<Vec<_>>(), [expected], "{message:02x?}");
    }
    assert_eq!(venue.count(SessionCount::OtherChannels), 0);
    assert_eq!(venue.count(SessionCount::UnreadableRequests), 0);
    // No order is there to be modified, which is no fault of the request.
    request(&mut venue, bob, &with_options(&modify, &channel));
    assert_eq!(venue.commands(), []);
    assert_eq!([SessionCount::OtherChannels, SessionCount::UnreadableRequests].map(|one| venue.count(one)), [1, 0]);
}

/// Requests in other channels are in flight as those of channel 0 are, and each that the group answers is waited for.
#[test]
fn requests_in_other_channels_are_in_flight_and_are_answered_before_the_end() {
    use corelane_codecs::{MessageType, ouch};
    let mut venue = Venue::new(SessionConfig { in_flight_max: 4, ..config() });
    let alice = venue.alice();
    let disable = |user_ref: u32| ouch::DisableEntry {
        message_type: MessageType::NEW,
        user_ref_num: user_ref.into(),
        firm: Mpid::BLANK,
        appendage_len: 0.into(),
    };
    let channel = |channel| [TagValue::UserRefIdx(channel)];
    request(&mut venue, alice, enter(1, "AAPL").as_bytes());
    // The third is a retransmission; the number of the fourth is new in its channel.
    for (user_ref, index) in [(1, 3), (4, 3), (4, 3), (4, 255)] {
        request(&mut venue, alice, &with_options(&disable(user_ref), &channel(index)));
    }
    // An account query uses no number.
    request(&mut venue, alice, b"Q");
    request(&mut venue, alice, &with_options(&enter(4, "AAPL"), &channel(3)));
    let forwarded = |venue: &mut Venue| venue.commands().iter().map(short).collect::<Vec<_>>();
    assert_eq!(forwarded(&mut venue), ["in0.1", "O1", "D1/3", "D4/3", "D4/3", "D4/255", "Q"]);
    assert_eq!(venue.count(SessionCount::Unanswered), 4);
    assert!(venue.count(SessionCount::Holds) > 0, "one more than may be in flight waits");
    venue.net.half_close(alice);
    venue.answer(0, 0, 0, b"Q");
    venue.tick();
    assert_eq!(forwarded(&mut venue), [""; 0], "an answer to a request without a number makes no room");
    venue.answer(0, 1, 0, &Venue::some_answer(1));
    venue.tick();
    assert_eq!(forwarded(&mut venue), ["J4/3", "out0.1"], "the first is a retransmission, which gets no answer");
    for answered in 0..3 {
        assert!(!venue.is_closed(alice), "after {answered} of 3 answers in other channels");
        venue.answer(0, 0, 0, &Venue::some_answer(1));
        venue.tick();
    }
    assert!(venue.is_closed(alice));
}

/// M13: the venue takes orders in channel 0 only, and a request in another one touches none of them.
#[test]
fn a_request_in_another_channel_reaches_no_order_of_this_one() {
    let mut venue = Venue::new(config());
    let conn = venue.alice();
    request(&mut venue, conn, enter(5, "AAPL").as_bytes());
    venue.answer(0, 5, 100, &Venue::some_answer(5));
    venue.tick();
    venue.commands();
    let channel = [TagValue::UserRefIdx(3)];
    let mut spoilt = with_options(&replace(5, 7), &channel);
    spoilt[22] = b'?';
    let mut cut_off = with_options(&enter(8, "AAPL"), &[TagValue::UserRefIdx(3), TagValue::MinQty(1)]);
    cut_off.truncate(cut_off.len() - 1);
    let cases = [
        (with_options(&Cancel::new(5, 0), &channel), &[][..]),
        (with_options(&enter(6, "AAPL"), &channel), &["J6/3"]),
        (with_options(&replace(5, 7), &channel), &["J7/3"]),
        (with_options(&enter(6, "AAPL"), &[TagValue::MinQty(1), TagValue::UserRefIdx(3)]), &["J6/3"]),
        (spoilt, &["J7/3"]),
        (cut_off, &["J8/3"]),
        (with_options(&Cancel::new(5, 0), &[TagValue::UserRefIdx(0)]), &["X5"]),
    ];
    for (message, expected) in cases {
        request(&mut venue, conn, &message);
        assert_eq!(venue.commands().iter().map(short).collect::<Vec<_>>(), expected, "{message:02x?}");
    }
    assert_eq!([SessionCount::OtherChannels, SessionCount::UnreadableRequests].map(|one| venue.count(one)), [6, 0]);
    // The number of the reject is one of another channel: the request of this channel with the same one is not answered.
    request(&mut venue, conn, enter(6, "AAPL").as_bytes());
    venue.answer(0, 0, 0, &Venue::some_answer(6));
    venue.tick();
    request(&mut venue, conn, replace(6, 9).as_bytes());
    let [Command::Enter(_), Command::Replace(of_order)] = venue.commands()[..] else { panic!() };
    assert_eq!(of_order.locate.0, 1, "order 6 is still known");
}

#[test]
fn a_malformed_request_with_a_number_goes_on_to_be_rejected() {
    let mut wrong_side = enter(3, "AAPL").as_bytes().to_vec();
    wrong_side[5] = b'?';
    let mut wrong_display = replace(3, 4).as_bytes().to_vec();
    wrong_display[22] = b'?';
    let mut bad_options = enter(5, "AAPL").as_bytes().to_vec();
    bad_options[46] = 1;
    bad_options.push(0);
    let truncated = &enter(6, "AAPL").as_bytes().to_vec()[..44];
    let side = RejectReason::InvalidSide.to_wire();
    let display = RejectReason::InvalidDisplay.to_wire();
    let other = RejectReason::Other.to_wire();
    type Expected = Option<(&'static str, u16)>;
    let cases: [(&[u8], Expected); 8] = [
        (&wrong_side, Some(("O3", side))),
        (&wrong_display, Some(("U3>4", display))),
        (&bad_options, Some(("O5", other))),
        (truncated, None),
        (b"", None),
        (b"O", None),
        (b"X\0\0\0", None),
        (b"?????????", None),
    ];
    let mut venue = Venue::new(config());
    let conn = venue.alice();
    venue.commands();
    for (index, (message, expected)) in (1_u64..).zip(cases) {
        request(&mut venue, conn, message);
        let got = venue.commands();
        let got = got.first().map(|command| match command {
            Command::Enter(enter) => (short(command), enter.unsupported),
            Command::Replace(replace) => (short(command), replace.unsupported),
            other => panic!("{other:?}"),
        });
        assert_eq!(got, expected.map(|(name, reason)| (name.to_owned(), reason)));
        let counts =
            [SessionCount::MalformedRequests, SessionCount::UnreadableRequests].map(|count| venue.count(count));
        assert_eq!(counts, [index.min(3), index.saturating_sub(3)]);
    }
    assert!(!venue.is_closed(conn));
}
