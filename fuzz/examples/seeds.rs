//! Writes `fuzz/seeds`: where fuzzing begins. All of it is made up.

use std::fs;
use std::path::Path;

use corelane_codecs::IntoBytes;
use corelane_codecs::binary_file::encode;
use corelane_codecs::itch::{MESSAGE_TYPES, message_len};
use corelane_codecs::mold::{self, PacketBuilder, Request, SessionName};
use corelane_codecs::ouch::{self, AppendageWriter, TagValue, encode_with_appendage};
use corelane_codecs::price::Price;
use corelane_codecs::soup::{ClientPacket, LoginRequest, RejectCode, ServerPacket};
use corelane_codecs::text::{Alpha, ClOrdId};
use corelane_config::VENUE_TOML;
use corelane_market::{Day, DaySpec, Rng};

fn main() -> std::io::Result<()> {
    let messages = itch_messages();
    let file = itch_file(&messages);
    let packets = mold_packets(&messages);
    let request = Request { session: SessionName::BLANK, sequence: 7, count: 3 };
    let mut bytes = [0; mold::HEADER_LEN];
    request.encode(&mut bytes).expect("a request fits");
    let ouch_in = ouch_inbound();
    let ouch_out = ouch_outbound();
    // Ethernet, Linux's cooked header, a loopback interface; two captures in one file.
    let (ethernet, cooked, loopback) =
        (&[][..], &[0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 8, 0][..], &[2, 0, 0, 0][..]);
    let captures = [pcap(1, ethernet, &packets), pcap(113, cooked, &packets), pcap(0, loopback, &packets)];
    write("capture", &[&captures[..], &[pcapng(&packets), [&captures[0][..], &captures[1]].concat()]].concat())?;
    write("mold_request", &[bytes.to_vec()])?;
    write("soup_client", &[soup_client(&ouch_in)])?;
    write("soup_server", &[soup_server(&ouch_out)])?;
    write("itch_message", &messages)?;
    // The last byte chooses how the file is read.
    write("itch_file", &[[&file[..], &[255]].concat(), [&file[..], &[0]].concat()])?;
    write("mold_packet", &packets)?;
    write("ouch_inbound", &ouch_in)?;
    write("ouch_outbound", &ouch_out)?;
    write("arbiter", &arbiter_scripts())?;
    write("group", &group_scripts())?;
    write("config", &[VENUE_TOML.as_bytes().to_vec(), b"[venue]\nname = 1\n".to_vec()])
}

fn write(target: &str, seeds: &[Vec<u8>]) -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    fs::create_dir_all(&folder)?;
    seeds.iter().enumerate().try_for_each(|(number, seed)| fs::write(folder.join(format!("{number:02}")), seed))
}

/// The first message of each type of a made-up day; zeros for a type that this day does not have.
fn itch_messages() -> Vec<Vec<u8>> {
    let mut day = Day::new(DaySpec::made_up(1, 3, 200_000)).expect("the numbers fit");
    let mut found: Vec<Option<Vec<u8>>> = vec![None; MESSAGE_TYPES.len()];
    while let Some(message) = day.next_message() {
        let at = MESSAGE_TYPES.iter().position(|kind| *kind == message[0]).expect("a type of ITCH 5.0");
        found[at].get_or_insert_with(|| message.to_vec());
    }
    let blank = |kind: u8| {
        let mut message = vec![0; message_len(kind).expect("a type of ITCH 5.0")];
        message[0] = kind;
        message
    };
    MESSAGE_TYPES.iter().zip(found).map(|(kind, message)| message.unwrap_or_else(|| blank(*kind))).collect()
}

fn itch_file(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for message in messages {
        let mut frame = [0; 64];
        let length = encode(message, &mut frame).expect("a message fits");
        file.extend(&frame[..length]);
    }
    file
}

fn mold_packets(messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    for messages in [&messages[..0], &messages[..1], &messages[5..12]] {
        let mut buffer = [0; 512];
        let mut packet = PacketBuilder::new(&mut buffer, SessionName::BLANK, 7, 512).expect("a header fits");
        assert!(messages.iter().all(|message| packet.push(message)));
        packets.push(packet.finish().to_vec());
    }
    let mut end = [0; mold::HEADER_LEN];
    mold::end_of_session(&mut end, SessionName::BLANK, 7).expect("a header fits");
    packets.push(end.to_vec());
    packets
}

