//! Reading packets.

use zerocopy::FromBytes;

use super::{
    error::MoldError,
    header::{END_OF_SESSION, HEADER_LEN, Header, LENGTH_BYTES, SessionName},
};

/// Kind of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// This many messages, 1 to [`MAX_COUNT`](super::MAX_COUNT).
    Messages(u16),
    /// No message: a heartbeat.
    Heartbeat,
    /// No message, and no message will follow. The server still answers requests for a while.
    EndOfSession,
}

/// A packet from the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The session.
    pub session: SessionName,
    /// Sequence number of the first message; of the next one to be sent, if the packet has no message.
    pub sequence: u64,
    /// Kind of the packet.
    pub content: Content,
    blocks: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Decodes the header of a datagram. [`Packet::messages`] checks the messages.
    ///
    /// # Errors
    /// [`MoldError::TooShort`], or [`MoldError::SequenceOverflow`] if its sequence numbers exceed 64 bits.
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
    #[must_use]
    pub const fn count(&self) -> u16 {
        match self.content {
            Content::Messages(count) => count,
            Content::Heartbeat | Content::EndOfSession => 0,
        }
    }

    /// Sequence number of the message after this packet.
    #[inline]
    #[must_use]
    pub const fn next_sequence(&self) -> u64 {
        // `decode` has checked that this does not overflow. A caller may have changed the fields since, so saturate.
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
#[must_use = "an iterator does nothing until it is read"]
pub struct Messages<'a> {
    rest: &'a [u8],
    sequence: u64,
    index: u16,
    count: u16,
    offset: usize,
}

impl<'a> Messages<'a> {
    /// Bytes that are not read yet; after the last message, those that follow it in the datagram (normally none).
    #[inline]
    #[must_use]
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
