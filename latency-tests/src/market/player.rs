//! Sends ITCH messages as MoldUDP64 packets, at their own pace or another, over a line as bad as asked for.

use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use corelane_codecs::mold::{self, ETHERNET_PAYLOAD, PacketBuilder, Session};
use corelane_codecs::text::Alpha;
use thiserror::Error;

use super::{MessageSource, SourceError};
use crate::clock::Clock;
use crate::rng::Rng;

/// How often the end of the session is told.
const END_PACKETS: u32 = 3;
/// Messages of one packet at most, so that one step stays short also for tiny messages.
const MESSAGES_PER_PACKET: u16 = 64;
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

/// What the line does to packets, each with its own probability from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// Not sent.
    pub loss: f64,
    /// Sent twice.
    pub duplication: f64,
    /// Sent after the packet that follows it.
    pub reordering: f64,
    /// Same seed, same packets hit.
    pub seed: u64,
}

/// What to play, and where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlaySpec {
    /// Where to send; a multicast group too.
    pub to: SocketAddr,
    /// MoldUDP64 session.
    pub session: Session,
    /// How fast.
    pub pace: Pace,
    /// Largest packet, in bytes of UDP payload.
    pub payload_max: usize,
    /// A heartbeat goes out after so long without a packet.
    pub heartbeat: Duration,
    /// What the line does.
    pub faults: Faults,
}

impl PlaySpec {
    /// At the market's own pace, in Ethernet frames, on a good line, with a heartbeat each second.
    pub fn new(to: SocketAddr) -> Self {
        Self {
            to,
            session: Alpha::from_bytes(*b"PLAYER0001"),
            pace: Pace::Timestamps { speed: 1.0 },
            payload_max: ETHERNET_PAYLOAD,
            heartbeat: Duration::from_secs(1),
            faults: Faults::default(),
        }
    }
}

/// Why a market cannot be played, or played on.
#[derive(Debug, Error)]
pub enum PlayError {
    /// The file.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A message is no ITCH message.
    #[error("message {message} of {bytes} bytes is too short for an ITCH message; is this an ITCH file?")]
    TooShort {
        /// Its number, from 1.
        message: u64,
        /// Its length.
        bytes: usize,
    },
    /// A message does not fit a packet.
    #[error("message {message} of {bytes} bytes does not fit a packet of {payload_max}; raise the payload limit")]
    TooLong {
        /// Its number, from 1.
        message: u64,
        /// Its length.
        bytes: usize,
        /// The limit.
        payload_max: usize,
    },
    /// The pace is zero or no number.
    #[error("the pace must be above zero")]
    Pace,
    /// A socket call failed.
    #[error("cannot send to {to}: {source}")]
    Socket {
        /// Where to.
        to: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// What was sent so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlayReport {
    /// Messages of the file that were put into packets, the lost ones included.
    pub messages: u64,
    /// Packets with messages, the lost ones included.
    pub packets: u64,
    /// Bytes of the datagrams that really went out.
    pub bytes: u64,
    /// Packets not sent.
    pub lost: u64,
    /// Messages in these.
    pub messages_lost: u64,
    /// Packets sent twice.
    pub duplicated: u64,
    /// Packets sent after their successor.
    pub reordered: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// Times that the socket took no more and the packet waited.
    pub blocked: u64,
    /// Everything was played and the end of the session told.
    pub ended: bool,
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
    socket: UdpSocket,
    rng: Rng,
    /// Time of the first step, and the timestamp of the first message.
    origin: Option<(u64, u64)>,
    next_sequence: u64,
    last_sent_ns: u64,
    packet: Box<[u8]>,
    /// Bytes of `packet` that the socket has not taken.
    waiting: Option<usize>,
    /// A packet that lets its successor pass.
    held: Vec<u8>,
    ends_told: u32,
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
        let socket = open(spec.to).map_err(|source| PlayError::Socket { to: spec.to, source })?;
        Ok(Self {
            source: MessageSource::new(reader),
            socket,
            rng: Rng::new(spec.faults.seed),
            origin: None,
            next_sequence: 1,
            last_sent_ns: 0,
            packet: vec![0; spec.payload_max.max(mold::HEADER_LEN)].into_boxed_slice(),
            waiting: None,
            held: Vec::with_capacity(spec.payload_max),
            ends_told: 0,
            report: PlayReport::default(),
            spec,
        })
    }

    /// What was sent so far.
    pub fn report(&self) -> &PlayReport {
        &self.report
    }

    /// Sends at most one packet: what is due by `now_ns`, or a heartbeat, or the end of the session.
    ///
    /// # Errors
    /// [`PlayError`]; the player should not be used after it.
    pub fn step(&mut self, now_ns: u64) -> Result<Step, PlayError> {
        if self.waiting.is_none() {
            match self.next_due(now_ns)? {
                Some(due_ns) if due_ns <= now_ns => self.pack(now_ns)?,
                Some(due_ns) => return self.idle(now_ns, due_ns),
                None => return self.end(now_ns),
            }
        }
        if let Some(length) = self.waiting {
            if !self.transmit(length, now_ns)? {
                self.report.blocked += 1;
                return Ok(Step { next_due_ns: now_ns, ended: false });
            }
            self.waiting = None;
        }
        let due_ns = self.next_due(now_ns)?;
        Ok(self.wait_until(due_ns.unwrap_or(now_ns)))
    }

