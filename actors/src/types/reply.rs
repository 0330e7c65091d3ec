//! What leaves the group: encoded bytes, so that "same input, same output" can be checked byte by byte.

use bytemuck::Zeroable;
use corelane_runtime::message::Message;

use super::{identifier::PortId, quantity::Quantity, sequence_number::SequenceNumber};

/// One OUCH answer on its way to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Zeroable)]
#[repr(C)]
pub struct Reply {
    /// Its number in the port's sequenced stream: 1 and up, no gap.
    pub number: SequenceNumber,
    /// Whose.
    pub port: PortId,
    /// The order it is about.
    pub user_ref: u32,
    /// Shares of that order still open after it; 0 means that nothing more follows for this order.
    pub leaves_qty: Quantity,
    /// The order that `user_ref` replaced, else 0: nothing more follows for that one.
    pub replaced_user_ref: u32,
    /// Length of the OUCH message in `bytes`.
    pub length: u8,
    /// The OUCH message.
    pub bytes: [u8; 71],
}

impl Message for Reply {
    fn kind(&self) -> u16 {
        u16::from(self.bytes[0])
    }
}

/// One ITCH message on its way to the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Zeroable)]
#[repr(C)]
pub struct Publication {
    /// Length of the ITCH message in `bytes`.
    pub length: u8,
    /// The ITCH message.
    pub bytes: [u8; 50],
}

impl Message for Publication {
    fn kind(&self) -> u16 {
        u16::from(self.bytes[0])
    }
}

/// The length of an encoded message in its byte.
#[expect(clippy::cast_possible_truncation, reason = "checked")]
pub(crate) const fn length_byte<M>() -> u8 {
    assert!(size_of::<M>() <= u8::MAX as usize, "the length of an encoded message is a byte");
    size_of::<M>() as u8
}
