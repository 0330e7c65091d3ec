//! Errors of reading and writing SoupBinTCP packets.

use thiserror::Error;

use crate::wire::Shown;

/// Error in reading or writing a packet. Offsets count from the first length byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SoupError {
    /// The length is zero, which leaves no room for a type.
    #[error("packet length 0 at offset 0 leaves no room for its type")]
    ZeroLength,
    /// The payload is longer than allowed.
    #[error("payload of {length} bytes exceeds the {max} allowed")]
    TooLong {
        /// Bytes of the payload.
        length: usize,
        /// The most allowed.
        max: usize,
    },
    /// The bytes end before the packet does.
    #[error("packet of {needed} bytes ends after {actual}")]
    Truncated {
        /// Bytes of the packet.
        needed: usize,
        /// Bytes given.
        actual: usize,
    },
    /// More bytes follow the packet.
    #[error("packet of {needed} bytes is followed by {extra} more; give one packet at a time")]
    Trailing {
        /// Bytes of the packet.
        needed: usize,
        /// Bytes after it.
        extra: usize,
    },
    /// A packet of this type cannot have this length.
    #[error("packet type {}: length {actual} at offset 0, expected {expected}", Shown(*kind))]
    WrongLength {
        /// The type.
        kind: u8,
        /// The right length (for a log-in, that of version 4.00).
        expected: usize,
        /// Length of the packet.
        actual: usize,
    },
    /// This side receives no packet of this type.
    #[error("unknown packet type {} at offset 2", Shown(*kind))]
    UnknownType {
        /// The type.
        kind: u8,
    },
    /// A field has the wrong form.
    #[error("packet type {}: {field} at offset {offset} is not {expected}", Shown(*kind))]
    BadField {
        /// The type of the packet.
        kind: u8,
        /// Name of the field.
        field: &'static str,
        /// Offset of the field.
        offset: usize,
        /// The right form.
        expected: &'static str,
    },
    /// The output buffer is too small.
    #[error("packet of {needed} bytes does not fit the {available} available")]
    NoRoom {
        /// Bytes to write.
        needed: usize,
        /// Bytes available.
        available: usize,
    },
}
