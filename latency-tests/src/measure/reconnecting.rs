//! Sessions whose connection ends under load, again and again: each comes back, and must get every answer that it missed.
//!
//! A session sends, reads and checks for a while; then it sends some requests more, reads no more and closes its half of
//! the connection. When it comes back it asks for the first answer that it has not seen. Everything that the venue owed
//! it at that time must be sent again, in its order, and is compared with what it had to be.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use corelane_codecs::{
    ouch::Outbound,
    soup::{self, ClientPacket, ServerPacket},
};
use corelane_tester::{
    load::Credentials,
    script::{Completion, MarketScript, REQUEST_BYTES_MAX, Script},
};
use hdrhistogram::Histogram;

use super::{
    client::{log_in, packet},
    recorder::Rider,
};
use crate::result::Recovery;

/// Interval between two requests of a connected session, in nanoseconds.
const REQUEST_NS: u64 = 1_000_000;
/// Time that a session stays connected, in nanoseconds.
const THERE_NS: u64 = 40_000_000;
/// Requests that it sends before it goes, whose answers it does not read.
const LAST_WORDS: usize = 32;
/// Time that a session stays away, in nanoseconds.
const AWAY_NS: u64 = 5_000_000;
/// Time limit for catching up.
const DEADLINE: Duration = Duration::from_secs(1);
/// The longest answer, in bytes, and what is read at once.
const ANSWER_BYTES_MAX: usize = 1024;
const READ_BYTES: usize = 16 * 1024;
/// Longest time in the histogram; longer ones count as this.
const LONGEST_NS: u64 = 60_000_000_000;

pub(super) struct Reconnecting {
    server: SocketAddr,
    script: MarketScript,
    sessions: Vec<Session>,
    recovery: Recovery,
    first: Histogram<u64>,
    last: Histogram<u64>,
    problems: Vec<String>,
}

struct Session {
    user: Credentials,
    state: State,
    /// Sequence number of the answer that comes next.
    sequence: u64,
    /// Requests without answer.
    outstanding: usize,
    received: Vec<u8>,
}

enum State {
    /// Connected and up to date.
    There { stream: TcpStream, until_ns: u64, request_ns: u64 },
    /// Disconnected: the session's half is closed, and nobody reads the other.
    Away { _stream: TcpStream, until_ns: u64 },
    /// Connected again since then, with so many answers missed, of which some have come.
    CatchingUp { stream: TcpStream, since: Instant, missed: u64, came: u64 },
    /// Given up; why is a problem.
    Lost,
}

impl Reconnecting {
    /// Connects and logs in.
    pub(super) fn connect(server: SocketAddr, users: &[Credentials], script: MarketScript) -> std::io::Result<Self> {
        let session = |user: &Credentials| {
            let stream = log_in(server, user, 1)?;
            let state = State::There { stream, until_ns: THERE_NS, request_ns: 0 };
            Ok(Session { user: user.clone(), state, sequence: 1, outstanding: 0, received: Vec::new() })
        };
        let histogram = || Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("the bounds are valid constants");
        Ok(Self {
            server,
            script,
            sessions: users.iter().map(session).collect::<std::io::Result<_>>()?,
            recovery: Recovery::default(),
            first: histogram(),
            last: histogram(),
            problems: Vec::new(),
        })
    }

    /// Waits for those that are away or catching up; what was seen, and what was wrong.
    pub(super) fn finish(mut self, now_ns: u64) -> (Recovery, Vec<String>) {
        let started = Instant::now();
        let is_on_its_way = |session: &Session| matches!(session.state, State::Away { .. } | State::CatchingUp { .. });
        while self.sessions.iter().any(is_on_its_way) && started.elapsed() < 2 * DEADLINE {
            self.step(now_ns + started.elapsed().as_nanos() as u64);
        }
        if self.recovery.reconnects == 0 {
            self.problems.push("no session came back after its connection was closed".to_owned());
        }
        self.recovery.first = (&self.first).into();
        self.recovery.last = (&self.last).into();
        (self.recovery, self.problems)
    }

