//! TotalView-ITCH 5.0 (texts of 2018 and 2023).
//!
//! All 23 message types, as borrowed views. Times are nanoseconds since midnight of the venue's day.
//!
//! ```
//! use corelane_codecs::IntoBytes;
//! use corelane_codecs::itch::{Header, Message, OrderDelete};
//!
//! let delete = OrderDelete { header: Header::new(3353, 0, 34_200_000_000_000), order_ref: 0x165b51a.into() };
//! assert_eq!(delete.as_bytes().len(), 19);
//!
//! let Message::OrderDelete(read) = Message::decode(delete.as_bytes()).unwrap() else { panic!() };
//! assert_eq!(read.header.stock_locate.get(), 3353);
//! assert_eq!(read.header.timestamp.ns(), 34_200_000_000_000);
//! ```

mod codes;
mod header;
mod instruments;
mod layout;
mod orders;
mod trades;

pub use codes::{
    Authenticity, BreachedLevel, CrossType, EventCode, FinancialStatus, HaltReason, ImbalanceDirection, InterestFlag,
    IssueClassification, LuldTier, MarketCategory, MarketCode, MarketMakerMode, OperationalHaltAction,
    ParticipantState, PriceVariation, RegShoAction, ReleaseQualifier, Side, TradingState, WireSide,
};
pub use header::{Header, Timestamp, TimestampError};
pub use instruments::{
    IpoQuotingPeriod, LuldAuctionCollar, MarketParticipantPosition, MwcbDeclineLevels, MwcbStatus, OperationalHalt,
    RegShoRestriction, StockDirectory, StockTradingAction, SystemEvent,
};
pub use orders::{
    AddOrder, AddOrderMpid, OrderCancel, OrderDelete, OrderExecuted, OrderExecutedWithPrice, OrderReplace,
};
pub use trades::{BrokenTrade, CrossTrade, DirectListingPrice, NetOrderImbalance, RetailInterest, Trade};

use core::fmt;

use thiserror::Error;
use zerocopy::{FromBytes, IntoBytes};

use crate::text::Symbol;
use crate::wire::{Refusal, Shown, WireMessage, explain};

/// Bytes of the prefix that all messages share: type, locate, tracking number, time.
pub const HEADER_LEN: usize = size_of::<Header<0>>();

/// The longest message, in bytes.
pub const MAX_MESSAGE_LEN: usize = 50;

/// Why bytes are not an ITCH message. Offsets count from the type byte, which is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
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

        /// The length of every message of type `kind`, `None` if ITCH 5.0 has no such type.
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
            /// Reads the one message that `bytes` is.
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

            /// The day's number of the instrument; 0 if the message is about none.
            #[inline]
            pub fn stock_locate(&self) -> u16 {
                match self {
                    $(Self::$name(message) => message.header.stock_locate.get(),)+
                }
            }

            /// When.
            #[inline]
            pub fn timestamp(&self) -> Timestamp {
                match self {
                    $(Self::$name(message) => message.header.timestamp,)+
                }
            }

            /// The symbol that the message has in it; `None` if it refers to its instrument by locate alone, or to
            /// none.
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
