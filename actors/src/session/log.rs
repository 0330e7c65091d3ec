//! Log of a port's answers, as SoupBinTCP packets ready to send.

use corelane_codecs::soup::ServerPacket;

use crate::types::SequenceNumber;

/// Bytes of the longest packet: header and the longest OUCH answer that a [`Reply`](crate::types::Reply) carries.
pub(super) const PACKET_MAX: usize = 3 + 71;

/// Bytes of the shortest packet: header and the shortest OUCH answer.
const PACKET_MIN: usize = 3 + 10;

/// Least size of a log, in bytes: enough for two blocks of the longest messages.
pub(super) const LOG_BYTES_MIN: usize = 2 * BLOCK_BYTES_MAX;

/// Messages whose place in the log is noted once. The log forgets its oldest messages in such blocks, and a log-in walks
/// through at most one.
const BLOCK: u64 = BLOCK_MESSAGES as u64;
const BLOCK_MESSAGES: usize = 64;

/// Bytes of a block of the longest packets.
pub(super) const BLOCK_BYTES_MAX: usize = BLOCK_MESSAGES * PACKET_MAX;

const PAGE_BYTES: usize = 4096;

/// A window over a port's stream of messages: the newest ones that fit into a given number of bytes.
///
/// The stream has no end, so the number of a port's answers is not bounded. New packets overwrite the oldest ones. A place
/// in the stream is the number of bytes before it; what lies more than the size of the log before the end is gone. The
/// memory is reserved at the start. [`ReplyLog::touch`] touches the first part; the rest is touched when it is first
/// written.
#[derive(Debug)]
pub(super) struct ReplyLog {
    bytes: Box<[u8]>,
    /// Place of the next packet in `bytes`.
    at: usize,
    /// Bytes of the stream so far.
    end: u64,
    next_number: SequenceNumber,
    /// Where the newest blocks begin in the stream, by block; their number is a power of two.
    blocks: Box<[u64]>,
}

/// Memory of a replay log of `bytes` bytes, in bytes.
#[must_use]
pub const fn replay_log_bytes(bytes: usize) -> usize {
    bytes + blocks_of(bytes) * size_of::<u64>()
}

/// Blocks that a log of `bytes` bytes can hold, rounded up to a power of two.
const fn blocks_of(bytes: usize) -> usize {
    (bytes / (BLOCK_MESSAGES * PACKET_MIN) + 2).next_power_of_two()
}

impl ReplyLog {
    /// A log of this size, at least [`LOG_BYTES_MIN`].
    pub(super) fn with_bytes(bytes: usize) -> Self {
        ReplyLog {
            bytes: vec![0; bytes].into(),
            at: 0,
            end: 0,
            next_number: SequenceNumber::FIRST,
            blocks: vec![0; blocks_of(bytes)].into(),
        }
    }

    /// Writes to the pages of the first `bytes` of the log's memory, so that answering causes no page fault there.
    pub(super) fn touch(&mut self, bytes: usize) {
        let share = bytes.min(self.bytes.len());
        self.bytes[..share].chunks_mut(PAGE_BYTES).for_each(|page| page[0] = 1);
    }

    /// Number of the next message.
    #[inline]
    pub(super) fn next_number(&self) -> SequenceNumber {
        self.next_number
    }

    /// Appends a message of at most 71 bytes.
    #[inline]
    pub(super) fn append(&mut self, message: &[u8]) {
        let packet = ServerPacket::Sequenced(message);
        let index = self.next_number.0 - 1;
        if index.is_multiple_of(BLOCK) {
            let block = self.place_of_block(index / BLOCK);
            self.blocks[block] = self.end;
        }
        self.next_number = self.next_number.next();
        let length = match self.bytes.get_mut(self.at..self.at + PACKET_MAX) {
            Some(room) => {
                let length = encode(packet, room);
                self.at += length;
                length
            }
            None => self.append_around(packet),
        };
        self.end += length as u64;
    }

    /// Appends a packet that may reach the end of the memory, and go on at its start. Returns its length in bytes.
    #[cold]
    fn append_around(&mut self, packet: ServerPacket<'_>) -> usize {
        let mut bytes = [0; PACKET_MAX];
        let length = encode(packet, &mut bytes);
        let (head, tail) = bytes[..length].split_at(length.min(self.bytes.len() - self.at));
        self.bytes[self.at..self.at + head.len()].copy_from_slice(head);
        self.bytes[..tail.len()].copy_from_slice(tail);
        self.at = (self.at + length) % self.bytes.len();
        length
    }

    /// The place of the next message in the stream.
    #[inline]
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Whether everything from `start` on is kept.
    #[inline]
    pub(super) fn keeps(&self, start: u64) -> bool {
        self.end - start <= self.bytes.len() as u64
    }

