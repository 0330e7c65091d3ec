//! Bytes of real venues, read and written again; and every message we can build, spelled out.

use corelane_codecs::itch::{self, Header, Message};
use corelane_codecs::mold;
use corelane_codecs::ouch::{self, AppendageWriter, Inbound, Outbound, Tag, TagValue, encode_with_appendage};
use corelane_codecs::price::{Price, Price4, Price8};
use corelane_codecs::soup::{ClientPacket, LoginRequest, RejectCode, ServerPacket, packet_len};
use corelane_codecs::text::{Alpha, ClOrdId, Mpid, Symbol};
use corelane_codecs::{IntoBytes, MessageType, YesNo};

use crate::hex;

pub(crate) const ENTER: &str = "0036 55 4f00000071 54 000000e1 43564c5420202020 0000000000099db8 30 59 41 4e 4e \
    4838465542384956202020202020 0006 05 02 4c494d45";
pub(crate) const ACCEPTED: &str = "004a 53 41 0000289b4d64af87 00753a8d 42 00000028 4144424520202020 000000000048e748 \
    35 59 000000000f56b4f5 41 4e 4e 4c 3736383237303120202020202020 0009 05 02 4d4c524f 02 12 30";
pub(crate) const CANCEL: &str = "000a 55 58 00752e71 00000000";
pub(crate) const CANCELED: &str = "0013 53 43 0000289b4d681317 00753a8d 00000028 55";
pub(crate) const LOGIN: &str = "002f 4c 757365722020 70617373776f72642020 20202020202020202020 \
    20202020202020202020202020202020202020 30";
pub(crate) const LOGIN_ACCEPTED: &str = "001f 41 31363839313932313231 2020202020202020202020202020202020 313335";
pub(crate) const MOLD_HEADER: &str = "30303030313030353942 0000000000e149d0 0001";
pub(crate) const ITCH: &[&str] = &[
    "41159800001f1aced85306000000000166b53e420000064049564f4f20202020000d55ac",
    "4606ca00001f1aced99936000000000120be75530000006443415359202020200026fd40464c5455",
    "45092900021f1aced8f061000000000166929a00000019000000000003e63b",
    "4313e400011f1aceebb03b00000000013113de0000133e000000000003e65d4e00036e20",
    "5824c500001f1acefe785d0000000002041a0000000064",
    "440d1900001f1aced840ed000000000165b51a",
    "551db300001f1aced771e90000000000e6897f000000000145f2c700000064001036c8",
    "50119300021f1acee462a900000000000000004200000064474f4f474c202020001399f8000000000003e642",
    "5103d700011f1acee1500300000000000000004241432d5120202000000000000000000003e63e4f",
    "491ead00001f1acedb43f1000000000000000000000000000000004f50465441572020200000000000000000000000004f20",
    "4a2c3d00001f1e703b4f955a585a5a5420202000020918000223440001aa9000000000",
    "4c0e4000001f208142f8464d41584d46444c5320202020594e41",
    "5924bd00001f1ad5cc18b7534f50412020202031",
    "482c3d00001f1e7036e4655a585a5a5420202050204c554450",
    "53000000001f1acedb02f051",
    "4e04ea00001f1aceceff2f42495a44202020204e",
];

/// The application message in a client's or server's data packet.
fn payload(packet: &[u8]) -> &[u8] {
    assert_eq!(packet_len(packet, 1024), Ok(Some(packet.len())));
    match (ClientPacket::decode(packet), ServerPacket::decode(packet)) {
        (Ok(ClientPacket::Unsequenced(message)), _) => message,
        (_, Ok(ServerPacket::Sequenced(message))) => message,
        other => panic!("not data: {other:?}"),
    }
}

