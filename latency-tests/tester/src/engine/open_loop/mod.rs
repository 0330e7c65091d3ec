//! The main loop of the load generator.
//!
//! | module | what it does |
//! |---|---|
//! | `log_in` | connects and logs in all sessions |
//! | `send` | sends due requests |
//! | `receive` | reads answers and records latencies |
//! | `clean_up` | cleans up, counts missing answers, and logs out |

mod clean_up;
mod log_in;
mod receive;
mod send;

use std::io;
use std::net::TcpStream;
use std::num::NonZeroU64;
use std::time::Duration;

use rustix::event::PollFd;

use super::connection::{Connection, connect};
use super::kernel_times::{KernelTimes, SocketTimes};
use super::schedule::Schedule;
use super::{IdleStrategy, LoadError, Measured, Observer, Pacing, Progress, Wire};
use crate::clock::{Clock, Correlation};
use crate::jitter::{Gaps, latency_histogram};

/// The time limit for one connection attempt, and for all sessions to log in.
const LOG_IN: Duration = Duration::from_secs(5);
/// The time without sending after which a session sends a heartbeat (SoupBinTCP).
const HEARTBEAT_NS: u64 = 1_000_000_000;
/// The silence after which a server counts as dead (the usual client-side value for SoupBinTCP).
const SERVER_SILENCE_NS: u64 = 15_000_000_000;
/// The interval of heartbeat checks and progress reports.
const HOUSEKEEPING_NS: u64 = 100_000_000;
/// The interval of checks for missing answers, after the last request.
const DRAIN_CHECK_NS: u64 = 1_000_000;
/// The maximum number of faults that keep their text; further ones only mark the run as faulty.
const FAULTS_KEPT: usize = 16;

/// Logs in, runs the load, cleans up and logs out.
pub(super) fn run<W: Wire, O: Observer>(
    pacing: &Pacing,
    wire: &mut W,
    observer: &mut O,
) -> Result<Measured, LoadError> {
    let streams = (0..wire.sessions())
        .map(|_| connect(pacing.server, LOG_IN))
        .collect::<io::Result<Vec<_>>>()
        .map_err(|source| LoadError::Connect { server: pacing.server, source })?;
    if pacing.idle == IdleStrategy::Yield {
        // Wakes on time, not up to 50 µs later. If the kernel refuses, the figures show it.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
    }
    let mut engine = Engine::new(pacing, &streams, wire, observer);
    engine.log_in()?;
    engine.play()?;
    engine.clean_up()?;
    Ok(engine.finish())
}

struct Engine<'a, W, O> {
    pacing: &'a Pacing,
    wire: &'a mut W,
    observer: &'a mut O,
    observer_due_ns: u64,
    housekeeping_due_ns: u64,
    clock: Clock,
    /// The correlation with the kernel's clock.
    correlation: Correlation,
    connections: Vec<Connection<'a>>,
    /// The open connections in order, refilled before every poll.
    poll_fds: Vec<PollFd<'a>>,
    measured: Measured,
    /// The number of completed requests that were due after the warm-up, and the time of the last completion.
    completed_measured: u64,
    last_completed_ns: u64,
    faulty: bool,
}

impl<'a, W: Wire, O: Observer> Engine<'a, W, O> {
    fn new(pacing: &'a Pacing, streams: &'a [TcpStream], wire: &'a mut W, observer: &'a mut O) -> Self {
        let connections: Vec<_> = streams
            .iter()
            .enumerate()
            .map(|(index, stream)| {
                let schedule = Schedule::new(pacing, index, streams.len());
                // Optional: if the kernel refuses, all other figures are the same.
                let times = pacing.kernel_times.then(|| SocketTimes::ask(stream).ok()).flatten();
                Connection::new(stream, schedule, pacing.outstanding_max, times)
            })
            .collect();
        let has_times = connections.iter().any(|one| one.times.is_some());
        let clock = Clock::start();
        Self {
            pacing,
            wire,
            observer,
            observer_due_ns: 0,
            housekeeping_due_ns: 0,
            correlation: clock.correlate(),
            clock,
            connections,
            poll_fds: Vec::with_capacity(streams.len()),
            measured: Measured {
                intended: latency_histogram(),
                send: latency_histogram(),
                late: latency_histogram(),
                kernel_times: has_times.then(KernelTimes::new),
                asked_per_s: pacing.rate_per_s,
                achieved_per_s: 0.0,
                sent: 0,
                answered: 0,
                silent: 0,
                unsent: 0,
                missing: 0,
                drops: 0,
                faults: Vec::new(),
                bytes_sent: 0,
                bytes_received: 0,
                loop_gaps: Gaps::new(),
            },
            completed_measured: 0,
            last_completed_ns: 0,
            faulty: false,
        }
    }

