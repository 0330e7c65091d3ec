//! Sends ITCH messages as MoldUDP64 packets, at their own pace or another, over one line or two as bad as asked for, and
//! sends again what it is asked for.

use std::io::Read;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use corelane_codecs::mold::{self, ETHERNET_PAYLOAD, MoldError, PacketBuilder, Session};
use corelane_codecs::text::Alpha;

use crate::line::{Line, LineReport, LineSpec};
use crate::play_error::PlayError;
use crate::retransmission::{RetransmissionReport, RetransmissionServer, RetransmissionSpec};
use crate::source::MessageSource;

/// How often the end of the session is told.
const END_PACKETS: u32 = 3;
/// Messages of one packet at most, so that one step stays short also for tiny messages.
const MESSAGES_PER_PACKET: u16 = 64;
/// How long requests for messages wait at most to be looked at.
const REQUESTS_READ_NS: u64 = 100_000;
/// Where the time of an ITCH message begins, and its length.
const TIMESTAMP: std::ops::Range<usize> = 5..11;

/// How fast messages are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// By their own timestamps, so many times as fast.
    Timestamps {
        /// 1.0 is the market's own pace.
        speed: f64,
    },
    /// So many messages per second, whatever their timestamps.
    Rate {
        /// Messages per second.
        messages_per_s: f64,
    },
    /// As fast as the socket takes them.
    Max,
}

/// What to play, and where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlaySpec {
    /// The first line.
    pub line_a: LineSpec,
    /// The second one, which gets the same packets.
    pub line_b: Option<LineSpec>,
    /// Who is asked for what the lines lost.
    pub retransmission: Option<RetransmissionSpec>,
    /// MoldUDP64 session.
    pub session: Session,
    /// How fast.
    pub pace: Pace,
    /// Largest packet, in bytes of UDP payload.
    pub payload_max: usize,
    /// A heartbeat goes out after so long without a packet.
    pub heartbeat: Duration,
    /// How long the end of the session is told after the last message, while requests are still answered; with zero it
    /// is told a few times at once.
    pub linger: Duration,
}

impl PlaySpec {
    /// At the market's own pace, in Ethernet frames, on one good line, with a heartbeat each second.
    pub fn new(to: SocketAddr) -> Self {
        Self {
            line_a: LineSpec::new(to),
            line_b: None,
            retransmission: None,
            session: Alpha::from_bytes(*b"PLAYER0001"),
            pace: Pace::Timestamps { speed: 1.0 },
            payload_max: ETHERNET_PAYLOAD,
            heartbeat: Duration::from_secs(1),
            linger: Duration::ZERO,
        }
    }
}

/// What was sent so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlayReport {
    /// Messages of the file that were put into packets, the lost ones included.
    pub messages: u64,
    /// Packets with messages, the lost ones included.
    pub packets: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// What the lines made of it, A and B.
    pub lines: [LineReport; 2],
    /// What was sent again.
    pub retransmission: RetransmissionReport,
    /// Everything was played and the end of the session told.
    pub ended: bool,
}

impl PlayReport {
    /// Both lines together.
    pub fn total(&self) -> LineReport {
        let [a, b] = self.lines;
        LineReport {
            bytes: a.bytes + b.bytes,
            lost: a.lost + b.lost,
            messages_lost: a.messages_lost + b.messages_lost,
            duplicated: a.duplicated + b.duplicated,
            reordered: a.reordered + b.reordered,
            blocked: a.blocked + b.blocked,
        }
    }
}

/// What to do after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When the next step is due, on the clock of the caller.
    pub next_due_ns: u64,
    /// Nothing is left to do.
    pub ended: bool,
}

/// Plays one file. It has no thread and no clock of its own: call [`Player::step`] whenever it is due, or let
/// [`Player::play_all`] do so.
#[derive(Debug)]
pub struct Player<R> {
    spec: PlaySpec,
    source: MessageSource<R>,
    lines: Vec<Line>,
    server: Option<RetransmissionServer>,
    /// Time of the first step, and the timestamp of the first message.
    origin: Option<(u64, u64)>,
    next_sequence: u64,
    last_packet_ns: u64,
    packet: Box<[u8]>,
    ends_told: u32,
    /// Set when the last message has been played: until when the end is told.
    lingers_until_ns: Option<u64>,
    report: PlayReport,
}

