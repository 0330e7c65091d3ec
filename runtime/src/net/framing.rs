//! The search for the next frame in the bytes that a connection has received.

use super::Framer;

/// The result of the search at the beginning of the unread bytes.
pub(crate) enum Next<'a> {
    /// A frame. Taking it consumes `consumed_bytes` of the unread bytes.
    Frame { frame: &'a [u8], consumed_bytes: usize },
    /// An incomplete frame. Its bytes were copied to the tail, which now holds `tail_bytes`.
    Incomplete { tail_bytes: usize, consumed_bytes: usize },
    /// Bytes that cannot be a frame.
    Bad,
}

/// Finds the frame that begins in `tail[..tail_bytes]`, or in `unread` if `tail_bytes` is 0. The tail's length is
/// `max_frame`.
pub(crate) fn next_frame<'a>(framer: &dyn Framer, tail: &'a mut [u8], tail_bytes: usize, unread: &'a [u8]) -> Next<'a> {
    let max_frame = tail.len();
    if tail_bytes == 0 {
        return match framer.frame_len(unread) {
            Ok(Some(len)) if len == 0 || len > max_frame => Next::Bad,
            Ok(Some(len)) if len <= unread.len() => Next::Frame { frame: &unread[..len], consumed_bytes: len },
            Ok(_) if unread.len() < max_frame => {
                tail[..unread.len()].copy_from_slice(unread);
                Next::Incomplete { tail_bytes: unread.len(), consumed_bytes: unread.len() }
            }
            Ok(_) | Err(_) => Next::Bad,
        };
    }
    // The framer returns a length only if it sees enough bytes, so show it as many as can belong to the frame. Bytes of
    // the next frame stay unread.
    let copied = unread.len().min(max_frame - tail_bytes);
    let filled = tail_bytes + copied;
    tail[tail_bytes..filled].copy_from_slice(&unread[..copied]);
    match framer.frame_len(&tail[..filled]) {
        // A frame that ends within the tail would have been delivered before, so the framer contradicts itself.
        Ok(Some(len)) if len <= tail_bytes || len > max_frame => Next::Bad,
        Ok(Some(len)) if len <= filled => Next::Frame { frame: &tail[..len], consumed_bytes: len - tail_bytes },
        Ok(_) if filled < max_frame => Next::Incomplete { tail_bytes: filled, consumed_bytes: copied },
        Ok(_) | Err(_) => Next::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::super::FrameError;
    use super::*;

    /// A framing with a length byte that counts itself.
    struct SelfCounting;

    impl Framer for SelfCounting {
        fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
            Ok(bytes.first().map(|&length| length.into()))
        }
    }

    #[test]
    fn the_next_frame_is_found_wherever_it_is_split() {
        // Tail and unread bytes; the frame and the bytes that taking it consumes.
        let frames = [
            (&b""[..], &b"\x03ab"[..], &b"\x03ab"[..], 3),
            (b"", b"\x03ab\x02", b"\x03ab", 3),
            (b"\x03", b"ab\x02c", b"\x03ab", 2),
            (b"\x03a", b"b", b"\x03ab", 1),
            (b"\x08abcdef", b"g\x08", b"\x08abcdefg", 1),
        ];
        for (tail, unread, expected, expected_consumed) in frames {
            let mut room = [0; 8];
            room[..tail.len()].copy_from_slice(tail);
            match next_frame(&SelfCounting, &mut room, tail.len(), unread) {
                Next::Frame { frame, consumed_bytes } => {
                    assert_eq!((frame, consumed_bytes), (expected, expected_consumed));
                }
                _ => panic!("no frame in {tail:?} {unread:?}"),
            }
        }
        // A length of zero, one over `max_frame`, and one that contradicts earlier bytes.
        let bad: [(&[u8], &[u8]); 4] = [(b"", b"\0"), (b"", b"\x09"), (b"\x09", b"a"), (b"\x02ab", b"c")];
        for (tail, unread) in bad {
            let mut room = [0; 8];
            room[..tail.len()].copy_from_slice(tail);
            assert!(matches!(next_frame(&SelfCounting, &mut room, tail.len(), unread), Next::Bad), "{tail:?}");
        }
        let mut room = [0; 8];
        match next_frame(&SelfCounting, &mut room, 0, b"\x08abc") {
            Next::Incomplete { tail_bytes: 4, consumed_bytes: 4 } => assert_eq!(room, *b"\x08abc\0\0\0\0"),
            _ => panic!("not kept"),
        }
    }
}
