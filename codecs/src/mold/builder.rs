//! Writing packets.

use zerocopy::IntoBytes;

use super::{
    error::MoldError,
    header::{END_OF_SESSION, HEADER_LEN, Header, LENGTH_BYTES, MAX_COUNT, SessionName},
};

/// Packs messages into one packet.
#[derive(Debug)]
#[must_use = "`finish` returns the packet"]
pub struct PacketBuilder<'a> {
    buffer: &'a mut [u8],
    length: usize,
    sequence: u64,
    count: u16,
}

impl<'a> PacketBuilder<'a> {
    /// Starts a packet of at most `payload_max` bytes in `buffer`. The first message will have number `sequence`.
    ///
    /// # Errors
    /// [`MoldError::NoRoom`] if `buffer` or `payload_max` is smaller than a header.
    #[inline]
    pub fn new(
        buffer: &'a mut [u8],
        session: SessionName,
        sequence: u64,
        payload_max: usize,
    ) -> Result<Self, MoldError> {
        let available = buffer.len().min(payload_max);
        let buffer = &mut buffer[..available];
        let length = write_header(buffer, session, sequence, 0)?;
        Ok(Self { buffer, length, sequence, count: 0 })
    }

    /// Appends a message. Returns `false` and changes nothing if it does not fit: if the packet is full or has
    /// [`MAX_COUNT`] messages, or the message is longer than 65 535 bytes or would exceed the last sequence number.
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
    #[must_use]
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// Sequence number of the next message.
    #[inline]
    #[must_use]
    pub const fn next_sequence(&self) -> u64 {
        // `push` keeps this in range.
        self.sequence.saturating_add(self.count as u64)
    }

    /// Returns the packet; a heartbeat if it has no message.
    #[inline]
    #[must_use]
    pub fn finish(self) -> &'a [u8] {
        self.buffer[HEADER_LEN - LENGTH_BYTES..HEADER_LEN].copy_from_slice(&self.count.to_be_bytes());
        &self.buffer[..self.length]
    }
}

/// Writes a heartbeat to the start of `out`; returns the bytes written. `next_sequence` is the number of the next
/// message.
///
/// # Errors
/// [`MoldError::NoRoom`].
#[inline]
pub fn heartbeat(out: &mut [u8], session: SessionName, next_sequence: u64) -> Result<usize, MoldError> {
    write_header(out, session, next_sequence, 0)
}

/// Writes an end of session to the start of `out`; returns the bytes written. `next_sequence` is one more than the
/// number of the last message.
///
/// # Errors
/// [`MoldError::NoRoom`].
#[inline]
pub fn end_of_session(out: &mut [u8], session: SessionName, next_sequence: u64) -> Result<usize, MoldError> {
    write_header(out, session, next_sequence, END_OF_SESSION)
}

#[inline]
pub(super) fn write_header(
    out: &mut [u8],
    session: SessionName,
    sequence: u64,
    count: u16,
) -> Result<usize, MoldError> {
    let header = Header { session, sequence: sequence.into(), count: count.into() };
    let available = out.len();
    header.write_to_prefix(out).map_err(|_| MoldError::NoRoom { needed: HEADER_LEN, available })?;
    Ok(HEADER_LEN)
}
