//! A MoldUDP64 retransmission server over what a player has played.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};

use corelane_codecs::mold::{PacketBuilder, Request, Session};

use crate::play_error::PlayError;

/// Requests answered by one poll, so that it stays short.
const REQUESTS_PER_POLL: usize = 64;

/// What a retransmission server is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetransmissionSpec {
    /// Where requests come to.
    pub listen: SocketAddr,
    /// Messages that are kept; the oldest make room for the newest.
    pub messages_max: usize,
}

/// What was asked for so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetransmissionReport {
    /// Requests that came.
    pub requests: u64,
    /// Those that were answered. The others were none, or for what is not there.
    pub answers: u64,
    /// Messages in the answers.
    pub messages: u64,
}

/// The server. It answers with one packet each, as MoldUDP64 has it.
#[derive(Debug)]
pub(crate) struct RetransmissionServer {
    spec: RetransmissionSpec,
    socket: UdpSocket,
    session: Session,
    bytes: VecDeque<u8>,
    /// Of each message kept: where it begins, counted from the first message of all.
    starts: VecDeque<u64>,
    /// Number of the oldest message kept.
    oldest: u64,
    /// Where the first of `bytes` is, counted likewise.
    base: u64,
    message: Vec<u8>,
    answer: Box<[u8]>,
    report: RetransmissionReport,
}

impl RetransmissionServer {
    pub fn new(spec: RetransmissionSpec, session: Session, payload_max: usize) -> Result<Self, PlayError> {
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

    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }

    pub fn report(&self) -> RetransmissionReport {
        self.report
    }

    /// Keeps the message that was played next.
    pub fn keep(&mut self, message: &[u8]) {
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

    /// Answers what has come, a bounded number of requests.
    pub fn poll(&mut self) -> Result<(), PlayError> {
        let mut datagram = [0; 64];
        for _ in 0..REQUESTS_PER_POLL {
            match self.socket.recv_from(&mut datagram) {
                Ok((length, from)) => self.on_request(from, &datagram[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // A client that has gone away, as Linux reports it to the next receive.
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
            // A client that has gone away, or whose socket is full, asks again if it wants to.
            if messages > 0 && self.socket.send_to(packet.finish(), from).is_ok() {
                self.report.answers += 1;
                self.report.messages += messages;
            }
        }
        self.answer = answer;
    }

    /// Where message number `index` of those kept ends.
    fn end_of(&self, index: usize) -> u64 {
        self.starts.get(index + 1).copied().unwrap_or(self.base + self.bytes.len() as u64)
    }
}
