//! One line of a played market: as bad as asked for, and as late.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use crate::play_error::PlayError;
use crate::rng::Rng;

/// What a line does to packets, each with its own probability from 0 to 1.
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

/// Where a line goes, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LineSpec {
    /// Where to send; a multicast group too.
    pub to: SocketAddr,
    /// What it does to packets.
    pub faults: Faults,
    /// How much later than they are due packets leave.
    pub skew: Duration,
}

impl LineSpec {
    /// A good line, in time.
    pub fn new(to: SocketAddr) -> Self {
        Self { to, faults: Faults::default(), skew: Duration::ZERO }
    }
}

/// What one line has sent so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineReport {
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
    /// Times that the socket took no more and packets waited.
    pub blocked: u64,
}

/// A line that is played to.
#[derive(Debug)]
pub(crate) struct Line {
    spec: LineSpec,
    socket: UdpSocket,
    rng: Rng,
    /// Packets that are not sent yet, and when they are due.
    waiting: VecDeque<(u64, Vec<u8>)>,
    /// A packet that lets its successor pass.
    held: Option<Vec<u8>>,
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
    report: LineReport,
}

impl Line {
    /// Opens the socket.
    pub fn new(spec: LineSpec) -> Result<Self, PlayError> {
        let socket = open(spec.to).map_err(|source| PlayError::Socket { to: spec.to, source })?;
        Ok(Line {
            spec,
            socket,
            rng: Rng::new(spec.faults.seed),
            waiting: VecDeque::new(),
            held: None,
            spare: Vec::new(),
            report: LineReport::default(),
        })
    }

    pub fn report(&self) -> LineReport {
        self.report
    }

    /// Takes a packet with `messages` messages, and decides what becomes of it.
    pub fn offer(&mut self, packet: &[u8], messages: u16, now_ns: u64) {
        let faults = self.spec.faults;
        if self.rng.chance(faults.loss) {
            self.report.lost += 1;
            self.report.messages_lost += u64::from(messages);
        } else if self.held.is_none() && self.rng.chance(faults.reordering) {
            self.report.reordered += 1;
            self.held = Some(self.copy(packet));
        } else {
            self.queue(packet, now_ns);
            if self.rng.chance(faults.duplication) {
                self.report.duplicated += 1;
                self.queue(packet, now_ns);
            }
            self.release(now_ns);
        }
    }

    /// Takes a packet without messages: it is not lost.
    pub fn tell(&mut self, packet: &[u8], now_ns: u64) {
        self.release(now_ns);
        self.queue(packet, now_ns);
    }

    /// When the next packet that waits is due.
    pub fn next_due_ns(&self) -> Option<u64> {
        self.waiting.front().map(|(due_ns, _)| *due_ns)
    }

    /// Sends what is due; false if the socket takes no more at the moment.
    pub fn flush(&mut self, now_ns: u64) -> Result<bool, PlayError> {
        while let Some((_, packet)) = self.waiting.front().filter(|(due_ns, _)| *due_ns <= now_ns) {
            match self.socket.send_to(packet, self.spec.to) {
                Ok(bytes) => self.report.bytes += bytes as u64,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                    self.report.blocked += 1;
                    return Ok(false);
                }
                Err(source) => return Err(PlayError::Socket { to: self.spec.to, source }),
            }
            self.spare.extend(self.waiting.pop_front().map(|(_, packet)| packet));
        }
        Ok(true)
    }

    /// Queues the packet that was held back.
    fn release(&mut self, now_ns: u64) {
        if let Some(held) = self.held.take() {
            self.waiting.push_back((self.due_ns(now_ns), held));
        }
    }

    fn queue(&mut self, packet: &[u8], now_ns: u64) {
        let copy = self.copy(packet);
        self.waiting.push_back((self.due_ns(now_ns), copy));
    }

    fn due_ns(&self, now_ns: u64) -> u64 {
        now_ns + self.spec.skew.as_nanos() as u64
    }

    fn copy(&mut self, packet: &[u8]) -> Vec<u8> {
        let mut copy = self.spare.pop().unwrap_or_default();
        copy.clear();
        copy.extend_from_slice(packet);
        copy
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
