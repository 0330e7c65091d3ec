//! The calls of which a breaker computes its rates, in constant time per call.

use super::config::Window;

/// How many calls there were, and how many of them failed and were slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// All calls.
    pub calls: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that were slow, failed or not.
    pub slow: u64,
}

impl CallCounts {
    pub(super) fn of_one(failed: bool, slow: bool) -> CallCounts {
        CallCounts { calls: 1, failed: failed.into(), slow: slow.into() }
    }

    fn add(&mut self, other: CallCounts) {
        self.calls += other.calls;
        self.failed += other.failed;
        self.slow += other.slow;
    }

    fn remove(&mut self, other: CallCounts) {
        self.calls -= other.calls;
        self.failed -= other.failed;
        self.slow -= other.slow;
    }
}

/// The calls of a window, and their sum.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    /// The last calls one by one, or those of each slice of time. What is not used is zero.
    ring: Box<[CallCounts]>,
    sum: CallCounts,
    /// The number of the newest entry, which lies at that number modulo the length of the ring.
    newest: u64,
    /// The length of a slice; `None` if each entry is one call.
    slice_ns: Option<u64>,
}

impl Calls {
    pub(super) fn new(window: Window) -> Calls {
        let (entries, slice_ns) = match window {
            Window::Calls(most) => (most, None),
            Window::Time { slices, slice_ns } => (slices, Some(slice_ns)),
        };
        let ring = vec![CallCounts::default(); entries as usize].into();
        Calls { ring, sum: CallCounts::default(), newest: 0, slice_ns }
    }

    pub(super) fn clear(&mut self) {
        self.ring.fill(CallCounts::default());
        self.sum = CallCounts::default();
    }

    pub(super) fn record(&mut self, now_ns: u64, call: CallCounts) {
        match self.slice_ns {
            Some(_) => self.advance(now_ns),
            None => self.begin_next(),
        }
        let at = self.place(self.newest);
        self.ring[at].add(call);
        self.sum.add(call);
    }

    /// The sum at `now_ns`.
    pub(super) fn sum(&mut self, now_ns: u64) -> CallCounts {
        self.advance(now_ns);
        self.sum
    }

    /// Forgets the slices that have left the window. If the clock goes back, but not beyond the window, what comes is added to
    /// the newest slice; if it goes further, the window begins anew.
    fn advance(&mut self, now_ns: u64) {
        let Some(slice_ns) = self.slice_ns else {
            return;
        };
        let slice = now_ns / slice_ns;
        if slice.abs_diff(self.newest) >= self.ring.len() as u64 {
            self.clear();
            self.newest = slice;
        }
        while self.newest < slice {
            self.begin_next();
        }
    }

    /// Begins the next entry, in the place of the oldest.
    fn begin_next(&mut self) {
        self.newest = self.newest.wrapping_add(1);
        let at = self.place(self.newest);
        self.sum.remove(std::mem::take(&mut self.ring[at]));
    }

    #[expect(clippy::cast_possible_truncation, reason = "below the length of the ring")]
    fn place(&self, number: u64) -> usize {
        (number % self.ring.len() as u64) as usize
    }
}
