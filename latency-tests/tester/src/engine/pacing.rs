//! How fast requests are sent, when each is due, and from where.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What the loop does when nothing is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Looks again at once: for a tester with a CPU of its own.
    Busy,
    /// Sleeps in poll(2) until the next intended time or until data comes: for a CPU shared with the server. The
    /// kernel's wake-up time is then in every figure.
    Yield,
}

/// How the intended times are spread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timing {
    /// Evenly.
    Constant,
    /// As a Poisson process of the same rate.
    Poisson {
        /// Seed of the gaps.
        seed: u64,
    },
    /// At these times, over and over: bursts, idle times, recorded arrivals. The sessions take turns.
    Cycle(Cycle),
}

/// Intended times that repeat. [`Pacing::rate_per_s`] is then [`Cycle::rate_per_s`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// Times within one period, in nanoseconds, in their order.
    pub offsets_ns: Arc<[u64]>,
    /// Length of the period, in nanoseconds.
    pub period_ns: u64,
}

impl Cycle {
    /// Requests per second over whole periods.
    pub fn rate_per_s(&self) -> f64 {
        self.offsets_ns.len() as f64 * 1e9 / self.period_ns as f64
    }

    /// When request `ordinal` of the run is due.
    pub(super) fn at_ns(&self, ordinal: u64) -> u64 {
        let requests = self.offsets_ns.len() as u64;
        (ordinal / requests) * self.period_ns + self.offsets_ns[(ordinal % requests) as usize]
    }
}

/// How fast, how long, and from where.
#[derive(Clone, Debug)]
pub struct Pacing {
    /// Where to connect.
    pub server: SocketAddr,
    /// Requests per second of all sessions together.
    pub rate_per_s: f64,
    /// Measured time, after the warm-up.
    pub duration: Duration,
    /// Time before, with the same load, that no figure counts.
    pub warmup: Duration,
    /// What the loop does when nothing is due.
    pub idle: Idle,
    /// How the intended times are spread.
    pub timing: Timing,
    /// Pin the calling thread to this CPU.
    pub cpu: Option<usize>,
    /// Requests of one session that may be without answer; then further ones wait, and become late. One makes the
    /// send-time figure that of an ordinary closed-loop client.
    pub outstanding_max: usize,
    /// Whether requests of a session that are due together leave in one write. If not, each is a write and a segment of
    /// its own, as from a client that sends an order when it has one.
    pub coalesce: bool,
    /// Whether the kernel is asked when it sent and received: see [`KernelTimes`](super::KernelTimes).
    pub kernel_times: bool,
    /// How long to wait for what is still to be sent and answered after the last intended time.
    pub drain: Duration,
}

impl Pacing {
    /// Ten seconds after one of warm-up, evenly spaced, busy, coalescing, with the kernel's times, not pinned.
    pub fn new(server: SocketAddr, rate_per_s: f64) -> Self {
        Self {
            server,
            rate_per_s,
            duration: Duration::from_secs(10),
            warmup: Duration::from_secs(1),
            idle: Idle::Busy,
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
