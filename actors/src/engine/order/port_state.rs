//! What the venue knows of a port: its numbers, and its live orders by the client's number.

use super::user_refs::UserRefs;
use crate::types::SequenceNumber;

/// Messages that are kept free beyond one final answer for each open order: one execution or cancel in part, which a
/// single input can cause, and the answer to a request.
const SPARE_MESSAGES: u64 = 2;

/// Bounds of a port.
#[derive(Clone, Copy, Debug)]
pub(super) struct PortBounds {
    pub open_orders_max: u32,
    pub messages_max: u64,
}

impl PortBounds {
    /// Leaves enough to answer, see [`GroupConfig::messages_least`](crate::types::GroupConfig::messages_least).
    fn entry_closes_at(&self) -> u64 {
        self.messages_max - self.messages_max / 8
    }
}

/// A port.
///
/// Its session keeps every message for a client that comes back, so their number is bounded, and nothing that an
/// port has done may go unanswered. At any time, the messages sent plus one for each open order plus
/// [`SPARE_MESSAGES`] do not exceed `messages_max`; when they reach it, all orders of the port are cancelled.
pub(super) struct PortState {
    limits: PortBounds,
    /// The highest client's number used.
    pub last_user_ref: u32,
    /// Number of the last message sent.
    pub last_number: SequenceNumber,
    /// Orders that wait for a final answer.
    pub open_orders: u32,
    /// The latest log-in.
    pub generation: u32,
    /// The messages have run out, and the orders are being cancelled.
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

    /// The number of a message that is sent now.
    #[inline]
    pub(super) fn next_number(&mut self) -> SequenceNumber {
        self.last_number = self.last_number.next();
        self.last_number
    }

    /// Whether orders and replaces are refused so that what is open can be answered.
    pub(super) fn is_entry_closed(&self) -> bool {
        self.last_number.0 >= self.limits.entry_closes_at()
    }

    pub(super) fn has_room_for_order(&self) -> bool {
        self.open_orders < self.limits.open_orders_max
    }

    /// Whether one message that is no order's last can be sent without touching what is kept free.
    pub(super) fn can_tell(&self) -> bool {
        self.promised() < self.limits.messages_max
    }

    /// Notes it if the messages have run out just now while orders are open, which are to be cancelled then; tells whether
    /// they have.
    #[inline]
    pub(super) fn note_running_out(&mut self) -> bool {
        let runs_out = self.promised() > self.limits.messages_max && self.open_orders > 0 && !self.is_exhausted;
        self.is_exhausted |= runs_out;
        runs_out
    }

    /// Executions that a new order may have in one go: it is accepted first, is one more open order, and may execute
    /// one of the port's own orders in part.
    pub(super) fn executions_max(&self) -> u32 {
        let free = self.limits.messages_max.saturating_sub(self.promised() + 3);
        u32::try_from(free).unwrap_or(u32::MAX)
    }

    fn promised(&self) -> u64 {
        self.last_number.0 + u64::from(self.open_orders) + SPARE_MESSAGES
    }
}
