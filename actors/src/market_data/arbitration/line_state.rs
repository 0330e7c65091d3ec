//! State of one line of the feed by itself.

use corelane_codecs::mold::Packet;
use corelane_runtime::{message::SequenceNumber, telemetry::Counters};

use crate::market_data::counts::LineCount;

/// The state of one line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LineState {
    /// Number of the next message on this line alone; none before the first packet.
    next: SequenceNumber,
    last_packet_ns: u64,
    is_silent: bool,
}

impl LineState {
    /// Takes a packet of the session that the line has brought.
    #[inline]
    pub(super) fn on_packet(&mut self, packet: &Packet<'_>, now_ns: u64, counters: &Counters<LineCount>) {
        counters.add(LineCount::Packets, 1);
        let first = SequenceNumber(packet.sequence);
        if !self.next.is_none() && first > self.next {
            counters.add(LineCount::Gaps, 1);
            counters.add(LineCount::Missed, first - self.next);
        }
        self.next = self.next.max(SequenceNumber(packet.next_sequence())).max(SequenceNumber::FIRST);
        self.last_packet_ns = now_ns;
        self.is_silent = false;
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
