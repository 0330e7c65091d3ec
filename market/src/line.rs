//! One line of a played market, with configurable faults and skew.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use crate::play_error::PlayError;
use crate::rng::Rng;

/// The faults of a line, each with its own probability from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// The probability that a packet is not sent.
    pub loss: f64,
    /// The probability that a packet is sent twice.
    pub duplication: f64,
    /// The probability that a packet is sent after its successor.
    pub reordering: f64,
    /// The seed. With the same seed, the same packets are affected.
    pub seed: u64,
}

/// The destination and the quality of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LineSpec {
    /// The destination, which may be a multicast group.
    pub to: SocketAddr,
    /// The faults of the line.
    pub faults: Faults,
    /// The delay of all packets.
    pub skew: Duration,
}

impl LineSpec {
    /// A line without faults and skew.
    #[must_use]
    pub fn new(to: SocketAddr) -> Self {
        Self { to, faults: Faults::default(), skew: Duration::ZERO }
    }
}

/// The counts of one line so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineReport {
    /// The number of bytes in the datagrams that were sent.
    pub bytes: u64,
    /// The number of packets not sent.
    pub lost: u64,
    /// The number of messages in these packets.
    pub messages_lost: u64,
    /// The number of packets sent twice.
    pub duplicated: u64,
    /// The number of packets sent after their successor.
    pub reordered: u64,
    /// The number of times that packets waited because the socket was full.
    pub blocked: u64,
}

/// A line to which the player sends.
#[derive(Debug)]
pub(crate) struct PlayedLine {
    spec: LineSpec,
    socket: UdpSocket,
    rng: Rng,
    /// The packets to send, with their due times.
    waiting: VecDeque<(u64, Vec<u8>)>,
    /// A packet held back until its successor is queued.
    held: Option<Vec<u8>>,
    /// Buffers for reuse.
    spare: Vec<Vec<u8>>,
    report: LineReport,
}

impl PlayedLine {
    /// Opens the socket.
    pub(crate) fn new(spec: LineSpec) -> Result<Self, PlayError> {
        let socket = open(spec.to).map_err(|source| PlayError::Socket { to: spec.to, source })?;
        Ok(PlayedLine {
            spec,
            socket,
            rng: Rng::new(spec.faults.seed),
            waiting: VecDeque::new(),
            held: None,
            spare: Vec::new(),
            report: LineReport::default(),
        })
    }

    #[must_use]
    pub(crate) fn report(&self) -> LineReport {
        self.report
    }

    /// Accepts a packet with `messages` messages, and applies the faults to it.
    pub(crate) fn offer(&mut self, packet: &[u8], messages: u16, now_ns: u64) {
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

    /// Accepts a packet without messages, to which no faults apply.
    pub(crate) fn tell(&mut self, packet: &[u8], now_ns: u64) {
        self.release(now_ns);
        self.queue(packet, now_ns);
    }

    /// The due time of the next waiting packet.
    #[must_use]
    pub(crate) fn next_due_ns(&self) -> Option<u64> {
        self.waiting.front().map(|(due_ns, _)| *due_ns)
    }

    /// Sends due packets. Returns false if the socket is full.
    pub(crate) fn flush(&mut self, now_ns: u64) -> Result<bool, PlayError> {
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

    /// Queues the packet held back, if any.
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
    // Loopback destinations get a loopback source; otherwise the routing table decides.
    let from: IpAddr = match to.ip() {
        IpAddr::V4(to) if to.is_loopback() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((from, 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
