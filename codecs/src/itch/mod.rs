//! TotalView-ITCH 5.0 (texts of 2018 and 2023).
//!
//! All 23 message types have their length in [`message_len`]; those that build an order book are modelled, the
//! others come as [`Message::Other`]. Times are nanoseconds since midnight of the venue's day.
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

mod messages;

pub use messages::{
    AddOrder, AddOrderMpid, EventCode, Header, OrderCancel, OrderDelete, OrderExecuted, OrderExecutedWithPrice,
    OrderReplace, Side, StockDirectory, SystemEvent, Timestamp, Trade,
};

use thiserror::Error;
use zerocopy::{FromBytes, IntoBytes};

use crate::wire::{Refusal, Shown, WireMessage, view};

/// Bytes of the prefix that all messages share: type, locate, tracking number, time.
pub const HEADER_LEN: usize = size_of::<Header<0>>();

/// The longest message, in bytes.
pub const MAX_MESSAGE_LEN: usize = 50;

/// The length of every message of type `kind`, `None` if ITCH 5.0 has no such type.
#[inline]
pub const fn message_len(kind: u8) -> Option<usize> {
    Some(match kind {
        b'S' | b'W' => 12,
        b'D' | b'B' => 19,
        b'Y' | b'N' => 20,
        b'h' => 21,
        b'X' => 23,
        b'H' => 25,
        b'L' => 26,
        b'K' => 28,
        b'E' => 31,
        b'V' | b'J' | b'U' => 35,
        b'A' | b'C' => 36,
        b'R' => 39,
        b'F' | b'Q' => 40,
        b'P' => 44,
        b'O' => 48,
        b'I' => 50,
        _ => return None,
    })
}

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

/// Declares the enum of the modelled messages and its decoder.
macro_rules! messages {
    ($($(#[$meta:meta])* $name:ident = $code:literal,)+) => {
        /// One message.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Message<'a> {
            $($(#[$meta])* $name(&'a $name),)+
            /// A type of ITCH 5.0 that is not modelled here. It has its right length, so at least a header.
            Other {
                /// The type byte.
                kind: u8,
                /// The whole message.
                bytes: &'a [u8],
            },
        }

        impl<'a> Message<'a> {
            /// Reads the one message that `bytes` is.
            ///
            /// # Errors
            /// An [`ItchError`] if the type is unknown, the length is not that of the type, or a side is neither
            /// buy nor sell.
            #[inline]
            pub fn decode(bytes: &'a [u8]) -> Result<Self, ItchError> {
                let Some(&kind) = bytes.first() else {
                    return Err(ItchError::Empty);
                };
                match kind {
                    $($code => modelled(kind, bytes).map(Self::$name),)+
                    _ => other(kind, bytes),
                }
            }

            /// The type byte.
            #[inline]
            pub const fn kind(&self) -> u8 {
                match self {
                    $(Self::$name(_) => $code,)+
                    Self::Other { kind, .. } => *kind,
                }
            }

            /// The whole message.
            #[inline]
            pub fn as_bytes(&self) -> &'a [u8] {
                match self {
                    $(Self::$name(message) => message.as_bytes(),)+
                    Self::Other { bytes, .. } => bytes,
                }
            }

            /// The day's number of the instrument; 0 if the message is about none.
            #[inline]
            pub fn stock_locate(&self) -> u16 {
                match self {
                    $(Self::$name(message) => message.header.stock_locate.get(),)+
                    Self::Other { bytes, .. } => other_header(bytes).stock_locate.get(),
                }
            }

            /// Nanoseconds since midnight.
            #[inline]
            pub fn timestamp_ns(&self) -> u64 {
                match self {
                    $(Self::$name(message) => message.header.timestamp.ns(),)+
                    Self::Other { bytes, .. } => other_header(bytes).timestamp.ns(),
                }
            }
        }
    };
}

messages! {
    /// System event.
    SystemEvent = b'S',
    /// Stock directory.
    StockDirectory = b'R',
    /// Add order.
    AddOrder = b'A',
    /// Add order with the firm's name.
    AddOrderMpid = b'F',
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
    Trade = b'P',
}

#[inline]
fn modelled<M: WireMessage>(kind: u8, bytes: &[u8]) -> Result<&M, ItchError> {
    let wrong_length = ItchError::WrongLength { kind, expected: size_of::<M>(), actual: bytes.len() };
    match view::<M>(bytes) {
        Ok((message, [])) => Ok(message),
        Ok(_) | Err(Refusal::Truncated { .. }) => Err(wrong_length),
        Err(Refusal::BadField { field, offset, value }) => {
            Err(ItchError::BadField { message: M::NAME, field, offset, value })
        }
    }
}

#[inline]
fn other(kind: u8, bytes: &[u8]) -> Result<Message<'_>, ItchError> {
    match message_len(kind) {
        None => Err(ItchError::UnknownType { kind }),
        Some(expected) if expected != bytes.len() => {
            Err(ItchError::WrongLength { kind, expected, actual: bytes.len() })
        }
        Some(_) => Ok(Message::Other { kind, bytes }),
    }
}

/// The header of a [`Message::Other`]; zeros for one made by hand that is too short.
#[inline]
fn other_header(bytes: &[u8]) -> Header<0> {
    Header::read_from_prefix(bytes).map_or(Header::new(0, 0, 0), |(header, _)| header)
}
