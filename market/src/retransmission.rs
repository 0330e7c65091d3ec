//! A MoldUDP64 retransmission server for the messages that a player has played.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};

use corelane_codecs::mold::{PacketBuilder, Request, SessionName};

use crate::play_error::PlayError;

/// The maximum number of requests per poll, to keep it short.
const REQUESTS_PER_POLL: usize = 64;

/// The parameters of a retransmission server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetransmissionSpec {
    /// The address that receives requests.
    pub listen: SocketAddr,
    /// The maximum number of messages kept; the oldest are evicted for new ones.
    pub messages_max: usize,
}

/// The counts of a retransmission server so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetransmissionReport {
    /// The number of requests received.
    pub requests: u64,
    /// The number of requests answered. The others were malformed, or asked for messages that are not available.
    pub answers: u64,
    /// The number of messages in the answers.
    pub messages: u64,
}

/// A retransmission server. It answers each request with one packet, as MoldUDP64 specifies.
#[derive(Debug)]
pub(crate) struct RetransmissionServer {
    spec: RetransmissionSpec,
    socket: UdpSocket,
    session: SessionName,
    bytes: VecDeque<u8>,
    /// The start of each message kept, as an offset from the first message ever played.
    starts: VecDeque<u64>,
    /// The sequence number of the oldest message kept.
    oldest: u64,
    /// The offset of the first of `bytes`, counted likewise.
    base: u64,
    message: Vec<u8>,
    answer: Box<[u8]>,
    report: RetransmissionReport,
}

impl RetransmissionServer {
    pub(crate) fn new(spec: RetransmissionSpec, session: SessionName, payload_max: usize) -> Result<Self, PlayError> {
        let failed = |source| PlayError::Listen { listen: spec.listen, source };
        let socket = UdpSocket::bind(spec.listen).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        Ok(RetransmissionServer {
            spec,
            socket,
            session,
            bytes: VecDeque::new(),
            starts: VecDeque::new(),
            oldest: 1,
            base: 0,
            message: Vec::new(),
            answer: vec![0; payload_max].into(),
            report: RetransmissionReport::default(),
        })
    }

    #[must_use]
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }

    #[must_use]
    pub(crate) fn report(&self) -> RetransmissionReport {
        self.report
    }

    /// Keeps the next message played.
    pub(crate) fn keep(&mut self, message: &[u8]) {
        if self.starts.len() == self.spec.messages_max.max(1) {
            let end = self.end_of(0);
            self.bytes.drain(..(end - self.base) as usize);
            self.base = end;
            self.starts.pop_front();
            self.oldest += 1;
        }
        self.starts.push_back(self.base + self.bytes.len() as u64);
        self.bytes.extend(message);
    }

    /// Answers the available requests, up to a bound.
    pub(crate) fn poll(&mut self) -> Result<(), PlayError> {
        let mut datagram = [0; 64];
        for _ in 0..REQUESTS_PER_POLL {
            match self.socket.recv_from(&mut datagram) {
                Ok((length, from)) => self.on_request(from, &datagram[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // The client has gone away, which Linux reports to the next receive.
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionRefused) => {}
                Err(source) => return Err(PlayError::Listen { listen: self.spec.listen, source }),
            }
        }
        Ok(())
    }

    fn on_request(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.report.requests += 1;
        let next = self.oldest + self.starts.len() as u64;
        let Ok(Request { session, sequence, count }) = Request::decode(bytes) else { return };
        if session != self.session || !(self.oldest..next).contains(&sequence) {
            return;
        }
        let mut answer = std::mem::take(&mut self.answer);
        let payload_max = answer.len();
        if let Ok(mut packet) = PacketBuilder::new(&mut answer, session, sequence, payload_max) {
            let first = (sequence - self.oldest) as usize;
            let last = self.starts.len().min(first + usize::from(count));
            for index in first..last {
                let (start, end) = (self.starts[index] - self.base, self.end_of(index) - self.base);
                self.message.clear();
                self.message.extend(self.bytes.range(start as usize..end as usize));
                if !packet.push(&self.message) {
                    break;
                }
            }
            let messages = u64::from(packet.count());
            // Send errors are ignored. A client that misses the answer can request it again.
            if messages > 0 && self.socket.send_to(packet.finish(), from).is_ok() {
                self.report.answers += 1;
                self.report.messages += messages;
            }
        }
        self.answer = answer;
    }

    /// The end of the message at position `index` of those kept.
    fn end_of(&self, index: usize) -> u64 {
        self.starts.get(index + 1).copied().unwrap_or(self.base + self.bytes.len() as u64)
    }
}
