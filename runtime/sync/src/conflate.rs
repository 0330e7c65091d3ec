//! The newest value of each of many keys: one writer that never waits, one reader that is told which keys changed.
//!
//! For what is replaced rather than queued, such as best prices: a reader that is slow sees fewer values and never an
//! old one for good, and the writer is never held back.
//!
//! # Memory ordering
//!
//! A key's value is a [`seqlock`](crate::seqlock). Its writer then sets the key's bit among the *dirty* ones and the bit
//! of that block of 64 keys in a summary, each by a `Release` read-modify-write. The reader takes a block's bit from the
//! summary and then the keys' bits, each by an `Acquire` swap, and reads the values of those keys.
//!
//! A value whose bits the reader takes is there to be read. A bit that is set after the swap stays for the next one, so
//! the last value of a key is always read. A read that meets a write under way is given up: that write's own bit
//! follows it. A value can be read before its own bit is set, by the bit of the one before it; the sequence then tells
//! that there is nothing new. It also tells how many values were never read.
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
/// Words of a cache line.
const LINE_WORDS: usize = 8;
/// How often a read that met a write is tried again before it is left to that write's bit.
const TRIES: usize = 4;

/// Creates the values of keys 0 to `keys` - 1, of `words` words each and all zero; none is dirty.
///
/// They take `keys` times `words` + 1 words, rounded up to whole cache lines, and a little more than 8 bytes per key.
///
/// # Panics
/// If `keys` or `words` is 0.
#[must_use]
pub fn conflated(keys: usize, words: usize) -> (ConflatedWriter, ConflatedReader) {
    assert!(keys > 0 && words > 0, "at least one key and one word");
    let lines = (1 + words).div_ceil(LINE_WORDS);
    let blocks = keys.div_ceil(BITS);
    let zeros = |count: usize| (0..count).map(|_| AtomicU64::new(0)).collect();
    let shared = Arc::new(Shared {
        keys,
        words,
        lines,
        values: (0..keys * lines).map(|_| Line::zeroed()).collect(),
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
    values: Box<[Line]>,
    /// A bit per key.
    dirty: Box<[AtomicU64]>,
    /// A bit per word of `dirty`.
    summary: Box<[AtomicU64]>,
}

/// A cache line, so that two keys share none.
#[derive(Debug)]
#[repr(align(64))]
struct Line([AtomicU64; LINE_WORDS]);

impl Line {
    fn zeroed() -> Self {
        Line(array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Shared {
    /// The sequence of a key's value, and its words.
    fn value(&self, key: usize) -> (&AtomicU64, impl Iterator<Item = &AtomicU64>) {
        let lines = &self.values[key * self.lines..][..self.lines];
        (&lines[0].0[0], lines.iter().flat_map(|line| &line.0).skip(1))
    }
}

/// The one writer.
#[derive(Debug)]
pub struct ConflatedWriter {
    shared: Arc<Shared>,
}

impl ConflatedWriter {
    /// How many keys there are.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.shared.keys
    }

    /// Replaces the value of a key. Never waits.
    ///
    /// # Panics
    /// If `key` is out of range or `words` has another length than the values.
    pub fn write(&mut self, key: usize, words: &[u64]) {
        let shared = &*self.shared;
        assert!(key < shared.keys && words.len() == shared.words, "a key and a length of this set");
        let (sequence, value) = shared.value(key);
        // Nobody else writes it.
        write_words(sequence, sequence.load(Ordering::Relaxed), value, words);
        let (block, bit) = (key / BITS, 1 << (key % BITS));
        shared.dirty[block].fetch_or(bit, order!("conflate_mark_key", Release));
        shared.summary[block / BITS].fetch_or(1 << (block % BITS), order!("conflate_mark_block", Release));
    }
}

/// The one reader.
#[derive(Debug)]
pub struct ConflatedReader {
    shared: Arc<Shared>,
    /// By key: sequence of the value that was read last.
    seen: Box<[u64]>,
    overwritten: u64,
    /// Word of the summary that is being worked off, and what is left of it.
    summary_at: usize,
    blocks: u64,
    /// Block that is being worked off, and what is left of its keys.
    block: usize,
    taken: u64,
}

impl ConflatedReader {
    /// Copies the value of a key that was written since it was last read to `words`, and returns the key; `None` when
    /// there is no such key. Keys have their turn in ascending order, round and round.
    ///
    /// # Panics
    /// If `words` has another length than the values.
    pub fn take(&mut self, words: &mut [u64]) -> Option<usize> {
        assert_eq!(words.len(), self.shared.words, "a length of this set");
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

    /// Values that a newer one replaced before they were read, as far as the newer ones have been read.
    #[must_use]
    pub fn overwritten(&self) -> u64 {
        self.overwritten
    }

    /// How many keys are marked as changed.
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

    /// Takes the dirty keys of the next block that has any.
    fn next_block(&mut self) -> bool {
        for _ in 0..=self.shared.summary.len() {
            while self.blocks != 0 {
                self.block = self.summary_at * BITS + self.blocks.trailing_zeros() as usize;
                self.blocks &= self.blocks - 1;
                let dirty = &self.shared.dirty[self.block];
                // A look first: a swap would take the line away from the writer.
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
