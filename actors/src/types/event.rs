//! The events that matching reports.

use corelane_codecs::{
    ouch::{CancelReason, Liquidity, RejectReason},
    price::Price4,
};

use super::{identifier::OrderSlot, quantity::Quantity};

/// An event of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The order.
    pub slot: OrderSlot,
    /// The outcome.
    pub what: Outcome,
}

/// The outcome for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was accepted and is live.
    Accepted {
        /// The venue's order reference: 1 and up, without gaps.
        order_ref: u64,
    },
    /// It was rejected: the books have no room for it.
    Rejected(RejectReason),
    /// It has replaced the order that was in its slot.
    Replaced {
        /// The venue's order reference: 1 and up, without gaps.
        order_ref: u64,
    },
    /// It traded.
    Executed {
        /// Shares.
        quantity: Quantity,
        /// The price.
        price: Price4,
        /// Whether it added or removed liquidity.
        liquidity: Liquidity,
        /// The match number of the trade: 1 and up, without gaps.
        match_number: u64,
    },
    /// It was modified at its client's request.
    Modified {
        /// The shares taken off it.
        quantity: Quantity,
    },
    /// Shares of it were cancelled.
    Canceled {
        /// Shares.
        quantity: Quantity,
        /// The reason.
        reason: CancelReason,
    },
}
