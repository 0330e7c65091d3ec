//! Retransmission server of the feed: it keeps a bounded number of published messages and sends them again on request.
//!
//! An answer is one packet with as many of the requested messages as fit, from the first on; the client requests the
//! rest again. As MoldUDP64 requires, a request for another session or for messages that do not exist gets no answer;
//! nor does one for messages that newer ones have overwritten. Requests wait, up to a number for each source, and sources
//! are served in turn. Each batch publishes first and then answers a bounded number, so a flood of requests delays only
//! retransmission, and a flood of one source mostly its own.

use std::net::SocketAddr;

use corelane_codecs::mold::{PacketBuilder, Request, SessionName};
use corelane_runtime::{
    message::SequenceNumber,
    net::{EndpointId, Net},
    telemetry::Counters,
};

use super::{
    config::{RETRY_NS, RetransmissionConfig},
    counts::RetransmissionCount,
    requests::Requests,
};
use crate::types::Publication;

/// Most answers in one batch. A datagram costs about 3 µs of CPU, so a flood adds 50 µs to a turn. An idle publisher
/// has a batch at each tick of its timers, 65 µs.
pub const ANSWERS_PER_BATCH_MAX: usize = 16;

/// The last published messages, and the requests for them.
#[derive(Debug)]
pub(super) struct Retransmission {
    endpoint: EndpointId,
    session: SessionName,
    /// By sequence number modulo their count.
    kept: Box<[Publication]>,
    /// Number of the next message to be published.
    next_sequence: SequenceNumber,
    requests: Requests,
    answer: Box<[u8]>,
    counters: Counters<RetransmissionCount>,
}

impl Retransmission {
    /// A server without messages that answers by `endpoint`, in packets of at most `payload_max` bytes.
    pub(super) fn new(
        config: RetransmissionConfig,
        endpoint: EndpointId,
        session: SessionName,
        payload_max: usize,
        counters: Counters<RetransmissionCount>,
    ) -> Self {
        Retransmission {
            endpoint,
            session,
            kept: vec![Publication { length: 0, bytes: [0; 50] }; config.messages_max].into(),
            next_sequence: SequenceNumber::FIRST,
            requests: Requests::new(),
            answer: vec![0; payload_max].into(),
            counters,
        }
    }

    /// Keeps the next published message.
    #[inline]
    pub(super) fn keep(&mut self, publication: &Publication) {
        let place = self.place(self.next_sequence);
        self.kept[place] = *publication;
        self.next_sequence = self.next_sequence.next();
    }

    /// Queues a request for [`Retransmission::answer`].
    pub(super) fn on_request(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.counters.add(RetransmissionCount::Requests, 1);
        let refusal = match Request::decode(bytes) {
            Ok(request) if request.session != self.session || request.count == 0 || request.sequence == 0 => {
                RetransmissionCount::Bad
            }
            Ok(request) if SequenceNumber(request.sequence) >= self.next_sequence => RetransmissionCount::TooNew,
            Ok(request) if SequenceNumber(request.sequence) < self.oldest() => RetransmissionCount::TooOld,
            Ok(request) if self.requests.push(from, request) => return,
            Ok(_) => RetransmissionCount::Overflows,
            Err(_) => RetransmissionCount::Bad,
        };
        self.counters.add(refusal, 1);
    }

    /// Answers a bounded number of requests, one of each source in turn. If more wait, returns the time until the next call, in
    /// nanoseconds.
    pub(super) fn answer(&mut self, net: &mut dyn Net) -> Option<u64> {
        for _ in 0..ANSWERS_PER_BATCH_MAX {
            let (to, request) = self.requests.next()?;
            if SequenceNumber(request.sequence) < self.oldest() {
                // While it waited, newer messages overwrote the requested ones.
                self.counters.add(RetransmissionCount::TooOld, 1);
                self.requests.advance();
                continue;
            }
            let (length, messages) = self.pack(&request);
            if net.send_datagram_to(self.endpoint, to, &self.answer[..length]).is_err() {
                return Some(RETRY_NS);
            }
            self.requests.advance();
            self.counters.add(RetransmissionCount::Answers, 1);
            self.counters.add(RetransmissionCount::Messages, messages);
        }
        (!self.requests.is_empty()).then_some(0)
    }

    /// Writes the answer to a request whose first message is kept; returns its length and its number of messages.
    fn pack(&mut self, request: &Request) -> (usize, u64) {
        let end = self.next_sequence.0.min(request.sequence.saturating_add(request.count.into()));
        let mut answer = std::mem::take(&mut self.answer);
        let payload_max = answer.len();
        let builder = PacketBuilder::new(&mut answer, self.session, request.sequence, payload_max);
        let mut builder = builder.expect("payload_max holds a header");
        for sequence in request.sequence..end {
            let Publication { length, bytes } = &self.kept[self.place(SequenceNumber(sequence))];
            if !builder.push(&bytes[..usize::from(*length)]) {
                break;
            }
        }
        let messages = builder.count().into();
        let length = builder.finish().len();
        self.answer = answer;
        (length, messages)
    }

    /// Number of the oldest kept message.
    fn oldest(&self) -> SequenceNumber {
        SequenceNumber(self.next_sequence.0.saturating_sub(self.kept.len() as u64)).max(SequenceNumber::FIRST)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the remainder is below a length")]
    fn place(&self, sequence: SequenceNumber) -> usize {
        (sequence.0 % self.kept.len() as u64) as usize
    }
}