    /// Runs the measured part, until everything is sent and answered or the time limit for that is over.
    fn play(&mut self) -> Result<(), LoadError> {
        let end_ns = self.pacing.end_ns();
        let give_up_ns = end_ns + self.pacing.drain.as_nanos() as u64;
        let mut drain_check_ns = end_ns;
        let blocking = self.pacing.idle == IdleStrategy::Yield;
        self.measured.loop_gaps.resume(self.clock.now_ns());
        while !self.faulty {
            let now_ns = self.clock.now_ns();
            if now_ns < end_ns {
                self.measured.loop_gaps.pass(now_ns);
            } else if now_ns >= drain_check_ns {
                if now_ns >= give_up_ns || self.is_drained() {
                    break;
                }
                drain_check_ns = now_ns + DRAIN_CHECK_NS;
            }
            let mut due_ns = self.send_due(now_ns);
            if now_ns >= self.observer_due_ns {
                self.observer_due_ns = self.observer.step(now_ns);
            }
            if now_ns >= self.housekeeping_due_ns {
                self.keep_house(now_ns);
            }
            due_ns = due_ns.min(self.observer_due_ns).min(self.housekeeping_due_ns);
            if now_ns >= end_ns {
                due_ns = due_ns.min(drain_check_ns);
            }
            self.receive_ready(due_ns, blocking)?;
        }
        Ok(())
    }

    fn keep_house(&mut self, now_ns: u64) {
        self.housekeeping_due_ns = now_ns + HOUSEKEEPING_NS;
        // Between two correlations, the clocks drift apart by a tenth of a microsecond.
        self.correlation = self.clock.correlate();
        for index in 0..self.connections.len() {
            let connection = &mut self.connections[index];
            if !connection.open {
                continue;
            }
            if now_ns.saturating_sub(connection.last_receive_ns) > SERVER_SILENCE_NS {
                self.drop_connection(index, "silent for 15 s");
            } else if now_ns.saturating_sub(connection.last_send_ns) >= HEARTBEAT_NS {
                connection.last_send_ns = now_ns;
                self.wire.heartbeat(index, connection.queue());
                self.flush(index);
            }
        }
        self.observer.progress(&Progress {
            elapsed: Duration::from_nanos(now_ns),
            total: Duration::from_nanos(self.pacing.end_ns()),
            sent: self.measured.sent,
            answered: self.measured.answered,
        });
    }

    fn finish(self) -> Measured {
        let mut measured = self.measured;
        let took_ns = self.last_completed_ns.max(self.pacing.end_ns()).saturating_sub(self.pacing.warmup_ns());
        measured.achieved_per_s = self.completed_measured as f64 * 1e9 / took_ns as f64;
        measured
    }

    #[cold]
    fn drop_connection(&mut self, index: usize, why: &str) {
        self.connections[index].open = false;
        self.connections[index].queue().clear();
        self.measured.drops += 1;
        self.note(format!("session {index}: connection lost: {why}"));
    }

    /// Records a fault that makes everything after it meaningless, and ends the run.
    #[cold]
    fn fault(&mut self, text: String) {
        self.faulty = true;
        self.note(text);
    }

    fn note(&mut self, text: String) {
        if self.measured.faults.len() < FAULTS_KEPT {
            self.measured.faults.push(text);
        }
    }
}
