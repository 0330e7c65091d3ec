#![no_main]

use corelane_codecs::itch::Message;
use corelane_codecs::mold::{Content, HEADER_LEN, Packet, PacketBuilder, end_of_session};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(packet) = Packet::decode(bytes) else { return };
    let mut out = vec![0; bytes.len()];
    if packet.content == Content::EndOfSession {
        let length = end_of_session(&mut out, packet.session, packet.sequence).unwrap();
        assert_eq!(out[..length], bytes[..HEADER_LEN]);
        return;
    }
    let mut builder = PacketBuilder::new(&mut out, packet.session, packet.sequence, bytes.len()).unwrap();
    let (mut messages, mut expected) = (packet.messages(), packet.sequence);
    for message in messages.by_ref() {
        let Ok((sequence, message)) = message else { return };
        assert_eq!(sequence, expected);
        expected += 1;
        let _ = Message::decode(message);
        assert!(builder.push(message), "what fitted fits again");
    }
    assert_eq!((expected, builder.count()), (packet.next_sequence(), packet.count()));
    let whole = bytes.len() - messages.remainder().len();
    assert_eq!(builder.finish(), &bytes[..whole]);
});
