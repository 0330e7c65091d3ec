//! MoldUDP64 1.00: sequenced messages over UDP, and requests to send them again.
//!
//! A packet is a 20-byte header (session, sequence number of the first message, count) and that many message
//! blocks, each a big-endian `u16` length and its bytes. Messages are numbered from 1 within a session, those of
//! one packet one after another.
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

use thiserror::Error;
use zerocopy::big_endian::{U16, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::text::Alpha;

/// Bytes of the header of a packet, and of a whole request.
pub const HEADER_LEN: usize = 20;

/// The most messages of one packet; the next count is the end of the session.
pub const MAX_COUNT: u16 = END_OF_SESSION - 1;

/// Bytes of payload that fit a standard Ethernet frame, as Nasdaq uses them.
pub const ETHERNET_PAYLOAD: usize = 1472;

const END_OF_SESSION: u16 = 0xffff;
const LENGTH_BYTES: usize = 2;

/// Name of a session; any ten bytes, by convention text padded on the right.
pub type Session = Alpha<10>;

/// Why a packet can not be read or written. Offsets count from the start of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MoldError {
    /// Shorter than a header.
    #[error("packet of {actual} bytes is shorter than its header of {HEADER_LEN}")]
    TooShort {
        /// Bytes of the packet.
        actual: usize,
    },
    /// A request that is longer than one.
    #[error("request has {HEADER_LEN} bytes, not {actual}")]
    RequestLength {
        /// Bytes of the request.
        actual: usize,
    },
    /// The packet ends before its messages do. Those before are good.
    #[error(
        "message {sequence} ({index} of {count}) at offset {offset} needs {needed} bytes and has {actual}; \
         ask for it again"
    )]
    Truncated {
        /// Sequence number of the message.
        sequence: u64,
        /// Its place in the packet, from 0.
        index: u16,
        /// Messages that the packet should have.
        count: u16,
        /// Where its block begins.
        offset: usize,
        /// Bytes of the block, as far as is known.
        needed: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// The sequence numbers of the packet exceed 64 bits.
    #[error("sequence number {sequence} and {count} messages exceed 64 bits")]
    SequenceOverflow {
        /// The first sequence number.
        sequence: u64,
        /// Messages after it.
        count: u16,
    },
    /// The buffer is too small for the packet.
    #[error("buffer of {available} bytes is too small; the packet needs {needed}")]
    NoRoom {
        /// Bytes to write.
        needed: usize,
        /// Bytes available.
        available: usize,
    },
}

/// The header as it stands on the wire; of a packet or of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Header {
    session: Session,
    sequence: U64,
    count: U16,
}

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// So many messages, 1 to [`MAX_COUNT`].
    Messages(u16),
    /// None: the line is alive.
    Heartbeat,
    /// None, and none will follow; requests are still served for a while.
    EndOfSession,
}

/// A packet from the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The session.
    pub session: Session,
    /// Sequence number of the first message; without messages, of the next that will be sent.
    pub sequence: u64,
    /// What it is.
    pub content: Content,
    blocks: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads the header of `bytes`, a whole datagram. Messages are checked as [`Packet::messages`] gets to them.
    ///
    /// # Errors
    /// If it is shorter than a header, or its sequence numbers exceed 64 bits.
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Result<Self, MoldError> {
        let (header, blocks) =
            Header::ref_from_prefix(bytes).map_err(|_| MoldError::TooShort { actual: bytes.len() })?;
        let sequence = header.sequence.get();
        let content = match header.count.get() {
            0 => Content::Heartbeat,
            END_OF_SESSION => Content::EndOfSession,
            count => Content::Messages(count),
        };
        let packet = Self { session: header.session, sequence, content, blocks };
        if sequence.checked_add(u64::from(packet.count())).is_none() {
            return Err(MoldError::SequenceOverflow { sequence, count: packet.count() });
        }
        Ok(packet)
    }

    /// Number of messages; 0 in a heartbeat and at the end of the session.
    #[inline]
    pub const fn count(&self) -> u16 {
        match self.content {
            Content::Messages(count) => count,
            Content::Heartbeat | Content::EndOfSession => 0,
        }
    }

    /// Sequence number of the message after this packet.
    #[inline]
    pub const fn next_sequence(&self) -> u64 {
        // Decoding has checked that this does not overflow; saturate for packets that were altered since.
        self.sequence.saturating_add(self.count() as u64)
    }

    /// The messages with their sequence numbers.
    #[inline]
    pub const fn messages(&self) -> Messages<'a> {
        Messages { rest: self.blocks, sequence: self.sequence, index: 0, count: self.count(), offset: HEADER_LEN }
    }
}

/// Iterator over the messages of a [`Packet`]; it ends after the first error.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
    sequence: u64,
    index: u16,
    count: u16,
    offset: usize,
}

impl<'a> Messages<'a> {
    /// What has not been read yet; after the last message, what the datagram has behind it (normally nothing).
    #[inline]
    pub const fn remainder(&self) -> &'a [u8] {
        self.rest
    }

    #[cold]
    fn truncated(&mut self, needed: usize) -> MoldError {
        let error = MoldError::Truncated {
            sequence: self.sequence,
            index: self.index,
            count: self.count,
            offset: self.offset,
            needed,
            actual: self.rest.len(),
        };
        self.index = self.count;
        error
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<(u64, &'a [u8]), MoldError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.index == self.count {
            return None;
        }
        let Some((length, rest)) = self.rest.split_first_chunk::<LENGTH_BYTES>() else {
            return Some(Err(self.truncated(LENGTH_BYTES)));
        };
        let length = usize::from(u16::from_be_bytes(*length));
        let Some((message, rest)) = rest.split_at_checked(length) else {
            return Some(Err(self.truncated(LENGTH_BYTES + length)));
        };
        let sequence = self.sequence;
        self.rest = rest;
        self.offset += LENGTH_BYTES + length;
        self.index += 1;
        self.sequence = sequence.saturating_add(1);
        Some(Ok((sequence, message)))
    }
}

