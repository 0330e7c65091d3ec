//! A player that sends ITCH messages as MoldUDP64 packets, at their recorded or another pace, on one or two lines with
//! configurable faults, and answers retransmission requests.

use std::io::Read;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use corelane_codecs::mold::{self, ETHERNET_PAYLOAD, MoldError, PacketBuilder, SessionName};
use corelane_codecs::text::Alpha;

use crate::line::{LineReport, LineSpec, PlayedLine};
use crate::play_error::PlayError;
use crate::retransmission::{RetransmissionReport, RetransmissionServer, RetransmissionSpec};
use crate::source::MessageSource;

/// The number of end-of-session packets without lingering.
const END_PACKETS: u32 = 3;
/// The maximum number of messages per packet, to keep a step short even for tiny messages.
const MESSAGES_PER_PACKET: u16 = 64;
/// The longest time between two checks for retransmission requests.
const REQUESTS_READ_NS: u64 = 100_000;
/// The longest sleep of [`Player::play_until`], after which it looks whether it should stop.
const SLEEP_MAX: Duration = Duration::from_millis(50);
/// The bytes of an ITCH message that hold its timestamp.
const TIMESTAMP: std::ops::Range<usize> = 5..11;

/// The pace of a player.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// The messages' own timestamps, scaled by a speed.
    Timestamps {
        /// The speed; 1.0 is the recorded pace.
        speed: f64,
    },
    /// A fixed rate, independent of timestamps.
    Rate {
        /// The rate, in messages per second.
        messages_per_s: f64,
    },
    /// As fast as the socket accepts packets.
    Max,
}

/// The parameters of a player.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlaySpec {
    /// Line A.
    pub line_a: LineSpec,
    /// Line B, which gets the same packets.
    pub line_b: Option<LineSpec>,
    /// The retransmission server, for packets that the lines lost.
    pub retransmission: Option<RetransmissionSpec>,
    /// The MoldUDP64 session.
    pub session: SessionName,
    /// The pace.
    pub pace: Pace,
    /// The maximum size of a packet, in bytes of UDP payload.
    pub payload_max: usize,
    /// The time without a packet after which a heartbeat is sent.
    pub heartbeat: Duration,
    /// How long to repeat the end of session after the last message, while requests are still answered. With zero, it
    /// is sent a few times at once.
    pub linger: Duration,
}

impl PlaySpec {
    /// A player at the recorded pace on one line without faults, with packets of up to an Ethernet frame and a
    /// heartbeat every second.
    #[must_use]
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

/// The counts of a player so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlayReport {
    /// The number of messages packed, including those in lost packets.
    pub messages: u64,
    /// The number of packets with messages, including lost ones.
    pub packets: u64,
    /// The number of heartbeats.
    pub heartbeats: u64,
    /// The counts of lines A and B.
    pub lines: [LineReport; 2],
    /// The counts of the retransmission server.
    pub retransmission: RetransmissionReport,
    /// Whether everything was played, including the end of session.
    pub ended: bool,
}

impl PlayReport {
    /// The sum of both lines.
    #[must_use]
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

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The time at which the next step is due, on the caller's clock.
    pub next_due_ns: u64,
    /// Whether the player has finished.
    pub ended: bool,
}

/// A player of one file, without a thread or clock of its own. Call [`Player::step`] whenever it is due, or
/// [`Player::play_all`] once.
#[derive(Debug)]
pub struct Player<R> {
    spec: PlaySpec,
    source: MessageSource<R>,
    lines: Vec<PlayedLine>,
    server: Option<RetransmissionServer>,
    /// The time of the first step, and the timestamp of the first message.
    origin: Option<(u64, u64)>,
    next_sequence: u64,
    last_packet_ns: u64,
    packet: Box<[u8]>,
    ends_told: u32,
    /// The time until which the end of session is repeated; set after the last message.
    lingers_until_ns: Option<u64>,
    is_stopped: bool,
    report: PlayReport,
}

