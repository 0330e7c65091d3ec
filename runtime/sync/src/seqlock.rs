//! A few words published together by one wait-free writer; readers get all of one write, or retry.
//!
//! For a value that is small, rarely written and often read, such as the clock calibration that housekeeping publishes
//! to all shards.
//!
//! # Memory ordering
//!
//! After Boehm, *Can seqlocks get along with programming language memory models?* (2012). The words are relaxed
//! atomics, so that a read that overlaps a write is not a data race; the reader discards the value. A sequence word is
//! odd during a write:
//!
//! - The writer makes the sequence odd, fences (`Release`), stores the words, and makes the sequence even by a
//!   `Release` store.
//! - A reader loads the sequence (`Acquire`), loads the words, fences (`Acquire`), and loads the sequence again. If it
//!   is even and unchanged, all words come from one write.
//!
//! The outer pair ensures that a reader that loaded an even value sees at least the words of that write. If a word it
//! loaded comes from a later write, the two fences make its second load return that write's odd value or a later one.
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

use crate::atomic::{Arc, AtomicU64, Ordering, fence, order, spin_loop, yield_now};

/// Attempts to read before each further one gives the CPU away. A write takes nanoseconds, so a reader that has not
/// succeeded by then waits for a writer that was preempted, perhaps by the reader itself.
const SPINS_MAX: u32 = 64;

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
    /// Replaces all words. Wait-free, whatever the readers do.
    pub fn write(&mut self, words: [u64; WORDS]) {
        self.sequence = write_words(&self.cell.sequence, self.sequence, &self.cell.words, &words);
    }
}

/// Writes `words` to `shared` and returns their sequence, the even number after `last`. Only one thread may write.
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

/// Reads `shared` into `words` and returns their sequence, which is twice the number of writes so far. `None` if a
/// write overlapped the read; `words` is then meaningless.
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
    /// The words of the last complete write.
    ///
    /// Spins while a write is in progress: nanoseconds, unless the writer is preempted in the middle. Then it yields, so that
    /// a writer on the same CPU can go on (unless the reader has a real-time priority above it). A thread that must not wait
    /// calls [`try_read`](Self::try_read) instead and keeps the value it has.
    #[must_use]
    pub fn read(&self) -> [u64; WORDS] {
        let mut spins = 0;
        loop {
            if let Some(words) = self.try_read() {
                return words;
            }
            if spins < SPINS_MAX {
                spins += 1;
                spin_loop();
            } else {
                yield_now();
            }
        }
    }

    /// The words of the last write, or `None` if a write overlapped the read.
    #[must_use]
    pub fn try_read(&self) -> Option<[u64; WORDS]> {
        let mut words = [0; WORDS];
        try_read_words(&self.cell.sequence, &self.cell.words, &mut words).map(|_| words)
    }
}

/// Has a pair of cache lines to itself, or several pairs for more than 15 words.
#[derive(Debug)]
#[repr(align(128))]
struct Cell<const WORDS: usize> {
    sequence: AtomicU64,
    words: [AtomicU64; WORDS],
}

#[cfg(all(test, not(corelane_loom)))]
mod tests {
    use std::process::{Child, Command, ExitStatus};
    use std::time::{Duration, Instant};
    use std::{env, fs, thread};

    use super::*;

    /// Set in the process that has a CPU to itself.
    const MARK: &str = "CORELANE_TEST_ONE_CPU";
    const NAME: &str = "seqlock::tests::a_reader_lets_a_preempted_writer_on_its_cpu_finish";

    /// R17. Threads of one real-time priority get a CPU only when another gives it away, so a reader that spins keeps it for ever.
    #[test]
    fn a_reader_lets_a_preempted_writer_on_its_cpu_finish() {
        if env::var_os(MARK).is_some() {
            return read_while_a_writer_is_preempted();
        }
        let this = env::current_exe().unwrap();
        let real_time = |command: &str| {
            let mut chrt = Command::new("chrt");
            chrt.args(["--fifo", "1", "taskset", "--cpu-list", &first_cpu(), command]);
            chrt
        };
        if !real_time("true").output().is_ok_and(|output| output.status.success()) {
            eprintln!("this process may not set a real-time priority, or chrt and taskset are missing: not tested");
            return;
        }
        let mut child = real_time(this.to_str().unwrap());
        let ended = wait(child.args(["--exact", NAME]).env(MARK, "1").spawn().unwrap());
        assert!(ended.is_some_and(|status| status.success()), "the reader keeps the CPU from its writer: {ended:?}");
    }

    fn read_while_a_writer_is_preempted() {
        let (mut writer, reader) = seqlock([1, 1]);
        // A write has begun.
        writer.cell.sequence.store(1, Ordering::Relaxed);
        thread::scope(|scope| {
            scope.spawn(move || writer.write([2, 2]));
            assert_eq!(reader.read(), [2, 2]);
        });
    }

    fn first_cpu() -> String {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
        list.trim().split([',', '-']).next().unwrap().to_owned()
    }

    /// How it ended; none if it did not, and is killed.
    fn wait(mut child: Child) -> Option<ExitStatus> {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(60) {
            if let Some(status) = child.try_wait().unwrap() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        None
    }
}
