//! Short and long form of a message: without and with an appendage.

use super::{appendage::Appendage, error::OuchError};
use crate::wire::{WireMessage, view};

/// A message that may carry an appendage; implemented by the structs of this module only.
#[expect(private_bounds, reason = "the set of messages is closed")]
pub trait Appendable: WireMessage {
    #[doc(hidden)]
    const HAS_LENGTH_FIELD: bool;
}

/// Writes the long form of `message`, with these options, to the start of `out`; returns the bytes written. `options`
/// may be empty.
///
/// ```
/// use corelane_codecs::ouch::{AppendageWriter, CancelPending, Inbound, Outbound, TagValue, encode_with_appendage};
///
/// let mut options = [0; 8];
/// let mut options = AppendageWriter::new(&mut options);
/// assert!(options.push(TagValue::UserRefIdx(3)));
/// let mut out = [0; 32];
/// let length = encode_with_appendage(&CancelPending::new(1, 2), options.as_bytes(), &mut out).unwrap();
/// let Outbound::CancelPending(_, options) = Outbound::decode(&out[..length]).unwrap() else { panic!() };
/// assert_eq!(options.values().next(), Some(TagValue::UserRefIdx(3)));
/// ```
///
/// # Errors
/// [`OuchError::NoRoom`] if `out` is too short or `options` longer than 65 535 bytes.
pub fn encode_with_appendage<M: Appendable>(message: &M, options: &[u8], out: &mut [u8]) -> Result<usize, OuchError> {
    let fixed = message.as_bytes();
    let fixed = if M::HAS_LENGTH_FIELD { &fixed[..fixed.len() - 2] } else { fixed };
    let needed = fixed.len() + 2 + options.len();
    let no_room = |available| OuchError::NoRoom { message: M::NAME, needed, available };
    let option_bytes = u16::try_from(options.len()).map_err(|_| no_room(fixed.len() + 2 + usize::from(u16::MAX)))?;
    let available = out.len();
    let out = out.get_mut(..needed).ok_or_else(|| no_room(available))?;
    let (head, rest) = out.split_at_mut(fixed.len());
    let (length, tail) = rest.split_at_mut(2);
    head.copy_from_slice(fixed);
    length.copy_from_slice(&option_bytes.to_be_bytes());
    tail.copy_from_slice(options);
    Ok(needed)
}

/// Implements [`Appendable`]: `field` if the struct ends in the appendage length, `short` if it does not.
macro_rules! appendable {
    ($form:ident: $($message:ty),+ $(,)?) => {
        $(impl super::form::Appendable for $message {
            const HAS_LENGTH_FIELD: bool = appendable!(@ $form);
        })+
    };
    (@ field) => { true };
    (@ short) => { false };
}
pub(super) use appendable;

/// Decodes a message that never has an appendage.
#[inline]
pub(super) fn decode_fixed<M: WireMessage>(bytes: &[u8]) -> Result<&M, OuchError> {
    let (message, rest) = view::<M>(bytes).map_err(|refusal| OuchError::of(M::NAME, refusal))?;
    if !rest.is_empty() {
        return Err(OuchError::WrongLength { message: M::NAME, expected: size_of::<M>(), actual: bytes.len() });
    }
    Ok(message)
}

/// Decodes a message in its short or long form; checks its length.
#[inline]
pub(super) fn decode<M: Appendable>(bytes: &[u8]) -> Result<(&M, Appendage<'_>), OuchError> {
    let (message, rest) = view::<M>(bytes).map_err(|refusal| OuchError::of(M::NAME, refusal))?;
    if !M::HAS_LENGTH_FIELD && rest.is_empty() {
        return Ok((message, Appendage::EMPTY));
    }
    let length_at = if M::HAS_LENGTH_FIELD { size_of::<M>() - 2 } else { size_of::<M>() };
    let start = length_at + 2;
    let Some(length) = bytes[length_at..].first_chunk::<2>() else {
        return Err(OuchError::Truncated { message: M::NAME, needed: start, actual: bytes.len() });
    };
    let expected = start + usize::from(u16::from_be_bytes(*length));
    let actual = bytes.len();
    if actual < expected {
        return Err(OuchError::Truncated { message: M::NAME, needed: expected, actual });
    }
    if actual > expected {
        return Err(OuchError::WrongLength { message: M::NAME, expected, actual });
    }
    let appendage = Appendage::parse(&bytes[start..]).map_err(|(at, fault)| OuchError::BadAppendage {
        message: M::NAME,
        offset: start + at,
        fault,
    })?;
    Ok((message, appendage))
}
