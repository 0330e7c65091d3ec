//! Why bytes are not an OUCH message.

use thiserror::Error;

use super::{appendage::AppendageFault, reject_reason::RejectReason};
use crate::wire::{Refusal, Shown};

/// Why bytes are not an OUCH message. Offsets count from the type byte, which is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OuchError {
    /// No bytes at all.
    #[error("empty message; at least the type byte must be sent")]
    Empty,
    /// The type byte is none that this side understands.
    #[error("unknown message type {} at offset 0", Shown(*kind))]
    UnknownType {
        /// The type byte.
        kind: u8,
    },
    /// The message ends before its fixed part or its appendage does.
    #[error("{message}: ends after {actual} of {needed} bytes")]
    Truncated {
        /// Name and type of the message.
        message: &'static str,
        /// Bytes that it must have.
        needed: usize,
        /// Bytes that it has.
        actual: usize,
    },
    /// The message goes on behind its end.
    #[error("{message}: {actual} bytes where its fields and appendage length make {expected}")]
    WrongLength {
        /// Name and type of the message.
        message: &'static str,
        /// Bytes that it must have.
        expected: usize,
        /// Bytes that it has.
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
    /// The elements of the appendage do not fit together.
    #[error("{message}: bad appendage at offset {offset}: {fault}")]
    BadAppendage {
        /// Name and type of the message.
        message: &'static str,
        /// Where the faulty element is.
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
    /// The reason with which a venue rejects an order request that was refused with this error.
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
