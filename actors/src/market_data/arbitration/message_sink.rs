//! The receiver of the gapless sequence.

use corelane_codecs::mold::Packet;

/// Who takes the sequence.
pub trait MessageSink {
    /// A session begins: what was known from the one before is void.
    fn begin(&mut self);
    /// Messages of this packet will come next: time to ask for the memory that they will touch.
    fn prefetch(&mut self, packet: &Packet<'_>) {
        let _ = packet;
    }
    /// The next message, with its number.
    fn message(&mut self, sequence: u64, message: &[u8]);
}
