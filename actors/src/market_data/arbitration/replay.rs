//! The state of a replay of the run from message 1, beside the live sequence.

use corelane_runtime::message::SequenceNumber;

use super::{config::ArbitrationConfig, gap_fill::GapFill, message_sink::MessageSink, reorder::ReorderBuffer};

/// How far the replay has come.
#[derive(Debug)]
pub(super) struct Replay {
    pub is_active: bool,
    /// Replays begun in this run of the feed.
    pub begun: u32,
    /// Number of the next message to replay.
    pub next: SequenceNumber,
    pub requests: GapFill,
    /// Replayed messages that came before their turn.
    pub buffer: ReorderBuffer,
}

impl Replay {
    pub(super) fn new(config: &ArbitrationConfig) -> Self {
        Replay {
            is_active: false,
            begun: 0,
            next: SequenceNumber::FIRST,
            requests: GapFill::new(config),
            buffer: ReorderBuffer::new(config.replay_ahead_max()),
        }
    }

    /// Time at which the next answer is overdue.
    #[inline]
    pub(super) fn deadline_ns(&self) -> Option<u64> {
        if self.is_active { self.requests.deadline_ns() } else { None }
    }

    /// Forgets the replays of a run, for the next one.
    pub(super) fn clear(&mut self) {
        self.end();
        self.begun = 0;
    }

    pub(super) fn end(&mut self) {
        self.is_active = false;
        self.requests.clear();
        self.buffer.clear();
    }

    pub(super) fn window_end(&self) -> SequenceNumber {
        self.next.saturating_add(self.buffer.capacity())
    }

    /// Takes a message; false if it has come before or is too early.
    pub(super) fn take(&mut self, sequence: SequenceNumber, message: &[u8], sink: &mut impl MessageSink) -> bool {
        if sequence == self.next {
            sink.replayed(message);
            self.next = self.next.next();
            while let Some(message) = self.buffer.take(self.next) {
                sink.replayed(message);
                self.next = self.next.next();
            }
            return true;
        }
        let is_early = sequence > self.next && sequence < self.window_end() && !self.buffer.contains(sequence);
        is_early && self.buffer.insert(sequence, message)
    }
}
