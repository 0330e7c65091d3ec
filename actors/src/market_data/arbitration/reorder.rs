//! Messages that came before their turn: a window of the sequence, with a slot of 64 bytes for each number.

use corelane_runtime::message::SequenceNumber;

/// Bytes of a slot, one cache line: a length and a message.
const SLOT_BYTES: usize = 64;
/// The longest message that the buffer holds, in bytes. A longer one must come in order; the longest of ITCH 5.0 has
/// 50.
pub const MESSAGE_BYTES_MAX: usize = SLOT_BYTES - 1;
const WORD_BITS: u64 = u64::BITS as u64;

/// Messages of a window of sequence numbers, in any order of arrival. The caller must not use numbers that are
/// [`ReorderBuffer::capacity`] or more apart at one time.
#[derive(Debug)]
pub(super) struct ReorderBuffer {
    /// By sequence number modulo the capacity: a length, then the message.
    slots: Box<[[u8; SLOT_BYTES]]>,
    /// One bit for each slot that holds a message.
    present: Box<[u64]>,
    count: usize,
    /// One more than the highest number inserted.
    end: SequenceNumber,
}

impl ReorderBuffer {
    /// A buffer for a window of `messages_max` numbers: rounded up to a power of two, at least 64. It never grows.
    pub(super) fn new(messages_max: usize) -> Self {
        let slots = slots(messages_max);
        ReorderBuffer {
            slots: vec![[0; SLOT_BYTES]; slots].into(),
            present: vec![0; slots / u64::BITS as usize].into(),
            count: 0,
            end: SequenceNumber::NONE,
        }
    }

    /// Memory of a buffer for a window of `messages_max` numbers, in bytes: 64 and a bit for each.
    pub(super) fn bytes(messages_max: usize) -> usize {
        slots(messages_max) * SLOT_BYTES + slots(messages_max) / 8
    }

    /// Numbers of the window.
    pub(super) fn capacity(&self) -> u64 {
        self.slots.len() as u64
    }

    /// Whether it holds no message.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Messages that it holds.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// One more than the highest number inserted since it was cleared.
    pub(super) fn end(&self) -> SequenceNumber {
        self.end
    }

    /// Whether it holds this message.
    #[inline]
    pub(super) fn contains(&self, sequence: SequenceNumber) -> bool {
        let (word, bit) = self.bit(sequence);
        self.present[word] & bit != 0
    }

    /// Inserts a message; false if it is too long.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the length is checked")]
    pub(super) fn insert(&mut self, sequence: SequenceNumber, message: &[u8]) -> bool {
        if message.len() > MESSAGE_BYTES_MAX {
            return false;
        }
        let (word, bit) = self.bit(sequence);
        self.count += usize::from(self.present[word] & bit == 0);
        self.present[word] |= bit;
        self.end = self.end.max(sequence.next());
        let index = self.index(sequence);
        let slot = &mut self.slots[index];
        slot[0] = message.len() as u8;
        slot[1..=message.len()].copy_from_slice(message);
        true
    }

    /// A message that it holds.
    pub(super) fn get(&self, sequence: SequenceNumber) -> Option<&[u8]> {
        let slot = &self.slots[self.index(sequence)];
        self.contains(sequence).then(|| &slot[1..=usize::from(slot[0])])
    }

    /// Removes a message and returns it.
    #[inline]
    pub(super) fn take(&mut self, sequence: SequenceNumber) -> Option<&[u8]> {
        let (word, bit) = self.bit(sequence);
        if self.present[word] & bit == 0 {
            return None;
        }
        self.present[word] &= !bit;
        self.count -= 1;
        let slot = &self.slots[self.index(sequence)];
        Some(&slot[1..=usize::from(slot[0])])
    }

    /// The first number from `from` to `end` that it holds; `end` if none.
    pub(super) fn next_present(&self, from: SequenceNumber, end: SequenceNumber) -> SequenceNumber {
        self.scan(from, end, 0)
    }

    /// The first number from `from` to `end` that it does not hold; `end` if none.
    pub(super) fn next_missing(&self, from: SequenceNumber, end: SequenceNumber) -> SequenceNumber {
        self.scan(from, end, u64::MAX)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.present.fill(0);
        self.count = 0;
        self.end = SequenceNumber::NONE;
    }

    fn scan(&self, from: SequenceNumber, end: SequenceNumber, invert: u64) -> SequenceNumber {
        let mut at = from;
        while at < end {
            let index = self.index(at) as u64;
            let bits = (self.present[(index / WORD_BITS) as usize] ^ invert) >> (index % WORD_BITS);
            if bits != 0 {
                return at.saturating_add(bits.trailing_zeros().into()).min(end);
            }
            at = at.saturating_add(WORD_BITS - index % WORD_BITS);
        }
        end
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the mask keeps the low bits")]
    fn index(&self, sequence: SequenceNumber) -> usize {
        sequence.0 as usize & (self.slots.len() - 1)
    }

    #[inline]
    fn bit(&self, sequence: SequenceNumber) -> (usize, u64) {
        let index = self.index(sequence) as u64;
        ((index / WORD_BITS) as usize, 1 << (index % WORD_BITS))
    }
}

fn slots(messages_max: usize) -> usize {
    messages_max.next_power_of_two().max(u64::BITS as usize)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a map, in a window that moves on by what is taken; also at the end of all numbers.
        #[test]
        fn it_holds_what_a_map_holds(
            start in prop_oneof![Just(1), Just(u64::MAX - 200), any::<u32>().prop_map(u64::from)],
            acts in prop::collection::vec((0_u64..128, prop::collection::vec(any::<u8>(), 0..70)), 1..200)
        ) {
            let mut buffer = ReorderBuffer::new(100);
            prop_assert_eq!(buffer.capacity(), 128);
            let mut model = BTreeMap::new();
            let mut from = SequenceNumber(start);
            for (ahead, message) in acts {
                let end = from.saturating_add(128);
                let sequence = from.saturating_add(ahead).min(SequenceNumber(u64::MAX - 1));
                if buffer.insert(sequence, &message) {
                    model.insert(sequence, message);
                } else {
                    prop_assert!(message.len() > MESSAGE_BYTES_MAX);
                }
                prop_assert_eq!(buffer.len(), model.len());
                prop_assert_eq!(buffer.next_present(from, end), model.keys().next().copied().unwrap_or(end));
                let missing = (from.0..end.0).map(SequenceNumber).find(|number| !model.contains_key(number)).unwrap_or(end);
                prop_assert_eq!(buffer.next_missing(from, end), missing);
                if ahead % 3 == 0 {
                    while let Some(message) = model.remove(&from) {
                        prop_assert!(buffer.contains(from));
                        prop_assert_eq!(buffer.take(from), Some(&message[..]));
                        from = from.next();
                    }
                    prop_assert_eq!(buffer.take(from), None);
                }
            }
            buffer.clear();
            let end = from.saturating_add(128);
            prop_assert!(buffer.is_empty() && buffer.next_present(from, end) == end);
        }
    }
}
