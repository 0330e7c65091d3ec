//! The receiver of the gapless sequence.

use corelane_codecs::mold::Packet;
use corelane_runtime::message::SequenceNumber;

/// Receiver of the sequence.
pub trait MessageSink {
    /// A session begins; forget the one before.
    fn begin(&mut self);
    /// Messages of this packet follow: prefetch the memory that they will touch.
    fn prefetch(&mut self, packet: &Packet<'_>) {
        let _ = packet;
    }
    /// The next message of the replay that [`Arbiter::begin_replay`](super::Arbiter::begin_replay) began, from message 1
    /// on.
    fn replayed(&mut self, message: &[u8]) {
        let _ = message;
    }
    /// The replay has reached the next message (`is_complete`), or is given up.
    fn replay_ended(&mut self, is_complete: bool) {
        let _ = is_complete;
    }
    /// The next message, with its sequence number.
    fn message(&mut self, sequence: SequenceNumber, message: &[u8]);
}
