//! A few words that belong together: one writer that never waits, readers that see all of one write or retry.
//!
//! Used where the value is small, rarely written and often read, such as the clock calibration that
//! housekeeping publishes to all shards.
//!
//! # Memory ordering
//!
//! After Boehm, *Can seqlocks get along with programming language memory models?* (2012). The words are relaxed
//! atomics, so that a read racing with a write is no data race, only a value to throw away. A sequence word is
//! odd during a write:
//!
//! - The writer makes it odd, fences (`Release`), stores the words, and makes it even by a `Release` store.
//! - A reader loads it (`Acquire`), loads the words, fences (`Acquire`), and loads it again. Even and unchanged
//!   means that the words are one write's.
//!
//! A reader that saw an even value sees at least that write's words, by the outer pair. If any word it loaded is
//! of a later write, the two fences make its second load see that write's odd value or a later one.
//!
//! # Examples
//!
//! ```
//! use corelane_sync::seqlock::seqlock;
//!
//! let (mut writer, reader) = seqlock([1_000, 1]);
//! assert_eq!(reader.read(), [1_000, 1]);
//! writer.write([2_000, 2]);
//! assert_eq!(reader.try_read(), Some([2_000, 2]));
//! ```

use crate::atomic::{Arc, AtomicU64, Ordering, fence, order, spin_loop};

/// Creates a seqlock that holds `initial`.
#[must_use]
pub fn seqlock<const WORDS: usize>(initial: [u64; WORDS]) -> (SeqWriter<WORDS>, SeqReader<WORDS>) {
    let cell = Arc::new(Cell { sequence: AtomicU64::new(0), words: initial.map(AtomicU64::new) });
    let writer = SeqWriter { sequence: 0, cell: Arc::clone(&cell) };
    (writer, SeqReader { cell })
}

/// The one writer of a seqlock.
#[derive(Debug)]
pub struct SeqWriter<const WORDS: usize> {
    /// The even sequence of the last write.
    sequence: u64,
    cell: Arc<Cell<WORDS>>,
}

impl<const WORDS: usize> SeqWriter<WORDS> {
    /// Replaces all words. Never waits, whatever the readers do.
    pub fn write(&mut self, words: [u64; WORDS]) {
        self.sequence = write_words(&self.cell.sequence, self.sequence, &self.cell.words, &words);
    }
}

/// Writes `words` to `shared` under the even sequence that follows `last`, and returns it. Only one thread may write.
pub(crate) fn write_words<'a>(
    sequence: &AtomicU64,
    last: u64,
    shared: impl IntoIterator<Item = &'a AtomicU64>,
    words: &[u64],
) -> u64 {
    sequence.store(last + 1, Ordering::Relaxed);
    fence!("seqlock_write_begin", Release);
    for (shared, &word) in shared.into_iter().zip(words) {
        shared.store(word, Ordering::Relaxed);
    }
    sequence.store(last + 2, order!("seqlock_write_end", Release));
    last + 2
}

/// Reads `shared` into `words` and returns their sequence, twice the number of writes so far; `None` if a write is under
/// way or came in between, and then the words are worth nothing.
pub(crate) fn try_read_words<'a>(
    sequence: &AtomicU64,
    shared: impl IntoIterator<Item = &'a AtomicU64>,
    words: &mut [u64],
) -> Option<u64> {
    let before = sequence.load(order!("seqlock_read_begin", Acquire));
    if before % 2 == 1 {
        return None;
    }
    for (word, shared) in words.iter_mut().zip(shared) {
        *word = shared.load(Ordering::Relaxed);
    }
    fence!("seqlock_read_end", Acquire);
    (before == sequence.load(Ordering::Relaxed)).then_some(before)
}

/// A reader of a seqlock; clone it for each thread.
#[derive(Clone, Debug)]
pub struct SeqReader<const WORDS: usize> {
    cell: Arc<Cell<WORDS>>,
}

impl<const WORDS: usize> SeqReader<WORDS> {
    /// The words of the last write that was complete.
    ///
    /// Spins while a write is under way: nanoseconds, unless the writer was preempted in the middle of it. A
    /// thread that may not wait for that calls [`try_read`](Self::try_read) and keeps the value it has.
    #[must_use]
    pub fn read(&self) -> [u64; WORDS] {
        loop {
            if let Some(words) = self.try_read() {
                return words;
            }
            spin_loop();
        }
    }

    /// The words of the last write, or `None` if a write is under way or came in between.
    #[must_use]
    pub fn try_read(&self) -> Option<[u64; WORDS]> {
        let mut words = [0; WORDS];
        try_read_words(&self.cell.sequence, &self.cell.words, &mut words).map(|_| words)
    }
}

/// Alone on its pair of cache lines, or a multiple of that for more than 15 words.
#[derive(Debug)]
#[repr(align(128))]
struct Cell<const WORDS: usize> {
    sequence: AtomicU64,
    words: [AtomicU64; WORDS],
}
