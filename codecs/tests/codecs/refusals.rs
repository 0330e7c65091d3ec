//! What a refusal says: one line per kind of error.

use corelane_codecs::binary_file::{self, Frames, UnsizedFrames};
use corelane_codecs::itch::{Message, Timestamp, message_len};
use corelane_codecs::mold::{MoldError, Packet, PacketBuilder, Request};
use corelane_codecs::ouch::{
    AppendageWriter, Inbound, Outbound, RejectReason, RequestIdentity, encode_with_appendage, request_identity,
};
use corelane_codecs::price::{Price, Price4, Price8, PriceError};
use corelane_codecs::soup::{ClientPacket, MAX_PAYLOAD, ServerPacket, SoupError, packet_len};
use corelane_codecs::text::{Alpha, AlphaError};

use crate::golden;
use crate::hex;

/// A real enter order with the bytes from `at` replaced.
fn enter_with(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut message = hex(golden::ENTER)[3..].to_vec();
    message[at..at + bytes.len()].copy_from_slice(bytes);
    message
}

fn check<T: core::fmt::Debug, E: core::fmt::Display>(result: Result<T, E>, expected: &str) {
    assert_eq!(result.map_err(|error| error.to_string()).unwrap_err(), expected);
}

#[test]
fn ouch_says_what_where_and_why() {
    let enter = enter_with(0, b"O");
    let longer = [&enter[..], b"?"].concat();
    let cases: &[(&[u8], &str)] = &[
        (b"", "empty message; at least the type byte must be sent"),
        (b"?", "unknown message type '?' at offset 0"),
        (b"\x00", "unknown message type 0x00 at offset 0"),
        (&enter[..46], "enter order (O): ends after 46 of 47 bytes"),
        (&enter[..50], "enter order (O): ends after 50 of 53 bytes"),
        (&longer, "enter order (O): 54 bytes where its fields and appendage length make 53"),
        (&enter_with(5, b"Q"), "enter order (O): invalid code 'Q' in field side at offset 5"),
        // The first of several bad fields.
        (&enter_with(26, b"??????"), "enter order (O): invalid code '?' in field time_in_force at offset 26"),
        (&enter_with(27, b"Z"), "enter order (O): invalid code 'Z' in field display at offset 27"),
        (
            &enter_with(47, &[0]),
            "enter order (O): bad appendage at offset 47: element length 0 leaves no room for its tag",
        ),
        (&enter_with(47, &[9]), "enter order (O): bad appendage at offset 47: element of 9 bytes has only 5 left"),
        (
            &enter_with(47, &[1, 99, 3, 12, 0, 0]),
            "enter order (O): bad appendage at offset 49: value of tag PostOnly has 2 bytes, not 1",
        ),
        (&hex("58 00000001 00000000 00"), "cancel order (X): ends after 10 of 11 bytes"),
        (
            &hex("58 00000001 00000000 0000 00"),
            "cancel order (X): 12 bytes where its fields and appendage length make 11",
        ),
    ];
    for (bytes, expected) in cases {
        check(Inbound::decode(bytes), expected);
    }
    check(
        Outbound::decode(b"S\0\0\0\0\0\0\0\0S?"),
        "system event (S): 11 bytes where its fields and appendage length make 10",
    );
    let cancel = corelane_codecs::ouch::Cancel::new(1, 0);
    check(encode_with_appendage(&cancel, &[], &mut [0; 10]), "cancel order (X): 11 bytes do not fit the 10 available");
    check(
        encode_with_appendage(&cancel, &[0; 65_536], &mut [0; 70_000]),
        "cancel order (X): 65547 bytes do not fit the 65546 available",
    );
    assert_eq!(AppendageWriter::new(&mut []).as_bytes(), b"");
}

