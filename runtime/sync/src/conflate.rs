//! The latest value per key, with one wait-free writer and one reader that iterates over the changed keys.
//!
//! For data where only the latest value matters, such as best prices. A slow reader skips intermediate values but
//! always reaches the latest one, and never slows the writer down.
//!
//! # Memory ordering
//!
//! Each key's value is a [`seqlock`](crate::seqlock). After writing it, the writer sets the key's *dirty* bit, then the
//! bit of the key's block of 64 keys in a summary, each by a `Release` read-modify-write. The reader takes the blocks'
//! bits from the summary, then a block's dirty bits, each by an `Acquire` swap, and reads the values of those keys.
//!
//! When the reader takes a dirty bit, the value is visible to it. A bit set after the swap stays for the next swap, so
//! the last value of a key is always read. A read that overlaps a write may be abandoned, because that write sets the
//! dirty bit again. The reader can also see a value before its dirty bit is set, having come for an earlier value of
//! that key; when it takes the late bit, the unchanged sequence number shows that there is nothing new. The sequence
//! number also gives the number of values that were never read.
//!
//! # Examples
//!
//! ```
//! use corelane_sync::conflate::conflated;
//!
//! let (mut writer, mut reader) = conflated(100, 2);
//! writer.write(7, &[1, 10]);
//! writer.write(7, &[2, 20]);
//! let mut words = [0; 2];
//! assert_eq!(reader.take(&mut words), Some(7));
//! assert_eq!((words, reader.overwritten()), ([2, 20], 1));
//! assert_eq!(reader.take(&mut words), None);
//! ```

use crate::atomic::{Arc, AtomicU64, Ordering, order};
use crate::seqlock::{try_read_words, write_words};
use std::array;

const BITS: usize = 64;
/// Words per cache line.
const LINE_WORDS: usize = 8;
/// Attempts to read a value that is being written, before the reader leaves it to the dirty bit that this write will
/// set.
const TRIES: usize = 4;

/// Creates values for the keys 0 to `keys` - 1, `words` words each, all zero and none dirty.
///
/// Each key takes `words` + 1 words of memory, rounded up to whole cache lines, and a little more than 8 bytes besides.
///
/// # Panics
/// If `keys` or `words` is 0.
#[must_use]
pub fn conflated(keys: usize, words: usize) -> (ConflatedWriter, ConflatedReader) {
    assert!(keys > 0 && words > 0, "a conflated set needs at least one key and one word");
    let lines = (1 + words).div_ceil(LINE_WORDS);
    let blocks = keys.div_ceil(BITS);
    let zeros = |count: usize| (0..count).map(|_| AtomicU64::new(0)).collect();
    let shared = Arc::new(Shared {
        keys,
        words,
        lines,
        values: (0..keys * lines).map(|_| CacheLine::zeroed()).collect(),
        dirty: zeros(blocks),
        summary: zeros(blocks.div_ceil(BITS)),
    });
    let reader = ConflatedReader {
        shared: Arc::clone(&shared),
        seen: vec![0; keys].into(),
        overwritten: 0,
        summary_at: 0,
        blocks: 0,
        block: 0,
        taken: 0,
    };
    (ConflatedWriter { shared }, reader)
}

#[derive(Debug)]
struct Shared {
    keys: usize,
    words: usize,
    /// Cache lines per value.
    lines: usize,
    values: Box<[CacheLine]>,
    /// One bit per key.
    dirty: Box<[AtomicU64]>,
    /// One bit per word of `dirty`.
    summary: Box<[AtomicU64]>,
}

/// A cache line. No two keys share one.
#[derive(Debug)]
#[repr(align(64))]
struct CacheLine([AtomicU64; LINE_WORDS]);