/// Ethernet, one VLAN tag, IPv4, UDP.
fn frame(payload: &[u8]) -> Vec<u8> {
    let (ip, udp) = (28 + payload.len() as u16, 8 + payload.len() as u16);
    let mut frame = [&[2; 12][..], &[0x81, 0, 0, 5, 8, 0, 0x45, 0], &ip.to_be_bytes()].concat();
    frame.extend([0, 0, 0, 0, 1, 17, 0, 0, 10, 0, 0, 1, 239, 0, 0, 1, 0, 1, 0, 2]);
    frame.extend(udp.to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(payload);
    frame
}

/// A capture of this link type, whose header replaces that of Ethernet if it is not empty.
fn pcap(link: u32, header: &[u8], packets: &[Vec<u8>]) -> Vec<u8> {
    const ETHERNET_BYTES: usize = 18;
    let mut file = [0xa1b2_c3d4_u32, 0x0002_0004, 0, 0, 65_535, link].map(u32::to_be_bytes).concat();
    for mut frame in packets.iter().map(|packet| frame(packet)) {
        if !header.is_empty() {
            frame.splice(..ETHERNET_BYTES, header.iter().copied());
        }
        file.extend([1, 2, frame.len() as u32, frame.len() as u32].map(u32::to_be_bytes).concat());
        file.extend(frame);
    }
    file
}

fn pcapng(packets: &[Vec<u8>]) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let length = 12 + body.len() as u32;
        [&kind.to_le_bytes()[..], &length.to_le_bytes(), body, &length.to_le_bytes()].concat()
    };
    let section = [0x1a2b_3c4d_u32, 1, u32::MAX, u32::MAX].map(u32::to_le_bytes).concat();
    let mut file = [block(0x0a0d_0d0a, &section), block(1, &[1, 0, 0, 0, 0, 0, 0, 0])].concat();
    for frame in packets.iter().map(|packet| frame(packet)) {
        let length = frame.len() as u32;
        let mut body = [0, 0, 0, length, length].map(u32::to_le_bytes).concat();
        body.extend(frame);
        body.resize(body.len().next_multiple_of(4), 0);
        file.extend(block(6, &body));
    }
    file
}

/// A message with one option.
fn with_firm(encode: impl Fn(&[u8], &mut [u8]) -> Result<usize, ouch::OuchError>) -> Vec<u8> {
    let mut options = [0; 16];
    let mut writer = AppendageWriter::new(&mut options);
    assert!(writer.push(TagValue::Firm(Alpha::from_bytes(*b"FRMA"))));
    let mut out = [0; 128];
    let length = encode(writer.as_bytes(), &mut out).expect("a message fits");
    out[..length].to_vec()
}

fn ouch_inbound() -> Vec<Vec<u8>> {
    let cancel = ouch::Cancel::new(1, 0);
    // An enter order and a replace, whose codes are the first of their sets.
    let mut enter = [&b"O\0\0\0\x01B\0\0\0\x64AAAA    \0\0\0\0\0\x01\x86\xa00YAYN"[..], &[b' '; 14], &[0, 0]].concat();
    let replace = [&b"U\0\0\0\x01\0\0\0\x02\0\0\0\x64\0\0\0\0\0\x01\x86\xa00YY"[..], &[b' '; 14], &[0, 0]].concat();
    assert!(ouch::Inbound::decode(&enter).is_ok() && ouch::Inbound::decode(&replace).is_ok());
    let plain = enter.clone();
    enter.truncate(45);
    enter.extend(b"\0\x06\x05\x02FRMA");
    assert!(ouch::Inbound::decode(&enter).is_ok());
    vec![
        plain,
        enter,
        replace,
        cancel.as_bytes().to_vec(),
        with_firm(|options, out| encode_with_appendage(&cancel, options, out)),
    ]
}

fn ouch_outbound() -> Vec<Vec<u8>> {
    let executed = ouch::Executed::new(1, 1, 100, Price::from_raw(1), ouch::Liquidity::Added, 7);
    let rejected = ouch::Rejected::new(1, 1, ouch::RejectReason::RiskMaxQuantity, ClOrdId::BLANK);
    let canceled = ouch::Canceled::new(1, 1, 100, ouch::CancelReason::UserRequested);
    vec![
        ouch::SystemEvent::new(1, ouch::EventCode::EndOfDay).as_bytes().to_vec(),
        executed.as_bytes().to_vec(),
        with_firm(|options, out| encode_with_appendage(&executed, options, out)),
        rejected.as_bytes().to_vec(),
        canceled.as_bytes().to_vec(),
        with_firm(|options, out| encode_with_appendage(&canceled, options, out)),
        ouch::CancelPending::new(1, 1).as_bytes().to_vec(),
        ouch::CancelReject::new(1, 1).as_bytes().to_vec(),
    ]
}

fn soup_client(requests: &[Vec<u8>]) -> Vec<u8> {
    let login = LoginRequest {
        user: Alpha::from_bytes(*b"USER01"),
        password: Alpha::from_bytes(*b"secret    "),
        session: Alpha::BLANK,
        sequence: Some(1),
        heartbeat_timeout_ms: Some(1_000),
    };
    let requests = requests.iter().map(|request| ClientPacket::Unsequenced(request));
    let others = [ClientPacket::Heartbeat, ClientPacket::Debug(b"hello"), ClientPacket::Logout];
    stream([ClientPacket::Login(login)].into_iter().chain(requests).chain(others), |packet, out| packet.encode(out))
}