#[test]
fn a_real_enter_order_is_read_and_written() {
    let packet = hex(ENTER);
    let Inbound::Enter(enter, options) = Inbound::decode(payload(&packet)).unwrap() else { panic!() };
    let ours = ouch::Enter {
        message_type: MessageType::NEW,
        user_ref_num: 113.into(),
        side: ouch::Side::SellShort,
        quantity: 225.into(),
        symbol: Symbol::new("CVLT").unwrap(),
        price: "63.02".parse::<Price>().unwrap().into(),
        time_in_force: ouch::TimeInForce::Day,
        display: ouch::Display::Visible,
        capacity: ouch::Capacity::Agency,
        intermarket_sweep: YesNo::No,
        cross_type: ouch::CrossType::Continuous,
        cl_ord_id: ClOrdId::new("H8FUB8IV").unwrap(),
        appendage_len: 6.into(),
    };
    assert_eq!(*enter, ours);
    assert_eq!(options.get(Tag::Firm), Some(TagValue::Firm(Mpid::new("LIME").unwrap())));

    let mut buffer = [0; 16];
    let mut writer = AppendageWriter::new(&mut buffer);
    assert!(writer.push(TagValue::Firm(Mpid::new("LIME").unwrap())));
    let mut message = [0; 64];
    let length = encode_with_appendage(&ours, writer.as_bytes(), &mut message).unwrap();
    let mut out = [0; 64];
    let length = ClientPacket::Unsequenced(&message[..length]).encode(&mut out).unwrap();
    assert_eq!(out[..length], packet);
}

#[test]
fn a_real_accepted_with_two_options_is_read_and_written() {
    let packet = hex(ACCEPTED);
    let Outbound::Accepted(accepted, options) = Outbound::decode(payload(&packet)).unwrap() else { panic!() };
    let ours = ouch::Accepted {
        message_type: MessageType::NEW,
        timestamp: 0x289b_4d64_af87.into(),
        user_ref_num: 0x75_3a8d.into(),
        side: ouch::Side::Buy,
        quantity: 40.into(),
        symbol: Symbol::new("ADBE").unwrap(),
        price: Price::from_raw(4_777_800).into(),
        time_in_force: ouch::TimeInForce::ExtendedHours,
        display: ouch::Display::Visible,
        order_ref: 0x0f56_b4f5.into(),
        capacity: ouch::Capacity::Agency,
        intermarket_sweep: YesNo::No,
        cross_type: ouch::CrossType::Continuous,
        order_state: ouch::OrderState::Live,
        cl_ord_id: ClOrdId::new("7682701").unwrap(),
        appendage_len: 9.into(),
    };
    assert_eq!(*accepted, ours);
    let values = [TagValue::Firm(Mpid::new("MLRO").unwrap()), TagValue::BboWeight(b'0')];
    assert_eq!(options.values().collect::<Vec<_>>(), values);

    let mut buffer = [0; 9];
    let mut writer = AppendageWriter::new(&mut buffer);
    assert!(values.into_iter().all(|value| writer.push(value)));
    let mut message = [0; 80];
    let length = encode_with_appendage(&ours, writer.as_bytes(), &mut message).unwrap();
    let mut out = [0; 80];
    let length = ServerPacket::Sequenced(&message[..length]).encode(&mut out).unwrap();
    assert_eq!(out[..length], packet);
}

#[test]
fn a_real_cancel_and_its_answer_are_read_and_written() {
    let packet = hex(CANCEL);
    let cancel = ouch::Cancel::new(7_679_601, 0);
    assert_eq!(Inbound::decode(payload(&packet)), Ok(Inbound::Cancel(&cancel, ouch::Appendage::EMPTY)));
    let mut out = [0; 32];
    let length = ClientPacket::Unsequenced(cancel.as_bytes()).encode(&mut out).unwrap();
    assert_eq!(out[..length], packet);

    let packet = hex(CANCELED);
    let canceled = ouch::Canceled::new(0x289b_4d68_1317, 0x75_3a8d, 40, ouch::CancelReason::UserRequested);
    assert_eq!(Outbound::decode(payload(&packet)), Ok(Outbound::Canceled(&canceled, ouch::Appendage::EMPTY)));
    let length = ServerPacket::Sequenced(canceled.as_bytes()).encode(&mut out).unwrap();
    assert_eq!(out[..length], packet);
}

