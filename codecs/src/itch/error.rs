//! Errors of decoding ITCH.

use thiserror::Error;

use crate::wire::Shown;

/// Reason why bytes are not an ITCH message. Offsets count from the type byte, which is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ItchError {
    /// No bytes at all.
    #[error("empty message; it must have at least the type byte")]
    Empty,
    /// ITCH 5.0 has no message of this type.
    #[error("unknown message type {} at offset 0", Shown(*kind))]
    UnknownType {
        /// The type byte.
        kind: u8,
    },
    /// The message is shorter or longer than its type.
    #[error("message type {} has {expected} bytes, not {actual}", Shown(*kind))]
    WrongLength {
        /// The type byte.
        kind: u8,
        /// The length of the type.
        expected: usize,
        /// The bytes there are.
        actual: usize,
    },
    /// A field has a code that it must not have.
    #[error("{message}: invalid code {} in field {field} at offset {offset}", Shown(*value))]
    BadField {
        /// Name and type of the message.
        message: &'static str,
        /// Name of the field.
        field: &'static str,
        /// Offset of the field.
        offset: usize,
        /// The byte there.
        value: u8,
    },
}
