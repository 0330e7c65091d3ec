//! The state of a port: its message numbers, and its live orders by the client's number.

use super::{
    entry::{BLANK, DisabledFirms, Firm},
    user_refs::UserRefs,
};
use crate::types::{CHANNELS, SequenceNumber};

/// A port.
pub(super) struct PortState {
    open_orders_max: u32,
    /// The port's own firm.
    firm: Firm,
    /// The highest number that the client has used in channel 0, where its orders are.
    pub last_user_ref: u32,
    /// The same of every other channel.
    other_channels: Box<[u32; CHANNELS]>,
    /// The number of the last message sent.
    pub last_number: SequenceNumber,
    /// Orders without a final answer.
    pub open_orders: u32,
    /// The number of the latest log-in.
    pub generation: u32,
    /// The firms whose order entry the client has disabled.
    pub disabled: DisabledFirms,
    pub live: UserRefs,
}

impl PortState {
    pub(super) fn new(open_orders_max: u32, firm: Firm) -> PortState {
        PortState {
            open_orders_max,
            firm,
            last_user_ref: 0,
            other_channels: Box::new([0; CHANNELS]),
            last_number: SequenceNumber::NONE,
            open_orders: 0,
            generation: 0,
            disabled: DisabledFirms::NONE,
            live: UserRefs::with_capacity(open_orders_max),
        }
    }

    /// Memory of a port outside of this struct, in bytes.
    pub(super) fn bytes(open_orders_max: u32) -> usize {
        UserRefs::bytes(open_orders_max) + size_of::<[u32; CHANNELS]>()
    }

    /// The highest number that the client has used in a channel.
    pub(super) fn last_user_ref_in(&mut self, channel: u8) -> &mut u32 {
        match channel {
            0 => &mut self.last_user_ref,
            other => &mut self.other_channels[usize::from(other)],
        }
    }

    /// The firm of an order that names `firm`, blank for none.
    #[inline(always)]
    pub(super) fn firm_of(&self, firm: Firm) -> Firm {
        if firm == BLANK { self.firm } else { firm }
    }

    /// Takes the number for the next message.
    #[inline]
    pub(super) fn next_number(&mut self) -> SequenceNumber {
        self.last_number = self.last_number.next();
        self.last_number
    }

    pub(super) fn has_room_for_order(&self) -> bool {
        self.open_orders < self.open_orders_max
    }
}
