//! Round trips of arbitrary messages.

use corelane_codecs::IntoBytes;
use corelane_codecs::binary_file::{self, Frame, Frames, frame};
use corelane_codecs::itch::{self, Message};
use corelane_codecs::mold::{self, Content, Packet, PacketBuilder};
use corelane_codecs::ouch::{
    Appendage, AppendageWriter, Element, Inbound, OuchError, Outbound, Tag, TagValue, encode_with_appendage,
    request_identity,
};
use corelane_codecs::price::{Price, Price4, Price8};
use corelane_codecs::soup::{ClientPacket, LoginRequest, RejectCode, ServerPacket, SoupError, packet_len};
use corelane_codecs::text::Alpha;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::spec::{Form, ITCH, OUCH_INBOUND, OUCH_OUTBOUND, Spec};

/// Arbitrary bytes of the message's length, with its type and codes that its table allows.
fn fixed_part(spec: &'static Spec) -> impl Strategy<Value = Vec<u8>> {
    (vec(any::<u8>(), spec.len), vec(any::<Index>(), spec.coded.len())).prop_map(|(mut bytes, picks)| {
        bytes[0] = spec.kind;
        for ((offset, _, codes), pick) in spec.coded.iter().zip(picks) {
            bytes[*offset] = *pick.get(codes);
        }
        if spec.form == Form::Always {
            bytes.truncate(spec.len - 2);
        }
        bytes
    })
}

fn tag_value() -> impl Strategy<Value = TagValue> {
    (select(Tag::ALL), any::<[u8; 8]>()).prop_map(|(tag, bytes)| {
        let value = &bytes[..tag.value_len()];
        Element { tag: tag.to_wire(), value }.typed().expect("a known tag with its size")
    })
}

/// Elements of known and unknown tags, and the values of the known ones.
fn elements() -> impl Strategy<Value = (Vec<u8>, Vec<TagValue>)> {
    let unknown = (29..=u8::MAX, vec(any::<u8>(), 0..20))
        .prop_map(|(tag, value)| ([&[1 + value.len() as u8, tag], &value[..]].concat(), None));
    let known = tag_value().prop_map(|value| {
        let mut buffer = [0; 10];
        let mut writer = AppendageWriter::new(&mut buffer);
        assert!(writer.push(value));
        (writer.as_bytes().to_vec(), Some(value))
    });
    vec(prop_oneof![known, unknown], 0..6).prop_map(|elements| {
        let (bytes, values): (Vec<_>, Vec<_>) = elements.into_iter().unzip();
        (bytes.concat(), values.into_iter().flatten().collect())
    })
}

/// A whole OUCH message, whether it is in its long form, and the values of its options.
fn ouch_message(table: &'static [Spec]) -> impl Strategy<Value = (&'static Spec, Vec<u8>, Option<Vec<TagValue>>)> {
    select((0..table.len()).collect::<Vec<_>>()).prop_flat_map(move |index| {
        let spec = &table[index];
        (fixed_part(spec), elements(), any::<bool>()).prop_map(move |(mut bytes, (options, values), long)| {
            let long = match spec.form {
                Form::Fixed => false,
                Form::Always => true,
                Form::Optional => long,
            };
            if long {
                bytes.extend((options.len() as u16).to_be_bytes());
                bytes.extend(options);
            }
            (spec, bytes, long.then_some(values))
        })
    })
}

macro_rules! reencode {
    ($decoded:expr, $long:expr, $type:ident: $($variant:ident),+; $($alone:ident)?) => {{
        let mut out = vec![0; 70_000];
        let (appendage, written) = match $decoded {
            $($type::$variant(message, appendage) => {
                let written = if $long {
                    encode_with_appendage(message, appendage.as_bytes(), &mut out).unwrap()
                } else {
                    out[..message.as_bytes().len()].copy_from_slice(message.as_bytes());
                    message.as_bytes().len()
                };
                (appendage, written)
            })+
            $($type::$alone(message) => {
                out[..message.as_bytes().len()].copy_from_slice(message.as_bytes());
                (Appendage::EMPTY, message.as_bytes().len())
            })?
        };
        out.truncate(written);
        (appendage, out)
    }};
}