#[test]
fn a_refused_request_can_be_rejected() {
    let cases = [
        (5, RejectReason::InvalidSide),
        (26, RejectReason::Other),
        (27, RejectReason::InvalidDisplay),
        (29, RejectReason::IsoNotAllowed),
        (30, RejectReason::InvalidCrossOrder),
    ];
    for (offset, reason) in cases {
        let request = enter_with(offset, b"?");
        assert_eq!(Inbound::decode(&request).unwrap_err().reject_reason(), reason);
        let RequestIdentity { user_ref_num, cl_ord_id, .. } = request_identity(&request).unwrap();
        assert_eq!((user_ref_num, cl_ord_id.to_string().as_str()), (113, "H8FUB8IV"));
    }
    // The channel is read as far as the options are readable. The recorded enter has the option Firm of six bytes.
    let whole = [&enter_with(45, &[0, 9])[..], &[2, 28, 3]].concat();
    let behind = |option: &[u8]| {
        [&enter_with(45, &[0, 3 + u8::try_from(option.len()).unwrap()])[..47], option, &[2, 28, 3]].concat()
    };
    let cases = [
        (&whole[..], 3),
        (&whole[..whole.len() - 1], 0),
        (&enter_with(5, b"?"), 0),
        (&behind(&[0]), 3),
        (&behind(&[0, 0]), 3),
        (&behind(&[1, 3]), 3),
        (&behind(&[9, 3]), 0),
    ];
    for (bytes, channel) in cases {
        assert_eq!(request_identity(bytes).map(|identity| identity.channel), Some(channel), "{bytes:02x?}");
    }
    assert_eq!(request_identity(&enter_with(0, b"O")[..44]), None);
    assert_eq!(request_identity(b"X\0\0\0\x01\0\0\0\0"), None);
}

#[test]
fn itch_says_what_where_and_why() {
    let mut add = hex(golden::ITCH[0]);
    add[19] = b'X';
    check(Message::decode(&add), "add order (A): invalid code 'X' in field side at offset 19");
    check(Message::decode(b""), "empty message; it must have at least the type byte");
    check(Message::decode(b"Z"), "unknown message type 'Z' at offset 0");
    check(Message::decode(&add[..35]), "message type 'A' has 36 bytes, not 35");
    check(Message::decode(b"I"), "message type 'I' has 50 bytes, not 1");
}

#[test]
fn times_of_more_than_48_bits_are_refused() {
    let last = Timestamp::try_from(Timestamp::MAX_NS).unwrap();
    assert_eq!((last.ns(), last.is_time_of_day()), ((1 << 48) - 1, false));
    check(Timestamp::try_from(1 << 48), "281474976710656 ns since midnight need more than 48 bits");
    let before_midnight = Timestamp::from_ns(Timestamp::DAY_NS - 1);
    assert!(before_midnight.is_time_of_day());
    assert_eq!(before_midnight.to_string(), "23:59:59.999999999");
}

#[test]
fn soup_says_what_where_and_why() {
    let login = hex(golden::LOGIN);
    let mut bad_sequence = login.clone();
    bad_sequence[40] = b'x';
    let mut huge_sequence = login.clone();
    huge_sequence[29..49].copy_from_slice(b"18446744073709551616");
    let cases: &[(&[u8], &str)] = &[
        (b"", "packet of 3 bytes ends after 0"),
        (b"\0\0", "packet length 0 at offset 0 leaves no room for its type"),
        (b"\0\x01", "packet of 3 bytes ends after 2"),
        (b"\0\x03Ux", "packet of 5 bytes ends after 4"),
        (b"\0\x01RR", "packet of 3 bytes is followed by 1 more; give one packet at a time"),
        (b"\0\x01?", "unknown packet type '?' at offset 2"),
        (b"\0\x02R?", "packet type 'R': length 2 at offset 0, expected 1"),
        (b"\0\x02L?", "packet type 'L': length 2 at offset 0, expected 47"),
        (
            &bad_sequence,
            "packet type 'L': requested sequence number at offset 29 is not ASCII digits of a 64-bit number",
        ),
        (
            &huge_sequence,
            "packet type 'L': requested sequence number at offset 29 is not ASCII digits of a 64-bit number",
        ),
    ];
    for (bytes, expected) in cases {
        check(ClientPacket::decode(bytes), expected);
    }
    let blank_sequence = [&b"\0\x1fA"[..], &[b' '; 30]].concat();
    let cases: &[(&[u8], &str)] = &[
        (b"\0\x01J", "packet type 'J': length 1 at offset 0, expected 2"),
        (b"\0\x02J?", "packet type 'J': reject code at offset 3 is not 'A' or 'S'"),
        (b"\0\x01A", "packet type 'A': length 1 at offset 0, expected 31"),
        (&blank_sequence, "packet type 'A': next sequence number at offset 13 is not a number"),
        (b"\0\x01R", "unknown packet type 'R' at offset 2"),
    ];
    for (bytes, expected) in cases {
        check(ServerPacket::decode(bytes), expected);
    }
    let payload = vec![0; MAX_PAYLOAD + 1];
    let mut out = vec![0; MAX_PAYLOAD + 16];
    assert_eq!(ServerPacket::Sequenced(&payload[1..]).encode(&mut out), Ok(MAX_PAYLOAD + 3));
    check(ServerPacket::Sequenced(&payload).encode(&mut out), "payload of 65535 bytes exceeds the 65534 allowed");
    let Ok(ClientPacket::Login(login)) = ClientPacket::decode(&login) else { panic!() };
    let login = corelane_codecs::soup::LoginRequest { heartbeat_timeout_ms: Some(100_000), ..login };
    check(
        ClientPacket::Login(login).encode(&mut out),
        "packet type 'L': heartbeat timeout at offset 49 is not at most 99999 ms",
    );
}

