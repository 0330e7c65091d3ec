//! The open loop: one thread, all sessions, requests sent at times that were fixed before the run.
//!
//! The rate alone decides when a request is due. One that goes out late (the server pushed back, the tester was
//! off its CPU) does not shift those after it, and its latency counts from the time at which it was due: *intended
//! time*. The other figure, from the time at which it was handed to the socket, is kept beside it for comparison.
//!
//! [`run`] drives any protocol that implements [`Wire`], so that a venue and an echo server are measured by the same
//! instructions.

mod connection;
mod schedule;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use hdrhistogram::Histogram;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use thiserror::Error;

use crate::clock::Clock;
use crate::jitter::{Gaps, latency_histogram};
use connection::{Connection, Sent};
use schedule::Schedule;

/// Send a heartbeat after so long without sending anything (SoupBinTCP).
const HEARTBEAT_NS: u64 = 1_000_000_000;
/// A server that is silent for so long is gone (the usual client-side value of SoupBinTCP).
const SERVER_SILENCE_NS: u64 = 15_000_000_000;
/// Between two looks at heartbeats and progress.
const HOUSEKEEPING_NS: u64 = 100_000_000;
/// For all sessions to connect and log in.
const LOG_IN: Duration = Duration::from_secs(5);
/// Between two looks at what is still owed, after the last request.
const DRAIN_CHECK_NS: u64 = 1_000_000;
/// Faults kept with their text; more are only counted.
const FAULTS_KEPT: usize = 16;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// Evenly.
    Constant,
    /// As a Poisson process of the same rate.
    Poisson {
        /// Seed of the gaps.
        seed: u64,
    },
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
    /// How long to wait for what is still to be sent and answered after the last intended time.
    pub drain: Duration,
}