    /// Plays to the end on this thread, sleeping while nothing is due.
    ///
    /// # Errors
    /// [`PlayError`].
    pub fn play_all(&mut self) -> Result<PlayReport, PlayError> {
        let clock = Clock::start();
        loop {
            let step = self.step(clock.now_ns())?;
            if step.ended {
                return Ok(self.report);
            }
            let wait_ns = step.next_due_ns.saturating_sub(clock.now_ns());
            if wait_ns > 0 {
                thread::sleep(Duration::from_nanos(wait_ns));
            } else if self.waiting.is_some() {
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

    /// Puts what is due into one packet, and decides what the line does with it.
    fn pack(&mut self, now_ns: u64) -> Result<(), PlayError> {
        let mut buffer = std::mem::take(&mut self.packet);
        let packed = self.fill(&mut buffer, now_ns);
        self.packet = buffer;
        let (length, count) = packed?;
        self.report.packets += 1;
        self.report.messages += u64::from(count);
        self.next_sequence += u64::from(count);
        if self.rng.chance(self.spec.faults.loss) {
            self.report.lost += 1;
            self.report.messages_lost += u64::from(count);
        } else if self.held.is_empty() && self.rng.chance(self.spec.faults.reordering) {
            self.report.reordered += 1;
            self.held.extend_from_slice(&self.packet[..length]);
        } else {
            self.waiting = Some(length);
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
            self.source.take()?;
        }
        let count = packet.count();
        Ok((packet.finish().len(), count))
    }

    /// Sends the packet that waits, twice if the line duplicates, and then the one that it overtook.
    fn transmit(&mut self, length: usize, now_ns: u64) -> Result<bool, PlayError> {
        if !self.send(&self.packet[..length])? {
            return Ok(false);
        }
        self.last_sent_ns = now_ns;
        self.report.bytes += length as u64;
        if self.rng.chance(self.spec.faults.duplication) && self.send(&self.packet[..length])? {
            self.report.duplicated += 1;
            self.report.bytes += length as u64;
        }
        self.release()?;
        Ok(true)
    }

    /// Sends the packet that was held back.
    fn release(&mut self) -> Result<(), PlayError> {
        if !self.held.is_empty() && self.send(&self.held)? {
            self.report.bytes += self.held.len() as u64;
            self.held.clear();
        }
        Ok(())
    }

    fn idle(&mut self, now_ns: u64, due_ns: u64) -> Result<Step, PlayError> {
        if now_ns >= self.heartbeat_due_ns() {
            self.release()?;
            let mut out = [0; mold::HEADER_LEN];
            let written = mold::heartbeat(&mut out, self.spec.session, self.next_sequence);
            if written.is_ok() && self.send(&out)? {
                self.report.heartbeats += 1;
                self.report.bytes += out.len() as u64;
            }
            self.last_sent_ns = now_ns;
        }
        Ok(self.wait_until(due_ns))
    }

    /// Until a message or a heartbeat is due.
    fn wait_until(&self, due_ns: u64) -> Step {
        Step { next_due_ns: due_ns.min(self.heartbeat_due_ns()), ended: false }
    }

    fn heartbeat_due_ns(&self) -> u64 {
        self.last_sent_ns + self.spec.heartbeat.as_nanos() as u64
    }

    fn end(&mut self, now_ns: u64) -> Result<Step, PlayError> {
        self.release()?;
        if self.ends_told < END_PACKETS {
            let mut out = [0; mold::HEADER_LEN];
            let written = mold::end_of_session(&mut out, self.spec.session, self.next_sequence);
            if written.is_ok() && self.send(&out)? {
                self.ends_told += 1;
                self.report.bytes += out.len() as u64;
            }
        }
        self.report.ended = self.ends_told == END_PACKETS && self.held.is_empty();
        Ok(Step { next_due_ns: if self.report.ended { u64::MAX } else { now_ns }, ended: self.report.ended })
    }

    /// `false` if the socket takes no more at the moment.
    fn send(&self, datagram: &[u8]) -> Result<bool, PlayError> {
        match self.socket.send_to(datagram, self.spec.to) {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(false),
            Err(source) => Err(PlayError::Socket { to: self.spec.to, source }),
        }
    }
}

fn open(to: SocketAddr) -> io::Result<UdpSocket> {
    // Loopback stays loopback; everything else is the routing table's business.
    let from: IpAddr = match to.ip() {
        IpAddr::V4(to) if to.is_loopback() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((from, 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn timestamp_ns(message: &[u8]) -> Option<u64> {
    let bytes = message.get(TIMESTAMP)?;
    Some(bytes.iter().fold(0, |ns, byte| ns << 8 | u64::from(*byte)))
}