#[test]
fn soup_lengths_are_bounded_before_the_payload_is_there() {
    let cases = [
        (&b""[..], Ok(None)),
        (b"\0", Ok(None)),
        (b"\0\0", Err(SoupError::ZeroLength)),
        (b"\0\x01", Ok(None)),
        (b"\0\x01R", Ok(Some(3))),
        (b"\0\x01R\0\0", Ok(Some(3))),
        (b"\0\x0b", Ok(None)),
        (b"\0\x0c", Err(SoupError::TooLong { length: 11, max: 10 })),
        (b"\xff\xff", Err(SoupError::TooLong { length: 65_534, max: 10 })),
    ];
    for (bytes, expected) in cases {
        assert_eq!(packet_len(bytes, 10), expected, "{bytes:?}");
    }
    assert_eq!(packet_len(b"\xff\xff", MAX_PAYLOAD), Ok(None));
}

#[test]
fn mold_says_what_where_and_why() {
    let header = hex(golden::MOLD_HEADER);
    check(Packet::decode(&header[..19]), "packet of 19 bytes is shorter than its header of 20");
    check(Request::decode(&header[..19]), "packet of 19 bytes is shorter than its header of 20");
    check(Request::decode(&[0; 21]), "request has 20 bytes, not 21");
    let cut = [&header[..], b"\0\x05four"].concat();
    check(
        Packet::decode(&cut).unwrap().messages().next().unwrap(),
        "message 14764496 (0 of 1) at offset 20 needs 7 bytes and has 6; request it again",
    );
    let overflow = hex("30303030313030353942 ffffffffffffffff 0001");
    assert_eq!(Packet::decode(&overflow), Err(MoldError::SequenceOverflow { sequence: u64::MAX, count: 1 }));
    check(
        PacketBuilder::new(&mut [0; 64], Alpha::BLANK, 1, 19),
        "buffer of 19 bytes is too small; the packet needs 20",
    );
}

#[test]
fn a_mold_packet_takes_65534_messages_and_no_message_over_65535_bytes() {
    let mut buffer = vec![0; 200_000];
    let mut packet = PacketBuilder::new(&mut buffer, Alpha::BLANK, 1, usize::MAX).unwrap();
    assert!(!packet.push(&[0; 65_536]));
    assert!((0..65_534).all(|_| packet.push(b"")));
    assert!(!packet.push(b""), "65 535 would be the end of the session");
    assert_eq!(Packet::decode(packet.finish()).unwrap().messages().count(), 65_534);

    let mut packet = PacketBuilder::new(&mut buffer, Alpha::BLANK, 1, usize::MAX).unwrap();
    assert!(packet.push(&[7; 65_535]));
    assert_eq!(Packet::decode(packet.finish()).unwrap().messages().next(), Some(Ok((1, &[7; 65_535][..]))));
}