#[test]
fn soup_packets_are_read_and_written() {
    let blank = Alpha::BLANK;
    let login = LoginRequest {
        user: Alpha::new("user").unwrap(),
        password: Alpha::new("password").unwrap(),
        session: blank,
        sequence: Some(0),
        heartbeat_timeout_ms: None,
    };
    let with_timeout = LoginRequest { heartbeat_timeout_ms: Some(15_000), ..login };
    let client = [
        (hex(LOGIN), ClientPacket::Login(login)),
        ([&hex("0034")[..], &hex(LOGIN)[2..], b"15000"].concat(), ClientPacket::Login(with_timeout)),
        (hex("0001 52"), ClientPacket::Heartbeat),
        (hex("0001 4f"), ClientPacket::Logout),
        (hex("0003 55 0102"), ClientPacket::Unsequenced(&[1, 2])),
        (hex("0003 2b 6869"), ClientPacket::Debug(b"hi")),
    ];
    for (bytes, packet) in client {
        assert_eq!(ClientPacket::decode(&bytes), Ok(packet));
        let mut out = [0; 80];
        let length = packet.encode(&mut out).unwrap();
        assert_eq!(out[..length], bytes, "{packet:?}");
    }
    let session = Alpha::new("1689192121").unwrap();
    let short_session = Alpha::new("S1").unwrap();
    let server = [
        (hex(LOGIN_ACCEPTED), ServerPacket::LoginAccepted { session, next_sequence: 135 }),
        (
            [&b"\0\x1fA        S1"[..], b"18446744073709551615"].concat(),
            ServerPacket::LoginAccepted { session: short_session, next_sequence: u64::MAX },
        ),
        (hex("0002 4a 41"), ServerPacket::LoginRejected(RejectCode::NotAuthorized)),
        (hex("0002 4a 53"), ServerPacket::LoginRejected(RejectCode::SessionUnavailable)),
        (hex("0001 53"), ServerPacket::Sequenced(&[])),
        (hex("0002 55 ff"), ServerPacket::Unsequenced(&[255])),
        (hex("0001 48"), ServerPacket::Heartbeat),
        (hex("0001 5a"), ServerPacket::EndOfSession),
        (hex("0001 2b"), ServerPacket::Debug(&[])),
    ];
    for (bytes, packet) in server {
        assert_eq!(ServerPacket::decode(&bytes), Ok(packet));
        let mut out = [0; 80];
        let length = packet.encode(&mut out).unwrap();
        assert_eq!(out[..length], bytes, "{packet:?}");
    }
}

#[test]
fn log_in_fields_may_be_padded_on_either_side() {
    let expected = LoginRequest {
        user: Alpha::new("me").unwrap(),
        password: Alpha::new("pass").unwrap(),
        session: Alpha::new("S7").unwrap(),
        sequence: Some(42),
        heartbeat_timeout_ms: None,
    };
    let left_padded = format!("L{:>6}{:>10}{:>10}{:>20}", "me", "pass", "S7", 42);
    let right_padded = format!("L{:<6}{:<10}{:<10}{:<20}", "me", "pass", "S7", 42);
    let blank = format!("L{:<6}{:<10}{:<10}{:<20}", "me", "pass", "", "");
    let blank_fields = LoginRequest { session: Alpha::BLANK, sequence: None, ..expected };
    for (text, login) in [(left_padded, expected), (right_padded, expected), (blank, blank_fields)] {
        let packet = [&[0, 47], text.as_bytes()].concat();
        assert_eq!(ClientPacket::decode(&packet), Ok(ClientPacket::Login(login)), "{text}");
    }
    let right_padded = [&[0, 31][..], format!("A{:<10}{:<20}", "S7", 42).as_bytes()].concat();
    assert_eq!(
        ServerPacket::decode(&right_padded),
        Ok(ServerPacket::LoginAccepted { session: Alpha::new("S7").unwrap(), next_sequence: 42 })
    );
    let (user, password) = (Alpha::new("ME").unwrap(), Alpha::new("Pass").unwrap());
    let other = Alpha::new("other").unwrap();
    assert!(expected.matches(&user, &password));
    assert!(!expected.matches(&user, &other) && !expected.matches(&Alpha::BLANK, &password));
    assert!(!format!("{expected:?}").contains("pass"), "the password is not shown");
}

#[test]
fn a_real_mold_packet_is_read_and_written() {
    let packet = [&hex(MOLD_HEADER)[..], &hex("0013"), &hex(ITCH[5])].concat();
    let read = mold::Packet::decode(&packet).unwrap();
    assert_eq!((read.session.to_string().as_str(), read.sequence), ("000010059B", 14_764_496));
    assert_eq!(read.content, mold::Content::Messages(1));
    assert_eq!(read.messages().map(Result::unwrap).collect::<Vec<_>>(), [(14_764_496, &hex(ITCH[5])[..])]);

    let mut buffer = [0; 64];
    let mut builder = mold::PacketBuilder::new(&mut buffer, read.session, read.sequence, 64).unwrap();
    assert!(builder.push(&hex(ITCH[5])));
    assert_eq!(builder.finish(), packet);
}