fn reencode_inbound(message: Inbound<'_>, long: bool) -> (Appendage<'_>, Vec<u8>) {
    reencode!(
        message, long,
        Inbound: Enter, Replace, Cancel, Modify, MassCancel, DisableEntry, EnableEntry, AccountQuery;
    )
}

fn reencode_outbound(message: Outbound<'_>, long: bool) -> (Appendage<'_>, Vec<u8>) {
    reencode!(
        message, long,
        Outbound: Accepted, Replaced, Canceled, AiqCanceled, Executed, BrokenTrade, Rejected, CancelPending,
        CancelReject, PriorityUpdate, Restated, Modified, MassCancelResponse, DisableEntryResponse,
        EnableEntryResponse, AccountQueryResponse; SystemEvent
    )
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_be_bytes(bytes[offset..offset + 4].try_into().unwrap())
}

fn client_packet() -> impl Strategy<Value = ClientPacket<'static>> {
    prop_oneof![
        login().prop_map(ClientPacket::Login),
        payload().prop_map(ClientPacket::Unsequenced),
        Just(ClientPacket::Heartbeat),
        Just(ClientPacket::Logout),
        payload().prop_map(ClientPacket::Debug),
    ]
}

fn server_packet() -> impl Strategy<Value = ServerPacket<'static>> {
    prop_oneof![
        (text(), any::<u64>())
            .prop_map(|(session, next_sequence)| { ServerPacket::LoginAccepted { session, next_sequence } }),
        select(RejectCode::ALL).prop_map(ServerPacket::LoginRejected),
        payload().prop_map(ServerPacket::Sequenced),
        payload().prop_map(ServerPacket::Unsequenced),
        Just(ServerPacket::Heartbeat),
        Just(ServerPacket::EndOfSession),
        payload().prop_map(ServerPacket::Debug),
    ]
}

fn login() -> impl Strategy<Value = LoginRequest> {
    (text(), text(), text(), any::<Option<u64>>(), proptest::option::of(0..100_000_u32)).prop_map(
        |(user, password, session, sequence, heartbeat_timeout_ms)| LoginRequest {
            user,
            password,
            session,
            sequence,
            heartbeat_timeout_ms,
        },
    )
}

/// Left-justified text, as decoders return it.
fn text<const N: usize>() -> impl Strategy<Value = Alpha<N>> {
    vec(32..127_u8, 0..=N).prop_map(|bytes| {
        let mut field = [b' '; N];
        field[..bytes.len()].copy_from_slice(&bytes);
        Alpha::from_bytes(field).justified()
    })
}

/// Payloads of all interesting lengths, borrowed from one static.
fn payload() -> impl Strategy<Value = &'static [u8]> {
    static BYTES: [u8; 300] = {
        let mut bytes = [0; 300];
        let mut at = 0;
        while at < bytes.len() {
            bytes[at] = (at * 7) as u8;
            at += 1;
        }
        bytes
    };
    (0..40_usize, 0..=260_usize).prop_map(|(start, length)| &BYTES[start..start + length])
}

