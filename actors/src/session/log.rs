//! Log of a port's answers, as SoupBinTCP packets ready to send.

use corelane_codecs::soup::ServerPacket;

use crate::types::SequenceNumber;

/// Bytes of the longest packet: header and the longest OUCH answer that a [`Reply`](crate::types::Reply) carries.
pub(super) const PACKET_MAX: usize = 3 + 71;

/// The most messages that a log can hold: their offsets have 32 bits.
pub const MESSAGES_MAX: usize = u32::MAX as usize / PACKET_MAX;

/// Bounded append-only log of messages.
///
/// It reserves all memory at the start. [`ReplyLog::touch`] touches the first part; the rest is touched when it is
/// first written. A message's number is its index plus 1, so a client that returns is sent the bytes from
/// [`ReplyLog::start_of`] on, in pieces of any size.
#[derive(Debug)]
pub(super) struct ReplyLog {
    bytes: Vec<u8>,
    /// By message: end of its packet.
    ends: Vec<u32>,
    messages_max: usize,
}

/// Memory of a port's replay log of `messages_max` messages, in bytes.
#[must_use]
pub const fn replay_log_bytes(messages_max: usize) -> usize {
    messages_max * (PACKET_MAX + size_of::<u32>())
}

impl ReplyLog {
    /// A log of at most `messages_max` messages, [`MESSAGES_MAX`] or less.
    pub(super) fn with_capacity(messages_max: usize) -> Self {
        ReplyLog {
            bytes: Vec::with_capacity(messages_max * PACKET_MAX),
            ends: Vec::with_capacity(messages_max),
            messages_max,
        }
    }

    /// Writes to the first `bytes` of the log's memory, so that answering causes no page fault there. The log must be
    /// empty.
    pub(super) fn touch(&mut self, bytes: usize) {
        let share = bytes.min(self.bytes.capacity());
        self.bytes.resize(share, 0);
        self.bytes.clear();
        self.ends.resize(share / PACKET_MAX, 0);
        self.ends.clear();
    }

    /// Number of the next message.
    #[inline]
    pub(super) fn next_number(&self) -> SequenceNumber {
        SequenceNumber(self.ends.len() as u64 + 1)
    }

    /// Whether it is full.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.ends.len() == self.messages_max
    }

    /// Appends a message of at most 71 bytes; false if the log is full.
    #[inline]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "MESSAGES_MAX packets have less than 4 GiB")]
    pub(super) fn append(&mut self, message: &[u8]) -> bool {
        let mut packet = [0; PACKET_MAX];
        let Ok(length) = ServerPacket::Sequenced(message).encode(&mut packet) else {
            return false;
        };
        if self.is_full() {
            return false;
        }
        self.bytes.extend_from_slice(&packet[..length]);
        self.ends.push(self.bytes.len() as u32);
        true
    }

    /// Offset of the next message: the bytes so far.
    #[inline]
    pub(super) fn end(&self) -> usize {
        self.bytes.len()
    }

    /// Offset of message `number`, from 1 to [`ReplyLog::next_number`]; `None` beyond.
    pub(super) fn start_of(&self, SequenceNumber(number): SequenceNumber) -> Option<usize> {
        match number {
            0 => None,
            1 => Some(0),
            _ => {
                let before = usize::try_from(number - 2).ok()?;
                self.ends.get(before).map(|&end| end as usize)
            }
        }
    }

    /// The bytes from `start` on.
    #[inline]
    pub(super) fn bytes_from(&self, start: usize) -> &[u8] {
        &self.bytes[start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touching_reserves_nothing_more_and_leaves_the_log_empty() {
        for bytes in [0, 1, PACKET_MAX, 10 * PACKET_MAX, usize::MAX] {
            let mut log = ReplyLog::with_capacity(10);
            let reserved = (log.bytes.capacity(), log.ends.capacity());
            log.touch(bytes);
            assert_eq!((log.bytes.capacity(), log.ends.capacity()), reserved, "{bytes}");
            assert_eq!(
                (log.end(), log.next_number(), log.start_of(SequenceNumber::FIRST)),
                (0, SequenceNumber::FIRST, Some(0)),
                "{bytes}"
            );
            assert!((0..10).all(|_| log.append(&[7; 71])) && !log.append(b"x"), "{bytes}");
            assert_eq!((log.bytes.capacity(), log.ends.capacity()), reserved, "{bytes}");
        }
    }
}