impl<R: Read> Player<R> {
    /// Opens the socket; nothing is sent yet.
    ///
    /// # Errors
    /// [`PlayError`] if there is no such pace, packet or socket.
    pub fn new(spec: PlaySpec, reader: R) -> Result<Self, PlayError> {
        let pace = match spec.pace {
            Pace::Timestamps { speed } => speed,
            Pace::Rate { messages_per_s } => messages_per_s,
            Pace::Max => 1.0,
        };
        if !(pace > 0.0 && pace.is_finite()) {
            return Err(PlayError::Pace);
        }
        let server =
            spec.retransmission.map(|server| RetransmissionServer::new(server, spec.session, spec.payload_max));
        Ok(Self {
            source: MessageSource::new(reader),
            lines: [Some(spec.line_a), spec.line_b].into_iter().flatten().map(Line::new).collect::<Result<_, _>>()?,
            server: server.transpose()?,
            origin: None,
            next_sequence: 1,
            last_packet_ns: 0,
            packet: vec![0; spec.payload_max.max(mold::HEADER_LEN)].into_boxed_slice(),
            ends_told: 0,
            lingers_until_ns: None,
            report: PlayReport::default(),
            spec,
        })
    }

    /// Where requests for messages go, if there is a retransmission server.
    pub fn retransmission(&self) -> Option<SocketAddr> {
        self.server.as_ref()?.local_addr()
    }

    /// What was sent so far.
    pub fn report(&self) -> &PlayReport {
        &self.report
    }

    /// Packs at most one packet: of what is due by `now_ns`, or a heartbeat, or the end of the session. Sends what is due
    /// on each line, and answers requests.
    ///
    /// # Errors
    /// [`PlayError`]; the player should not be used after it.
    pub fn step(&mut self, now_ns: u64) -> Result<Step, PlayError> {
        let mut next_due_ns = now_ns;
        // What a socket does not take now comes before anything new.
        if self.flush(now_ns)? {
            next_due_ns = match self.next_due(now_ns)? {
                Some(due_ns) if due_ns <= now_ns => {
                    self.pack(now_ns)?;
                    self.next_due(now_ns)?.unwrap_or(now_ns)
                }
                Some(due_ns) => {
                    self.idle(now_ns);
                    due_ns
                }
                None => self.end(now_ns),
            };
            self.flush(now_ns)?;
        }
        if let Some(server) = &mut self.server {
            server.poll()?;
            self.report.retransmission = server.report();
            next_due_ns = next_due_ns.min(now_ns + REQUESTS_READ_NS);
        }
        let waiting_ns = self.lines.iter().filter_map(Line::next_due_ns).min();
        self.report.ended = self.has_ended(now_ns) && waiting_ns.is_none();
        if self.report.ended {
            return Ok(Step { next_due_ns: u64::MAX, ended: true });
        }
        let next_due_ns = next_due_ns.min(waiting_ns.unwrap_or(u64::MAX)).min(self.heartbeat_due_ns());
        Ok(Step { next_due_ns: next_due_ns.max(now_ns), ended: false })
    }

    /// Plays to the end on this thread, sleeping while nothing is due.
    ///
    /// # Errors
    /// [`PlayError`].
    pub fn play_all(&mut self) -> Result<PlayReport, PlayError> {
        let start = Instant::now();
        let now_ns = || start.elapsed().as_nanos() as u64;
        loop {
            let step = self.step(now_ns())?;
            if step.ended {
                return Ok(self.report);
            }
            let wait_ns = step.next_due_ns.saturating_sub(now_ns());
            if wait_ns > 0 {
                thread::sleep(Duration::from_nanos(wait_ns));
            } else if self.lines.iter().any(|line| line.next_due_ns().is_some()) {
                thread::yield_now();
            }
        }
    }

    /// When the first message not sent is due, `None` after the last.
    fn next_due(&mut self, now_ns: u64) -> Result<Option<u64>, PlayError> {
        let number = self.source.taken() + 1;
        let Some(message) = self.source.peek()? else {
            return Ok(None);
        };
        let timestamp_ns =
            timestamp_ns(message).ok_or(PlayError::TooShort { message: number, bytes: message.len() })?;
        let (start_ns, first_ns) = *self.origin.get_or_insert((now_ns, timestamp_ns));
        Ok(Some(match self.spec.pace {
            Pace::Timestamps { speed } => {
                let since_ns = timestamp_ns.saturating_sub(first_ns);
                start_ns + (since_ns as f64 / speed) as u64
            }
            Pace::Rate { messages_per_s } => start_ns + ((number - 1) as f64 * 1e9 / messages_per_s) as u64,
            Pace::Max => start_ns,
        }))
    }