/// A client's request to send messages again.
///
/// The answer is one ordinary packet with as many whole messages as fit; the client asks again for the rest.
///
/// ```
/// use corelane_codecs::mold::{HEADER_LEN, Request, Session};
///
/// let request = Request { session: Session::new("000010059B").unwrap(), sequence: 42, count: 3 };
/// let mut bytes = [0; HEADER_LEN];
/// request.encode(&mut bytes).unwrap();
/// assert_eq!(Request::decode(&bytes), Ok(request));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The session.
    pub session: Session,
    /// The first message wanted.
    pub sequence: u64,
    /// How many are wanted.
    pub count: u16,
}

impl Request {
    /// Reads a request, a whole datagram.
    ///
    /// # Errors
    /// If it has not exactly [`HEADER_LEN`] bytes.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<Self, MoldError> {
        let header = Header::ref_from_bytes(bytes).map_err(|_| match bytes.len() {
            actual @ ..HEADER_LEN => MoldError::TooShort { actual },
            actual => MoldError::RequestLength { actual },
        })?;
        Ok(Self { session: header.session, sequence: header.sequence.get(), count: header.count.get() })
    }

    /// Writes it to the start of `out` and returns the bytes written, [`HEADER_LEN`].
    ///
    /// # Errors
    /// [`MoldError::NoRoom`].
    #[inline]
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, MoldError> {
        write_header(out, self.session, self.sequence, self.count)
    }
}

/// Writes a heartbeat to the start of `out` and returns the bytes written; `next_sequence` is that of the next
/// message.
///
/// # Errors
/// [`MoldError::NoRoom`].
#[inline]
pub fn heartbeat(out: &mut [u8], session: Session, next_sequence: u64) -> Result<usize, MoldError> {
    write_header(out, session, next_sequence, 0)
}

/// Writes an end of session to the start of `out` and returns the bytes written; `next_sequence` is one after the
/// last message.
///
/// # Errors
/// [`MoldError::NoRoom`].
#[inline]
pub fn end_of_session(out: &mut [u8], session: Session, next_sequence: u64) -> Result<usize, MoldError> {
    write_header(out, session, next_sequence, END_OF_SESSION)
}

#[inline]
fn write_header(out: &mut [u8], session: Session, sequence: u64, count: u16) -> Result<usize, MoldError> {
    let header = Header { session, sequence: sequence.into(), count: count.into() };
    let available = out.len();
    header.write_to_prefix(out).map_err(|_| MoldError::NoRoom { needed: HEADER_LEN, available })?;
    Ok(HEADER_LEN)
}

/// Packs messages into one packet.
#[derive(Debug)]
pub struct PacketBuilder<'a> {
    buffer: &'a mut [u8],
    length: usize,
    sequence: u64,
    count: u16,
}

impl<'a> PacketBuilder<'a> {
    /// A packet without messages, that grows in `buffer` to at most `payload_max` bytes; the first message will
    /// have number `sequence`.
    ///
    /// # Errors
    /// [`MoldError::NoRoom`] if `buffer` or `payload_max` is less than a header.
    #[inline]
    pub fn new(buffer: &'a mut [u8], session: Session, sequence: u64, payload_max: usize) -> Result<Self, MoldError> {
        let available = buffer.len().min(payload_max);
        let buffer = &mut buffer[..available];
        let length = write_header(buffer, session, sequence, 0)?;
        Ok(Self { buffer, length, sequence, count: 0 })
    }

    /// Appends a message; `false`, and nothing changed, if it does not fit: the packet is full, has
    /// [`MAX_COUNT`] messages, or the message is longer than 65 535 bytes or would exceed the last sequence
    /// number.
    #[inline]
    #[must_use]
    pub fn push(&mut self, message: &[u8]) -> bool {
        let Ok(length) = u16::try_from(message.len()) else {
            return false;
        };
        let count = self.count + 1;
        if count > MAX_COUNT || self.sequence.checked_add(u64::from(count)).is_none() {
            return false;
        }
        let Some(block) = self.buffer[self.length..].get_mut(..LENGTH_BYTES + message.len()) else {
            return false;
        };
        let (head, body) = block.split_at_mut(LENGTH_BYTES);
        head.copy_from_slice(&length.to_be_bytes());
        body.copy_from_slice(message);
        self.length += LENGTH_BYTES + message.len();
        self.count = count;
        true
    }

    /// Messages so far.
    #[inline]
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// Sequence number of the message that would be pushed next.
    #[inline]
    pub const fn next_sequence(&self) -> u64 {
        // `push` keeps this in range.
        self.sequence.saturating_add(self.count as u64)
    }

    /// The packet; a heartbeat if nothing was pushed.
    #[inline]
    pub fn finish(self) -> &'a [u8] {
        self.buffer[HEADER_LEN - LENGTH_BYTES..HEADER_LEN].copy_from_slice(&self.count.to_be_bytes());
        &self.buffer[..self.length]
    }
}
