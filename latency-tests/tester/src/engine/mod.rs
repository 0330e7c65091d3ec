//! The open loop: one thread, all sessions, requests sent at times that were fixed before the run.
//!
//! The rate alone decides when a request is due. One that goes out late (the server pushed back, the tester was
//! off its CPU) does not shift those after it, and its latency counts from the time at which it was due: *intended
//! time*. The other figure, from the time at which it was handed to the socket, is kept beside it for comparison.
//!
//! [`run`] drives any protocol that implements [`Wire`], so that a venue and an echo server are measured by the same
//! instructions.

mod connection;
mod kernel_times;
mod open_loop;
mod schedule;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use thiserror::Error;

pub use kernel_times::{KernelTimes, SENT_SAMPLED};

use crate::jitter::Gaps;
use crate::pin::pin;
use crate::report::grouped;
use crate::saturation::ACHIEVED_SHARE;

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
    fn at_ns(&self, ordinal: u64) -> u64 {
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
    /// Whether the kernel is asked when it sent and received: see [`KernelTimes`].
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

    fn warmup_ns(&self) -> u64 {
        self.warmup.as_nanos() as u64
    }

    fn end_ns(&self) -> u64 {
        (self.warmup + self.duration).as_nanos() as u64
    }
}

/// Why a load could not be started. What goes wrong later is in [`Measured::faults`].
#[derive(Debug, Error)]
pub enum LoadError {
    /// A setting has a value with which nothing can be measured.
    #[error("{setting} must be {rule}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// A user or password does not fit its field.
    #[error("user {user:?}: {source}")]
    Credentials {
        /// Whose.
        user: String,
        /// What is wrong with it.
        source: corelane_codecs::text::AlphaError,
    },
    /// The tester's thread could not be pinned.
    #[error("cannot pin the tester to CPU {cpu}; choose one that this process may use")]
    Pin {
        /// The CPU.
        cpu: usize,
    },
    /// The server cannot be reached.
    #[error("cannot connect to {server}: {source}; is the server running and listening there?")]
    Connect {
        /// Where.
        server: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The server refuses or does not answer the log-in.
    #[error("session {session}: log-in failed: {why}")]
    LogIn {
        /// Index of the session.
        session: usize,
        /// Why.
        why: String,
    },
    /// A system call failed that does not fail in working order.
    #[error("{call}: {source}")]
    System {
        /// Which.
        call: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// What a frame from the server means to the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The session is logged in.
    Ready,
    /// First answer to the request that follows `unanswered` earlier ones, which get none.
    First {
        /// Requests passed over.
        unanswered: u32,
    },
    /// A further answer, or a message that answers nothing.
    Further,
    /// The server ends the session.
    End,
}

/// A protocol under load. Frames are appended to buffers that are never shrunk, so that nothing allocates per
/// message.
pub trait Wire {
    /// How many sessions there are.
    fn sessions(&self) -> usize;
    /// Appends what a session says first. If that is nothing, it is ready at once.
    fn greeting(&mut self, session: usize, out: &mut Vec<u8>);
    /// Appends the next request.
    fn request(&mut self, session: usize, out: &mut Vec<u8>);
    /// Appends a request that cleans up after the run, until it returns `false`. These are not measured.
    fn closing(&mut self, session: usize, out: &mut Vec<u8>) -> bool;
    /// Appends a heartbeat.
    fn heartbeat(&mut self, session: usize, out: &mut Vec<u8>);
    /// Appends what a session says last.
    fn farewell(&mut self, session: usize, out: &mut Vec<u8>);
    /// Length of the first frame of `bytes`, `None` if it is not all there.
    ///
    /// # Errors
    /// If these bytes cannot be a frame.
    fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, String>;
    /// Reads one frame.
    ///
    /// # Errors
    /// If it is not what it must be; the run then ends.
    fn on_frame(&mut self, session: usize, frame: &[u8]) -> Result<Event, String>;
    /// The request that was made last is not sent after all.
    fn withdraw(&mut self, session: usize);
    /// Messages that the server still owes this session, of whose requests the last `outstanding` that were sent
    /// have not been answered.
    fn owed(&self, session: usize, outstanding: usize) -> u64;
}

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

/// What was measured. Counts are of requests, and of the whole run, unless they say otherwise.
#[derive(Clone, Debug)]
pub struct Measured {
    /// From intended send time to first answer, in nanoseconds, after the warm-up.
    pub intended: Histogram<u64>,
    /// The same from the time at which the request was handed to the socket.
    pub send: Histogram<u64>,
    /// From intended send time to being handed to the socket, of the same requests: what the tester was late.
    pub late: Histogram<u64>,
    /// The same way by the kernel's times; absent if they were not wanted, or not given.
    pub kernel_times: Option<KernelTimes>,
    /// The rate that was asked for.
    pub asked_per_s: f64,
    /// Completed requests of the measured time, per second until the last of them was completed.
    pub achieved_per_s: f64,
    /// Sent.
    pub sent: u64,
    /// Answered at least once.
    pub answered: u64,
    /// Sent, and rightly without any answer.
    pub silent: u64,
    /// Due, and not sent before the time was over.
    pub unsent: u64,
    /// Messages that should have come and did not.
    pub missing: u64,
    /// Connections that the server closed or that failed.
    pub drops: u64,
    /// Everything else that was wrong, in words; the first of them.
    pub faults: Vec<String>,
    /// Bytes written to sockets.
    pub bytes_sent: u64,
    /// Bytes read from sockets.
    pub bytes_received: u64,
    /// What the tester's own loop missed while it ran.
    pub loop_gaps: Gaps,
}

impl Measured {
    /// Why the figures do not count; empty if they do.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.faults.clone();
        let mut say = |wrong: bool, text: String| {
            if wrong {
                problems.push(text);
            }
        };
        let count = |count: u64, of: &str| format!("{} {of}", grouped(count));
        say(self.drops > 0, count(self.drops, "connections lost"));
        say(self.missing > 0, count(self.missing, "answers missing"));
        say(self.unsent > 0, count(self.unsent, "requests were due and could not be sent"));
        say(self.intended.is_empty(), "nothing was measured".to_owned());
        say(
            self.achieved_per_s < ACHIEVED_SHARE * self.asked_per_s,
            format!("{:.0}/s achieved of {:.0}/s asked: lower the rate", self.achieved_per_s, self.asked_per_s),
        );
        problems
    }
}

/// Runs the load and returns when every answer has come, or the bounded wait for it is over.
///
/// # Errors
/// [`LoadError`] if it cannot be started.
pub fn run<W: Wire, O: Observer>(pacing: &Pacing, wire: &mut W, observer: &mut O) -> Result<Measured, LoadError> {
    for (setting, is_zero) in [
        ("the number of sessions", wire.sessions() == 0),
        ("the rate", !(pacing.rate_per_s > 0.0 && pacing.rate_per_s.is_finite())),
        ("the duration", pacing.duration.is_zero()),
        ("outstanding_max", pacing.outstanding_max == 0),
        (
            "a cycle's times and period",
            matches!(&pacing.timing, Timing::Cycle(cycle) if cycle.offsets_ns.is_empty() || cycle.period_ns == 0),
        ),
    ] {
        if is_zero {
            return Err(LoadError::Setting { setting, rule: "above zero" });
        }
    }
    if let Some(cpu) = pacing.cpu {
        pin(cpu)?;
    }
    open_loop::run(pacing, wire, observer)
}
