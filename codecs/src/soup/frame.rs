//! Length, type and payload of a packet.

use super::error::SoupError;
use crate::text::Alpha;

/// Bytes before the payload: length and type.
pub const HEADER_LEN: usize = 3;

/// The longest payload that the 16-bit length allows.
pub const MAX_PAYLOAD: usize = u16::MAX as usize - 1;

/// Bytes of a login accepted, the longest session packet: the smallest buffer that a server needs to encode any of
/// them.
pub const LOGIN_ACCEPTED_LEN: usize = LENGTH_BYTES + LOGIN_ACCEPTED_BODY;

pub(super) const LENGTH_BYTES: usize = 2;
/// Type, session, sequence number.
pub(super) const LOGIN_ACCEPTED_BODY: usize = 1 + 10 + 20;

/// Name of a session.
pub type SessionName = Alpha<10>;

/// Length of the packet at the start of a stream, in bytes; `None` if the packet is not complete.
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
/// [`SoupError::ZeroLength`], or [`SoupError::TooLong`] if the payload is longer than `payload_max`. Both need only the
/// length field.
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

/// Type and payload of a whole packet.
#[inline]
pub(super) fn split(packet: &[u8]) -> Result<(u8, &[u8]), SoupError> {
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
pub(super) fn empty(kind: u8, payload: &[u8]) -> Result<(), SoupError> {
    if payload.is_empty() {
        Ok(())
    } else {
        Err(SoupError::WrongLength { kind, expected: 1, actual: 1 + payload.len() })
    }
}

#[inline]
pub(super) fn put(out: &mut [u8], kind: u8, payload: &[u8]) -> Result<usize, SoupError> {
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