#[test]
fn real_itch_messages_are_read_and_written() {
    let kinds: Vec<u8> = ITCH.iter().map(|text| hex(text)[0]).collect();
    assert_eq!(kinds, b"AFECXDUPQIJLYHSN");
    let decoded: Vec<Vec<u8>> = ITCH.iter().map(|text| hex(text)).collect();
    for bytes in &decoded {
        let message = Message::decode(bytes).unwrap();
        assert_eq!(message.as_bytes(), bytes);
        assert_eq!(message.kind(), bytes[0]);
        assert_eq!(message.stock_locate(), u16::from_be_bytes([bytes[1], bytes[2]]));
        // The seconds around the open at 09:30.
        assert!((34_199..34_230).contains(&(message.timestamp_ns() / 1_000_000_000)), "{message:?}");
    }

    let price = |raw| Price4::from_raw(raw).into();
    let symbol = |text| Symbol::new(text).unwrap();
    let add = itch::AddOrder {
        header: Header::new(0x1598, 0, 0x1f1a_ced8_5306),
        order_ref: 0x166_b53e.into(),
        side: itch::Side::Buy.into(),
        shares: 1_600.into(),
        stock: symbol("IVOO"),
        price: price(873_900),
    };
    let add_mpid = itch::AddOrderMpid {
        header: Header::new(0x06ca, 0, 0x1f1a_ced9_9936),
        order_ref: 0x120_be75.into(),
        side: itch::Side::Sell.into(),
        shares: 100.into(),
        stock: symbol("CASY"),
        price: price(0x26_fd40),
        attribution: Mpid::new("FLTU").unwrap(),
    };
    let executed = itch::OrderExecuted {
        header: Header::new(0x0929, 2, 0x1f1a_ced8_f061),
        order_ref: 0x166_929a.into(),
        executed_shares: 25.into(),
        match_number: 0x3_e63b.into(),
    };
    let executed_with_price = itch::OrderExecutedWithPrice {
        header: Header::new(0x13e4, 1, 0x1f1a_ceeb_b03b),
        order_ref: 0x131_13de.into(),
        executed_shares: 0x133e.into(),
        match_number: 0x3_e65d.into(),
        printable: b'N',
        execution_price: price(0x3_6e20),
    };
    let cancel = itch::OrderCancel {
        header: Header::new(0x24c5, 0, 0x1f1a_cefe_785d),
        order_ref: 0x204_1a00.into(),
        cancelled_shares: 100.into(),
    };
    let delete = itch::OrderDelete { header: Header::new(0x0d19, 0, 0x1f1a_ced8_40ed), order_ref: 0x165_b51a.into() };
    let replace = itch::OrderReplace {
        header: Header::new(0x1db3, 0, 0x1f1a_ced7_71e9),
        original_order_ref: 0xe6_897f.into(),
        new_order_ref: 0x145_f2c7.into(),
        shares: 100.into(),
        price: price(0x10_36c8),
    };
    let trade = itch::Trade {
        header: Header::new(0x1193, 2, 0x1f1a_cee4_62a9),
        order_ref: 0.into(),
        side: itch::Side::Buy.into(),
        shares: 100.into(),
        stock: symbol("GOOGL"),
        price: price(0x13_99f8),
        match_number: 0x3_e642.into(),
    };
    let cross = itch::CrossTrade {
        header: Header::new(0x03d7, 1, 0x1f1a_cee1_5003),
        shares: 0.into(),
        stock: symbol("BAC-Q"),
        cross_price: price(0),
        match_number: 0x3_e63e.into(),
        cross_type: itch::CrossType::Opening.to_wire(),
    };
    let imbalance = itch::NetOrderImbalance {
        header: Header::new(0x1ead, 0, 0x1f1a_cedb_43f1),
        paired_shares: 0.into(),
        imbalance_shares: 0.into(),
        imbalance_direction: itch::ImbalanceDirection::InsufficientOrders.to_wire(),
        stock: symbol("PFTAW"),
        far_price: price(0),
        near_price: price(0),
        current_reference_price: price(0),
        cross_type: itch::CrossType::Opening.to_wire(),
        price_variation_indicator: itch::PriceVariation::NotAvailable.to_wire(),
    };
    let collar = itch::LuldAuctionCollar {
        header: Header::new(0x2c3d, 0, 0x1f1e_703b_4f95),
        stock: symbol("ZXZZT"),
        auction_collar_reference_price: price(0x2_0918),
        upper_auction_collar_price: price(0x2_2344),
        lower_auction_collar_price: price(0x1_aa90),
        auction_collar_extension: 0.into(),
    };
    let position = itch::MarketParticipantPosition {
        header: Header::new(0x0e40, 0, 0x1f20_8142_f846),
        mpid: Mpid::new("MAXM").unwrap(),
        stock: symbol("FDLS"),
        primary_market_maker: YesNo::Yes.to_wire(),
        market_maker_mode: itch::MarketMakerMode::Normal.to_wire(),
        market_participant_state: itch::ParticipantState::Active.to_wire(),
    };
    let reg_sho = itch::RegShoRestriction {
        header: Header::new(0x24bd, 0, 0x1f1a_d5cc_18b7),
        stock: symbol("SOPA"),
        reg_sho_action: itch::RegShoAction::RestrictedIntraday.to_wire(),
    };
    let action = itch::StockTradingAction {
        header: Header::new(0x2c3d, 0, 0x1f1e_7036_e465),
        stock: symbol("ZXZZT"),
        trading_state: itch::TradingState::Paused.to_wire(),
        reserved: b' ',
        reason: itch::HaltReason::VolatilityPause.to_wire(),
    };
    let interest = itch::RetailInterest {
        header: Header::new(0x04ea, 0, 0x1f1a_cece_ff2f),
        stock: symbol("BIZD"),
        interest_flag: itch::InterestFlag::None.to_wire(),
    };
    let event = itch::SystemEvent { header: Header::new(0, 0, 0x1f1a_cedb_02f0), event_code: b'Q' };
    assert_eq!(event.event(), Some(itch::EventCode::StartOfMarketHours));
    assert!(!executed_with_price.is_printable());
    let ours = [
        (0, Message::AddOrder(&add)),
        (1, Message::AddOrderMpid(&add_mpid)),
        (2, Message::OrderExecuted(&executed)),
        (3, Message::OrderExecutedWithPrice(&executed_with_price)),
        (4, Message::OrderCancel(&cancel)),
        (5, Message::OrderDelete(&delete)),
        (6, Message::OrderReplace(&replace)),
        (7, Message::Trade(&trade)),
        (8, Message::CrossTrade(&cross)),
        (9, Message::NetOrderImbalance(&imbalance)),
        (10, Message::LuldAuctionCollar(&collar)),
        (11, Message::MarketParticipantPosition(&position)),
        (12, Message::RegShoRestriction(&reg_sho)),
        (13, Message::StockTradingAction(&action)),
        (14, Message::SystemEvent(&event)),
        (15, Message::RetailInterest(&interest)),
    ];
    assert_eq!(ours.len(), decoded.len());
    for (golden, message) in ours {
        assert_eq!(message.as_bytes(), decoded[golden], "{message:?}");
        assert_eq!(Message::decode(&decoded[golden]), Ok(message));
    }

    assert_eq!(action.trading_state(), Some(itch::TradingState::Paused));
    assert_eq!(action.reason(), Some(itch::HaltReason::VolatilityPause));
    assert_eq!(reg_sho.reg_sho_action(), Some(itch::RegShoAction::RestrictedIntraday));
    assert_eq!(imbalance.price_variation(), Some(itch::PriceVariation::NotAvailable));
    let unknown = itch::CrossTrade { cross_type: b'I', ..cross };
    assert_eq!((cross.cross_type(), unknown.cross_type()), (Some(itch::CrossType::Opening), None));
}

