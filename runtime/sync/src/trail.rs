//! The last records of one wait-free writer, for whoever looks later, or while it writes on.
//!
//! For a flight recorder: what is written is seldom read, and a reader may never hold its writer up. The writer overwrites its
//! oldest record with each new one; a reader gets the newest ones, all but those that were overwritten while it read.
//!
//! # Memory ordering
//!
//! As in a [seqlock](crate::seqlock), the words are relaxed atomics, and a count of the records written, from which a place
//! follows, says what is whole:
//!
//! - The writer fences (`Release`), stores the words of the next record in the place of the oldest, and counts it by a `Release`
//!   store.
//! - A reader loads the count (`Acquire`), loads all records before it, fences (`Acquire`), and loads the count again. A record is
//!   whole unless one that is `capacity` later may have begun by then.
//!
//! The outer pair ensures that a reader sees at least the words of the records that it found counted. If a word it loaded comes
//! from a later record, the two fences make its second load return the count with which that record began, or a later one.
//!
//! # Examples
//!
//! ```
//! use corelane_sync::trail::trail;
//!
//! let (mut writer, reader) = trail(4);
//! (1..=9).for_each(|number| writer.push([number, 10 * number]));
//! let mut records = [[0; 2]; 4];
//! // The oldest place is the next to be overwritten.
//! assert_eq!(reader.read(&mut records), [[7, 70], [8, 80], [9, 90]]);
//! ```

use crate::atomic::{Arc, AtomicU64, Ordering, fence, order};

/// Creates a trail of `capacity` records.
///
/// # Panics
/// If `capacity` is no power of two.
#[must_use]
pub fn trail<const WORDS: usize>(capacity: usize) -> (TrailWriter<WORDS>, TrailReader<WORDS>) {
    assert!(capacity.is_power_of_two(), "a trail's capacity is a power of two, so that a place follows from a count");
    let record = || std::array::from_fn(|_| AtomicU64::new(0));
    let shared =
        Arc::new(Shared { count: Count(AtomicU64::new(0)), records: (0..capacity).map(|_| record()).collect() });
    (TrailWriter { count: 0, shared: Arc::clone(&shared) }, TrailReader { shared })
}

/// The one writer of a trail.
#[derive(Debug)]
pub struct TrailWriter<const WORDS: usize> {
    count: u64,
    shared: Arc<Shared<WORDS>>,
}

impl<const WORDS: usize> TrailWriter<WORDS> {
    /// Writes the next record over the oldest. Wait-free, whatever the readers do.
    #[inline]
    pub fn push(&mut self, words: [u64; WORDS]) {
        let Shared { count, records } = &*self.shared;
        fence!("trail_push_begin", Release);
        for (shared, word) in records[self.count as usize & (records.len() - 1)].iter().zip(words) {
            shared.store(word, Ordering::Relaxed);
        }
        self.count += 1;
        count.0.store(self.count, order!("trail_push_end", Release));
    }
}

/// A reader of a trail; clone it for each thread.
#[derive(Clone, Debug)]
pub struct TrailReader<const WORDS: usize> {
    shared: Arc<Shared<WORDS>>,
}

impl<const WORDS: usize> TrailReader<WORDS> {
    /// The number of records that it holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.records.len()
    }

    /// Copies the last records to `records` and returns those that are whole, oldest first: one less than the capacity, and less
    /// by those that the writer wrote meanwhile. Never waits.
    ///
    /// # Panics
    /// If the length of `records` is not the trail's capacity.
    pub fn read<'a>(&self, records: &'a mut [[u64; WORDS]]) -> &'a [[u64; WORDS]] {
        let capacity = self.capacity() as u64;
        assert_eq!(records.len(), self.capacity(), "the buffer has the capacity of the trail");
        let count = &self.shared.count.0;
        let end = count.load(order!("trail_read_begin", Acquire));
        let first = end.saturating_sub(capacity);
        for (number, record) in (first..end).zip(&mut *records) {
            let shared = &self.shared.records[(number % capacity) as usize];
            record.iter_mut().zip(shared).for_each(|(word, shared)| *word = shared.load(Ordering::Relaxed));
        }
        fence!("trail_read_end", Acquire);
        // That many are counted, and one more may have begun.
        let whole_from = (count.load(Ordering::Relaxed) + 1).saturating_sub(capacity).clamp(first, end);
        &records[(whole_from - first) as usize..(end - first) as usize]
    }
}

#[derive(Debug)]
struct Shared<const WORDS: usize> {
    count: Count,
    records: Box<[[AtomicU64; WORDS]]>,
}

/// Has a pair of cache lines to itself.
#[derive(Debug)]
#[repr(align(128))]
struct Count(AtomicU64);
