//! Retransmission requests: which range, to which server, how often.
//!
//! A request is for a range of numbers. It ends when all its messages are there, when an answer has brought some of
//! them (a new request asks for the rest), or when it has been sent `attempts_max` times in vain and the range is given
//! up.

use corelane_codecs::mold::{Request, SessionName};
use corelane_runtime::message::SequenceNumber;

use super::{config::GapFillConfig, reorder::ReorderBuffer};

#[derive(Clone, Copy, Debug)]
struct PendingRange {
    first: SequenceNumber,
    end: SequenceNumber,
    server: usize,
    attempts: u32,
    /// Time at which the answer is overdue; `u64::MAX` once the range is given up.
    deadline_ns: u64,
}

impl PendingRange {
    fn is_exhausted(&self) -> bool {
        self.deadline_ns == u64::MAX
    }
}

/// A request that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueRequest {
    /// Index of the server, in the configured order.
    pub server: usize,
    /// The request.
    pub request: Request,
    /// Whether the same range was requested before and not answered.
    pub is_repeat: bool,
}

/// The requests in flight.
#[derive(Debug)]
pub(super) struct GapFill {
    config: GapFillConfig,
    pending: Vec<PendingRange>,
    /// The server for new requests: the last one that answered.
    server: usize,
}

impl GapFill {
    pub(super) fn new(config: GapFillConfig) -> Self {
        GapFill { config, pending: Vec::with_capacity(config.requests_max), server: 0 }
    }

    /// Whether there are servers.
    pub(super) fn has_servers(&self) -> bool {
        self.config.servers > 0
    }

    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.pending.clear();
    }

    /// Time at which the next answer is overdue.
    pub(super) fn deadline_ns(&self) -> Option<u64> {
        self.pending.iter().filter(|one| !one.is_exhausted()).map(|one| one.deadline_ns).min()
    }

    /// End of the requested range that contains `sequence`.
    pub(super) fn asked_until(&self, sequence: SequenceNumber) -> Option<SequenceNumber> {
        self.covering(sequence).map(|one| one.end)
    }

    /// Whether the range that contains `sequence` is given up.
    pub(super) fn is_given_up(&self, sequence: SequenceNumber) -> bool {
        self.covering(sequence).is_some_and(PendingRange::is_exhausted)
    }

    /// Forgets the ranges that are given up and begin below `end`, so that they are requested anew.
    pub(super) fn retry_below(&mut self, end: SequenceNumber) {
        self.pending.retain(|one| one.first >= end || !one.is_exhausted());
    }

    /// Gives up ranges whose last attempt is overdue.
    pub(super) fn expire(&mut self, now_ns: u64) {
        for one in &mut self.pending {
            if one.deadline_ns <= now_ns && one.attempts >= self.config.attempts_max {
                one.deadline_ns = u64::MAX;
            }
        }
    }

    /// Notes that `server` has answered the request for `sequence`. The rest of its range needs a new request.
    pub(super) fn on_help(&mut self, server: usize, sequence: SequenceNumber) {
        self.server = server;
        self.pending.retain(|one| !(one.first..one.end).contains(&sequence));
    }

    /// The next request to send: an overdue one, or a new one for numbers from `expected` to `end` that `buffer` does
    /// not hold and that are not requested yet.
    pub(super) fn next_request(
        &mut self,
        session: SessionName,
        expected: SequenceNumber,
        end: SequenceNumber,
        buffer: &ReorderBuffer,
        now_ns: u64,
    ) -> Option<DueRequest> {
        if !self.has_servers() {
            return None;
        }
        self.pending.retain_mut(|one| {
            one.first = buffer.next_missing(one.first.max(expected), one.end.max(expected));
            one.first < one.end
        });
        let one = self.overdue(now_ns).or_else(|| self.fresh(expected, end, buffer, now_ns))?;
        #[expect(clippy::cast_possible_truncation, reason = "a range has at most messages_max numbers, which is a u16")]
        let request = Request { session, sequence: one.first.0, count: (one.end - one.first) as u16 };
        Some(DueRequest { server: one.server, request, is_repeat: one.attempts > 1 })
    }

    fn overdue(&mut self, now_ns: u64) -> Option<PendingRange> {
        let GapFillConfig { attempts_max, timeout_ns, servers, .. } = self.config;
        let is_due = |one: &&mut PendingRange| one.deadline_ns <= now_ns && one.attempts < attempts_max;
        let one = self.pending.iter_mut().find(is_due)?;
        one.attempts += 1;
        one.deadline_ns = deadline_ns(now_ns, timeout_ns);
        // This server has not answered: send this request and new ones to the next server.
        if one.server == self.server {
            self.server = (self.server + 1) % servers;
        }
        one.server = self.server;
        Some(*one)
    }

    fn fresh(
        &mut self,
        expected: SequenceNumber,
        end: SequenceNumber,
        buffer: &ReorderBuffer,
        now_ns: u64,
    ) -> Option<PendingRange> {
        if self.pending.len() >= self.config.requests_max {
            return None;
        }
        let mut first = buffer.next_missing(expected, end);
        while let Some(asked) = self.asked_until(first) {
            first = buffer.next_missing(asked, end.max(asked));
        }
        if first >= end {
            return None;
        }
        let asked = self.pending.iter().map(|one| one.first).filter(|&asked| asked > first).min();
        let limit =
            first.saturating_add(self.config.messages_max.into()).min(end).min(asked.unwrap_or(SequenceNumber::MAX));
        let one = PendingRange {
            first,
            end: buffer.next_present(first, limit),
            server: self.server,
            attempts: 1,
            deadline_ns: deadline_ns(now_ns, self.config.timeout_ns),
        };
        self.pending.push(one);
        Some(one)
    }

    fn covering(&self, sequence: SequenceNumber) -> Option<&PendingRange> {
        self.pending.iter().find(|one| (one.first..one.end).contains(&sequence))
    }
}

/// A deadline other than the one that marks a range as given up.
fn deadline_ns(now_ns: u64, timeout_ns: u64) -> u64 {
    now_ns.saturating_add(timeout_ns).min(u64::MAX - 1)
}
