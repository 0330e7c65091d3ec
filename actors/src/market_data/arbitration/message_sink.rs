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
    /// The next message, with its sequence number.
    fn message(&mut self, sequence: SequenceNumber, message: &[u8]);
}
