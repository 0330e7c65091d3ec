//! SoupBinTCP 3.00, 4.00 and 4.10: log-in, heartbeats and sequenced messages over TCP.
//!
//! A packet is a big-endian `u16` length (of what follows it), a type character and a payload. TCP may split and
//! join packets anywhere: [`packet_len`] finds where the first one ends.
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

mod login;

pub use login::LoginRequest;

use thiserror::Error;

use crate::text::Alpha;
use crate::wire::{Shown, wire_enum};

/// Bytes before the payload: length and type.
pub const HEADER_LEN: usize = 3;

/// The longest payload that the 16-bit length allows.
pub const MAX_PAYLOAD: usize = u16::MAX as usize - 1;

/// Bytes of a login accepted, and so the least buffer that a server's encoder needs for session packets.
pub const LOGIN_ACCEPTED_LEN: usize = LENGTH_BYTES + LOGIN_ACCEPTED_BODY;

const LENGTH_BYTES: usize = 2;
/// Type, session, sequence number.
const LOGIN_ACCEPTED_BODY: usize = 1 + 10 + 20;

/// Name of a session.
pub type Session = Alpha<10>;

/// Why bytes are not a packet, or a packet can not be written. Offsets count from the first length byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SoupError {
    /// The length is zero, so that there is no type.
    #[error("packet length 0 at offset 0 leaves no room for its type")]
    ZeroLength,
    /// The payload is longer than allowed.
    #[error("payload of {length} bytes exceeds the {max} allowed")]
    TooLong {
        /// Bytes of the payload.
        length: usize,
        /// The most allowed.
        max: usize,
    },
    /// There are fewer bytes than the packet has.
    #[error("packet of {needed} bytes ends after {actual}")]
    Truncated {
        /// Bytes of the packet.
        needed: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// There are more bytes than the packet has.
    #[error("packet of {needed} bytes is followed by {extra} more; give one packet at a time")]
    Trailing {
        /// Bytes of the packet.
        needed: usize,
        /// Bytes after it.
        extra: usize,
    },
    /// The length is none that a packet of this type has.
    #[error("packet type {}: length {actual} at offset 0, expected {expected}", Shown(*kind))]
    WrongLength {
        /// The type.
        kind: u8,
        /// The length of the type (of a log-in, that of version 4.00).
        expected: usize,
        /// The length that the packet has.
        actual: usize,
    },
    /// The type is none that this side understands.
    #[error("unknown packet type {} at offset 2", Shown(*kind))]
    UnknownType {
        /// The type.
        kind: u8,
    },
    /// A field does not have the form that it must have.
    #[error("packet type {}: {field} at offset {offset} is not {expected}", Shown(*kind))]
    BadField {
        /// The type of the packet.
        kind: u8,
        /// Name of the field.
        field: &'static str,
        /// Where the field is.
        offset: usize,
        /// What it should be.
        expected: &'static str,
    },
    /// The output buffer is too small.
    #[error("packet of {needed} bytes does not fit the {available} available")]
    NoRoom {
        /// Bytes to write.
        needed: usize,
        /// Bytes available.
        available: usize,
    },
}

/// Bytes of the packet that `bytes` begins with (which may not all be there yet), `None` if that can not be told
/// yet.
///
/// ```
/// use corelane_codecs::soup::{SoupError, packet_len};
///
/// assert_eq!(packet_len(b"\x00", 100), Ok(None));
/// assert_eq!(packet_len(b"\x00\x65", 100), Ok(None));
/// assert_eq!(packet_len(b"\x00\x66", 100), Err(SoupError::TooLong { length: 101, max: 100 }));
/// ```
///
/// # Errors
/// As soon as the length is there: if it is zero, or the payload is longer than `payload_max`.
#[inline]
pub fn packet_len(bytes: &[u8], payload_max: usize) -> Result<Option<usize>, SoupError> {
    let Some(length) = bytes.first_chunk::<LENGTH_BYTES>() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes(*length));
    if length == 0 {
        return Err(SoupError::ZeroLength);
    }
    if length - 1 > payload_max {
        return Err(SoupError::TooLong { length: length - 1, max: payload_max });
    }
    let total = LENGTH_BYTES + length;
    Ok((bytes.len() >= total).then_some(total))
}

