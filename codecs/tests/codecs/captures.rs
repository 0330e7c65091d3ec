//! Recorded data of real venues, where the folder with it is there: `$CORELANE_DATA`, by default `shared/data`
//! beside the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use corelane_codecs::binary_file::{Frames, UnsizedFrames};
use corelane_codecs::itch::{Message, message_len};
use corelane_codecs::mold::{Messages, MoldError, Packet};
use corelane_codecs::ouch::{Inbound, Outbound};
use corelane_codecs::soup::{ClientPacket, MAX_PAYLOAD, ServerPacket, packet_len};

use crate::golden;
use crate::hex;

/// A folder of recorded data, `None` (and a note) if it is not there.
fn recorded(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("CORELANE_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let path = root.join(folder);
    if !path.is_dir() {
        eprintln!("no recorded data in {}; set CORELANE_DATA to check it too", path.display());
        return None;
    }
    Some(path)
}

/// Name and payloads of every capture in a folder.
fn captures(folder: &Path) -> Vec<(String, Vec<Vec<u8>>)> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, payloads(&fs::read(path).unwrap()))
    };
    files.into_iter().map(read).collect()
}

/// UDP and TCP payloads of a pcap file: Ethernet, any VLAN tags, IPv4. What follows the IPv4 packet is padding or
/// the trailer of a capture card.
fn payloads(pcap: &[u8]) -> Vec<Vec<u8>> {
    let little_endian = matches!(pcap[..4], [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1]);
    assert!(little_endian, "only little-endian captures are here");
    let mut rest = &pcap[24..];
    let mut payloads = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        payloads.push(payload(&rest[16..16 + length]).to_vec());
        rest = &rest[16 + length..];
    }
    payloads
}

fn payload(frame: &[u8]) -> &[u8] {
    let u16_at = |bytes: &[u8], at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let mut ip_at = 14;
    while u16_at(frame, ip_at - 2) == 0x8100 {
        ip_at += 4;
    }
    assert_eq!(u16_at(frame, ip_at - 2), 0x0800, "IPv4");
    let ip = &frame[ip_at..];
    let transport = &ip[usize::from(ip[0] & 0x0f) * 4..usize::from(u16_at(ip, 2))];
    match ip[9] {
        17 => &transport[8..],
        6 => &transport[usize::from(transport[12] >> 4) * 4..],
        protocol => panic!("IP protocol {protocol}"),
    }
}

