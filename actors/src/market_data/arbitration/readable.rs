//! What a packet brings, whatever its header promises.

use corelane_codecs::mold::Packet;
use corelane_runtime::message::SequenceNumber;

/// The end of the numbers of a packet whose messages can be read. In a packet that is cut off, they end before its header says:
/// nothing else speaks for the rest.
#[cold]
pub(super) fn readable_end(packet: &Packet<'_>) -> SequenceNumber {
    let readable = packet.messages().take_while(Result::is_ok).count() as u64;
    SequenceNumber(packet.sequence).saturating_add(readable)
}
