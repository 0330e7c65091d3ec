//! Errors of reading and writing MoldUDP64 packets.

use thiserror::Error;

use super::header::HEADER_LEN;

/// Error in reading or writing a packet. Offsets count from the start of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MoldError {
    /// The packet is shorter than a header.
    #[error("packet of {actual} bytes is shorter than its header of {HEADER_LEN}")]
    TooShort {
        /// Bytes of the packet.
        actual: usize,
    },
    /// The request has more bytes than a header.
    #[error("request has {HEADER_LEN} bytes, not {actual}")]
    RequestLength {
        /// Bytes of the request.
        actual: usize,
    },
    /// The packet ends within a message. The messages before it are valid.
    #[error(
        "message {sequence} ({index} of {count}) at offset {offset} needs {needed} bytes and has {actual}; \
         request it again"
    )]
    Truncated {
        /// Sequence number of the message.
        sequence: u64,
        /// Its index in the packet, from 0.
        index: u16,
        /// Messages in the packet, by its header.
        count: u16,
        /// Offset of its block.
        offset: usize,
        /// Bytes of the block, as far as known.
        needed: usize,
        /// Bytes left in the packet.
        actual: usize,
    },
    /// The sequence numbers of the packet exceed 64 bits.
    #[error("sequence number {sequence} and {count} messages exceed 64 bits")]
    SequenceOverflow {
        /// The first sequence number.
        sequence: u64,
        /// Messages in the packet.
        count: u16,
    },
    /// The buffer is too small for the packet.
    #[error("buffer of {available} bytes is too small; the packet needs {needed}")]
    NoRoom {
        /// Bytes to write.
        needed: usize,
        /// Bytes available.
        available: usize,
    },
}
