//! OUCH 5.0 order entry (text of April 2023, revision 1.04 of May 2024).
//!
//! Messages to the venue travel in SoupBinTCP unsequenced packets and are read with [`Inbound::decode`]; answers
//! travel in sequenced packets, are built as struct literals (or with the short constructors), sent as
//! `as_bytes()`, and read back by a client with [`Outbound::decode`]. Times are nanoseconds since midnight.
//!
//! ```
//! use corelane_codecs::ouch::{Canceled, CancelReason, Inbound, Outbound};
//! use corelane_codecs::IntoBytes;
//!
//! // A real cancel: everything of order 7 679 601.
//! let cancel = [0x58, 0x00, 0x75, 0x2e, 0x71, 0, 0, 0, 0];
//! let Inbound::Cancel(cancel, _) = Inbound::decode(&cancel).unwrap() else { panic!() };
//! assert_eq!(cancel.user_ref_num.get(), 7_679_601);
//!
//! let answer = Canceled::new(1, cancel.user_ref_num.get(), 40, CancelReason::UserRequested);
//! let Outbound::Canceled(read, _) = Outbound::decode(answer.as_bytes()).unwrap() else { panic!() };
//! assert_eq!(read.reason(), Some(CancelReason::UserRequested));
//! ```
//!
//! Most messages end in an appendage of tagged options ([`Appendage`]). The structs here include its length
//! field where the message always has one (there zero means none); the others have a short form without the
//! field, which is the usual one, and [`encode_with_appendage`] writes the long form of either.

mod appendage;
mod codes;
mod inbound;
mod outbound;

pub use appendage::{Appendage, AppendageFault, AppendageWriter, Element, Elements, Tag, TagValue};
pub use codes::{
    BrokenReason, CancelReason, Capacity, CrossType, Display, EventCode, Liquidity, OrderState, RejectReason,
    RestateReason, Side, TimeInForce,
};
pub use inbound::{Cancel, Enter, Inbound, Replace, request_identity};
pub use outbound::{
    Accepted, AiqCanceled, BrokenTrade, CancelPending, CancelReject, Canceled, Executed, Outbound, PriorityUpdate,
    Rejected, Replaced, Restated, SystemEvent,
};

use thiserror::Error;

use crate::wire::{Refusal, Shown, WireMessage, view};

/// The largest quantity of one order, in shares.
pub const MAX_QUANTITY: u32 = 999_999;

/// Why bytes are not an OUCH message. Offsets count from the type byte, which is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
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
    pub fn reject_reason(&self) -> RejectReason {
        match self {
            Self::BadField { field: "side", .. } => RejectReason::InvalidSide,
            Self::BadField { field: "display", .. } => RejectReason::InvalidDisplay,
            Self::BadField { field: "intermarket_sweep", .. } => RejectReason::IsoNotAllowed,
            Self::BadField { field: "cross_type", .. } => RejectReason::InvalidCrossOrder,
            _ => RejectReason::Other,
        }
    }

    fn of(message: &'static str, refusal: Refusal) -> Self {
        match refusal {
            Refusal::Truncated { needed, actual } => Self::Truncated { message, needed, actual },
            Refusal::BadField { field, offset, value } => Self::BadField { message, field, offset, value },
        }
    }
}

/// A message that may carry an appendage; implemented by the structs of this module only.
#[expect(private_bounds, reason = "the set of messages is closed")]
pub trait Appendable: WireMessage {
    #[doc(hidden)]
    const HAS_LENGTH_FIELD: bool;
}

/// Writes `message` with these options to the start of `out` and returns the number of bytes written: the long
/// form, also where `options` is empty.
///
/// ```
/// use corelane_codecs::ouch::{AppendageWriter, CancelPending, Inbound, Outbound, TagValue, encode_with_appendage};
///
/// let mut options = [0; 8];
/// let mut options = AppendageWriter::new(&mut options);
/// assert!(options.push(TagValue::UserRefIdx(3)));
/// let mut out = [0; 32];
/// let length = encode_with_appendage(&CancelPending::new(1, 2), options.as_bytes(), &mut out).unwrap();
/// let Outbound::CancelPending(_, options) = Outbound::decode(&out[..length]).unwrap() else { panic!() };
/// assert_eq!(options.values().next(), Some(TagValue::UserRefIdx(3)));
/// ```
///
/// # Errors
/// [`OuchError::NoRoom`] if `out` is too short or `options` longer than 65 535 bytes.
pub fn encode_with_appendage<M: Appendable>(message: &M, options: &[u8], out: &mut [u8]) -> Result<usize, OuchError> {
    let fixed = message.as_bytes();
    let fixed = if M::HAS_LENGTH_FIELD { &fixed[..fixed.len() - 2] } else { fixed };
    let needed = fixed.len() + 2 + options.len();
    let no_room = |available| OuchError::NoRoom { message: M::NAME, needed, available };
    let option_bytes = u16::try_from(options.len()).map_err(|_| no_room(fixed.len() + 2 + usize::from(u16::MAX)))?;
    let available = out.len();
    let out = out.get_mut(..needed).ok_or_else(|| no_room(available))?;
    let (head, rest) = out.split_at_mut(fixed.len());
    let (length, tail) = rest.split_at_mut(2);
    head.copy_from_slice(fixed);
    length.copy_from_slice(&option_bytes.to_be_bytes());
    tail.copy_from_slice(options);
    Ok(needed)
}

/// Implements [`Appendable`]: `field` if the struct ends in the appendage length, `short` if it does not.
macro_rules! appendable {
    ($form:ident: $($message:ty),+ $(,)?) => {
        $(impl super::Appendable for $message {
            const HAS_LENGTH_FIELD: bool = appendable!(@ $form);
        })+
    };
    (@ field) => { true };
    (@ short) => { false };
}
use appendable;

/// Reads a message that stands alone, without appendage in any form.
#[inline]
fn decode_fixed<M: WireMessage>(bytes: &[u8]) -> Result<&M, OuchError> {
    let (message, rest) = view::<M>(bytes).map_err(|refusal| OuchError::of(M::NAME, refusal))?;
    if !rest.is_empty() {
        return Err(OuchError::WrongLength { message: M::NAME, expected: size_of::<M>(), actual: bytes.len() });
    }
    Ok(message)
}

/// Reads a message in its short or long form, and checks that it ends where it says.
#[inline]
fn decode<M: Appendable>(bytes: &[u8]) -> Result<(&M, Appendage<'_>), OuchError> {
    let (message, rest) = view::<M>(bytes).map_err(|refusal| OuchError::of(M::NAME, refusal))?;
    if !M::HAS_LENGTH_FIELD && rest.is_empty() {
        return Ok((message, Appendage::EMPTY));
    }
    let length_at = if M::HAS_LENGTH_FIELD { size_of::<M>() - 2 } else { size_of::<M>() };
    let start = length_at + 2;
    let Some(length) = bytes[length_at..].first_chunk::<2>() else {
        return Err(OuchError::Truncated { message: M::NAME, needed: start, actual: bytes.len() });
    };
    let expected = start + usize::from(u16::from_be_bytes(*length));
    let actual = bytes.len();
    if actual < expected {
        return Err(OuchError::Truncated { message: M::NAME, needed: expected, actual });
    }
    if actual > expected {
        return Err(OuchError::WrongLength { message: M::NAME, expected, actual });
    }
    let appendage = Appendage::parse(&bytes[start..]).map_err(|(at, fault)| OuchError::BadAppendage {
        message: M::NAME,
        offset: start + at,
        fault,
    })?;
    Ok((message, appendage))
}
