//! The state of a replay of the session from message 1, beside the live sequence.

use corelane_runtime::message::SequenceNumber;

use super::{config::GapFillConfig, gap_fill::GapFill, reorder::ReorderBuffer};

/// A replay, one request after another.
#[derive(Debug)]
pub(super) struct Replay {
    pub is_active: bool,
    /// Number of the next message to replay.
    pub next: SequenceNumber,
    pub fill: GapFill,
    /// Answers that come before their turn are asked for again.
    pub buffer: ReorderBuffer,
}

impl Replay {
    pub(super) fn new(config: GapFillConfig) -> Self {
        let fill = GapFill::new(GapFillConfig { requests_max: 1, ..config });
        Replay { is_active: false, next: SequenceNumber::FIRST, fill, buffer: ReorderBuffer::new(0) }
    }

    pub(super) fn cancel(&mut self) {
        self.is_active = false;
        self.fill.clear();
    }

    /// Time at which the next answer is overdue.
    #[inline]
    pub(super) fn deadline_ns(&self) -> Option<u64> {
        if self.is_active { self.fill.deadline_ns() } else { None }
    }
}
