//! Why bytes are not an ITCH message.

use thiserror::Error;

use crate::wire::Shown;

/// Why bytes are not an ITCH message. Offsets count from the type byte, which is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ItchError {
    /// No bytes at all.
    #[error("empty message; at least the type byte must be there")]
    Empty,
    /// The type byte is none of ITCH 5.0.
    #[error("unknown message type {} at offset 0", Shown(*kind))]
    UnknownType {
        /// The type byte.
        kind: u8,
    },
    /// The message is shorter or longer than its type is.
    #[error("message type {} has {expected} bytes, not {actual}", Shown(*kind))]
    WrongLength {
        /// The type byte.
        kind: u8,
        /// The length of the type.
        expected: usize,
        /// The bytes there are.
        actual: usize,
    },
    /// A field has a code that it may not have.
    #[error("{message}: {} is no value of {field} at offset {offset}", Shown(*value))]
    BadField {
        /// Name and type of the message.
        message: &'static str,
        /// Name of the field.
        field: &'static str,
        /// Where the field is.
        offset: usize,
        /// The byte there.
        value: u8,
    },
}
