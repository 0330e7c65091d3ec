//! A message of any type.

use core::fmt;

use zerocopy::{FromBytes, IntoBytes};

use super::{
    error::ItchError,
    header::Timestamp,
    instruments::{
        IpoQuotingPeriod, LuldAuctionCollar, MarketParticipantPosition, MwcbDeclineLevels, MwcbStatus, OperationalHalt,
        RegShoRestriction, StockDirectory, StockTradingAction, SystemEvent,
    },
    orders::{AddOrder, AddOrderMpid, OrderCancel, OrderDelete, OrderExecuted, OrderExecutedWithPrice, OrderReplace},
    trades::{BrokenTrade, CrossTrade, DirectListingPrice, NetOrderImbalance, RetailInterest, Trade},
};
use crate::text::Symbol;
use crate::wire::{Refusal, WireMessage, explain};

/// The longest message, in bytes.
pub const MAX_MESSAGE_LEN: usize = 50;

/// Declares the enum of the messages and its decoder. `[stock]` marks those that name an instrument.
macro_rules! messages {
    ($($(#[$meta:meta])* $name:ident = $code:literal $([$stock:ident])?,)+) => {
        /// One message.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Message<'a> {
            $($(#[$meta])* $name(&'a $name),)+
        }

        /// The type bytes of all messages, in the order of the specification.
        pub const MESSAGE_TYPES: &[u8] = &[$($code,)+];

        /// Length of messages of type `kind`, in bytes; `None` if ITCH 5.0 has no such type.
        #[inline]
        pub const fn message_len(kind: u8) -> Option<usize> {
            match kind {
                $($code => Some(size_of::<$name>()),)+
                _ => None,
            }
        }

        /// Name and type character of messages of type `kind`, such as "add order (A)"; `None` if ITCH 5.0 has no
        /// such type.
        pub const fn message_name(kind: u8) -> Option<&'static str> {
            match kind {
                $($code => Some(<$name as WireMessage>::NAME),)+
                _ => None,
            }
        }

        impl<'a> Message<'a> {
            /// Decodes one message.
            ///
            /// # Errors
            /// An [`ItchError`] if the type is unknown, the length is not that of the type, or a side is neither
            /// buy nor sell.
            #[inline(always)]
            pub fn decode(bytes: &'a [u8]) -> Result<Self, ItchError> {
                let Some(&kind) = bytes.first() else {
                    return Err(ItchError::Empty);
                };
                match kind {
                    $($code => message(kind, bytes).map(Self::$name),)+
                    _ => Err(ItchError::UnknownType { kind }),
                }
            }

            /// The type byte.
            #[inline]
            pub const fn kind(&self) -> u8 {
                match self {
                    $(Self::$name(_) => $code,)+
                }
            }

            /// The whole message.
            #[inline]
            pub fn as_bytes(&self) -> &'a [u8] {
                match self {
                    $(Self::$name(message) => message.as_bytes(),)+
                }
            }

            /// The day's number of the instrument; 0 if the message is not about an instrument.
            #[inline]
            pub fn stock_locate(&self) -> u16 {
                match self {
                    $(Self::$name(message) => message.header.stock_locate.get(),)+
                }
            }

            /// Time of the message.
            #[inline]
            pub fn timestamp(&self) -> Timestamp {
                match self {
                    $(Self::$name(message) => message.header.timestamp,)+
                }
            }

            /// The symbol; `None` if the message names its instrument by locate only, or is not about an instrument.
            pub fn stock(&self) -> Option<&'a Symbol> {
                match self {
                    $($(Self::$name(message) => Some(&message.$stock),)?)+
                    _ => None,
                }
            }
        }

        /// One line: time, name and every field.
        impl fmt::Display for Message<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name(message) => message.fmt(f),)+
                }
            }
        }
    };
}

messages! {
    /// System event.
    SystemEvent = b'S',
    /// Stock directory.
    StockDirectory = b'R' [stock],
    /// Stock trading action.
    StockTradingAction = b'H' [stock],
    /// Reg SHO short sale price test restriction.
    RegShoRestriction = b'Y' [stock],
    /// Market participant position.
    MarketParticipantPosition = b'L' [stock],
    /// Decline levels of the market-wide circuit breaker.
    MwcbDeclineLevels = b'V',
    /// Market-wide circuit breaker status.
    MwcbStatus = b'W',
    /// Quoting period update of an IPO.
    IpoQuotingPeriod = b'K' [stock],
    /// Limit-up limit-down auction collar.
    LuldAuctionCollar = b'J' [stock],
    /// Operational halt.
    OperationalHalt = b'h' [stock],
    /// Add order.
    AddOrder = b'A' [stock],
    /// Add order with the firm's name.
    AddOrderMpid = b'F' [stock],
    /// Order executed.
    OrderExecuted = b'E',
    /// Order executed at another price than the displayed one.
    OrderExecutedWithPrice = b'C',
    /// Order partly cancelled.
    OrderCancel = b'X',
    /// Order deleted.
    OrderDelete = b'D',
    /// Order replaced.
    OrderReplace = b'U',
    /// Trade against a non-displayed order.
    Trade = b'P' [stock],
    /// Cross trade.
    CrossTrade = b'Q' [stock],
    /// Broken trade.
    BrokenTrade = b'B',
    /// Net order imbalance indicator.
    NetOrderImbalance = b'I' [stock],
    /// Retail price improvement indicator.
    RetailInterest = b'N' [stock],
    /// Price discovery of a direct listing with capital raise.
    DirectListingPrice = b'O' [stock],
}

impl Message<'_> {
    /// Nanoseconds since midnight.
    #[inline]
    #[must_use]
    pub fn timestamp_ns(&self) -> u64 {
        self.timestamp().ns()
    }
}

#[inline(always)]
fn message<M: WireMessage + FromBytes>(kind: u8, bytes: &[u8]) -> Result<&M, ItchError> {
    match M::ref_from_bytes(bytes) {
        Ok(message) if M::CODED.iter().all(|field| (field.is_valid)(bytes[field.offset])) => Ok(message),
        _ => Err(refuse::<M>(kind, bytes)),
    }
}

#[cold]
fn refuse<M: WireMessage>(kind: u8, bytes: &[u8]) -> ItchError {
    match explain::<M>(bytes) {
        Refusal::BadField { field, offset, value } if bytes.len() == size_of::<M>() => {
            ItchError::BadField { message: M::NAME, field, offset, value }
        }
        _ => ItchError::WrongLength { kind, expected: size_of::<M>(), actual: bytes.len() },
    }
}
