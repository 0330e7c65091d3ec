#![no_main]

use corelane_codecs::soup::{ClientPacket, packet_len};
use libfuzzer_sys::fuzz_target;

/// The longest payload that is taken from a stream.
const PAYLOAD_MAX: usize = 512;

fuzz_target!(|bytes: &[u8]| {
    let mut stream = bytes;
    while let Ok(Some(length)) = packet_len(stream, PAYLOAD_MAX) {
        assert!((3..=3 + PAYLOAD_MAX).contains(&length));
        let (bytes, rest) = stream.split_at(length);
        stream = rest;
        let Ok(packet) = ClientPacket::decode(bytes) else { continue };
        let mut out = [0; 1024];
        let written = packet.encode(&mut out).unwrap();
        assert_eq!(ClientPacket::decode(&out[..written]), Ok(packet));
        // Texts of a log-in may be padded on either side.
        if !matches!(packet, ClientPacket::Login(_)) {
            assert_eq!(&out[..written], bytes);
        }
    }
});