proptest! {
    #[test]
    fn ouch_requests_survive_a_round_trip((spec, bytes, options) in ouch_message(OUCH_INBOUND)) {
        let decoded = Inbound::decode(&bytes).unwrap();
        let (appendage, again) = reencode_inbound(decoded, options.is_some());
        prop_assert_eq!(&again, &bytes);
        prop_assert_eq!(appendage.values().collect::<Vec<_>>(), options.unwrap_or_default());
        match spec.kind {
            b'U' => prop_assert_eq!(decoded.user_ref_num(), u32_at(&bytes, 5)),
            b'Q' => prop_assert_eq!(decoded.user_ref_num(), 0),
            _ => prop_assert_eq!(decoded.user_ref_num(), u32_at(&bytes, 1)),
        }
        if b"OU".contains(&spec.kind) {
            let identity = request_identity(&bytes).unwrap();
            let (number, cl_ord_id) = (identity.user_ref_num, identity.cl_ord_id);
            prop_assert_eq!(number, decoded.user_ref_num());
            prop_assert_eq!(&cl_ord_id.as_array()[..], &bytes[spec.len - 16..spec.len - 2]);
        }
    }

    #[test]
    fn ouch_answers_survive_a_round_trip((spec, bytes, options) in ouch_message(OUCH_OUTBOUND)) {
        let decoded = Outbound::decode(&bytes).unwrap();
        let (appendage, again) = reencode_outbound(decoded, options.is_some());
        prop_assert_eq!(&again, &bytes);
        prop_assert_eq!(appendage.values().collect::<Vec<_>>(), options.unwrap_or_default());
        prop_assert_eq!(decoded.timestamp_ns().to_be_bytes(), &bytes[1..9]);
        let number_at = match spec.kind {
            b'S' | b'Q' => None,
            b'U' => Some(13),
            _ => Some(9),
        };
        prop_assert_eq!(decoded.user_ref_num(), number_at.map(|at| u32_at(&bytes, at)));
    }

    #[test]
    fn a_code_outside_its_set_is_named(
        (spec, mut bytes, _) in prop_oneof![ouch_message(OUCH_INBOUND), ouch_message(OUCH_OUTBOUND)],
        pick: Index,
        code: u8,
    ) {
        let inbound = OUCH_INBOUND.iter().any(|known| core::ptr::eq(known, spec));
        prop_assume!(!spec.coded.is_empty());
        let (at, name, codes) = pick.get(spec.coded);
        prop_assume!(!codes.contains(&code));
        bytes[*at] = code;
        let error = if inbound { Inbound::decode(&bytes).err() } else { Outbound::decode(&bytes).err() };
        prop_assert!(
            matches!(error, Some(OuchError::BadField { field, offset, value, .. })
                if field == *name && offset == *at && value == code),
            "{error:?}"
        );
    }

    #[test]
    fn a_cut_ouch_message_is_truncated((spec, bytes, options) in ouch_message(OUCH_OUTBOUND), at: Index) {
        let length = 1 + at.index(bytes.len() - 1);
        prop_assume!(!(length == spec.len && spec.form == Form::Optional));
        prop_assume!(length < bytes.len());
        let error = Outbound::decode(&bytes[..length]).unwrap_err();
        let truncated = matches!(error, OuchError::Truncated { actual, needed, .. }
            if actual == length && needed > length && needed <= bytes.len());
        prop_assert!(truncated, "{:?} {:?}", error, options);
    }

    #[test]
    fn itch_messages_survive_a_round_trip(
        bytes in select((0..ITCH.len()).collect::<Vec<_>>()).prop_flat_map(|index| fixed_part(&ITCH[index])),
        cut: Index,
    ) {
        let message = Message::decode(&bytes).unwrap();
        prop_assert_eq!(message.as_bytes(), &bytes[..]);
        prop_assert_eq!(message.kind(), bytes[0]);
        prop_assert_eq!(message.stock_locate().to_be_bytes(), &bytes[1..3]);
        prop_assert_eq!(&message.timestamp_ns().to_be_bytes()[2..], &bytes[5..11]);
        let stock_at = match bytes[0] {
            b'R' | b'H' | b'Y' | b'K' | b'J' | b'h' | b'N' | b'O' => Some(11),
            b'L' => Some(15),
            b'Q' => Some(19),
            b'A' | b'F' | b'P' => Some(24),
            b'I' => Some(28),
            _ => None,
        };
        prop_assert_eq!(message.stock().map(|stock| &stock.as_array()[..]), stock_at.map(|at| &bytes[at..at + 8]));
        let wrong_length = |bytes: &[u8]| matches!(
            Message::decode(bytes),
            Err(itch::ItchError::WrongLength { actual, .. }) if actual == bytes.len()
        );
        prop_assert!(wrong_length(&bytes[..1 + cut.index(bytes.len() - 1)]));
        prop_assert!(wrong_length(&[&bytes[..], &[0]].concat()));
    }

    #[test]
    fn itch_timestamps_hold_48_bits(ns in 0..=itch::Timestamp::MAX_NS) {
        prop_assert_eq!(itch::Timestamp::try_from(ns), Ok(itch::Timestamp::from_ns(ns)));
        prop_assert_eq!(itch::Timestamp::from_ns(ns).ns(), ns);
    }

    #[test]
    fn client_packets_survive_a_round_trip(packet in client_packet()) {
        let mut out = [0; 512];
        let length = packet.encode(&mut out).unwrap();
        prop_assert_eq!(ClientPacket::decode(&out[..length]), Ok(packet));
        prop_assert_eq!(
            packet.encode(&mut out[..length - 1]),
            Err(SoupError::NoRoom { needed: length, available: length - 1 })
        );
    }

    #[test]
    fn server_packets_survive_a_round_trip(packet in server_packet()) {
        let mut out = [0; 512];
        let length = packet.encode(&mut out).unwrap();
        prop_assert_eq!(ServerPacket::decode(&out[..length]), Ok(packet));
        prop_assert_eq!(
            packet.encode(&mut out[..length - 1]),
            Err(SoupError::NoRoom { needed: length, available: length - 1 })
        );
    }

    #[test]
    fn a_soup_stream_is_framed_wherever_it_is_cut(packets in vec(client_packet(), 1..8), step in 1..40_usize) {
        let mut stream = Vec::new();
        for packet in &packets {
            let mut out = [0; 512];
            let length = packet.encode(&mut out).unwrap();
            stream.extend(&out[..length]);
        }
        let (mut start, mut end, mut read) = (0, 0, 0);
        while end < stream.len() {
            end = (end + step).min(stream.len());
            while let Some(length) = packet_len(&stream[start..end], 260).unwrap() {
                prop_assert_eq!(ClientPacket::decode(&stream[start..start + length]), Ok(packets[read]));
                start += length;
                read += 1;
            }
        }
        prop_assert_eq!((start, read), (stream.len(), packets.len()));
    }

    #[test]
    fn mold_packets_survive_a_round_trip(
        session: [u8; 10],
        sequence in prop_oneof![0..1_000_u64, (u64::MAX - 4)..=u64::MAX, any::<u64>()],
        messages in vec(vec(any::<u8>(), 0..60), 0..8),
        payload_max in 20..400_usize,
        cut: Index,
    ) {
        let session = Alpha::from_bytes(session);
        let mut buffer = [0xaa; 400];
        let mut builder = PacketBuilder::new(&mut buffer, session, sequence, payload_max).unwrap();
        let pushed: Vec<_> = messages.iter().take_while(|message| builder.push(message)).collect();
        prop_assert_eq!(usize::from(builder.count()), pushed.len());
        let next = builder.next_sequence();
        let bytes = builder.finish();

        let size = |count: usize| 20 + messages[..count].iter().map(|message| 2 + message.len()).sum::<usize>();
        prop_assert_eq!(bytes.len(), size(pushed.len()));
        if pushed.len() < messages.len() {
            let overflows = sequence.checked_add(pushed.len() as u64 + 1).is_none();
            prop_assert!(overflows || size(pushed.len() + 1) > payload_max, "refused though there was room");
        }

        let packet = Packet::decode(bytes).unwrap();
        let content = match pushed.len() {
            0 => Content::Heartbeat,
            count => Content::Messages(count as u16),
        };
        prop_assert_eq!((packet.session, packet.sequence, packet.content), (session, sequence, content));
        prop_assert_eq!(packet.next_sequence(), next);
        let mut reader = packet.messages();
        for (index, message) in pushed.iter().enumerate() {
            prop_assert_eq!(reader.next(), Some(Ok((sequence + index as u64, &message[..]))));
        }
        prop_assert_eq!((reader.next(), reader.remainder()), (None, &[][..]));

        let length = 20 + cut.index(bytes.len() - 19);
        let whole = (0..=pushed.len()).rev().find(|count| size(*count) <= length).unwrap();
        let mut reader = Packet::decode(&bytes[..length]).unwrap().messages();
        for (index, message) in pushed[..whole].iter().enumerate() {
            prop_assert_eq!(reader.next(), Some(Ok((sequence + index as u64, &message[..]))));
        }
        if whole < pushed.len() {
            let error = reader.next().unwrap().unwrap_err();
            let named = matches!(error, mold::MoldError::Truncated { index, offset, actual, .. }
                if usize::from(index) == whole && offset == size(whole) && actual == length - offset);
            prop_assert!(named, "{error}");
        }
        prop_assert_eq!(reader.next(), None);
    }

    #[test]
    fn mold_requests_and_session_packets_survive_a_round_trip(session: [u8; 10], sequence: u64, count: u16) {
        let session = Alpha::from_bytes(session);
        let request = mold::Request { session, sequence, count };
        let mut out = [0; mold::HEADER_LEN];
        prop_assert_eq!(request.encode(&mut out), Ok(20));
        prop_assert_eq!(mold::Request::decode(&out), Ok(request));
        for (write, content) in [
            (mold::heartbeat as fn(&mut [u8], _, _) -> _, Content::Heartbeat),
            (mold::end_of_session, Content::EndOfSession),
        ] {
            prop_assert_eq!(write(&mut out, session, sequence), Ok(20));
            let packet = Packet::decode(&out).unwrap();
            prop_assert_eq!((packet.session, packet.sequence, packet.content), (session, sequence, content));
            prop_assert_eq!(packet.next_sequence(), sequence);
            prop_assert_eq!(packet.messages().next(), None);
        }
    }

    #[test]
    fn binary_files_survive_a_round_trip(messages in vec(vec(any::<u8>(), 1..50), 0..20), end: bool, cut: Index) {
        let mut file = Vec::new();
        let marker: &[u8] = &[];
        let written = messages.iter().map(|message| &message[..]).chain(end.then_some(marker));
        for message in written {
            let mut out = [0; 64];
            let length = binary_file::encode(message, &mut out).unwrap();
            file.extend(&out[..length]);
        }
        let behind_marker = if end { &b"anything"[..] } else { &[] };
        let whole = [&file[..], behind_marker].concat();
        let mut frames = Frames::new(&whole);
        let read: Vec<_> = frames.by_ref().map(Result::unwrap).collect();
        prop_assert_eq!(&read, &messages);
        prop_assert_eq!(frames.next(), None, "nothing is read behind the end marker");
        prop_assert_eq!(frames.offset(), file.len());

        let cut = &file[..cut.index(file.len() + 1)];
        let mut rest = cut;
        let mut streamed = Vec::new();
        while let Some((frame, taken)) = frame(rest) {
            rest = &rest[taken..];
            match frame {
                Frame::Message(message) => streamed.push(message),
                Frame::EndOfSession => break,
            }
        }
        prop_assert_eq!(&streamed, &messages[..streamed.len()]);
        let mut frames = Frames::new(cut);
        let read: Vec<_> = frames.by_ref().take_while(Result::is_ok).map(Result::unwrap).collect();
        prop_assert_eq!(&read, &streamed);
        prop_assert_eq!(frames.offset() + rest.len(), cut.len());
    }

    #[test]
    fn prices_survive_text(raw: u64) {
        let price = Price::from_raw(raw);
        prop_assert_eq!(price.to_string().parse(), Ok(price));
        match Price4::try_from(price) {
            Ok(narrow) => prop_assert_eq!(Price::from(narrow), price),
            Err(_) => prop_assert!(raw > u64::from(u32::MAX)),
        }
        let fine = Price8::from_raw(raw);
        prop_assert_eq!(fine.to_string().parse(), Ok(fine));
        let narrow = Price4::from_raw(raw as u32);
        prop_assert_eq!(narrow.to_string().parse(), Ok(narrow));
        prop_assert_eq!(narrow.to_string(), Price::from(narrow).to_string());
    }

    #[test]
    fn text_survives_justification(text in "[ -~]{0,10}") {
        let field = Alpha::<10>::new(&text).unwrap();
        prop_assert_eq!(field.trimmed(), text.trim_matches(' ').as_bytes());
        let right = field.right_justified();
        prop_assert_eq!(right.trimmed(), field.trimmed());
        prop_assert_eq!(right.justified(), field.justified());
        prop_assert!(field.matches_ignoring_case(&Alpha::new(&text.to_ascii_lowercase()).unwrap().right_justified()));
        prop_assert_eq!(field.is_blank(), field.trimmed().is_empty());
    }
}
