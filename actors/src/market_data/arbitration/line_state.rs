//! State of one line of the feed by itself.

use corelane_codecs::mold::Packet;
use corelane_runtime::{message::SequenceNumber, telemetry::Counters};

use crate::market_data::counts::LineCount;

/// The state of one line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LineState {
    /// Number of the next message on this line alone; none before the first packet.
    next: SequenceNumber,
    /// What `next` is if the last packet, which claimed a number, is no stray; none if the last packet claimed none.
    claimed_next: SequenceNumber,
    /// Packets that begin below this number need a closer look: `next`, or the highest number while the line seems to
    /// bring another run.
    plain_from: SequenceNumber,
    last_packet_ns: u64,
    is_silent: bool,
    /// Whether its last packet began below a number that it had brought before.
    has_fallen_back: bool,
}

impl LineState {
    /// Takes a packet of the session that the line has brought.
    #[inline]
    pub(super) fn on_packet(&mut self, packet: &Packet<'_>, now_ns: u64, counters: &Counters<LineCount>) {
        self.count(packet, counters);
        self.claimed_next = SequenceNumber::NONE;
        self.advance(packet, now_ns);
    }

    /// Takes a packet whose number nothing else speaks for: the line may go on below it.
    pub(super) fn on_claim(&mut self, packet: &Packet<'_>, now_ns: u64, counters: &Counters<LineCount>) {
        if packet.count() > 0 {
            self.count(packet, counters);
            self.claimed_next = SequenceNumber(packet.next_sequence());
        } else {
            counters.add(LineCount::Packets, 1);
        }
        self.next = self.next.max(SequenceNumber::FIRST);
        self.last_packet_ns = now_ns;
        self.is_silent = false;
    }

    #[inline]
    fn count(&self, packet: &Packet<'_>, counters: &Counters<LineCount>) {
        counters.add(LineCount::Packets, 1);
        let (first, next) = (SequenceNumber(packet.sequence), self.next.max(self.claimed_next));
        if !self.next.is_none() && first > next {
            counters.add(LineCount::Gaps, 1);
            counters.add(LineCount::Missed, first - next);
        }
    }

    /// As [`LineState::on_packet`], without counters.
    #[inline]
    pub(super) fn advance(&mut self, packet: &Packet<'_>, now_ns: u64) {
        self.next = self.next.max(SequenceNumber(packet.next_sequence())).max(SequenceNumber::FIRST);
        self.plain_from = self.next;
        self.last_packet_ns = now_ns;
        self.is_silent = false;
        self.has_fallen_back = false;
    }

    /// The same line, which has brought no number from `end` on.
    pub(super) fn up_to(self, end: SequenceNumber) -> Self {
        let next = self.next.min(end);
        LineState { next, plain_from: next, ..self }
    }

    /// Whether a packet begins where no earlier one of this line has been. All others are rare, on a line alone.
    #[inline]
    pub(super) fn is_plain(&self, packet: &Packet<'_>) -> bool {
        SequenceNumber(packet.sequence) >= self.plain_from
    }

    /// Whether the line has brought packets, and this one comes after them.
    pub(super) fn is_continued_by(&self, packet: &Packet<'_>) -> bool {
        !self.next.is_none() && SequenceNumber(packet.sequence) >= self.next
    }

    /// Whether a packet is the next of this line.
    pub(super) fn is_next(&self, packet: &Packet<'_>) -> bool {
        SequenceNumber(packet.sequence) == self.next
    }

    /// Whether the line has brought all messages below a number.
    pub(super) fn has_reached(&self, end: SequenceNumber) -> bool {
        self.next >= end
    }

    /// Whether the line is not in doubt.
    pub(super) fn is_trusted(&self) -> bool {
        self.plain_from == self.next
    }

    /// Notes a packet below the line's numbers. If the line seems to bring another run, none is plain from now on.
    pub(super) fn fall_back(&mut self, is_another_run: bool) {
        self.has_fallen_back = true;
        if is_another_run {
            self.plain_from = SequenceNumber::MAX;
        }
    }

    /// Ends the doubt that [`LineState::fall_back`] began.
    pub(super) fn trust(&mut self) {
        self.plain_from = self.next;
        self.has_fallen_back = false;
    }

    /// Whether the line brings the run that it brought before: not one that fell silent, or that fell back.
    pub(super) fn goes_on(&self) -> bool {
        !self.next.is_none() && !self.is_silent && !self.has_fallen_back
    }

    /// Time at which the line becomes silent; `None` if it is silent, or has never brought a packet.
    pub(super) fn silent_at_ns(&self, silent_after_ns: u64) -> Option<u64> {
        (!self.next.is_none() && !self.is_silent).then(|| self.last_packet_ns.saturating_add(silent_after_ns))
    }

    /// Checks for silence.
    pub(super) fn on_time(&mut self, now_ns: u64, silent_after_ns: u64, counters: &Counters<LineCount>) {
        if self.silent_at_ns(silent_after_ns).is_some_and(|silent_ns| silent_ns <= now_ns) {
            self.is_silent = true;
            counters.add(LineCount::Silences, 1);
        }
    }
}
