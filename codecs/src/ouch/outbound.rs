//! Any message from the venue.

use super::{
    answers::{
        Accepted, AccountQueryResponse, AiqCanceled, BrokenTrade, CancelPending, CancelReject, Canceled,
        DisableEntryResponse, EnableEntryResponse, Executed, MassCancelResponse, Modified, PriorityUpdate, Rejected,
        Replaced, Restated, SystemEvent,
    },
    appendage::Appendage,
    error::OuchError,
    form::{decode, decode_fixed},
};

/// Declares the enum of the answers that have an appendage (in either form) and its decoder.
macro_rules! outbound {
    ($($(#[$meta:meta])* $name:ident = $code:literal,)+) => {
        /// An answer, or a system event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Outbound<'a> {
            /// System event; it never has an appendage.
            SystemEvent(&'a SystemEvent),
            /// Answer to an account query.
            AccountQueryResponse(&'a AccountQueryResponse, Appendage<'a>),
            $($(#[$meta])* $name(&'a $name, Appendage<'a>),)+
        }

        impl<'a> Outbound<'a> {
            /// Decodes the payload of a sequenced packet.
            ///
            /// # Errors
            /// Any [`OuchError`] except [`OuchError::NoRoom`].
            #[inline]
            pub fn decode(bytes: &'a [u8]) -> Result<Self, OuchError> {
                match bytes.first() {
                    Some(b'S') => decode_fixed(bytes).map(Self::SystemEvent),
                    Some(b'Q') => {
                        decode(bytes).map(|(message, appendage)| Self::AccountQueryResponse(message, appendage))
                    }
                    $(Some(&$code) => {
                        decode(bytes).map(|(message, appendage)| Self::$name(message, appendage))
                    })+
                    Some(&kind) => Err(OuchError::UnknownType { kind }),
                    None => Err(OuchError::Empty),
                }
            }

            /// Nanoseconds since midnight.
            #[inline]
            pub fn timestamp_ns(&self) -> u64 {
                match self {
                    Self::SystemEvent(message) => message.timestamp.get(),
                    Self::AccountQueryResponse(message, _) => message.timestamp.get(),
                    $(Self::$name(message, _) => message.timestamp.get(),)+
                }
            }

            /// Number of the request or order; `None` for a system event and for the answer to an account query.
            #[inline]
            pub fn user_ref_num(&self) -> Option<u32> {
                match self {
                    Self::SystemEvent(_) | Self::AccountQueryResponse(..) => None,
                    $(Self::$name(message, _) => Some(message.user_ref_num.get()),)+
                }
            }
        }
    };
}

outbound! {
    /// Order accepted.
    Accepted = b'A',
    /// Order replaced.
    Replaced = b'U',
    /// Order canceled, wholly or in part.
    Canceled = b'C',
    /// Canceled by self-match prevention.
    AiqCanceled = b'D',
    /// Order executed, wholly or in part.
    Executed = b'E',
    /// Broken trade.
    BrokenTrade = b'B',
    /// Request rejected.
    Rejected = b'J',
    /// Cancel pending.
    CancelPending = b'P',
    /// Cancel rejected.
    CancelReject = b'I',
    /// Priority update.
    PriorityUpdate = b'T',
    /// Order restated.
    Restated = b'R',
    /// Order modified.
    Modified = b'M',
    /// Answer to a mass cancel.
    MassCancelResponse = b'X',
    /// Answer to disable order entry.
    DisableEntryResponse = b'G',
    /// Answer to enable order entry.
    EnableEntryResponse = b'K',
}