/// From client to server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientPacket<'a> {
    /// Log-in (`L`).
    Login(LoginRequest),
    /// An application message (`U`).
    Unsequenced(&'a [u8]),
    /// Nothing else was sent for a second (`R`).
    Heartbeat,
    /// Close the connection (`O`).
    Logout,
    /// Free text, to be ignored (`+`).
    Debug(&'a [u8]),
}

impl<'a> ClientPacket<'a> {
    /// Reads the one packet that `packet` is, length field included.
    ///
    /// # Errors
    /// Any [`SoupError`] but [`SoupError::TooLong`] and [`SoupError::NoRoom`].
    #[inline]
    pub fn decode(packet: &'a [u8]) -> Result<Self, SoupError> {
        let (kind, payload) = split(packet)?;
        match kind {
            b'U' => Ok(Self::Unsequenced(payload)),
            b'R' => empty(kind, payload).map(|()| Self::Heartbeat),
            b'L' => LoginRequest::read(payload).map(Self::Login),
            b'O' => empty(kind, payload).map(|()| Self::Logout),
            b'+' => Ok(Self::Debug(payload)),
            kind => Err(SoupError::UnknownType { kind }),
        }
    }

    /// Writes it to the start of `out` and returns the bytes written.
    ///
    /// # Errors
    /// [`SoupError::NoRoom`], or [`SoupError::TooLong`] for more than [`MAX_PAYLOAD`] bytes.
    #[inline]
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, SoupError> {
        match self {
            Self::Login(login) => login.write(out),
            Self::Unsequenced(payload) => put(out, b'U', payload),
            Self::Heartbeat => put(out, b'R', &[]),
            Self::Logout => put(out, b'O', &[]),
            Self::Debug(text) => put(out, b'+', text),
        }
    }
}

wire_enum! {
    /// Why a log-in was rejected.
    pub enum RejectCode {
        /// User or password is wrong.
        NotAuthorized = b'A',
        /// There is no such session.
        SessionUnavailable = b'S',
    }
}

/// From server to client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerPacket<'a> {
    /// The log-in is accepted (`A`).
    LoginAccepted {
        /// The session, left-justified whatever its padding on the wire.
        session: Session,
        /// Sequence number of the next sequenced packet.
        next_sequence: u64,
    },
    /// The log-in is rejected (`J`); the server closes the connection.
    LoginRejected(RejectCode),
    /// An application message with the next sequence number (`S`).
    Sequenced(&'a [u8]),
    /// An application message without sequence number (`U`).
    Unsequenced(&'a [u8]),
    /// Nothing else was sent for a second (`H`).
    Heartbeat,
    /// The session is over (`Z`) and can not be joined again; the server closes the connection.
    EndOfSession,
    /// Free text, to be ignored (`+`).
    Debug(&'a [u8]),
}

impl<'a> ServerPacket<'a> {
    /// Reads the one packet that `packet` is, length field included.
    ///
    /// # Errors
    /// Any [`SoupError`] but [`SoupError::TooLong`] and [`SoupError::NoRoom`].
    #[inline]
    pub fn decode(packet: &'a [u8]) -> Result<Self, SoupError> {
        let (kind, payload) = split(packet)?;
        match kind {
            b'S' => Ok(Self::Sequenced(payload)),
            b'U' => Ok(Self::Unsequenced(payload)),
            b'H' => empty(kind, payload).map(|()| Self::Heartbeat),
            b'A' => login::read_accepted(payload),
            b'J' => match payload {
                [code] => RejectCode::from_wire(*code).map(Self::LoginRejected).ok_or(SoupError::BadField {
                    kind,
                    field: "reject code",
                    offset: HEADER_LEN,
                    expected: "'A' or 'S'",
                }),
                _ => Err(SoupError::WrongLength { kind, expected: 2, actual: 1 + payload.len() }),
            },
            b'Z' => empty(kind, payload).map(|()| Self::EndOfSession),
            b'+' => Ok(Self::Debug(payload)),
            kind => Err(SoupError::UnknownType { kind }),
        }
    }

    /// Writes it to the start of `out` and returns the bytes written. Session and sequence number of a login
    /// accepted are padded on the left, as the specification has it.
    ///
    /// # Errors
    /// [`SoupError::NoRoom`], or [`SoupError::TooLong`] for more than [`MAX_PAYLOAD`] bytes.
    #[inline]
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, SoupError> {
        match self {
            Self::LoginAccepted { session, next_sequence } => login::write_accepted(session, *next_sequence, out),
            Self::LoginRejected(code) => put(out, b'J', &[code.to_wire()]),
            Self::Sequenced(payload) => put(out, b'S', payload),
            Self::Unsequenced(payload) => put(out, b'U', payload),
            Self::Heartbeat => put(out, b'H', &[]),
            Self::EndOfSession => put(out, b'Z', &[]),
            Self::Debug(text) => put(out, b'+', text),
        }
    }
}

/// Type and payload of a whole packet.
#[inline]
fn split(packet: &[u8]) -> Result<(u8, &[u8]), SoupError> {
    let actual = packet.len();
    let Some((length, body)) = packet.split_first_chunk::<LENGTH_BYTES>() else {
        return Err(SoupError::Truncated { needed: HEADER_LEN, actual });
    };
    let length = usize::from(u16::from_be_bytes(*length));
    let needed = LENGTH_BYTES + length;
    if length == 0 {
        return Err(SoupError::ZeroLength);
    }
    if body.len() > length {
        return Err(SoupError::Trailing { needed, extra: body.len() - length });
    }
    match body.split_first() {
        Some((kind, payload)) if body.len() == length => Ok((*kind, payload)),
        _ => Err(SoupError::Truncated { needed, actual }),
    }
}

#[inline]
fn empty(kind: u8, payload: &[u8]) -> Result<(), SoupError> {
    if payload.is_empty() {
        Ok(())
    } else {
        Err(SoupError::WrongLength { kind, expected: 1, actual: 1 + payload.len() })
    }
}

#[inline]
fn put(out: &mut [u8], kind: u8, payload: &[u8]) -> Result<usize, SoupError> {
    let Ok(length) = u16::try_from(payload.len() + 1) else {
        return Err(SoupError::TooLong { length: payload.len(), max: MAX_PAYLOAD });
    };
    let needed = HEADER_LEN + payload.len();
    let available = out.len();
    let Some(out) = out.get_mut(..needed) else {
        return Err(SoupError::NoRoom { needed, available });
    };
    let (head, body) = out.split_at_mut(HEADER_LEN);
    head[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
    head[LENGTH_BYTES] = kind;
    body.copy_from_slice(payload);
    Ok(needed)
}