fn soup_server(answers: &[Vec<u8>]) -> Vec<u8> {
    let accepted = ServerPacket::LoginAccepted { session: Alpha::from_bytes(*b"S1        "), next_sequence: 1 };
    let answers = answers.iter().map(|answer| ServerPacket::Sequenced(answer));
    let others = [
        ServerPacket::LoginRejected(RejectCode::NotAuthorized),
        ServerPacket::Unsequenced(b"x"),
        ServerPacket::Heartbeat,
        ServerPacket::EndOfSession,
    ];
    stream([accepted].into_iter().chain(answers).chain(others), |packet, out| packet.encode(out))
}

fn stream<P, E: std::fmt::Debug>(
    packets: impl Iterator<Item = P>,
    encode: impl Fn(&P, &mut [u8]) -> Result<usize, E>,
) -> Vec<u8> {
    let mut stream = Vec::new();
    for packet in packets {
        let mut out = [0; 256];
        let length = encode(&packet, &mut out).expect("a packet fits");
        stream.extend(&out[..length]);
    }
    stream
}

/// Scripts for `targets/arbiter`: options, then an operation with two arguments each.
fn arbiter_scripts() -> Vec<Vec<u8>> {
    // Four messages in a packet on no line, line A, line B or both; half a millisecond, 25 ms, 4 s.
    let [none, on_a, on_b, on_both] = [0, 1, 2, 3].map(|lines| [0, 3, lines]);
    let [soon, later, silence] = [0, 4, 7].map(|step| [5, step, 0]);
    let [heartbeat, end] = [0, 3].map(|kind| [4, 0, kind]);
    let [answer_in_parts, silent, lie] = [1, 2, 3].map(|fate| [7, fate, 0]);
    let [begin_a, begin_b] = [0, 1].map(|name| [8, name, 0]);
    let (late_copy, replay) = ([2, 9, 7], [11, 0, 0]);
    let [forged_heartbeat, forged_messages] = [1, 2].map(|kind| [9, kind, 0x85]);
    let scripts = [
        (1, vec![on_both, soon, on_a, on_b, soon, late_copy, heartbeat, later]),
        (1, vec![on_a, none, on_b, soon, later, none, heartbeat, answer_in_parts, later, replay, later]),
        (0, vec![on_a, none, on_b, on_a, later, begin_b, on_a, silence, on_a, silence, on_b]),
        (2, vec![on_both, end, begin_b, on_a, on_b, later, silence, begin_a, on_a, on_a, silence]),
        (2, vec![on_both, on_a, begin_a, on_a, on_a, late_copy, silence, replay, lie, later]),
        (1, vec![on_a, forged_heartbeat, later, on_a, forged_messages, silence, on_a, [10, 2, 0], on_b]),
        (0x81, vec![on_a, forged_heartbeat, later, on_a, forged_messages, silence, on_both, [9, 2, 9], later, on_a]),
        // A forged message is taken for the feed's, and a copy of the true one comes in a silence.
        (0x83, vec![on_a, [9, 3, 1], on_both, silence, [2, 48, 9], [2, 1, 9]]),
        // A forged message waits, and the line comes back from a silence.
        (0x83, vec![on_a, [9, 2, 0], silence]),
        // Forged messages are passed, and the true ones come behind a silence.
        (0x82, vec![on_a, [9, 0x72, 0], on_a, silence]),
        // A replay goes past messages that are lost.
        (1, vec![on_a, on_a, none, none, on_a, none, heartbeat, heartbeat, silent, later, [5, 3, 0], replay, later]),
        // A copy comes before the feed is silent, and no other packet.
        (1, vec![none, [2, 2, 8], [5, 6, 0], [2, 2, 2], [5, 6, 0], [5, 6, 0], [5, 5, 0]]),
        // A forged end and two forged heartbeats that claim half of all numbers each.
        (1, vec![on_a, [9, 1, 0xbf], begin_b, on_both, [9, 4, 0xbf], [9, 4, 0xbf], later]),
    ];
    scripts.into_iter().map(|(options, steps)| [&[options][..], &steps.concat()].concat()).collect()
}

/// Scripts for `targets/group`: the number of levels, then arbitrary operations.
fn group_scripts() -> Vec<Vec<u8>> {
    let script = |levels: u8| {
        let mut random = Rng::new(levels.into());
        std::iter::once(levels).chain((0..60).flat_map(move |_| random.next().to_le_bytes())).collect()
    };
    (0..4).map(script).collect()
}
