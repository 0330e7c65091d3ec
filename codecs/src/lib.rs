//! Zero-copy wire formats of an equities venue.
//!
//! | module | format | travels over |
//! |---|---|---|
//! | [`soup`] | SoupBinTCP 3.00, 4.00 and 4.10 | TCP, both ways |
//! | [`ouch`] | OUCH 5.0 order entry | SoupBinTCP payloads |
//! | [`mold`] | MoldUDP64 1.00 | UDP, down and (requests) up |
//! | [`itch`] | TotalView-ITCH 5.0 market data | MoldUDP64 messages, files |
//! | [`binary_file`] | Nasdaq BinaryFILE framing | files |
//! | [`text`], [`price`] | field types shared by all of them | |
//!
//! Everything here is a pure function over byte slices: no I/O, no clock, no `unsafe`, and no allocation (the crate
//! is `no_std` without `alloc`, so the compiler holds it to that). Decoders return references into the bytes they
//! were given, at any alignment, and no input makes them panic. Wire structs hold their integers big-endian
//! ([`zerocopy::big_endian`]) and are their own encoding: `as_bytes()` is what goes out. Every length or code that a
//! sender can get wrong comes back as a typed error which names the message, the field, its offset and the reason.
//!
//! A field whose set of codes is closed is an enum, and another byte in it fails the message. A field in which a
//! newer revision may send more codes is kept as the raw byte, with an accessor that says whether it is known.

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
