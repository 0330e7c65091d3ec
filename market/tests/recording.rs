//! Recordings: the messages of captures and what is wrong with them.

use corelane_codecs::mold::{PacketBuilder, SessionName, end_of_session, heartbeat};
use corelane_market::{Order, Recording, Selection};

const ALL: Selection = Selection { port: None, session: None, order: Order::Captured };

fn session(name: &str) -> SessionName {
    SessionName::new(name).unwrap()
}

fn packet(name: &str, sequence: u64, messages: &[&str]) -> Vec<u8> {
    let mut buffer = [0; 256];
    let mut packet = PacketBuilder::new(&mut buffer, session(name), sequence, 256).unwrap();
    assert!(messages.iter().all(|message| packet.push(message.as_bytes())));
    packet.finish().to_vec()
}

fn without_messages(
    write: fn(&mut [u8], SessionName, u64) -> Result<usize, corelane_codecs::mold::MoldError>,
    sequence: u64,
) -> Vec<u8> {
    let mut packet = vec![0; 20];
    write(&mut packet, session("A"), sequence).unwrap();
    packet
}

/// An Ethernet frame with `vlans` VLAN tags and a UDP datagram to `port`, and a trailer as capture cards append it.
fn frame(vlans: usize, port: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2; 12];
    (0..vlans).for_each(|_| frame.extend([0x81, 0, 0, 5]));
    frame.extend([8, 0, 0x45, 0]);
    frame.extend((28 + payload.len() as u16).to_be_bytes());
    frame.extend([0, 0, 0, 0, 1, 17, 0, 0, 10, 0, 0, 1, 239, 0, 0, 1]);
    frame.extend([[0, 1], port.to_be_bytes(), (8 + payload.len() as u16).to_be_bytes(), [0, 0]].concat());
    frame.extend(payload);
    frame.extend(b"trailer");
    frame
}

/// A capture, and the offsets of its frames' blocks.
fn pcap(frames: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
    let mut file = [0xa1b2_c3d4_u32, 0x0002_0004, 0, 0, 65_535, 1].map(u32::to_be_bytes).concat();
    let mut places = Vec::new();
    for frame in frames {
        places.push(file.len());
        file.extend([1, 2, frame.len() as u32, frame.len() as u32].map(u32::to_be_bytes).concat());
        file.extend(frame);
    }
    (file, places)
}

/// What is read, in order: messages, and damage in angle brackets.
fn read(file: &[u8], selection: Selection) -> Vec<String> {
    let mut recording = Recording::new(file, selection).unwrap();
    let mut read = Vec::new();
    while let Some(found) = recording.next() {
        read.push(match found {
            Ok(found) => String::from_utf8(found.bytes.to_vec()).unwrap(),
            Err(damage) => format!("<{damage}>"),
        });
    }
    read
}

fn read_packets(packets: &[Vec<u8>], order: Order) -> Vec<String> {
    let frames: Vec<_> = packets.iter().map(|packet| frame(0, 2, packet)).collect();
    read(&pcap(&frames).0, Selection { order, ..ALL })
}