#[test]
fn itch_messages_read_as_one_line() {
    for (golden, expected) in [
        (
            0,
            "09:29:59.999894278 add order (A) locate=5528 tracking=0 order_ref=23508286 side=Buy shares=1600 \
             stock=IVOO price=87.3900",
        ),
        (
            9,
            "09:30:00.000087025 net order imbalance (I) locate=7853 tracking=0 paired_shares=0 imbalance_shares=0 \
             imbalance_direction=InsufficientOrders stock=PFTAW far_price=0.0000 near_price=0.0000 \
             current_reference_price=0.0000 cross_type=Opening price_variation_indicator=NotAvailable",
        ),
        (
            13,
            "09:30:15.592125541 stock trading action (H) locate=11325 tracking=0 stock=ZXZZT trading_state=Paused \
             reserved=' ' reason=VolatilityPause",
        ),
    ] {
        assert_eq!(Message::decode(&hex(ITCH[golden])).unwrap().to_string(), expected);
    }
    // Codes of no meaning are shown as they came.
    let mut action = hex(ITCH[13]);
    action[19] = 0;
    action[21..25].copy_from_slice(b"ZZ9 ");
    let line = Message::decode(&action).unwrap().to_string();
    assert!(line.ends_with("trading_state=0x00 reserved=' ' reason=ZZ9"), "{line}");
}

