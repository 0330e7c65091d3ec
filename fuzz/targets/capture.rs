#![no_main]

use corelane_codecs::mold::Packet;
use corelane_market::{CaptureSource, is_capture};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut source) = CaptureSource::new(bytes) else { return };
    assert!(is_capture(bytes), "what is read as a capture is taken for one");
    let (mut frames, mut last) = (0, 0);
    while let Ok(Some(frame)) = source.next_frame() {
        frames += 1;
        assert_eq!(frame.number, frames);
        assert!(frame.offset > last && frame.offset < bytes.len() as u64);
        last = frame.offset;
        match frame.datagram {
            Ok(Some(datagram)) => {
                let from = last as usize;
                assert!(bytes[from..].windows(datagram.len().max(1)).any(|window| window.starts_with(datagram)));
                if let Ok(packet) = Packet::decode(datagram) {
                    packet.messages().for_each(drop);
                }
            }
            Ok(None) => {}
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
