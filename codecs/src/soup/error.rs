//! Why bytes are not a SoupBinTCP packet.

use thiserror::Error;

use crate::wire::Shown;

/// Why bytes are not a packet, or a packet can not be written. Offsets count from the first length byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SoupError {
    /// The length is zero, so that there is no type.
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
    /// There are fewer bytes than the packet has.
    #[error("packet of {needed} bytes ends after {actual}")]
    Truncated {
        /// Bytes of the packet.
        needed: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// There are more bytes than the packet has.
    #[error("packet of {needed} bytes is followed by {extra} more; give one packet at a time")]
    Trailing {
        /// Bytes of the packet.
        needed: usize,
        /// Bytes after it.
        extra: usize,
    },
    /// The length is none that a packet of this type has.
    #[error("packet type {}: length {actual} at offset 0, expected {expected}", Shown(*kind))]
    WrongLength {
        /// The type.
        kind: u8,
        /// The length of the type (of a log-in, that of version 4.00).
        expected: usize,
        /// The length that the packet has.
        actual: usize,
    },
    /// The type is none that this side understands.
    #[error("unknown packet type {} at offset 2", Shown(*kind))]
    UnknownType {
        /// The type.
        kind: u8,
    },
    /// A field does not have the form that it must have.
    #[error("packet type {}: {field} at offset {offset} is not {expected}", Shown(*kind))]
    BadField {
        /// The type of the packet.
        kind: u8,
        /// Name of the field.
        field: &'static str,
        /// Where the field is.
        offset: usize,
        /// What it should be.
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