    /// Puts what is due into one packet, and gives it to the lines.
    fn pack(&mut self, now_ns: u64) -> Result<(), PlayError> {
        let mut buffer = std::mem::take(&mut self.packet);
        let packed = self.fill(&mut buffer, now_ns);
        self.packet = buffer;
        let (length, count) = packed?;
        self.report.packets += 1;
        self.report.messages += u64::from(count);
        self.next_sequence += u64::from(count);
        self.last_packet_ns = now_ns;
        for line in &mut self.lines {
            line.offer(&self.packet[..length], count, now_ns);
        }
        Ok(())
    }

    fn fill(&mut self, buffer: &mut [u8], now_ns: u64) -> Result<(usize, u16), PlayError> {
        let payload_max = self.spec.payload_max;
        let too_long =
            |source: &MessageSource<R>, bytes| PlayError::TooLong { message: source.taken() + 1, bytes, payload_max };
        let mut packet = PacketBuilder::new(buffer, self.spec.session, self.next_sequence, payload_max)
            .map_err(|_| too_long(&self.source, 0))?;
        while packet.count() < MESSAGES_PER_PACKET && self.next_due(now_ns)?.is_some_and(|due_ns| due_ns <= now_ns) {
            let message = self.source.peek()?.unwrap_or_default();
            let bytes = message.len();
            if !packet.push(message) {
                if packet.count() == 0 {
                    return Err(too_long(&self.source, bytes));
                }
                break;
            }
            if let Some(server) = &mut self.server {
                server.keep(message);
            }
            self.source.take()?;
        }
        let count = packet.count();
        Ok((packet.finish().len(), count))
    }

    /// Sends what is due on every line; false if a socket takes no more at the moment.
    fn flush(&mut self, now_ns: u64) -> Result<bool, PlayError> {
        let mut all = true;
        for (line, report) in self.lines.iter_mut().zip(&mut self.report.lines) {
            all &= line.flush(now_ns)?;
            *report = line.report();
        }
        Ok(all)
    }

    fn idle(&mut self, now_ns: u64) {
        if now_ns >= self.heartbeat_due_ns() {
            self.report.heartbeats += 1;
            self.tell(mold::heartbeat, now_ns);
        }
    }

    fn heartbeat_due_ns(&self) -> u64 {
        self.last_packet_ns + self.spec.heartbeat.as_nanos() as u64
    }

    /// Tells the end of the session, a few times at once or while it lingers; returns when to do so again.
    fn end(&mut self, now_ns: u64) -> u64 {
        let linger_ns = self.spec.linger.as_nanos() as u64;
        let until_ns = *self.lingers_until_ns.get_or_insert(now_ns + linger_ns);
        let is_due = linger_ns == 0 || self.ends_told == 0 || now_ns >= self.heartbeat_due_ns();
        if is_due && !self.has_ended(now_ns) {
            self.ends_told += 1;
            self.tell(mold::end_of_session, now_ns);
        }
        if self.has_ended(now_ns) { u64::MAX } else { until_ns }
    }

    fn has_ended(&self, now_ns: u64) -> bool {
        let is_told = self.ends_told >= END_PACKETS || !self.spec.linger.is_zero();
        is_told && self.lingers_until_ns.is_some_and(|until_ns| now_ns >= until_ns)
    }

    /// Gives all lines a packet without messages.
    fn tell(&mut self, write: fn(&mut [u8], Session, u64) -> Result<usize, MoldError>, now_ns: u64) {
        let mut packet = [0; mold::HEADER_LEN];
        if write(&mut packet, self.spec.session, self.next_sequence).is_ok() {
            self.lines.iter_mut().for_each(|line| line.tell(&packet, now_ns));
        }
        self.last_packet_ns = now_ns;
    }
}

fn timestamp_ns(message: &[u8]) -> Option<u64> {
    let bytes = message.get(TIMESTAMP)?;
    Some(bytes.iter().fold(0, |ns, byte| ns << 8 | u64::from(*byte)))
}