impl<R: Read> Player<R> {
    /// Opens the sockets, but sends nothing yet.
    ///
    /// # Errors
    /// [`PlayError`] if the pace is invalid or a socket cannot be opened.
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
            lines: [Some(spec.line_a), spec.line_b]
                .into_iter()
                .flatten()
                .map(PlayedLine::new)
                .collect::<Result<_, _>>()?,
            server: server.transpose()?,
            origin: None,
            next_sequence: 1,
            last_packet_ns: 0,
            packet: vec![0; spec.payload_max.max(mold::HEADER_LEN)].into_boxed_slice(),
            ends_told: 0,
            lingers_until_ns: None,
            is_stopped: false,
            report: PlayReport::default(),
            spec,
        })
    }

    /// The address of the retransmission server, if there is one.
    #[must_use]
    pub fn retransmission(&self) -> Option<SocketAddr> {
        self.server.as_ref()?.local_addr()
    }

    /// The counts so far.
    #[must_use]
    pub fn report(&self) -> &PlayReport {
        &self.report
    }

    /// Packs at most one packet: due messages as of `now_ns`, a heartbeat, or the end of session. Then sends due
    /// packets on each line and answers requests.
    ///
    /// # Errors
    /// [`PlayError`]. Do not use the player after an error.
    pub fn step(&mut self, now_ns: u64) -> Result<Step, PlayError> {
        let mut next_due_ns = now_ns;
        // Packets that a full socket left waiting come before anything new.
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
        let waiting_ns = self.lines.iter().filter_map(PlayedLine::next_due_ns).min();
        self.report.ended = self.has_ended(now_ns) && waiting_ns.is_none();
        if self.report.ended {
            return Ok(Step { next_due_ns: u64::MAX, ended: true });
        }
        // Behind the end come no more heartbeats, only what a delayed line has yet to send.
        let heartbeat_ns = if self.has_ended(now_ns) { u64::MAX } else { self.heartbeat_due_ns() };
        let next_due_ns = next_due_ns.min(waiting_ns.unwrap_or(u64::MAX)).min(heartbeat_ns);
        Ok(Step { next_due_ns: next_due_ns.max(now_ns), ended: false })
    }

    /// Takes no more messages from the file. The end of session follows what was sent, without lingering.
    pub fn stop(&mut self) {
        self.is_stopped = true;
        self.spec.linger = Duration::ZERO;
        self.lingers_until_ns = None;
    }

    /// Whether [`Player::stop`] came before the end of the file.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// Plays to the end on the calling thread, and sleeps while nothing is due.
    ///
    /// # Errors
    /// [`PlayError`] if the file cannot be read or a socket fails.
    pub fn play_all(&mut self) -> Result<PlayReport, PlayError> {
        self.play_until(&AtomicBool::new(false))
    }

    /// As [`Player::play_all`], but ends the session early once `stop` is set.
    ///
    /// # Errors
    /// As for [`Player::play_all`].
    pub fn play_until(&mut self, stop: &AtomicBool) -> Result<PlayReport, PlayError> {
        let start = Instant::now();
        let now_ns = || start.elapsed().as_nanos() as u64;
        loop {
            if !self.is_stopped && stop.load(Ordering::Relaxed) {
                self.stop();
            }
            let step = self.step(now_ns())?;
            if step.ended {
                return Ok(self.report);
            }
            let wait_ns = step.next_due_ns.saturating_sub(now_ns());
            if wait_ns > 0 {
                thread::sleep(Duration::from_nanos(wait_ns).min(SLEEP_MAX));
            } else if self.lines.iter().any(|line| line.next_due_ns().is_some()) {
                thread::yield_now();
            }
        }
    }

    /// The due time of the next message; `None` after the last.
    fn next_due(&mut self, now_ns: u64) -> Result<Option<u64>, PlayError> {
        let number = self.source.taken() + 1;
        if self.is_stopped {
            return Ok(None);
        }
        let Some(message) = self.source.peek()? else {
            return Ok(None);
        };
        let timestamp_ns =
            timestamp_ns(message).ok_or(PlayError::TooShort { message: number, bytes: message.len() })?;
        let (start_ns, first_ns) = *self.origin.get_or_insert((now_ns, timestamp_ns));
        Ok(Some(match self.spec.pace {
            Pace::Timestamps { speed } => {
                let since_ns = timestamp_ns.saturating_sub(first_ns);
                start_ns.saturating_add((since_ns as f64 / speed) as u64)
            }
            Pace::Rate { messages_per_s } => {
                start_ns.saturating_add(((number - 1) as f64 * 1e9 / messages_per_s) as u64)
            }
            Pace::Max => start_ns,
        }))
    }

    /// Packs due messages into one packet, and passes it to the lines.
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

    /// Sends due packets on every line. Returns false if a socket is full.
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

    /// Sends the end of session, a few times at once or repeatedly while lingering. Returns the time at which to do so
    /// again.
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

    /// Passes a packet without messages to all lines.
    fn tell(&mut self, write: fn(&mut [u8], SessionName, u64) -> Result<usize, MoldError>, now_ns: u64) {
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
