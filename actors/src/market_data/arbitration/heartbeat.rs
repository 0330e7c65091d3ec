//! Numbers that only one packet without messages speaks for.
//!
//! A heartbeat or an end says how far the run has come. A forged or stray one may say anything, so the messages up to its
//! number are requested, but none is given up until a second packet speaks for it: one of the other line, the next one of
//! the same line, a message at or above it, or a server's answer. If the line goes on below it, it is forgotten.

use corelane_codecs::mold::Packet;
use corelane_runtime::message::SequenceNumber;

use super::{arbiter::Arbiter, claim::Claim};
use crate::market_data::feed_line::FeedLine;

impl Arbiter {
    /// One more than the highest number that messages may be given up to.
    #[inline]
    pub(super) fn known_end(&self) -> SequenceNumber {
        self.claim.map_or(self.frontier, |claim| claim.known)
    }

    /// Takes the number of a packet without messages. Returns whether more than this packet speaks for it.
    #[cold]
    pub(super) fn on_empty(&mut self, line: FeedLine, first: SequenceNumber) -> bool {
        let Claim { line: claimed_by, mut known } = self.claim.unwrap_or(Claim { line, known: self.frontier });
        if self.claim.is_some() {
            known = known.max(first.min(self.frontier));
        }
        if first > self.frontier || line == claimed_by {
            self.set_frontier(first.max(known));
            self.claim = Some(Claim { line, known });
        } else {
            self.claim = Some(Claim { line: claimed_by, known });
        }
        self.claim = self.claim.filter(|claim| claim.known < self.frontier);
        first <= known
    }

    /// Takes note of a packet with messages of a line, while there is a claim: it confirms the claim, or the feed goes on
    /// below.
    #[cold]
    pub(super) fn on_messages_below_claim(&mut self, packet: &Packet<'_>) {
        let goes_on = SequenceNumber(packet.next_sequence()) > self.expected;
        if SequenceNumber(packet.sequence) >= self.frontier {
            self.claim = None;
        } else if goes_on {
            self.drop_claim();
        }
    }

    /// Takes note of an answer with messages below `end`: they exist.
    #[cold]
    pub(super) fn on_answer_below_claim(&mut self, packet: &Packet<'_>, end: SequenceNumber) {
        if let Some(claim) = &mut self.claim {
            let answered = SequenceNumber(packet.next_sequence()).min(end);
            claim.known = claim.known.max(answered).max(self.expected);
            self.claim = self.claim.filter(|claim| claim.known < self.frontier);
        }
    }

    /// Forgets a number that nothing else speaks for.
    pub(super) fn drop_claim(&mut self) {
        if let Some(claim) = self.claim.take() {
            self.set_frontier(claim.known);
        }
    }

    /// Sets the frontier. If it was higher, what was requested and marked above it is forgotten.
    fn set_frontier(&mut self, frontier: SequenceNumber) {
        if frontier < self.frontier {
            self.gap_age.forget_from(frontier);
            self.gap_fill.clear();
            if self.ended_at > frontier {
                self.ended_at = SequenceNumber::NONE;
            }
        }
        self.frontier = frontier;
    }
}