impl CacheLine {
    fn zeroed() -> Self {
        CacheLine(array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Shared {
    /// The sequence word of a key's value, and its data words.
    fn value(&self, key: usize) -> (&AtomicU64, impl Iterator<Item = &AtomicU64>) {
        let lines = &self.values[key * self.lines..][..self.lines];
        (&lines[0].0[0], lines.iter().flat_map(|line| &line.0).skip(1))
    }
}

/// The writer's side of a conflated set.
#[derive(Debug)]
pub struct ConflatedWriter {
    shared: Arc<Shared>,
}

impl ConflatedWriter {
    /// The number of keys.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.shared.keys
    }

    /// Replaces the value of a key. Wait-free.
    ///
    /// # Panics
    /// If `key` is out of range, or if the length of `words` differs from that of the values.
    pub fn write(&mut self, key: usize, words: &[u64]) {
        let shared = &*self.shared;
        assert!(
            key < shared.keys && words.len() == shared.words,
            "the key is in range and the value has the set's length"
        );
        let (sequence, value) = shared.value(key);
        // Relaxed, because nobody else writes it.
        write_words(sequence, sequence.load(Ordering::Relaxed), value, words);
        let (block, bit) = (key / BITS, 1 << (key % BITS));
        shared.dirty[block].fetch_or(bit, order!("conflate_mark_key", Release));
        shared.summary[block / BITS].fetch_or(1 << (block % BITS), order!("conflate_mark_block", Release));
    }
}

/// The reader's side of a conflated set.
#[derive(Debug)]
pub struct ConflatedReader {
    shared: Arc<Shared>,
    /// The sequence number of the value last read, by key.
    seen: Box<[u64]>,
    overwritten: u64,
    /// The summary word that the reader is working through, and the bits of it that remain.
    summary_at: usize,
    blocks: u64,
    /// The block that the reader is working through, and the keys of it that remain.
    block: usize,
    taken: u64,
}

impl ConflatedReader {
    /// Copies the value of the next changed key to `words` and returns the key; `None` if no key has changed since it
    /// was last read. Visits keys round-robin in ascending order.
    ///
    /// # Panics
    /// If the length of `words` differs from that of the values.
    pub fn take(&mut self, words: &mut [u64]) -> Option<usize> {
        assert_eq!(words.len(), self.shared.words, "the buffer has the length of the set's values");
        while self.taken != 0 || self.next_block() {
            let key = self.block * BITS + self.taken.trailing_zeros() as usize;
            self.taken &= self.taken - 1;
            let sequence = (0..TRIES).find_map(|_| {
                let (sequence, value) = self.shared.value(key);
                try_read_words(sequence, value, words)
            });
            if let Some(sequence) = sequence
                && sequence != self.seen[key]
            {
                self.overwritten += (sequence - self.seen[key]) / 2 - 1;
                self.seen[key] = sequence;
                return Some(key);
            }
        }
        None
    }

    /// The number of values that were overwritten before they were read. A value counts once the reader has read a
    /// later one of the same key.
    #[must_use]
    pub fn overwritten(&self) -> u64 {
        self.overwritten
    }

    /// The number of keys marked as changed.
    #[must_use]
    pub fn len(&self) -> usize {
        let keys_of = |block: usize| self.shared.dirty[block].load(Ordering::Relaxed).count_ones() as usize;
        let mut waiting = self.taken.count_ones() as usize;
        for (at, summary) in self.shared.summary.iter().enumerate() {
            let mut blocks = summary.load(Ordering::Relaxed);
            if at == self.summary_at {
                blocks |= self.blocks;
            }
            while blocks != 0 {
                waiting += keys_of(at * BITS + blocks.trailing_zeros() as usize);
                blocks &= blocks - 1;
            }
        }
        waiting
    }

    /// Whether no key is marked as changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the dirty bits of the next block that has any.
    fn next_block(&mut self) -> bool {
        for _ in 0..=self.shared.summary.len() {
            while self.blocks != 0 {
                self.block = self.summary_at * BITS + self.blocks.trailing_zeros() as usize;
                self.blocks &= self.blocks - 1;
                let dirty = &self.shared.dirty[self.block];
                // Loads first, because a swap would take the cache line away from the writer.
                if dirty.load(Ordering::Relaxed) != 0 {
                    self.taken = dirty.swap(0, order!("conflate_take_key", Acquire));
                    return true;
                }
            }
            self.summary_at = (self.summary_at + 1) % self.shared.summary.len();
            let summary = &self.shared.summary[self.summary_at];
            if summary.load(Ordering::Relaxed) != 0 {
                self.blocks = summary.swap(0, order!("conflate_take_block", Acquire));
            }
        }
        false
    }
}
