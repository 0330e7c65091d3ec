//! What else runs on the tester's thread.

use std::time::Duration;

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Time since the first intended send.
    pub elapsed: Duration,
    /// Length of warm-up and measurement.
    pub total: Duration,
    /// Requests sent so far.
    pub sent: u64,
    /// Requests answered so far.
    pub answered: u64,
}

/// A measured request and its first answer, all in nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Of which session.
    pub session: usize,
    /// When it was due.
    pub intended_ns: u64,
    /// When it was handed to the socket.
    pub sent_ns: u64,
    /// When the answer was read.
    pub answered_ns: u64,
}

/// Work that shares the tester's thread: a market player, a feed reader, a progress bar.
pub trait Observer {
    /// Does a bounded piece of work (it delays what is due meanwhile) and returns when it wants the next one, both
    /// in nanoseconds since the start of the run.
    fn step(&mut self, now_ns: u64) -> u64 {
        let _ = now_ns;
        u64::MAX
    }

    /// A request of the measured time has its first answer. It is called between two looks at the sockets: keep it to
    /// some nanoseconds.
    #[inline]
    fn answered(&mut self, answered: &Answered) {
        let _ = answered;
    }

    /// Called about ten times a second.
    fn progress(&mut self, progress: &Progress) {
        let _ = progress;
    }
}

/// Watches nothing.
impl Observer for () {}
