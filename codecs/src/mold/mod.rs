//! MoldUDP64 1.00: sequenced messages over UDP, and requests for retransmission.
//!
//! A packet is a 20-byte header (session, sequence number of the first message, count) and that many message
//! blocks, each a big-endian `u16` length and its bytes. Messages of a session are numbered from 1; those of one packet
//! have consecutive numbers.
//!
//! ```
//! use corelane_codecs::mold::{Packet, PacketBuilder};
//! use corelane_codecs::text::Alpha;
//!
//! let session = Alpha::new("20261120A").unwrap();
//! let mut buffer = [0; 1472];
//! let mut packet = PacketBuilder::new(&mut buffer, session, 7, 1472).unwrap();
//! assert!(packet.push(b"first") && packet.push(b"second"));
//!
//! let packet = Packet::decode(packet.finish()).unwrap();
//! let messages: Vec<_> = packet.messages().map(Result::unwrap).collect();
//! assert_eq!(messages, [(7, &b"first"[..]), (8, b"second")]);
//! ```

mod builder;
mod error;
mod header;
mod packet;
mod request;

pub use builder::{PacketBuilder, end_of_session, heartbeat};
pub use error::MoldError;
pub use header::{ETHERNET_PAYLOAD, HEADER_LEN, MAX_COUNT, SessionName};
pub use packet::{Content, Messages, Packet};
pub use request::Request;
