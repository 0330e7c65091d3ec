//! No input makes a decoder panic, and what it returns lies within the input.

use corelane_codecs::IntoBytes;
use corelane_codecs::binary_file::{Frames, UnsizedFrames};
use corelane_codecs::itch::{self, Message};
use corelane_codecs::mold;
use corelane_codecs::ouch::{Appendage, Inbound, Outbound, request_identity};
use corelane_codecs::soup::{ClientPacket, ServerPacket, packet_len};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::golden;
use crate::hex;

/// Runs every decoder over `bytes` and touches what it returns.
fn decode_as_everything(bytes: &[u8]) {
    if let Ok(Some(length)) = packet_len(bytes, 1024) {
        assert!((3..=bytes.len()).contains(&length));
    }
    if let Ok(packet) = ClientPacket::decode(bytes) {
        if let ClientPacket::Unsequenced(message) = packet {
            decode_ouch(message);
        }
        let mut out = [0; 2048];
        let length = packet.encode(&mut out).unwrap();
        assert_eq!(ClientPacket::decode(&out[..length]), Ok(packet));
    }
    if let Ok(packet) = ServerPacket::decode(bytes) {
        if let ServerPacket::Sequenced(message) = packet {
            decode_ouch(message);
        }
        let mut out = [0; 2048];
        let length = packet.encode(&mut out).unwrap();
        assert_eq!(ServerPacket::decode(&out[..length]), Ok(packet));
    }
    decode_ouch(bytes);
    decode_itch(bytes);
    if let Ok(packet) = mold::Packet::decode(bytes) {
        let mut sequence = packet.sequence;
        for (read, message) in packet.messages().map_while(Result::ok) {
            assert_eq!(read, sequence);
            sequence += 1;
            decode_itch(message);
        }
        assert!(sequence <= packet.next_sequence());
        let _ = format!("{:?}", packet.messages().last());
    }
    if let Ok(request) = mold::Request::decode(bytes) {
        let mut out = [0; mold::HEADER_LEN];
        request.encode(&mut out).unwrap();
        assert_eq!(out, bytes);
    }
    let framed: usize = Frames::new(bytes).map_while(Result::ok).map(|message| 2 + message.len()).sum();
    let unsized_: usize =
        UnsizedFrames::new(bytes, itch::message_len).map_while(Result::ok).map(|message| 2 + message.len()).sum();
    assert!(framed <= bytes.len() && unsized_ <= bytes.len());
}

fn decode_ouch(bytes: &[u8]) {
    match Inbound::decode(bytes) {
        Ok(message) => {
            let _ = format!("{message:?} {}", message.user_ref_num());
        }
        Err(error) => {
            let _ = format!("{error} {:?} {:?}", error.reject_reason(), request_identity(bytes));
        }
    }
    match Outbound::decode(bytes) {
        Ok(message) => {
            let _ = format!("{message:?} {} {:?}", message.timestamp_ns(), message.user_ref_num());
        }
        Err(error) => {
            let _ = error.to_string();
        }
    }
    if let Ok(appendage) = Appendage::parse(bytes) {
        let length: usize = appendage.elements().map(|element| 2 + element.value.len()).sum();
        assert_eq!(length, bytes.len());
        assert!(appendage.values().count() <= appendage.elements().count());
    }
}

fn decode_itch(bytes: &[u8]) {
    match Message::decode(bytes) {
        Ok(message) => {
            assert_eq!(message.as_bytes(), bytes);
            let line = format!("{message}");
            assert!(!line.contains(['\n', '\r']) && line.is_ascii(), "{line:?}");
            let _ = format!("{message:?} {} {:?}", message.stock_locate(), message.stock());
        }
        Err(error) => {
            let _ = error.to_string();
        }
    }
}

/// What to do to a valid input.
#[derive(Clone, Debug)]
enum Change {
    Set(u8),
    Insert(u8),
    Remove,
    Cut,
    Append(Vec<u8>),
}

fn edit() -> impl Strategy<Value = (Index, Change)> {
    let byte = || prop_oneof![any::<u8>(), select(&[0_u8, 1, 2, 0x7f, 0x80, 0xfe, 0xff, b' ', b'0'][..])];
    let change = prop_oneof![
        4 => byte().prop_map(Change::Set),
        1 => byte().prop_map(Change::Insert),
        1 => Just(Change::Remove),
        1 => Just(Change::Cut),
        1 => vec(byte(), 1..40).prop_map(Change::Append),
    ];
    (any::<Index>(), change)
}

fn apply(bytes: &mut Vec<u8>, (at, change): (Index, Change)) {
    if bytes.is_empty() {
        return;
    }
    let at = at.index(bytes.len());
    match change {
        Change::Set(byte) => bytes[at] = byte,
        Change::Insert(byte) => bytes.insert(at, byte),
        Change::Remove => drop(bytes.remove(at)),
        Change::Cut => bytes.truncate(at),
        Change::Append(tail) => bytes.extend(tail),
    }
}

/// Every golden input, bare and in its framing.
fn golden_inputs() -> Vec<Vec<u8>> {
    let packets =
        [golden::ENTER, golden::ACCEPTED, golden::CANCEL, golden::CANCELED, golden::LOGIN, golden::LOGIN_ACCEPTED];
    let mut inputs: Vec<Vec<u8>> = packets.iter().map(|text| hex(text)).collect();
    inputs.extend(packets.iter().map(|text| hex(text)[3..].to_vec()));
    inputs.extend(golden::ITCH.iter().map(|text| hex(text)));
    let mut buffer = [0; 1472];
    let mut packet = mold::PacketBuilder::new(&mut buffer, mold::SessionName::BLANK, 1, 1472).unwrap();
    assert!(golden::ITCH.iter().all(|text| packet.push(&hex(text))));
    let packet = packet.finish().to_vec();
    inputs.push(packet[mold::HEADER_LEN..].to_vec());
    inputs.push(packet);
    inputs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes_are_refused_or_read(bytes in vec(any::<u8>(), 0..200)) {
        decode_as_everything(&bytes);
    }

    #[test]
    fn altered_real_bytes_are_refused_or_read(mut bytes in select(golden_inputs()), edits in vec(edit(), 1..5)) {
        for edit in edits {
            apply(&mut bytes, edit);
        }
        decode_as_everything(&bytes);
    }
}

#[test]
fn every_cut_of_real_bytes_is_refused_or_read() {
    for input in golden_inputs() {
        for end in 0..=input.len() {
            decode_as_everything(&input[..end]);
        }
    }
}

#[test]
fn messages_are_read_at_any_alignment() {
    let add = hex(golden::ITCH[0]);
    for offset in 0..8 {
        let shifted = [&vec![0; offset][..], &add].concat();
        let Ok(Message::AddOrder(read)) = Message::decode(&shifted[offset..]) else { panic!() };
        assert_eq!(read.as_bytes(), add);
    }
}
