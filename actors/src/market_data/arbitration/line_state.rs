//! State of one line of the feed by itself.

use corelane_codecs::mold::Packet;
use corelane_runtime::{message::SequenceNumber, telemetry::Counters};

use crate::market_data::counts::LineCount;

/// Which run a line brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// The run that it brought before.
    GoesOn,
    /// Its last packet began below a number that it had brought before.
    FellBack,
    /// Another run, as it seems.
    InDoubt,
}

/// The state of one line.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineState {
    /// Number of the next message on this line alone; none before the first packet.
    next: SequenceNumber,
    /// What `next` is if the last packet, which claimed a number, is no stray; none if the last packet claimed none.
    claimed_next: SequenceNumber,
    /// Packets that begin below this number need a closer look: `next`, or the highest number before the first packet, in
    /// a silence and in doubt.
    plain_from: SequenceNumber,
    last_packet_ns: u64,
    is_silent: bool,
    course: Course,
}

impl LineState {
    /// A line that has brought nothing.
    pub(super) const UNHEARD: LineState = LineState {
        next: SequenceNumber::NONE,
        claimed_next: SequenceNumber::NONE,
        plain_from: SequenceNumber::MAX,
        last_packet_ns: 0,
        is_silent: false,
        course: Course::GoesOn,
    };

    /// Takes a packet of the session that the line has brought, which begins at `first` and has messages up to `end`.
    #[inline]
    pub(super) fn on_packet(
        &mut self,
        first: SequenceNumber,
        end: SequenceNumber,
        now_ns: u64,
        counters: &Counters<LineCount>,
    ) {
        self.count(first, counters);
        self.claimed_next = SequenceNumber::NONE;
        self.advance(end, now_ns);
    }

    /// Takes a packet whose number nothing else speaks for: the line may go on below it.
    pub(super) fn on_claim(
        &mut self,
        first: SequenceNumber,
        end: SequenceNumber,
        now_ns: u64,
        counters: &Counters<LineCount>,
    ) {
        if end > first {
            self.count(first, counters);
            self.claimed_next = end;
        } else {
            counters.add(LineCount::Packets, 1);
        }
        self.next = self.next.max(SequenceNumber::FIRST);
        self.plain_from = self.next;
        self.last_packet_ns = now_ns;
        self.is_silent = false;
    }

    #[inline]
    fn count(&self, first: SequenceNumber, counters: &Counters<LineCount>) {
        counters.add(LineCount::Packets, 1);
        let next = self.next.max(self.claimed_next);
        if !self.next.is_none() && first > next {
            counters.add(LineCount::Gaps, 1);
            counters.add(LineCount::Missed, first - next);
        }
    }

    /// As [`LineState::on_packet`], without counters.
    #[inline]
    pub(super) fn advance(&mut self, end: SequenceNumber, now_ns: u64) {
        self.next = self.next.max(end).max(SequenceNumber::FIRST);
        self.plain_from = self.next;
        self.last_packet_ns = now_ns;
        self.is_silent = false;
        self.course = Course::GoesOn;
    }

    /// The same line, which has brought no number from `end` on.
    pub(super) fn up_to(self, end: SequenceNumber) -> Self {
        let next = self.next.min(end);
        LineState { next, plain_from: if next.is_none() { self.plain_from } else { next }, ..self }
    }

    /// Whether a packet begins where no earlier one of this line has been. All others are rare, on a line alone.
    #[inline]
    pub(super) fn is_plain(&self, packet: &Packet<'_>) -> bool {
        SequenceNumber(packet.sequence) >= self.plain_from
    }

    /// Whether the line has brought packets.
    pub(super) fn is_heard(&self) -> bool {
        !self.next.is_none()
    }

    /// Whether the line has brought packets, and this one comes after them.
    pub(super) fn is_continued_by(&self, packet: &Packet<'_>) -> bool {
        !self.next.is_none() && SequenceNumber(packet.sequence) >= self.next
    }

    /// Whether a packet begins below a number that the line has brought.
    pub(super) fn is_ahead_of(&self, packet: &Packet<'_>) -> bool {
        SequenceNumber(packet.sequence) < self.next
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
        self.course != Course::InDoubt
    }

    /// Notes a packet below the line's numbers.
    pub(super) fn fall_back(&mut self) {
        if self.is_trusted() {
            self.course = Course::FellBack;
        }
    }

    /// Notes that the line seems to bring another run. It goes on with the current one only from `expected` on.
    pub(super) fn doubt(&mut self, expected: SequenceNumber) {
        self.is_silent |= self.next.is_none();
        self.next = self.next.max(expected);
        self.plain_from = SequenceNumber::MAX;
        self.course = Course::InDoubt;
    }

    /// Ends the doubt that [`LineState::doubt`] began.
    pub(super) fn trust(&mut self) {
        if !self.is_trusted() {
            self.plain_from = self.next;
        }
        self.course = Course::GoesOn;
    }

    /// Whether the line brings the run that it brought before: not one that fell silent, or that fell back.
    pub(super) fn goes_on(&self) -> bool {
        !self.next.is_none() && !self.is_silent && self.course == Course::GoesOn
    }

    /// Time at which the line becomes silent; `None` if it is silent, or has never brought a packet.
    pub(super) fn silent_at_ns(&self, silent_after_ns: u64) -> Option<u64> {
        (!self.next.is_none() && !self.is_silent).then(|| self.last_packet_ns.saturating_add(silent_after_ns))
    }

    /// Checks for silence.
    pub(super) fn on_time(&mut self, now_ns: u64, silent_after_ns: u64, counters: &Counters<LineCount>) {
        if self.silent_at_ns(silent_after_ns).is_some_and(|silent_ns| silent_ns <= now_ns) {
            self.is_silent = true;
            self.plain_from = SequenceNumber::MAX;
            counters.add(LineCount::Silences, 1);
        }
    }
}