#[test]
fn real_mold_packets_are_read_to_their_last_byte() {
    let mut golden: BTreeSet<Vec<u8>> = golden::ITCH.iter().map(|text| hex(text)).collect();
    for (folder, kinds, expected) in [
        ("pcap_nasdaq", "ACDEFHIJLPQSUXY", NASDAQ),
        ("pcap_bx", "ACDEFHNPSUXY", BX),
        ("pcap_bx_sequenced", "ADU", BX_SEQUENCED),
    ] {
        let Some(path) = recorded(folder) else {
            // Without the data there is nothing to find the golden bytes in.
            golden.clear();
            continue;
        };
        let mut seen = BTreeSet::new();
        let (mut packets, mut messages) = (0, 0);
        for (name, datagrams) in captures(&path) {
            for datagram in datagrams {
                let packet = Packet::decode(&datagram).unwrap();
                let mut reader = packet.messages();
                for (_, bytes) in reader.by_ref().map(Result::unwrap) {
                    let message = Message::decode(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
                    assert_eq!(message.as_bytes(), bytes);
                    seen.insert(char::from(message.kind()));
                    golden.remove(bytes);
                    messages += 1;
                }
                assert_eq!(reader.remainder(), b"", "{name}");
                packets += 1;
            }
        }
        assert_eq!(seen.into_iter().collect::<String>(), kinds, "{folder}");
        assert_eq!((packets, messages), expected, "{folder}");
    }
    assert!(golden.is_empty(), "bytes of the protocol page that no capture has: {golden:02x?}");
}

/// Packets and messages, counted by another program.
const NASDAQ: (usize, usize) = (71, 71);
const BX: (usize, usize) = (56, 56);
const BX_SEQUENCED: (usize, usize) = (3, 3);

#[test]
fn real_ouch_sessions_are_read_to_their_last_byte() {
    for (folder, has_ouch_5) in [("ouch5", true), ("soup_jnx", false)] {
        let Some(path) = recorded(folder) else {
            continue;
        };
        for (name, segments) in captures(&path) {
            for segment in segments {
                let length = packet_len(&segment, MAX_PAYLOAD).unwrap();
                assert_eq!(length, Some(segment.len()), "{name}");
                let mut out = [0; 256];
                // A data packet of a client can also be read as one of a server: tell by the file's name.
                let from_client = ["Enter", "Replace", "LoginRequest", "Client"];
                let length = if from_client.iter().any(|start| name.starts_with(start)) {
                    let packet = ClientPacket::decode(&segment).unwrap();
                    if let (true, ClientPacket::Unsequenced(message)) = (has_ouch_5, packet) {
                        Inbound::decode(message).unwrap();
                    }
                    packet.encode(&mut out)
                } else {
                    let packet = ServerPacket::decode(&segment).unwrap();
                    if let (true, ServerPacket::Sequenced(message)) = (has_ouch_5, packet) {
                        Outbound::decode(message).unwrap();
                    }
                    packet.encode(&mut out)
                };
                assert_eq!(out[..length.unwrap()], segment, "{name}");
            }
        }
    }
}

#[test]
fn real_mold_payloads_of_another_venue_are_read_up_to_the_cut() {
    let Some(path) = recorded("mold") else { return };
    let file = fs::read(path.join("bist_mold.sample.dat")).unwrap();
    let (mut rest, mut packets, mut messages) = (&file[..], 0, 0);
    let error = loop {
        let mut reader: Messages = Packet::decode(rest).unwrap().messages();
        packets += 1;
        let error = reader.by_ref().find_map(|message| {
            messages += usize::from(message.is_ok());
            message.err()
        });
        if let Some(error) = error {
            break error;
        }
        rest = reader.remainder();
    };
    assert_eq!((packets, messages), (3, 40));
    let MoldError::Truncated { index, count, needed, actual, .. } = error else { panic!("{error}") };
    assert_eq!((index + 1, count, needed - actual), (count, count, 5));
}

#[test]
fn recorded_days_have_the_expected_messages() {
    let Some(path) = recorded("itch") else { return };
    for name in ["esh4_20231225_mbo", "nasdaq_dayhead_1000", "ritch_synthetic_12012"] {
        let file = fs::read(path.join(name).with_extension("itch")).unwrap();
        let frames: Vec<&[u8]> = Frames::new(&file).collect::<Result<_, _>>().unwrap();
        let erased = without_lengths(&frames);
        let unsized_frames = UnsizedFrames::new(&erased, message_len).map(Result::unwrap);
        assert!(unsized_frames.eq(frames.iter().copied()), "{name} with its lengths erased");
        let mut counts: BTreeMap<char, usize> = BTreeMap::new();
        let mut instruments = BTreeSet::new();
        let mut times = Vec::new();
        for bytes in frames {
            let message = Message::decode(bytes).unwrap();
            *counts.entry(char::from(message.kind())).or_default() += 1;
            instruments.insert(message.stock_locate());
            times.push(message.timestamp_ns());
        }
        instruments.remove(&0);
        let counts: Vec<String> = counts.iter().map(|(kind, count)| format!("\"{kind}\":{count}")).collect();
        let ours = format!(
            "{{\"errors\":0,\"first_ns\":{},\"instruments\":{},\"last_ns\":{},\"messages\":{{{}}}}}",
            times[0],
            instruments.len(),
            times[times.len() - 1],
            counts.join(",")
        );
        let expected = path.join(format!("../expected/{name}.stats.json"));
        assert_eq!(ours, fs::read_to_string(expected).unwrap().trim(), "{name}");
    }
}

/// The file as a tool would write it that leaves zeros in place of the lengths.
fn without_lengths(messages: &[&[u8]]) -> Vec<u8> {
    messages.iter().flat_map(|message| [&[0, 0], *message].concat()).collect()
}
