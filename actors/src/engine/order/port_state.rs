//! The state of a port: its message numbers, and its live orders by the client's number.

use super::user_refs::UserRefs;
use crate::types::SequenceNumber;

/// Messages reserved beyond one final answer for each open order: one for a partial execution or cancel, which a single
/// input can cause, and one for the answer to a request.
const SPARE_MESSAGES: u64 = 2;

/// Bounds of a port.
#[derive(Clone, Copy, Debug)]
pub(super) struct PortBounds {
    pub open_orders_max: u32,
    pub messages_max: u64,
}

impl PortBounds {
    /// The number of messages from which no order is admitted, so that open orders can still be answered; see
    /// [`GroupConfig::messages_least`](crate::types::GroupConfig::messages_least).
    fn entry_closes_at(&self) -> u64 {
        self.messages_max - self.messages_max / 8
    }
}

/// A port.
///
/// Its session keeps every message for a client that logs in again, so their number is bounded; still, every open order
/// must get its final answer. At any time, the messages sent, one message for each open order and [`SPARE_MESSAGES`]
/// together do not exceed `messages_max`. When they reach it, all orders of the port are cancelled.
pub(super) struct PortState {
    limits: PortBounds,
    /// The highest order number that the client has used.
    pub last_user_ref: u32,
    /// The number of the last message sent.
    pub last_number: SequenceNumber,
    /// Orders without a final answer.
    pub open_orders: u32,
    /// The number of the latest log-in.
    pub generation: u32,
    /// Whether the messages have run out and the orders are being cancelled.
    is_exhausted: bool,
    pub live: UserRefs,
}

impl PortState {
    pub(super) fn new(limits: PortBounds) -> PortState {
        PortState {
            limits,
            last_user_ref: 0,
            last_number: SequenceNumber::NONE,
            open_orders: 0,
            generation: 0,
            is_exhausted: false,
            live: UserRefs::with_capacity(limits.open_orders_max),
        }
    }

    /// Takes the number for the next message.
    #[inline]
    pub(super) fn next_number(&mut self) -> SequenceNumber {
        self.last_number = self.last_number.next();
        self.last_number
    }

    /// Whether new orders and replaces are rejected, so that open orders can still be answered.
    pub(super) fn is_entry_closed(&self) -> bool {
        self.last_number.0 >= self.limits.entry_closes_at()
    }

    pub(super) fn has_room_for_order(&self) -> bool {
        self.open_orders < self.limits.open_orders_max
    }

    /// Whether a message can be sent without using those reserved for open orders.
    pub(super) fn can_reply(&self) -> bool {
        self.promised() < self.limits.messages_max
    }

    /// Returns true, once a day at most, if the messages have run out while orders are open; the orders must be cancelled.
    #[inline]
    pub(super) fn note_running_out(&mut self) -> bool {
        let runs_out = self.promised() > self.limits.messages_max && self.open_orders > 0 && !self.is_exhausted;
        self.is_exhausted |= runs_out;
        runs_out
    }

    /// The most executions that a new order may have at once. Three more messages are set aside: for its acceptance, for
    /// its own final answer, and for a partial execution of another order of the port.
    pub(super) fn executions_max(&self) -> u32 {
        let free = self.limits.messages_max.saturating_sub(self.promised() + 3);
        u32::try_from(free).unwrap_or(u32::MAX)
    }

    fn promised(&self) -> u64 {
        self.last_number.0 + u64::from(self.open_orders) + SPARE_MESSAGES
    }
}
