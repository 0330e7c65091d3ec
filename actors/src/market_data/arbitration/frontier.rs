//! How far a run reaches, and which part of that only one packet speaks for.
//!
//! Each packet says how far the run has come, and a packet may be forged or a stray. So if its number is higher than all
//! that is known, that is a *claim*. What is missing below the number is requested, but given up only if it is below the
//! number of a second packet too, or if a server knows it. If a line goes on below the number, the claim is dropped.

use corelane_runtime::message::SequenceNumber;

use crate::market_data::feed_line::FeedLine;

/// That a run reaches further than is known.
#[derive(Clone, Copy, Debug)]
struct Claim {
    /// The line of the packet that says so.
    line: FeedLine,
    /// One more than the highest number that is known to exist.
    known: SequenceNumber,
}

/// How far a run reaches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frontier {
    end: SequenceNumber,
    claim: Option<Claim>,
}

impl Frontier {
    /// That of a run without messages.
    pub(super) const START: Frontier = Frontier { end: SequenceNumber::FIRST, claim: None };

    /// One more than the highest number known to exist, or claimed.
    #[inline]
    pub(super) fn end(&self) -> SequenceNumber {
        self.end
    }

    /// One more than the highest number that messages may be given up to.
    #[inline]
    pub(super) fn known(&self) -> SequenceNumber {
        self.claim.map_or(self.end, |claim| claim.known)
    }

    /// Whether a packet with messages from `first` on makes no claim, and there is none that it confirms or refutes.
    #[inline]
    pub(super) fn is_plain(&self, first: SequenceNumber) -> bool {
        first <= self.end && self.claim.is_none()
    }

    /// Takes a message that begins at the end or below it.
    #[inline]
    pub(super) fn on_message(&mut self, sequence: SequenceNumber) {
        self.end = self.end.max(sequence.next());
    }

    /// Takes the number of a line's packet. `goes_on` says that the packet has messages which nothing has brought before;
    /// all messages that came too early are below `kept_end`. Returns whether more than this packet speaks for the number.
    pub(super) fn on_number(
        &mut self,
        line: FeedLine,
        first: SequenceNumber,
        goes_on: bool,
        kept_end: SequenceNumber,
    ) -> bool {
        if let Some(claim) = self.claim {
            // Of two numbers, the lower one holds.
            self.confirm(first);
            if first < self.end && (goes_on || line == claim.line) {
                self.drop_claim(kept_end);
            }
        }
        let known = self.known();
        if first > self.end {
            self.claim = Some(Claim { line, known });
            self.end = first;
        }
        first <= known
    }

    /// Takes note that the claimed numbers below `known` exist.
    pub(super) fn confirm(&mut self, known: SequenceNumber) {
        if let Some(claim) = &mut self.claim {
            claim.known = claim.known.max(known.min(self.end));
        }
        self.settle();
    }

    /// Forgets the claimed numbers, except those below `kept_end`.
    pub(super) fn drop_claim(&mut self, kept_end: SequenceNumber) {
        if let Some(claim) = self.claim {
            self.end = claim.known.max(kept_end);
        }
        self.settle();
    }

    /// Takes note that the run goes on at `expected`, whatever is missing below.
    pub(super) fn pass(&mut self, expected: SequenceNumber) {
        self.end = self.end.max(expected);
        self.confirm(expected);
    }

    fn settle(&mut self) {
        self.claim = self.claim.filter(|claim| claim.known < self.end);
    }
}
