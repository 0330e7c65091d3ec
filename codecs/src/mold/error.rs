//! Why a MoldUDP64 packet cannot be read or written.

use thiserror::Error;

use super::header::HEADER_LEN;

/// Why a packet can not be read or written. Offsets count from the start of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MoldError {
    /// Shorter than a header.
    #[error("packet of {actual} bytes is shorter than its header of {HEADER_LEN}")]
    TooShort {
        /// Bytes of the packet.
        actual: usize,
    },
    /// A request that is longer than one.
    #[error("request has {HEADER_LEN} bytes, not {actual}")]
    RequestLength {
        /// Bytes of the request.
        actual: usize,
    },
    /// The packet ends before its messages do. Those before are good.
    #[error(
        "message {sequence} ({index} of {count}) at offset {offset} needs {needed} bytes and has {actual}; \
         ask for it again"
    )]
    Truncated {
        /// Sequence number of the message.
        sequence: u64,
        /// Its place in the packet, from 0.
        index: u16,
        /// Messages that the packet should have.
        count: u16,
        /// Where its block begins.
        offset: usize,
        /// Bytes of the block, as far as is known.
        needed: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// The sequence numbers of the packet exceed 64 bits.
    #[error("sequence number {sequence} and {count} messages exceed 64 bits")]
    SequenceOverflow {
        /// The first sequence number.
        sequence: u64,
        /// Messages after it.
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
