//! Zero-copy wire formats of an equities venue.
//!
//! | module | format | carried by |
//! |---|---|---|
//! | [`soup`] | SoupBinTCP 3.00, 4.00 and 4.10 | TCP, both directions |
//! | [`ouch`] | OUCH 5.0 order entry | SoupBinTCP payloads |
//! | [`mold`] | MoldUDP64 1.00 | UDP: packets from the venue, retransmission requests to it |
//! | [`itch`] | TotalView-ITCH 5.0 market data | MoldUDP64 messages, files |
//! | [`binary_file`] | Nasdaq BinaryFILE framing | files |
//! | [`text`], [`price`] | field types of all formats | |
//!
//! A decoder returns references into the bytes that it is given; an encoder writes into a buffer of the caller. Market
//! data, from a message's bytes to a price:
//!
//! ```
//! use corelane_codecs::{
//!     IntoBytes,
//!     itch::{AddOrder, Header, Message, Side},
//!     price::Price4,
//!     text::Symbol,
//! };
//!
//! let sent = AddOrder {
//!     header: Header::new(1, 0, 34_200_000_000_000),
//!     order_ref: 7.into(),
//!     side: Side::Buy.into(),
//!     shares: 100.into(),
//!     stock: Symbol::new("AAPL").unwrap(),
//!     price: Price4::from_raw(1_851_200).into(),
//! };
//!
//! let Ok(Message::AddOrder(add)) = Message::decode(sent.as_bytes()) else { panic!() };
//! assert_eq!(add.side.get(), Side::Buy);
//! assert_eq!(add.price.to_string(), "185.1200");
//! ```
//!
//! An order, from a TCP stream to its fields:
//!
//! ```
//! use corelane_codecs::{
//!     IntoBytes, MessageType, YesNo,
//!     ouch::{Capacity, CrossType, Display, Enter, Inbound, Side, TimeInForce},
//!     price::Price,
//!     soup::{ClientPacket, packet_len},
//!     text::{ClOrdId, Symbol},
//! };
//!
//! let enter = Enter {
//!     message_type: MessageType::NEW,
//!     user_ref_num: 1.into(),
//!     side: Side::Buy,
//!     quantity: 100.into(),
//!     symbol: Symbol::new("AAPL").unwrap(),
//!     price: "185.12".parse::<Price>().unwrap().into(),
//!     time_in_force: TimeInForce::Day,
//!     display: Display::Visible,
//!     capacity: Capacity::Agency,
//!     intermarket_sweep: YesNo::No,
//!     cross_type: CrossType::Continuous,
//!     cl_ord_id: ClOrdId::new("first").unwrap(),
//!     appendage_len: 0.into(),
//! };
//! let mut stream = [0; 64];
//! let sent = ClientPacket::Unsequenced(enter.as_bytes()).encode(&mut stream).unwrap();
//!
//! let length = packet_len(&stream[..sent], 1024).unwrap().expect("the packet is complete");
//! let Ok(ClientPacket::Unsequenced(payload)) = ClientPacket::decode(&stream[..length]) else { panic!() };
//! let Ok(Inbound::Enter(enter, options)) = Inbound::decode(payload) else { panic!() };
//! assert_eq!(enter.price.get().to_string(), "185.1200");
//! assert!(options.is_empty());
//! ```
//!
//! # Guarantees
//!
//! - Pure functions over byte slices: no I/O, no clock, no `unsafe`, no allocation (the crate is `no_std` without
//!   `alloc`).
//! - No input makes a decoder panic. References need no alignment.
//! - Wire structs hold their integers big-endian ([`zerocopy::big_endian`]) and are their own encoding: send
//!   `as_bytes()`.
//! - A length or a code that a sender can get wrong is a typed error with the message, the field, its offset and the
//!   reason.
//! - A field with a closed set of codes is an enum; any other byte is an error. A field to which a later revision may
//!   add codes stays a raw byte, and its accessor returns `None` for an unknown code.

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod binary_file;
pub mod itch;
pub mod mold;
pub mod ouch;
pub mod price;
pub mod soup;
pub mod text;

mod wire;

pub use wire::{MessageType, YesNo};
pub use zerocopy::{self, IntoBytes};
