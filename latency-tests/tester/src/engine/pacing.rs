//! The pacing of a load: its rate, its intended send times, and its CPU.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The behaviour of the loop when nothing is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleStrategy {
    /// Spins. For a tester with a CPU of its own.
    Busy,
    /// Sleeps in poll(2) until the next intended time or until data arrives. For a CPU shared with the server. All
    /// figures then include the kernel's wake-up time.
    Yield,
}

/// The distribution of the intended times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timing {
    /// Evenly spaced.
    Constant,
    /// A Poisson process of the same rate.
    Poisson {
        /// The seed of the gaps.
        seed: u64,
    },
    /// A repeated sequence of times, for bursts, idle periods or recorded arrivals. Sessions are assigned round-robin.
    Cycle(Cycle),
}

/// A repeated sequence of intended times. Set [`Pacing::rate_per_s`] to [`Cycle::rate_per_s`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// The times within one period, in nanoseconds, ascending.
    pub offsets_ns: Arc<[u64]>,
    /// The length of the period, in nanoseconds.
    pub period_ns: u64,
}

impl Cycle {
    /// The average rate over whole periods, in requests per second.
    #[must_use]
    pub fn rate_per_s(&self) -> f64 {
        self.offsets_ns.len() as f64 * 1e9 / self.period_ns as f64
    }

    /// The intended time of request `ordinal` of the run.
    pub(super) fn at_ns(&self, ordinal: u64) -> u64 {
        let requests = self.offsets_ns.len() as u64;
        (ordinal / requests) * self.period_ns + self.offsets_ns[(ordinal % requests) as usize]
    }
}

/// The target, rate and duration of a load, and how to generate it.
#[derive(Clone, Debug)]
pub struct Pacing {
    /// The server to connect to.
    pub server: SocketAddr,
    /// The total rate of all sessions, in requests per second.
    pub rate_per_s: f64,
    /// The measured time, after the warm-up.
    pub duration: Duration,
    /// The time before, with the same load, which no latency figure includes.
    pub warmup: Duration,
    /// The behaviour of the loop when nothing is due.
    pub idle: IdleStrategy,
    /// The distribution of the intended times.
    pub timing: Timing,
    /// The CPU to pin the calling thread to.
    pub cpu: Option<usize>,
    /// The maximum number of unanswered requests per session; further ones wait and become late. With 1, the send-time
    /// figure is that of an ordinary closed-loop client.
    pub outstanding_max: usize,
    /// Whether requests of a session that are due together leave in one write. If not, each is a separate write and
    /// segment, as from a client that sends each order when it arises.
    pub coalesce: bool,
    /// Whether to request the kernel's timestamps, see [`KernelTimes`](super::KernelTimes).
    pub kernel_times: bool,
    /// The time limit after the last intended time for the remaining requests and answers.
    pub drain: Duration,
}

impl Pacing {
    /// One second of warm-up and ten seconds of measurement, evenly spaced, spinning, coalescing, with kernel
    /// timestamps, not pinned.
    #[must_use]
    pub fn new(server: SocketAddr, rate_per_s: f64) -> Self {
        Self {
            server,
            rate_per_s,
            duration: Duration::from_secs(10),
            warmup: Duration::from_secs(1),
            idle: IdleStrategy::Busy,
            timing: Timing::Constant,
            cpu: None,
            outstanding_max: 16_384,
            coalesce: true,
            kernel_times: true,
            drain: Duration::from_secs(2),
        }
    }

    pub(super) fn warmup_ns(&self) -> u64 {
        self.warmup.as_nanos() as u64
    }

    pub(super) fn end_ns(&self) -> u64 {
        (self.warmup + self.duration).as_nanos() as u64
    }
}