    /// The place of message `number` in the stream, from 1 to [`ReplyLog::next_number`]; `None` beyond, and if it is no
    /// longer kept.
    pub(super) fn start_of(&self, number: SequenceNumber) -> Option<u64> {
        if number == self.next_number {
            return Some(self.end);
        }
        if number == SequenceNumber::NONE || number > self.next_number {
            return None;
        }
        let index = number.0 - 1;
        let newest = (self.next_number.0 - 2) / BLOCK;
        if newest - index / BLOCK >= self.blocks.len() as u64 {
            return None;
        }
        let mut start = self.blocks[self.place_of_block(index / BLOCK)];
        if !self.keeps(start) {
            return None;
        }
        for _ in 0..index % BLOCK {
            start += self.packet_length(start);
        }
        Some(start)
    }

    /// A piece of the stream from `start` on, up to its end or that of the memory. `start` must be kept.
    #[inline]
    pub(super) fn bytes_from(&self, start: u64) -> &[u8] {
        let place = self.place_of(start);
        let is_behind = place > self.at || (place == self.at && start < self.end);
        &self.bytes[place..if is_behind { self.bytes.len() } else { self.at }]
    }

    /// Where a kept place of the stream lies in the memory.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "what is kept fits the memory")]
    fn place_of(&self, start: u64) -> usize {
        let behind = (self.end - start) as usize;
        if behind <= self.at { self.at - behind } else { self.at + self.bytes.len() - behind }
    }

    /// Length of the packet that begins at `start`.
    fn packet_length(&self, start: u64) -> u64 {
        let byte = |at: u64| self.bytes[self.place_of(at) % self.bytes.len()];
        2 + u64::from(u16::from_be_bytes([byte(start), byte(start + 1)]))
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "masked")]
    fn place_of_block(&self, block: u64) -> usize {
        block as usize & (self.blocks.len() - 1)
    }
}

#[inline]
fn encode(packet: ServerPacket<'_>, room: &mut [u8]) -> usize {
    packet.encode(room).expect("a packet has room for every answer")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn touching_leaves_the_log_empty() {
        for bytes in [0, 1, PAGE_BYTES, usize::MAX] {
            let mut log = ReplyLog::with_bytes(LOG_BYTES_MIN);
            log.touch(bytes);
            assert_eq!(
                (log.end(), log.next_number(), log.start_of(SequenceNumber::FIRST)),
                (0, SequenceNumber::FIRST, Some(0)),
                "{bytes}"
            );
            assert_eq!(log.bytes_from(0), b"");
        }
    }

    /// The packets from `start` on, put together from the pieces.
    fn rest(log: &ReplyLog, mut start: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while start < log.end() {
            let piece = log.bytes_from(start);
            assert!(!piece.is_empty());
            bytes.extend(piece);
            start += piece.len() as u64;
        }
        assert_eq!(log.bytes_from(log.end()), b"");
        bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// M1: any number of messages; the newest are kept, and what is kept is the stream.
        #[test]
        fn the_newest_messages_are_kept(
            size in LOG_BYTES_MIN..3 * LOG_BYTES_MIN,
            lengths in prop::collection::vec(10..=71_usize, 1..3000)
        ) {
            let mut log = ReplyLog::with_bytes(size);
            let (mut stream, mut starts) = (Vec::new(), Vec::new());
            for (index, length) in lengths.iter().enumerate() {
                let message = vec![u8::try_from(index % 251).unwrap(); *length];
                log.append(&message);
                starts.push(stream.len());
                stream.extend(u16::try_from(length + 1).unwrap().to_be_bytes());
                stream.push(b'S');
                stream.extend(message);
            }
            prop_assert_eq!(log.end(), stream.len() as u64);
            prop_assert_eq!(log.next_number().0, lengths.len() as u64 + 1);
            let mut forgotten = 0;
            for (index, start) in starts.iter().enumerate() {
                let number = SequenceNumber(index as u64 + 1);
                match log.start_of(number) {
                    Some(found) => {
                        prop_assert_eq!(found, *start as u64);
                        prop_assert_eq!(rest(&log, found), &stream[*start..]);
                    }
                    None => {
                        prop_assert_eq!(forgotten, index, "only the oldest are forgotten");
                        forgotten = index + 1;
                    }
                }
            }
            prop_assert_eq!(log.start_of(log.next_number()), Some(log.end()));
            prop_assert_eq!(log.start_of(log.next_number().next()), None);
            prop_assert_eq!(log.start_of(SequenceNumber::NONE), None);
            // A block at most is forgotten before the memory is needed.
            let needed = starts.iter().filter(|start| stream.len() - **start > size).count();
            prop_assert!(forgotten < needed + BLOCK_MESSAGES, "{forgotten} of {needed}");
            prop_assert!(needed == 0 || forgotten >= needed);
        }
    }
}