/// The messages for which there are no real bytes, spelled out from the tables.
#[test]
fn other_messages_are_built_as_in_the_tables() {
    const TIME: u64 = 0x0102_0304_0506;
    let time = "0000010203040506";
    let id = ClOrdId::new("ID").unwrap();
    let id_hex = "4944 202020202020202020202020";
    let stock = "58595a2020202020";
    let symbol = Symbol::new("XYZ").unwrap();
    let replace = ouch::Replace {
        message_type: MessageType::NEW,
        orig_user_ref_num: 1.into(),
        user_ref_num: 2.into(),
        quantity: 300.into(),
        price: Price::MARKET.into(),
        time_in_force: ouch::TimeInForce::ImmediateOrCancel,
        display: ouch::Display::Hidden,
        intermarket_sweep: YesNo::Yes,
        cl_ord_id: id,
        appendage_len: 0.into(),
    };
    let replaced = ouch::Replaced {
        message_type: MessageType::NEW,
        timestamp: TIME.into(),
        orig_user_ref_num: 1.into(),
        user_ref_num: 2.into(),
        side: ouch::Side::SellShortExempt,
        quantity: 300.into(),
        symbol,
        price: Price::from_raw(0x1234).into(),
        time_in_force: ouch::TimeInForce::GoodTillTime,
        display: ouch::Display::Attributable,
        order_ref: 9.into(),
        capacity: ouch::Capacity::Riskless,
        intermarket_sweep: YesNo::No,
        cross_type: ouch::CrossType::Opening,
        order_state: ouch::OrderState::Dead,
        cl_ord_id: id,
        appendage_len: 0.into(),
    };
    let aiq = ouch::AiqCanceled {
        message_type: MessageType::NEW,
        timestamp: TIME.into(),
        user_ref_num: 1.into(),
        quantity: 2.into(),
        reason_code: ouch::CancelReason::SelfMatch.to_wire(),
        quantity_prevented: 3.into(),
        price: Price::from_raw(4).into(),
        liquidity_flag: ouch::Liquidity::Removed.to_wire(),
        strategy: b'D',
    };
    let broken = ouch::BrokenTrade {
        message_type: MessageType::NEW,
        timestamp: TIME.into(),
        user_ref_num: 1.into(),
        match_number: 5.into(),
        reason_code: ouch::BrokenReason::Consent.to_wire(),
        cl_ord_id: id,
    };
    let priority = ouch::PriorityUpdate {
        message_type: MessageType::NEW,
        timestamp: TIME.into(),
        user_ref_num: 1.into(),
        price: Price::from_raw(6).into(),
        display: ouch::Display::Z,
        order_ref: 7.into(),
    };
    let restated = ouch::Restated {
        message_type: MessageType::NEW,
        timestamp: TIME.into(),
        user_ref_num: 1.into(),
        reason_code: ouch::RestateReason::ReserveRefresh.to_wire(),
        appendage_len: 0.into(),
    };
    let executed = ouch::Executed::new(TIME, 1, 100, Price::from_raw(0x0f), ouch::Liquidity::Added, 0x77);
    let rejected = ouch::Rejected::new(TIME, 1, ouch::RejectReason::RiskMaxQuantity, id);
    let event = ouch::SystemEvent::new(TIME, ouch::EventCode::EndOfDay);
    let pending = ouch::CancelPending::new(TIME, 1);
    let cancel_reject = ouch::CancelReject::new(TIME, 1);
    let directory = itch::StockDirectory {
        header: Header::new(7, 0, TIME),
        stock: symbol,
        market_category: b'Q',
        financial_status: b'N',
        round_lot_size: 100.into(),
        round_lots_only: b'N',
        issue_classification: b'C',
        issue_sub_type: Alpha::new("Z").unwrap(),
        authenticity: b'P',
        short_sale_threshold: b'N',
        ipo_flag: b' ',
        luld_tier: b'1',
        etp_flag: b'N',
        etp_leverage: 0.into(),
        inverse: b'N',
    };
    let levels = itch::MwcbDeclineLevels {
        header: Header::new(0, 0, TIME),
        level_1: Price8::from_raw(0x11).into(),
        level_2: "4091.90000000".parse::<Price8>().unwrap().into(),
        level_3: Price8::MAX.into(),
    };
    let breached =
        itch::MwcbStatus { header: Header::new(0, 0, TIME), breached_level: itch::BreachedLevel::Level2.to_wire() };
    let quoting = itch::IpoQuotingPeriod {
        header: Header::new(7, 0, TIME),
        stock: symbol,
        ipo_quotation_release_time: 36_000.into(),
        ipo_quotation_release_qualifier: itch::ReleaseQualifier::Anticipated.to_wire(),
        ipo_price: Price4::HIGHEST.into(),
    };
    let halt = itch::OperationalHalt {
        header: Header::new(7, 0, TIME),
        stock: symbol,
        market_code: itch::MarketCode::Bx.to_wire(),
        operational_halt_action: itch::OperationalHaltAction::Halted.to_wire(),
    };
    let broken_itch = itch::BrokenTrade { header: Header::new(7, 0, TIME), match_number: 8.into() };
    let price = |raw| Price4::from_raw(raw).into();
    let direct = itch::DirectListingPrice {
        header: Header::new(7, 0, TIME),
        stock: symbol,
        open_eligibility_status: YesNo::Yes.to_wire(),
        minimum_allowable_price: price(1),
        maximum_allowable_price: price(2),
        near_execution_price: price(3),
        near_execution_time: TIME.into(),
        lower_price_range_collar: price(4),
        upper_price_range_collar: price(5),
    };
    let table: &[(&[u8], String)] = &[
        (replace.as_bytes(), format!("55 00000001 00000002 0000012c 0000000077359400 33 4e 59 {id_hex} 0000")),
        (
            replaced.as_bytes(),
            format!(
                "55 {time} 00000001 00000002 45 0000012c {stock} 0000000000001234 36 41 0000000000000009 52 4e \
                 4f 44 {id_hex} 0000"
            ),
        ),
        (aiq.as_bytes(), format!("44 {time} 00000001 00000002 51 00000003 0000000000000004 52 44")),
        (broken.as_bytes(), format!("42 {time} 00000001 0000000000000005 43 {id_hex}")),
        (priority.as_bytes(), format!("54 {time} 00000001 0000000000000006 5a 0000000000000007")),
        (restated.as_bytes(), format!("52 {time} 00000001 52 0000")),
        (executed.as_bytes(), format!("45 {time} 00000001 00000064 000000000000000f 41 0000000000000077 0000")),
        (rejected.as_bytes(), format!("4a {time} 00000001 0031 {id_hex}")),
        (event.as_bytes(), format!("53 {time} 45")),
        (pending.as_bytes(), format!("50 {time} 00000001")),
        (cancel_reject.as_bytes(), format!("49 {time} 00000001")),
        (
            directory.as_bytes(),
            format!("52 0007 0000 010203040506 {stock} 51 4e 00000064 4e 43 5a20 50 4e 20 31 4e 00000000 4e"),
        ),
        (levels.as_bytes(), "56 0000 0000 010203040506 0000000000000011 0000005f459fe580 ffffffffffffffff".to_owned()),
        (breached.as_bytes(), "57 0000 0000 010203040506 32".to_owned()),
        (quoting.as_bytes(), format!("4b 0007 0000 010203040506 {stock} 00008ca0 41 77359400")),
        (halt.as_bytes(), format!("68 0007 0000 010203040506 {stock} 42 48")),
        (broken_itch.as_bytes(), "42 0007 0000 010203040506 0000000000000008".to_owned()),
        (
            direct.as_bytes(),
            format!("4f 0007 0000 010203040506 {stock} 59 00000001 00000002 00000003 {time} 00000004 00000005"),
        ),
    ];
    for (bytes, expected) in table {
        assert_eq!(**bytes, hex(expected), "{expected}");
    }
    assert_eq!(aiq.liquidity(), Some(ouch::Liquidity::Removed));
    assert_eq!(executed.liquidity(), Some(ouch::Liquidity::Added));
    assert_eq!(broken.reason(), Some(ouch::BrokenReason::Consent));
    assert_eq!(rejected.reason(), Some(ouch::RejectReason::RiskMaxQuantity));
    assert_eq!(restated.reason(), Some(ouch::RestateReason::ReserveRefresh));
}
