//! The session before the one that is followed, if it has ended.

use corelane_codecs::mold::{Packet, SessionName};
use corelane_runtime::message::SequenceNumber;

/// A session that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub session: SessionName,
    /// One more than its last number, by its end.
    pub ended_at: SequenceNumber,
    /// Whether each line has brought that.
    pub has_brought_end: [bool; 2],
}

impl Ended {
    /// Whether a packet shows that the session has gone on, and its end was false.
    pub(super) fn is_passed_by(&self, packet: &Packet<'_>) -> bool {
        SequenceNumber(packet.next_sequence()) > self.ended_at
    }
}