#[test]
fn a_capture_gives_its_messages_and_says_which_frame_is_damaged() {
    let mut cut = packet("A", 4, &["d", "e"]);
    cut.truncate(cut.len() - 1);
    let frames = [
        frame(0, 2, &packet("A", 1, &["a", "b"])),
        frame(2, 2, &without_messages(heartbeat, 3)),
        frame(1, 2, &packet("A", 3, &["c"])),
        frame(0, 2, &cut),
        frame(0, 2, b"short"),
        frame(0, 2, &[packet("A", 6, &["f"]), b"more".to_vec()].concat()),
        // Another protocol's port is not damage.
        frame(0, 3, b"short"),
        frame(0, 2, &packet("A", 1, &["a", "b"]))[..60].to_vec(),
    ];
    let (file, places) = pcap(&frames);
    let at = |frame: usize| format!("<frame {frame} at offset {}: ", places[frame - 1]);
    let got = read(&file, ALL);
    assert_eq!(got[..4], ["a", "b", "c", "d"]);
    assert!(got[4].starts_with(&at(4)) && got[4].contains("message 5 (1 of 2)"), "{got:?}");
    assert_eq!(got[5], format!("{}not a MoldUDP64 packet: packet of 5 bytes is shorter than its header of 20>", at(5)));
    assert_eq!(got[6..8], ["f".to_owned(), format!("{}4 bytes behind the last message of the packet>", at(6))]);
    assert!(got[8].starts_with(&at(8)) && got.len() == 9, "{got:?}");

    let cut = read(&file[..file.len() - 5], ALL);
    let end = format!(
        "<the capture ends within the block at offset {}; the file is truncated, copy or capture it again>",
        places[7]
    );
    assert_eq!(cut.last(), Some(&end));
}

#[test]
fn each_message_of_a_session_comes_once_in_order_and_gaps_are_said() {
    let packets = [
        packet("A", 1, &["a", "b"]),
        packet("A", 4, &["d"]),
        // The other line, which is late.
        packet("A", 1, &["a", "b", "c", "d"]),
        packet("A", 7, &["g"]),
        without_messages(end_of_session, 10),
    ];
    let gap = |messages: u64, before: u64| {
        format!("<session A: {messages} messages before sequence number {before} are missing>")
    };
    let expected = ["a", "b", "c", "d", &gap(2, 7), "g", &gap(2, 10)];
    assert_eq!(read_packets(&packets, Order::Sequence), expected.map(str::to_owned));
    assert_eq!(read_packets(&packets, Order::Captured).concat(), "abdabcdg");
    // Blanked sequence numbers are no sequence.
    let blanked = [packet("A", 0, &["a"]), packet("A", 0, &["b"])];
    assert_eq!(read_packets(&blanked, Order::Sequence), ["a", "b"]);
}

#[test]
fn one_session_is_read_and_the_others_are_said() {
    let packets = [
        // A session without messages is not the one to read.
        without_messages(heartbeat, 1),
        packet("B", 1, &["x"]),
        packet("C", 1, &["y", "z"]),
        packet("B", 2, &["X"]),
    ];
    let got = read_packets(&packets, Order::OneSession);
    assert_eq!(got[..2], ["x", "X"]);
    assert_eq!(got[2..], ["<2 messages of 1 other sessions are left out; choose one of B, C by its name>"]);
    let frames: Vec<_> = packets.iter().map(|packet| frame(0, 2, packet)).collect();
    let file = pcap(&frames).0;
    for order in [Order::Captured, Order::Sequence, Order::OneSession] {
        let chosen = Selection { session: Some(session("C")), order, ..ALL };
        assert_eq!(read(&file, chosen), ["y", "z"]);
        assert_eq!(read(&file, Selection { port: Some(1), order, ..ALL }), [""; 0]);
    }
    let mut recording = Recording::new(&file[..], Selection { port: Some(1), ..ALL }).unwrap();
    while recording.next().is_some() {}
    assert_eq!(recording.describe(), "a capture of UDP datagrams to port 2");
}

#[test]
fn two_captures_in_one_file_are_both_read() {
    let one = pcap(&[frame(0, 2, &packet("A", 1, &["a"]))]).0;
    let two = pcap(&[frame(0, 2, &packet("A", 2, &["b"])), frame(0, 2, &packet("A", 3, &["c"]))]).0;
    assert_eq!(read(&[&one[..], &two, &one].concat(), ALL), ["a", "b", "c", "a"]);
    // Of another byte order: damage, not silence.
    let swapped = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1].map(u32::to_le_bytes).concat();
    let got = read(&[&one[..], &swapped, &two[24..]].concat(), ALL);
    assert!(got[0] == "a" && got[1].starts_with('<'), "{got:?}");
}