    /// Runs one session's turn and returns when it wants the next.
    fn turn(&mut self, at: usize, now_ns: u64) -> Result<u64, String> {
        let session = &mut self.sessions[at];
        match std::mem::replace(&mut session.state, State::Lost) {
            State::There { mut stream, until_ns, mut request_ns } => {
                read(&mut stream, at, session, &mut self.script)?;
                if now_ns >= until_ns {
                    (0..LAST_WORDS).try_for_each(|_| send(&mut stream, at, session, &mut self.script))?;
                    stream.shutdown(Shutdown::Write).map_err(|error| format!("it cannot close: {error}"))?;
                    session.received.clear();
                    session.state = State::Away { _stream: stream, until_ns: now_ns + AWAY_NS };
                    return Ok(now_ns + AWAY_NS);
                }
                if now_ns >= request_ns {
                    send(&mut stream, at, session, &mut self.script)?;
                    request_ns = now_ns + REQUEST_NS;
                }
                session.state = State::There { stream, until_ns, request_ns };
                Ok(request_ns.min(until_ns))
            }
            State::Away { until_ns, _stream } if now_ns < until_ns => {
                session.state = State::Away { _stream, until_ns };
                Ok(until_ns)
            }
            State::Away { .. } => {
                let missed = self.script.owed(at, session.outstanding);
                let since = Instant::now();
                let stream = log_in(self.server, &session.user, session.sequence)
                    .map_err(|error| format!("it cannot connect again: {error}"))?;
                session.state = State::CatchingUp { stream, since, missed, came: 0 };
                Ok(now_ns)
            }
            State::CatchingUp { mut stream, since, missed, mut came } => {
                let new = read(&mut stream, at, session, &mut self.script)?;
                let took = since.elapsed();
                if came == 0 && new > 0 {
                    self.first.saturating_record(took.as_nanos() as u64);
                }
                came += new;
                if came >= missed {
                    self.last.saturating_record(took.as_nanos() as u64);
                    self.recovery.reconnects += 1;
                    self.recovery.replayed += came;
                    session.state = State::There { stream, until_ns: now_ns + THERE_NS, request_ns: now_ns };
                } else if took > DEADLINE {
                    return Err(format!("{came} of {missed} missed answers came within {DEADLINE:?}"));
                } else {
                    session.state = State::CatchingUp { stream, since, missed, came };
                }
                Ok(now_ns)
            }
            State::Lost => Ok(u64::MAX),
        }
    }
}

impl Rider for Reconnecting {
    fn step(&mut self, now_ns: u64) -> u64 {
        let mut next_ns = u64::MAX;
        for at in 0..self.sessions.len() {
            match self.turn(at, now_ns) {
                Ok(due_ns) => next_ns = next_ns.min(due_ns),
                Err(problem) => {
                    let user = &self.sessions[at].user.user;
                    self.problems.push(format!("session {user}, which reconnects: {problem}"));
                }
            }
        }
        next_ns
    }
}

fn send(stream: &mut TcpStream, at: usize, session: &mut Session, script: &mut MarketScript) -> Result<(), String> {
    let mut request = Vec::with_capacity(REQUEST_BYTES_MAX);
    script.next(at, &mut request);
    session.outstanding += 1;
    let sent = stream.write_all(&packet(&ClientPacket::Unsequenced(&request)));
    sent.map_err(|error| format!("its request is not taken: {error}"))
}

/// Reads what is there, checks it, and returns how many answers it was.
fn read(stream: &mut TcpStream, at: usize, session: &mut Session, script: &mut MarketScript) -> Result<u64, String> {
    let mut bytes = [0; READ_BYTES];
    let mut answers = 0;
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return Err("the venue closed its connection".to_owned()),
            Ok(length) => session.received.extend_from_slice(&bytes[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(answers),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(format!("its connection failed: {error}")),
        }
        let mut used = 0;
        while let Some(length) =
            soup::packet_len(&session.received[used..], ANSWER_BYTES_MAX).map_err(|error| error.to_string())?
        {
            let frame = &session.received[used..used + length];
            used += length;
            match ServerPacket::decode(frame).map_err(|error| error.to_string())? {
                ServerPacket::Sequenced(message) => {
                    session.sequence += 1;
                    let answer = Outbound::decode(message).map_err(|error| error.to_string())?;
                    if matches!(answer, Outbound::SystemEvent(_)) {
                        continue;
                    }
                    answers += 1;
                    match script.check(at, &answer).map_err(|mismatch| mismatch.to_string())? {
                        Completion::First { unanswered } => session.outstanding -= 1 + unanswered as usize,
                        Completion::Further => {}
                    }
                }
                ServerPacket::LoginAccepted { next_sequence, .. } if next_sequence != session.sequence => {
                    return Err(format!("asked for answer {}, and got from {next_sequence} on", session.sequence));
                }
                ServerPacket::LoginRejected(code) => return Err(format!("its log-in is rejected: {code:?}")),
                ServerPacket::EndOfSession => return Err("the venue ended its session".to_owned()),
                _ => {}
            }
        }
        session.received.drain(..used);
    }
}
