//! Retransmission requests: which range, to which server, how often.
//!
//! A request is for a range of numbers. It ends when all its messages are there, when an answer has brought some of
//! them (a new request asks for the rest), or when its [`RetryPolicy`] has no more tries
//! and the range is given up. Until then it holds a permit. If none is left, a new request waits for as long as for an answer.

use corelane_codecs::mold::{Request, SessionName};
use corelane_runtime::{
    message::SequenceNumber,
    resilience::{Permits, RetryPolicy, WorkPermit},
};

use super::{
    config::{ArbitrationConfig, GapFillConfig},
    reorder::ReorderBuffer,
};

#[derive(Debug)]
struct PendingRange {
    first: SequenceNumber,
    end: SequenceNumber,
    server: usize,
    attempts: u32,
    /// Time at which the answer is overdue.
    deadline_ns: u64,
    /// None once the range is given up.
    permit: Option<WorkPermit>,
}

impl PendingRange {
    fn is_exhausted(&self) -> bool {
        self.permit.is_none()
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
    permits: Permits,
    /// When a new request may ask for a permit again, after it got none.
    no_permit_until_ns: Option<u64>,
}

impl GapFill {
    pub(super) fn new(config: &ArbitrationConfig) -> Self {
        let (config, permits) = (config.gap_fill, config.permits.clone());
        let pending = Vec::with_capacity(config.requests_max);
        GapFill { config, pending, server: 0, permits, no_permit_until_ns: None }
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
        self.no_permit_until_ns = None;
    }

    /// Time at which the next answer is overdue, or the next request may be sent.
    pub(super) fn deadline_ns(&self) -> Option<u64> {
        let answers = self.pending.iter().filter(|one| !one.is_exhausted()).map(|one| one.deadline_ns);
        answers.chain(self.no_permit_until_ns).min()
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
            if one.deadline_ns <= now_ns && one.attempts >= self.config.retry.attempts_max {
                one.permit = None;
            }
        }
        self.no_permit_until_ns = self.no_permit_until_ns.filter(|until_ns| *until_ns > now_ns);
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
        let at = self.overdue(now_ns).or_else(|| self.fresh(expected, end, buffer, now_ns))?;
        let one = &self.pending[at];
        #[expect(clippy::cast_possible_truncation, reason = "a range has at most messages_max numbers, which is a u16")]
        let request = Request { session, sequence: one.first.0, count: (one.end - one.first) as u16 };
        Some(DueRequest { server: one.server, request, is_repeat: one.attempts > 1 })
    }

    /// Sends an overdue request again; returns its place.
    fn overdue(&mut self, now_ns: u64) -> Option<usize> {
        let GapFillConfig { retry, servers, .. } = self.config;
        let is_due = |one: &PendingRange| one.deadline_ns <= now_ns && one.attempts < retry.attempts_max;
        let at = self.pending.iter().position(is_due)?;
        let one = &mut self.pending[at];
        one.attempts += 1;
        one.deadline_ns = deadline_ns(&retry, now_ns, one.first, one.attempts);
        // This server has not answered: send this request and new ones to the next server.
        if one.server == self.server {
            self.server = (self.server + 1) % servers;
        }
        one.server = self.server;
        Some(at)
    }

    /// Begins a request; returns its place.
    fn fresh(
        &mut self,
        expected: SequenceNumber,
        end: SequenceNumber,
        buffer: &ReorderBuffer,
        now_ns: u64,
    ) -> Option<usize> {
        if self.pending.len() >= self.config.requests_max || self.no_permit_until_ns.is_some_and(|at| at > now_ns) {
            return None;
        }
        let mut first = buffer.next_missing(expected, end);
        while let Some(asked) = self.asked_until(first) {
            first = buffer.next_missing(asked, end.max(asked));
        }
        if first >= end {
            return None;
        }
        let deadline_ns = deadline_ns(&self.config.retry, now_ns, first, 1);
        let Ok(permit) = self.permits.try_acquire() else {
            self.no_permit_until_ns = Some(deadline_ns);
            return None;
        };
        let asked = self.pending.iter().map(|one| one.first).filter(|&asked| asked > first).min();
        let limit =
            first.saturating_add(self.config.messages_max.into()).min(end).min(asked.unwrap_or(SequenceNumber::MAX));
        let one = PendingRange {
            first,
            end: buffer.next_present(first, limit),
            server: self.server,
            attempts: 1,
            deadline_ns,
            permit: Some(permit),
        };
        self.pending.push(one);
        Some(self.pending.len() - 1)
    }

    fn covering(&self, sequence: SequenceNumber) -> Option<&PendingRange> {
        self.pending.iter().find(|one| (one.first..one.end).contains(&sequence))
    }
}

/// When the answer to try number `attempt` for the range from `first` on is overdue.
fn deadline_ns(retry: &RetryPolicy, now_ns: u64, first: SequenceNumber, attempt: u32) -> u64 {
    now_ns.saturating_add(retry.time_ns(first.0, attempt).unwrap_or_default())
}
