//! Observers, which do other work on the tester's thread.

use std::time::Duration;

/// The progress of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The time since the start of the run.
    pub elapsed: Duration,
    /// The total length of warm-up and measurement.
    pub total: Duration,
    /// The number of requests sent so far.
    pub sent: u64,
    /// The number of requests answered so far.
    pub answered: u64,
}

/// A measured request and its first answer. Times are in nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The index of the session.
    pub session: usize,
    /// The intended send time.
    pub intended_ns: u64,
    /// The time at which the request was passed to the socket.
    pub sent_ns: u64,
    /// The time at which the answer was read.
    pub answered_ns: u64,
}

/// Work on the tester's thread, such as a market player, a feed reader or a progress bar.
pub trait Observer {
    /// Does a bounded piece of work, which delays requests that become due meanwhile, and returns the time of the next
    /// call. Both times are in nanoseconds since the start of the run.
    fn step(&mut self, now_ns: u64) -> u64 {
        let _ = now_ns;
        u64::MAX
    }

    /// Called for each first answer to a measured request. Keep it to some nanoseconds, because the tester reads no
    /// sockets meanwhile.
    #[inline]
    fn answered(&mut self, answered: &Answered) {
        let _ = answered;
    }

    /// Reports progress, about ten times a second.
    fn progress(&mut self, progress: &Progress) {
        let _ = progress;
    }
}

/// Observes nothing.
impl Observer for () {}
