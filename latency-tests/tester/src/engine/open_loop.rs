//! The loop itself.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU64;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::connection::{Connection, Sent};
use super::kernel_times::{KernelTimes, Received, SocketTimes};
use super::schedule::Schedule;
use super::{Answered, Event, Idle, LoadError, Measured, Observer, Pacing, Progress, Wire};
use crate::clock::{Clock, Correlation};
use crate::jitter::{Gaps, latency_histogram};

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

/// Log-in, load, cleaning up, log-out.
pub(super) fn run<W: Wire, O: Observer>(
    pacing: &Pacing,
    wire: &mut W,
    observer: &mut O,
) -> Result<Measured, LoadError> {
    let streams = (0..wire.sessions())
        .map(|_| connect(pacing.server))
        .collect::<io::Result<Vec<_>>>()
        .map_err(|source| LoadError::Connect { server: pacing.server, source })?;
    if pacing.idle == Idle::Yield {
        // Wake from sleep when asked to, not up to 50 µs later. Where that is refused, the figures show it.
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
    /// Where the kernel's clock stands.
    correlation: Correlation,
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
    fn new(pacing: &'a Pacing, streams: &'a [TcpStream], wire: &'a mut W, observer: &'a mut O) -> Self {
        let connections: Vec<_> = streams
            .iter()
            .enumerate()
            .map(|(index, stream)| {
                let schedule = Schedule::new(pacing, index, streams.len());
                // Where it is refused, the figures are the same without.
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
        self.correlation = self.clock.correlate();
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
            due_ns = due_ns.min(self.observer_due_ns).min(self.housekeeping_due_ns);
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
                self.flush_requests(index);
            }
            // While the kernel carries it: the next one is ready before it is due.
            let connection = &mut self.connections[index];
            if connection.prepared.is_empty() && connection.schedule.next_ns().is_some() {
                self.wire.request(index, &mut connection.prepared);
                if let Some(times) = &mut connection.times {
                    times.before_write(connection.stream);
                }
            }
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
        // The moment before the write, not before what this loop did for other sessions.
        let sent_ns = self.clock.now_ns();
        while let connection = &mut self.connections[index]
            && let Some(intended_ns) = connection.schedule.next_ns()
            && intended_ns <= now_ns
            && connection.outstanding.len() < self.pacing.outstanding_max
            && connection.has_room()
        {
            connection.queue_prepared();
            connection.outstanding.push_back(Sent {
                intended_ns,
                sent_ns,
                left_ns: None,
                measured: intended_ns >= self.pacing.warmup_ns(),
            });
            connection.schedule.advance();
            connection.last_send_ns = sent_ns;
            self.measured.sent += 1;
            if connection.schedule.next_ns().is_some_and(|at| at <= now_ns) {
                self.wire.request(index, &mut connection.prepared);
            }
            if !self.pacing.coalesce {
                self.flush_requests(index);
                if !self.connections[index].open {
                    return;
                }
            }
        }
    }

    /// Sends the queue, whose end is the newest request.
    #[inline]
    fn flush_requests(&mut self, index: usize) {
        self.flush(index);
        let connection = &mut self.connections[index];
        if let Some(times) = &mut connection.times
            && let Some(utc_ns) = times.after_write(connection.stream)
            && !connection.has_unsent()
            && let Some(newest) = connection.outstanding.back_mut()
        {
            newest.left_ns = self.correlation.clock_ns(utc_ns).and_then(NonZeroU64::new);
        }
    }

    #[inline]
    fn flush(&mut self, index: usize) {
        match self.connections[index].flush() {
            Ok(bytes) => self.measured.bytes_sent += bytes as u64,
            Err(error) => self.drop_connection(index, &error.to_string()),
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
        let wait_ns = if blocking { due_ns.saturating_sub(before_ns) } else { 0 };
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
                let ready = self.poll_fds[polled].revents();
                polled += 1;
                if ready.contains(PollFlags::ERR)
                    && let Connection { times: Some(times), stream, .. } = &self.connections[index]
                {
                    times.forget_late(stream);
                }
                if !ready.is_empty() {
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
        let timeout = Timespec { tv_sec: (wait_ns / 1_000_000_000) as i64, tv_nsec: (wait_ns % 1_000_000_000) as i64 };
        let result = poll(&mut self.poll_fds, Some(&timeout));
        if wait_ns > 0 {
            // The sleep was meant; only what came after its end is a gap.
            let now_ns = self.clock.now_ns();
            let woken_on_time = result.is_ok_and(|ready| ready > 0);
            self.measured.loop_gaps.resume(if woken_on_time { now_ns } else { now_ns.min(due_ns) });
        }
        match result {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(LoadError::System { call: "poll", source: error.into() }),
        }
    }

    #[inline]
    fn receive(&mut self, index: usize) {
        match self.connections[index].receive() {
            Ok(None) => {}
            Ok(Some(Received { bytes: 0, .. })) => self.drop_connection(index, "closed by the server"),
            Ok(Some(Received { bytes, utc_ns })) => {
                let now_ns = self.clock.now_ns();
                self.measured.bytes_received += bytes as u64;
                self.connections[index].last_receive_ns = now_ns;
                let arrived_ns = utc_ns.and_then(|utc_ns| self.correlation.clock_ns(utc_ns));
                self.read_frames(index, now_ns, arrived_ns);
            }
            Err(error) => self.drop_connection(index, &error.to_string()),
        }
    }

    /// Reads what is there at `now_ns`, whose last byte the kernel received at `arrived_ns`.
    #[inline]
    fn read_frames(&mut self, index: usize, now_ns: u64, arrived_ns: Option<u64>) {
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
                Ok(Event::First { unanswered }) => {
                    self.complete(index, unanswered, now_ns, arrived_ns.filter(|_| used == length));
                }
                Ok(Event::Ready) => self.connections[index].ready = true,
                Ok(Event::End) => self.fault(format!("session {index}: ended by the server")),
                Err(why) => self.fault(format!("session {index}: {why}")),
            }
        }
        self.connections[index].put_back(buffer, used);
    }

    #[inline]
    fn complete(&mut self, index: usize, unanswered: u32, now_ns: u64, arrived_ns: Option<u64>) {
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
            self.measured.intended.saturating_record(latency(sent.intended_ns));
            self.measured.send.saturating_record(latency(sent.sent_ns));
            self.measured.late.saturating_record(sent.sent_ns.saturating_sub(sent.intended_ns).max(1));
            if let Some(times) = &mut self.measured.kernel_times {
                times.record(&sent, arrived_ns, now_ns);
            }
            let Sent { intended_ns, sent_ns, .. } = sent;
            self.observer.answered(&Answered { session: index, intended_ns, sent_ns, answered_ns: now_ns });
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
        self.connections.iter().enumerate().all(|(index, connection)| {
            !connection.open
                || (connection.schedule.next_ns().is_none()
                    && !connection.has_unsent()
                    && (connection.outstanding.is_empty() || self.wire.owed(index, connection.outstanding.len()) == 0))
        })
    }

    fn keep_house(&mut self, now_ns: u64) {
        self.housekeeping_due_ns = now_ns + HOUSEKEEPING_NS;
        // The clocks drift apart by a tenth of a microsecond meanwhile.
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

    /// Requests that clean up, then the farewell.
    fn clean_up(&mut self) -> Result<(), LoadError> {
        self.stop();
        let deadline_ns = self.clock.now_ns() + self.pacing.drain.as_nanos() as u64;
        for index in 0..self.connections.len() {
            let connection = &mut self.connections[index];
            while !self.faulty
                && connection.open
                && connection.has_room()
                && self.wire.closing(index, connection.queue())
            {
                connection.outstanding.push_back(Sent { intended_ns: 0, sent_ns: 0, left_ns: None, measured: false });
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
            if self.connections[index].open {
                self.wire.farewell(index, self.connections[index].queue());
                self.flush(index);
            }
        }
        Ok(())
    }

    /// Ends the schedules; what was prepared is not sent.
    fn stop(&mut self) {
        for (index, connection) in self.connections.iter_mut().enumerate() {
            self.measured.unsent += connection.schedule.stop();
            if !connection.prepared.is_empty() {
                connection.prepared.clear();
                self.wire.withdraw(index);
            }
        }
    }

    /// Counts what is without answer: rightly, or because messages are missing.
    fn settle(&mut self) {
        for index in 0..self.connections.len() {
            let owed = self.wire.owed(index, self.connections[index].outstanding.len());
            self.measured.missing += owed;
            while owed == 0
                && let Some(sent) = self.connections[index].outstanding.pop_front()
            {
                self.measured.silent += 1;
                self.count_completed(sent, self.last_completed_ns);
            }
        }
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
