//! The outputs of the group: encoded messages, so that tests can compare the outputs of a replay byte by byte.

use bytemuck::Zeroable;
use corelane_runtime::message::{Message, SequenceNumber};

use super::{identifier::PortId, quantity::Quantity};

/// One OUCH answer on its way to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Zeroable)]
#[repr(C)]
pub struct Reply {
    /// The number in the port's sequenced stream: 1 and up, without gaps.
    pub number: SequenceNumber,
    /// The port that it goes to.
    pub port: PortId,
    /// The order it is about; 0 if it is about none of the port's orders.
    pub user_ref: u32,
    /// Shares of that order that are open after this answer; 0 means that it is the order's last.
    pub leaves_qty: Quantity,
    /// The order that `user_ref` replaced, which gets no more answers; else 0.
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

/// The length of an encoded message, as one byte.
#[expect(clippy::cast_possible_truncation, reason = "checked")]
pub(crate) const fn length_byte<M>() -> u8 {
    assert!(size_of::<M>() <= u8::MAX as usize, "the length of an encoded message is a byte");
    size_of::<M>() as u8
}
