//! SoupBinTCP 3.00, 4.00 and 4.10: log-in, heartbeats and sequenced messages over TCP.
//!
//! A packet is a big-endian `u16` length (of the rest of the packet), a type character and a payload. TCP may split and
//! join packets anywhere; [`packet_len`] finds the end of the first one.
//!
//! ```
//! use corelane_codecs::soup::{ClientPacket, ServerPacket, packet_len};
//!
//! let mut out = [0; 64];
//! let length = ServerPacket::Sequenced(b"answer").encode(&mut out).unwrap();
//! assert_eq!(out[..length], *b"\x00\x07Sanswer");
//!
//! assert_eq!(packet_len(b"\x00\x01R\x00\x01", 1024), Ok(Some(3)));
//! assert_eq!(ClientPacket::decode(b"\x00\x01R"), Ok(ClientPacket::Heartbeat));
//! ```

mod error;
mod frame;
mod login;
mod packet;

pub use error::SoupError;
pub use frame::{HEADER_LEN, LOGIN_ACCEPTED_LEN, MAX_PAYLOAD, SessionName, packet_len};
pub use login::LoginRequest;
pub use packet::{ClientPacket, RejectCode, ServerPacket};
