//! The packets of client and server.

use super::{
    error::SoupError,
    frame::{HEADER_LEN, SessionName, empty, put, split},
    login::{self, LoginRequest},
};
use crate::wire::wire_enum;

/// A packet from client to server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientPacket<'a> {
    /// Log-in (`L`).
    Login(LoginRequest),
    /// An application message (`U`).
    Unsequenced(&'a [u8]),
    /// Heartbeat, after a second without another packet (`R`).
    Heartbeat,
    /// Log-out: the server closes the connection (`O`).
    Logout,
    /// Free text, to be ignored (`+`).
    Debug(&'a [u8]),
}

impl<'a> ClientPacket<'a> {
    /// Decodes exactly one packet, with its length field.
    ///
    /// # Errors
    /// Any [`SoupError`] except [`SoupError::TooLong`] and [`SoupError::NoRoom`].
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

    /// Writes the packet to the start of `out`; returns the bytes written.
    ///
    /// # Errors
    /// [`SoupError::NoRoom`], or [`SoupError::TooLong`] for more than [`MAX_PAYLOAD`](super::MAX_PAYLOAD) bytes.
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
    /// Reason for rejecting a log-in.
    pub enum RejectCode {
        /// User or password is wrong.
        NotAuthorized = b'A',
        /// There is no such session.
        SessionUnavailable = b'S',
    }
}

/// A packet from server to client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerPacket<'a> {
    /// The log-in is accepted (`A`).
    LoginAccepted {
        /// The session, left-justified.
        session: SessionName,
        /// Sequence number of the next sequenced packet.
        next_sequence: u64,
    },
    /// The log-in is rejected (`J`); the server closes the connection.
    LoginRejected(RejectCode),
    /// An application message with the next sequence number (`S`).
    Sequenced(&'a [u8]),
    /// An application message without sequence number (`U`).
    Unsequenced(&'a [u8]),
    /// Heartbeat, after a second without another packet (`H`).
    Heartbeat,
    /// The session is over (`Z`) and cannot be joined again; the server closes the connection.
    EndOfSession,
    /// Free text, to be ignored (`+`).
    Debug(&'a [u8]),
}

impl<'a> ServerPacket<'a> {
    /// Decodes exactly one packet, with its length field.
    ///
    /// # Errors
    /// Any [`SoupError`] except [`SoupError::TooLong`] and [`SoupError::NoRoom`].
    #[inline]
    pub fn decode(packet: &'a [u8]) -> Result<Self, SoupError> {
        let (kind, payload) = split(packet)?;
        match kind {
            b'S' => Ok(Self::Sequenced(payload)),
            b'U' => Ok(Self::Unsequenced(payload)),
            b'H' => empty(kind, payload).map(|()| Self::Heartbeat),
            b'A' => {
                let (session, next_sequence) = login::read_accepted(payload)?;
                Ok(Self::LoginAccepted { session, next_sequence })
            }
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

    /// Writes the packet to the start of `out`; returns the bytes written. In a login accepted, session and sequence
    /// number are padded on the left, as the specification requires.
    ///
    /// # Errors
    /// [`SoupError::NoRoom`], or [`SoupError::TooLong`] for more than [`MAX_PAYLOAD`](super::MAX_PAYLOAD) bytes.
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
