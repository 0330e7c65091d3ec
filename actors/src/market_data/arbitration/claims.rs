//! Packets that claim a number which nothing else speaks for, and those that follow: see [`frontier`](super::frontier).

use corelane_codecs::mold::Packet;
use corelane_runtime::message::SequenceNumber;

use super::{arbiter::Arbiter, frontier::Frontier, message_sink::MessageSink, readable::readable_end};
use crate::market_data::feed_line::FeedLine;

impl Arbiter {
    /// Takes the number of a packet that makes a claim, or that comes while there is one. Returns whether more than this
    /// packet speaks for it.
    #[cold]
    pub(super) fn on_number(
        &mut self,
        line: FeedLine,
        packet: &Packet<'_>,
        now_ns: u64,
        sink: &mut impl MessageSink,
    ) -> bool {
        let first = SequenceNumber(packet.sequence);
        let end = readable_end(packet);
        let goes_on = end > first && end > self.expected;
        let (kept_end, known) = (self.kept_end(), self.frontier.known());
        let is_known = self.move_frontier(|frontier| frontier.on_number(line, first, goes_on, kept_end));
        if self.frontier.known() > known {
            // When they were requested, the servers may not have had them.
            self.gap_fill.retry_below(self.frontier.known());
        }
        if first >= self.window_end() {
            // If it confirms that what is missing can be given up, there is room for its messages.
            self.close_gap(now_ns, sink);
        }
        is_known
    }

    /// Takes note of an answer with messages below `answered`: they exist.
    pub(super) fn on_answered(&mut self, answered: SequenceNumber) {
        self.frontier.confirm(answered.max(self.expected));
    }

    /// Forgets a number that nothing else speaks for.
    pub(super) fn drop_claim(&mut self) {
        let kept_end = self.kept_end();
        self.move_frontier(|frontier| frontier.drop_claim(kept_end));
    }

    /// One more than the highest number that has come.
    fn kept_end(&self) -> SequenceNumber {
        self.expected.max(self.buffer.end())
    }

    /// Changes the frontier. If it falls, what was requested and marked above it is forgotten.
    fn move_frontier<R>(&mut self, change: impl FnOnce(&mut Frontier) -> R) -> R {
        let before = self.frontier.end();
        let result = change(&mut self.frontier);
        let end = self.frontier.end();
        if end < before {
            self.gap_age.forget_from(end);
            self.gap_fill.clear();
            if self.ended_at > end {
                self.ended_at = SequenceNumber::NONE;
            }
        }
        result
    }
}
