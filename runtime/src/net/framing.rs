//! Finds the next frame in what a connection has received.

use super::Framer;

/// What the unread bytes of a connection begin with.
pub(super) enum Next<'a> {
    /// A frame; taking it consumes so many of the unread bytes.
    Frame { frame: &'a [u8], consumed_bytes: usize },
    /// No whole frame; the bytes were copied to the tail, which has `tail_bytes` now.
    Incomplete { tail_bytes: usize, consumed_bytes: usize },
    /// No frame can come of it.
    Bad,
}

/// The frame that begins in `tail[..tail_bytes]`, or in `unread` if that is empty. The tail's length is `max_frame`.
pub(super) fn next_frame<'a>(framer: &dyn Framer, tail: &'a mut [u8], tail_bytes: usize, unread: &'a [u8]) -> Next<'a> {
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
    // The framer tells a length only when it sees enough, so as much as could belong to the frame is shown to it;
    // what belongs to the next one stays unread.
    let copied = unread.len().min(max_frame - tail_bytes);
    let filled = tail_bytes + copied;
    tail[tail_bytes..filled].copy_from_slice(&unread[..copied]);
    match framer.frame_len(&tail[..filled]) {
        // A frame that ended before these bytes would have been delivered: the framer contradicts itself.
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

    /// A byte with the frame's length, which counts itself.
    struct SelfCounting;

    impl Framer for SelfCounting {
        fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
            Ok(bytes.first().map(|&length| length.into()))
        }
    }

    #[test]
    fn the_next_frame_is_found_wherever_it_is_cut() {
        // Tail, unread bytes: the frame and what taking it consumes.
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
        // A length of zero, over max_frame, or one that contradicts what came before.
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
