#![no_main]

use std::io::{self, Read};

use corelane_codecs::binary_file::{Frames, encode};
use corelane_market::{MessageSource, SourceError};
use libfuzzer_sys::fuzz_target;

/// Gives a few bytes at a time.
struct Dripping<'a> {
    bytes: &'a [u8],
    step: usize,
}

impl Read for Dripping<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = out.len().min(self.step);
        self.bytes.read(&mut out[..length])
    }
}

fuzz_target!(|input: (u8, &[u8])| {
    let (step, bytes) = input;
    let mut frames = Frames::new(bytes);
    let mut source = MessageSource::new(Dripping { bytes, step: usize::from(step) + 1 });
    loop {
        assert_eq!(source.offset(), frames.offset() as u64);
        let offset = frames.offset();
        match (source.peek(), frames.next()) {
            (Ok(Some(message)), Some(Ok(expected))) => {
                assert_eq!(message, expected);
                let mut frame = vec![0; message.len() + 2];
                let length = encode(message, &mut frame).unwrap();
                assert_eq!(frame[..length], bytes[offset..frames.offset()]);
            }
            (Ok(None), None) | (Err(SourceError::Truncated { .. }), Some(Err(_))) => break,
            (Err(SourceError::Behind { bytes: behind, offset }), None) => {
                assert_eq!((offset, behind + offset), (frames.offset() as u64, bytes.len() as u64));
                assert_eq!(source.peek().unwrap(), None);
                break;
            }
            other => panic!("{other:?}"),
        }
        source.take().unwrap();
    }
});
