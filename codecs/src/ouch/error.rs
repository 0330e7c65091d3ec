//! Errors of reading and writing OUCH messages.

use thiserror::Error;

use super::{appendage::AppendageFault, reject_reason::RejectReason};
use crate::wire::{Refusal, Shown};

/// Error in reading or writing a message. The type byte has offset 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OuchError {
    /// There are no bytes.
    #[error("empty message; at least the type byte must be sent")]
    Empty,
    /// This side receives no message of this type.
    #[error("unknown message type {} at offset 0", Shown(*kind))]
    UnknownType {
        /// The type byte.
        kind: u8,
    },
    /// The message ends within its fixed part or its appendage.
    #[error("{message}: ends after {actual} of {needed} bytes")]
    Truncated {
        /// Name and type of the message.
        message: &'static str,
        /// Bytes required.
        needed: usize,
        /// Bytes given.
        actual: usize,
    },
    /// The message is longer than its fields and its appendage.
    #[error("{message}: {actual} bytes where its fields and appendage length make {expected}")]
    WrongLength {
        /// Name and type of the message.
        message: &'static str,
        /// Bytes required.
        expected: usize,
        /// Bytes given.
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
    /// An element of the appendage is malformed.
    #[error("{message}: bad appendage at offset {offset}: {fault}")]
    BadAppendage {
        /// Name and type of the message.
        message: &'static str,
        /// Offset of the faulty element.
        offset: usize,
        /// What is wrong with it.
        fault: AppendageFault,
    },
    /// The output buffer is too small, or the appendage exceeds its 16-bit length.
    #[error("{message}: {needed} bytes do not fit the {available} available")]
    NoRoom {
        /// Name and type of the message.
        message: &'static str,
        /// Bytes to write.
        needed: usize,
        /// Bytes available.
        available: usize,
    },
}

impl OuchError {
    /// The reason that a venue gives when it rejects a request because of this error.
    #[must_use]
    pub fn reject_reason(&self) -> RejectReason {
        match self {
            Self::BadField { field: "side", .. } => RejectReason::InvalidSide,
            Self::BadField { field: "display", .. } => RejectReason::InvalidDisplay,
            Self::BadField { field: "intermarket_sweep", .. } => RejectReason::IsoNotAllowed,
            Self::BadField { field: "cross_type", .. } => RejectReason::InvalidCrossOrder,
            _ => RejectReason::Other,
        }
    }

    pub(super) fn of(message: &'static str, refusal: Refusal) -> Self {
        match refusal {
            Refusal::Truncated { needed, actual } => Self::Truncated { message, needed, actual },
            Refusal::BadField { field, offset, value } => Self::BadField { message, field, offset, value },
        }
    }
}