impl Pacing {
    /// Ten seconds after one of warm-up, evenly spaced, busy, not pinned.
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
    /// Nothing to do.
    #[error("{what} must be above zero")]
    Zero {
        /// Which setting.
        what: &'static str,
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

/// Work that shares the tester's thread: a market player, a feed reader, a progress bar.
pub trait Observer {
    /// Does a bounded piece of work (it delays what is due meanwhile) and returns when it wants the next one, both
    /// in nanoseconds since the start of the run.
    fn step(&mut self, now_ns: u64) -> u64 {
        let _ = now_ns;
        u64::MAX
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

/// Runs the load and returns when every answer has come, or the bounded wait for it is over.
///
/// # Errors
/// [`LoadError`] if it cannot be started.
pub fn run<W: Wire, O: Observer>(
    pacing: &Pacing,
    wire: &mut W,
    observer: &mut O,
) -> Result<Measured, LoadError> {
    for (what, is_zero) in [
        ("the number of sessions", wire.sessions() == 0),
        (
            "the rate",
            !(pacing.rate_per_s > 0.0 && pacing.rate_per_s.is_finite()),
        ),
        ("the duration", pacing.duration.is_zero()),
        ("outstanding_max", pacing.outstanding_max == 0),
    ] {
        if is_zero {
            return Err(LoadError::Zero { what });
        }
    }
    if let Some(cpu) = pacing.cpu
        && !core_affinity::set_for_current(core_affinity::CoreId { id: cpu })
    {
        return Err(LoadError::Pin { cpu });
    }
    let streams = (0..wire.sessions())
        .map(|_| connect(pacing.server))
        .collect::<io::Result<Vec<_>>>()
        .map_err(|source| LoadError::Connect {
            server: pacing.server,
            source,
        })?;
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
    connections: Vec<Connection<'a>>,
    /// Of the open connections, in their order; refilled before every poll.
    poll_fds: Vec<PollFd<'a>>,
    measured: Measured,
    /// Completed requests that were due after the warm-up, and when the last was.
    completed_measured: u64,
    last_completed_ns: u64,
    faulty: bool,
}

impl<'a, W: Wire, O: Observer> Engine<'a, W, O> {
    fn new(
        pacing: &'a Pacing,
        streams: &'a [TcpStream],
        wire: &'a mut W,
        observer: &'a mut O,
    ) -> Self {
        let connections = streams.iter().enumerate().map(|(index, stream)| {
            let schedule = Schedule::new(pacing, index, streams.len());
            Connection::new(stream, schedule, pacing.outstanding_max)
        });
        Self {
            pacing,
            wire,
            observer,
            observer_due_ns: 0,
            housekeeping_due_ns: 0,
            clock: Clock::start(),
            connections: connections.collect(),
            poll_fds: Vec::with_capacity(streams.len()),
            measured: Measured {
                intended: latency_histogram(),
                send: latency_histogram(),
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

    fn log_in(&mut self) -> Result<(), LoadError> {
        for (index, connection) in self.connections.iter_mut().enumerate() {
            self.wire.greeting(index, connection.queue());
            connection.ready = !connection.has_unsent();
        }
        let deadline_ns = LOG_IN.as_nanos() as u64;
        while let Some(session) = self.connections.iter().position(|one| !one.ready) {
            let now_ns = self.clock.now_ns();
            let why = match self.measured.faults.first() {
                Some(fault) => fault.clone(),
                None if self.measured.drops > 0 => "the server closed the connection".to_owned(),
                None if now_ns > deadline_ns => format!("no answer within {LOG_IN:?}"),
                None => {
                    self.flush_all();
                    self.receive_ready(now_ns + DRAIN_CHECK_NS, true)?;
                    continue;
                }
            };
            return Err(LoadError::LogIn { session, why });
        }
        for (index, connection) in self.connections.iter_mut().enumerate() {
            if connection.prepared.is_empty() {
                self.wire.request(index, &mut connection.prepared);
            }
            connection.last_send_ns = 0;
            connection.last_receive_ns = 0;
        }
        // The run's time begins here.
        self.clock = Clock::start();
        Ok(())
    }

    /// The measured part: until all is sent and answered, or the wait for it is over.
    fn play(&mut self) -> Result<(), LoadError> {
        let end_ns = self.pacing.end_ns();
        let give_up_ns = end_ns + self.pacing.drain.as_nanos() as u64;
        let mut drain_check_ns = end_ns;
        let blocking = self.pacing.idle == Idle::Yield;
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
            due_ns = due_ns
                .min(self.observer_due_ns)
                .min(self.housekeeping_due_ns);
            if now_ns >= end_ns {
                due_ns = due_ns.min(drain_check_ns);
            }
            self.receive_ready(due_ns, blocking)?;
        }
        Ok(())
    }

    /// Sends what is due, and returns when the next request will be.
    #[inline]
    fn send_due(&mut self, now_ns: u64) -> u64 {
        let mut due_ns = u64::MAX;
        for index in 0..self.connections.len() {
            let connection = &mut self.connections[index];
            if !connection.open {
                continue;
            }
            if connection.schedule.next_ns().is_some_and(|at| at <= now_ns) {
                self.queue_due(index, now_ns);
            }
            let connection = &mut self.connections[index];
            if connection.has_unsent() {
                self.flush(index);
            }
            let connection = &self.connections[index];
            if connection.outstanding.len() < self.pacing.outstanding_max
                && connection.has_room()
                && let Some(at) = connection.schedule.next_ns()
            {
                due_ns = due_ns.min(at);
            }
        }
        due_ns
    }

    /// Moves all due requests of one session to its send queue, as far as they fit.
    #[inline]
    fn queue_due(&mut self, index: usize, now_ns: u64) {
        let connection = &mut self.connections[index];
        // The moment before the write, not before what this loop did for other sessions.
        let sent_ns = self.clock.now_ns();
        while let Some(intended_ns) = connection.schedule.next_ns()
            && intended_ns <= now_ns
            && connection.outstanding.len() < self.pacing.outstanding_max
            && connection.has_room()
        {
            connection.queue_prepared();
            connection.outstanding.push_back(Sent {
                intended_ns,
                sent_ns,
                measured: intended_ns >= self.pacing.warmup_ns(),
            });
            connection.schedule.advance();
            connection.last_send_ns = sent_ns;
            self.measured.sent += 1;
            if connection.schedule.next_ns().is_some_and(|at| at <= now_ns) {
                self.wire.request(index, &mut connection.prepared);
            }
        }
    }

    #[inline]
    fn flush(&mut self, index: usize) {
        match self.connections[index].flush() {
            Ok(bytes) => self.measured.bytes_sent += bytes as u64,
            Err(error) => self.drop_connection(index, &error.to_string()),
        }
        // While the kernel carries it: the next one is ready before it is due.
        let connection = &mut self.connections[index];
        if connection.prepared.is_empty() && connection.schedule.next_ns().is_some() {
            self.wire.request(index, &mut connection.prepared);
        }
    }

    fn flush_all(&mut self) {
        for index in 0..self.connections.len() {
            if self.connections[index].open && self.connections[index].has_unsent() {
                self.flush(index);
            }
        }
    }

    /// Reads every socket that has something; if `blocking`, waits for it until `due_ns`.
    #[inline]
    fn receive_ready(&mut self, due_ns: u64, blocking: bool) -> Result<(), LoadError> {
        let before_ns = self.clock.now_ns();
        let wait_ns = if blocking {
            due_ns.saturating_sub(before_ns)
        } else {
            0
        };
        if !blocking && self.connections.len() == 1 {
            // One read costs less than asking first.
            if self.connections[0].open {
                self.receive(0);
            }
            return Ok(());
        }
        if !self.poll(wait_ns, due_ns)? {
            return Ok(());
        }
        let mut polled = 0;
        for index in 0..self.connections.len() {
            if self.connections[index].open {
                // Opened connections are never added, and dropped ones only after their turn.
                let ready = !self.poll_fds[polled].revents().is_empty();
                polled += 1;
                if ready {
                    self.receive(index);
                }
            }
        }
        Ok(())
    }

    /// Whether a socket can be read (or written, if something is queued for it); waits at most `wait_ns`.
    #[inline]
    fn poll(&mut self, wait_ns: u64, due_ns: u64) -> Result<bool, LoadError> {
        self.poll_fds.clear();
        for connection in self.connections.iter().filter(|one| one.open) {
            let mut flags = PollFlags::IN;
            flags.set(PollFlags::OUT, connection.has_unsent());
            self.poll_fds.push(PollFd::new(connection.stream, flags));
        }
        let timeout = Timespec {
            tv_sec: (wait_ns / 1_000_000_000) as i64,
            tv_nsec: (wait_ns % 1_000_000_000) as i64,
        };
        let result = poll(&mut self.poll_fds, Some(&timeout));
        if wait_ns > 0 {
            // The sleep was meant; only what came after its end is a gap.
            let now_ns = self.clock.now_ns();
            let woken_on_time = result.is_ok_and(|ready| ready > 0);
            self.measured.loop_gaps.resume(if woken_on_time {
                now_ns
            } else {
                now_ns.min(due_ns)
            });
        }
        match result {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(LoadError::System {
                call: "poll",
                source: error.into(),
            }),
        }
    }

    #[inline]
    fn receive(&mut self, index: usize) {
        match self.connections[index].receive() {
            Ok(None) => {}
            Ok(Some(0)) => self.drop_connection(index, "closed by the server"),
            Ok(Some(bytes)) => {
                let now_ns = self.clock.now_ns();
                self.measured.bytes_received += bytes as u64;
                self.connections[index].last_receive_ns = now_ns;
                self.read_frames(index, now_ns);
            }
            Err(error) => self.drop_connection(index, &error.to_string()),
        }
    }

    #[inline]
    fn read_frames(&mut self, index: usize, now_ns: u64) {
        let (buffer, length) = self.connections[index].take_received();
        let mut used = 0;
        while !self.faulty {
            let rest = &buffer[used..length];
            let event = match self.wire.frame_len(rest) {
                Ok(None) => break,
                Ok(Some(frame_len)) => {
                    used += frame_len;
                    self.wire.on_frame(index, &rest[..frame_len])
                }
                Err(error) => Err(error),
            };
            match event {
                Ok(Event::Further) => {}
                Ok(Event::First { unanswered }) => self.complete(index, unanswered, now_ns),
                Ok(Event::Ready) => self.connections[index].ready = true,
                Ok(Event::End) => self.fault(format!("session {index}: ended by the server")),
                Err(why) => self.fault(format!("session {index}: {why}")),
            }
        }
        self.connections[index].put_back(buffer, used);
    }

    #[inline]
    fn complete(&mut self, index: usize, unanswered: u32, now_ns: u64) {
        for _ in 0..unanswered {
            if let Some(sent) = self.connections[index].outstanding.pop_front() {
                self.measured.silent += 1;
                self.count_completed(sent, now_ns);
            }
        }
        let Some(sent) = self.connections[index].outstanding.pop_front() else {
            self.fault(format!("session {index}: an answer to no request"));
            return;
        };
        self.measured.answered += 1;
        if sent.measured {
            let latency = |from_ns: u64| now_ns.saturating_sub(from_ns).max(1);
            self.measured
                .intended
                .saturating_record(latency(sent.intended_ns));
            self.measured.send.saturating_record(latency(sent.sent_ns));
        }
        self.count_completed(sent, now_ns);
    }

    #[inline]
    fn count_completed(&mut self, sent: Sent, now_ns: u64) {
        if sent.measured {
            self.completed_measured += 1;
            self.last_completed_ns = now_ns;
        }
    }

    fn is_drained(&mut self) -> bool {
        self.connections
            .iter()
            .enumerate()
            .all(|(index, connection)| {
                !connection.open
                    || (connection.schedule.next_ns().is_none()
                        && !connection.has_unsent()
                        && (connection.outstanding.is_empty()
                            || self.wire.owed(index, connection.outstanding.len()) == 0))
            })
    }

    fn keep_house(&mut self, now_ns: u64) {
        self.housekeeping_due_ns = now_ns + HOUSEKEEPING_NS;
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

    /// Requests that clean up, then the farewell. Requests that were never answered are settled before, so that
    /// the answers to these are told apart.
    fn clean_up(&mut self) -> Result<(), LoadError> {
        self.settle();
        let deadline_ns = self.clock.now_ns() + self.pacing.drain.as_nanos() as u64;
        for index in 0..self.connections.len() {
            let connection = &mut self.connections[index];
            while !self.faulty
                && connection.open
                && connection.has_room()
                && self.wire.closing(index, connection.queue())
            {
                connection.outstanding.push_back(Sent {
                    intended_ns: 0,
                    sent_ns: 0,
                    measured: false,
                });
                self.measured.sent += 1;
            }
        }
        while !self.faulty && !self.is_drained() && self.clock.now_ns() < deadline_ns {
            let now_ns = self.clock.now_ns();
            self.flush_all();
            if now_ns >= self.observer_due_ns {
                self.observer_due_ns = self.observer.step(now_ns);
            }
            self.receive_ready(now_ns + DRAIN_CHECK_NS, true)?;
        }
        self.settle();
        for index in 0..self.connections.len() {
            let outstanding = self.connections[index].outstanding.len();
            self.measured.missing += self.wire.owed(index, outstanding);
            if self.connections[index].open {
                self.wire.farewell(index, self.connections[index].queue());
                self.flush(index);
            }
        }
        Ok(())
    }

    /// Ends the schedules, and counts what got no answer and should have none.
    fn settle(&mut self) {
        for index in 0..self.connections.len() {
            let connection = &mut self.connections[index];
            self.measured.unsent += connection.schedule.stop();
            if !connection.prepared.is_empty() {
                connection.prepared.clear();
                self.wire.withdraw(index);
            }
            if self.wire.owed(index, connection.outstanding.len()) == 0 {
                while let Some(sent) = self.connections[index].outstanding.pop_front() {
                    self.measured.silent += 1;
                    let completed_ns = self.last_completed_ns;
                    self.count_completed(sent, completed_ns);
                }
            }
        }
    }

    fn finish(self) -> Measured {
        let mut measured = self.measured;
        let took_ns = self
            .last_completed_ns
            .max(self.pacing.end_ns())
            .saturating_sub(self.pacing.warmup_ns());
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

    /// Something that makes all that follows meaningless.
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

fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, LOG_IN)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}