#[test]
fn binary_files_say_where_they_are_damaged() {
    let mut frames = Frames::new(b"\0\x01a\0\x03b");
    assert_eq!(frames.next(), Some(Ok(&b"a"[..])));
    check(frames.next().unwrap(), "the file is cut short: the frame at offset 3 has 5 bytes, of which 3 are there");
    assert_eq!(frames.next(), None);
    check(binary_file::encode(b"abc", &mut [0; 4]), "frame of 5 bytes does not fit the 4 available");
    check(binary_file::encode(&[0; 65_536], &mut [0; 70_000]), "frame of 65538 bytes does not fit the 65537 available");
    let cases: &[(&[u8], &str)] = &[
        (b"\0", "the file is cut short: the frame at offset 0 has 3 bytes, of which 1 are there"),
        (b"\0\0", "the file is cut short: the frame at offset 0 has 3 bytes, of which 2 are there"),
        (b"\0\0S", "the file is cut short: the frame at offset 0 has 14 bytes, of which 3 are there"),
        (b"\0\0?", "message type '?' at offset 2 has no known size"),
        (b"\0\x0cS", "length 12 at offset 0 of a file without lengths; read it with `Frames`"),
    ];
    for (bytes, expected) in cases {
        let mut frames = UnsizedFrames::new(bytes, message_len);
        check(frames.next().unwrap(), expected);
        assert_eq!(frames.next(), None);
    }
}

#[test]
fn prices_are_parsed_strictly() {
    let cases = [
        ("0", Ok(0)),
        ("1", Ok(10_000)),
        ("1.5", Ok(15_000)),
        ("007.0001", Ok(70_001)),
        ("429496.7295", Ok(4_294_967_295)),
        ("429496.7296", Err(PriceError::TooLarge)),
        ("99999999999999999999", Err(PriceError::TooLarge)),
        ("1.00000", Err(PriceError::TooPrecise { decimals: 4 })),
        ("", Err(PriceError::Syntax)),
        (".", Err(PriceError::Syntax)),
        (".5", Err(PriceError::Syntax)),
        ("5.", Err(PriceError::Syntax)),
        ("-1", Err(PriceError::Syntax)),
        ("+1", Err(PriceError::Syntax)),
        ("1,5", Err(PriceError::Syntax)),
        ("1.2.3", Err(PriceError::Syntax)),
    ];
    for (text, expected) in cases {
        assert_eq!(text.parse::<Price4>().map(Price4::raw), expected, "{text}");
    }
    assert_eq!(Price::from_raw(1_234_500).to_string(), "123.4500");
    assert_eq!(Price8::from_raw(1).to_string(), "0.00000001");
    assert_eq!("4091.9".parse::<Price8>().map(Price8::raw), Ok(409_190_000_000));
    assert_eq!("0.000000001".parse::<Price8>(), Err(PriceError::TooPrecise { decimals: 8 }));
    assert!(Price4::HIGHEST.is_in_range() && !Price4::from_raw(2_000_000_001).is_in_range());
}

#[test]
fn price_arithmetic_is_checked() {
    let (one, two) = (Price::from_raw(1), Price::from_raw(2));
    assert_eq!(one.checked_add(one), Some(two));
    assert_eq!(Price::MAX.checked_add(one), None);
    assert_eq!(two.checked_sub(one), Some(one));
    assert_eq!(one.checked_sub(two), None);
    assert_eq!(two.checked_notional(u32::MAX), Some(2 * u64::from(u32::MAX)));
    assert_eq!(Price::MAX.checked_notional(2), None);
    assert!(Price::MAX_LIMIT.is_limit() && !Price::ZERO.is_limit() && !Price::MARKET.is_limit());
    for market in [Price::MARKET, Price::MARKET_FOR_CROSS, Price::MAX] {
        assert!(market.is_market() && !market.is_limit());
    }
    assert!(!Price::MAX_LIMIT.is_market());
}

#[test]
fn text_fields_take_printable_ascii_that_fits() {
    assert_eq!(Alpha::<3>::new("abcd"), Err(AlphaError::TooLong { length: 4, max: 3 }));
    assert_eq!(Alpha::<3>::new("a\n"), Err(AlphaError::NotPrintable { offset: 1, byte: b'\n' }));
    assert_eq!("ab".parse::<Alpha<3>>(), Ok(Alpha::from_bytes(*b"ab ")));
    let odd = Alpha::from_bytes(*b" a\0 ");
    assert_eq!((odd.to_string(), format!("{odd:?}")), ("a\\x00".into(), "\" a\\x00 \"".into()));
    assert_eq!(Alpha::<3>::default(), Alpha::BLANK);
}
