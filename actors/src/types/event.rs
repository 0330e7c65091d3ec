//! What matching reports of orders.

use corelane_codecs::{
    ouch::{CancelReason, Liquidity, RejectReason},
    price::Price4,
};

use super::{identifier::OrderSlot, quantity::Quantity};

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The order.
    pub slot: OrderSlot,
    /// What happened.
    pub what: Outcome,
}

/// What happened to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is live.
    Accepted {
        /// The venue's reference of it: 1 and up, no gap.
        order_ref: u64,
    },
    /// It is refused: there is no room for it.
    Rejected(RejectReason),
    /// It has taken the place of the one that was in its slot.
    Replaced {
        /// The venue's reference of it: 1 and up, no gap.
        order_ref: u64,
    },
    /// It has traded.
    Executed {
        /// Shares.
        quantity: Quantity,
        /// At this price.
        price: Price4,
        /// Whether it rested or came in.
        liquidity: Liquidity,
        /// The trade: 1 and up, no gap.
        match_number: u64,
    },
    /// Shares were taken off.
    Canceled {
        /// Shares.
        quantity: Quantity,
        /// Why.
        reason: CancelReason,
    },
}
