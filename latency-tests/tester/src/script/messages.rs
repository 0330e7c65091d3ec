//! Requests and predicted answers, independent of their encoding.

use core::fmt;

use corelane_codecs::ouch::{
    Cancel, CancelReason, Capacity, CrossType, Display, Enter, Liquidity, OrderState, Outbound, RejectReason, Replace,
    Side, TimeInForce,
};
use corelane_codecs::price::Price;
use corelane_codecs::text::{ClOrdId, Symbol};
use corelane_codecs::{IntoBytes, MessageType, YesNo};

/// A request, as input of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Enter order.
    Enter {
        /// Its number.
        user_ref: u32,
        /// Side.
        side: Side,
        /// Number of shares.
        quantity: u32,
        /// Instrument.
        symbol: Symbol,
        /// Limit price.
        price: Price,
        /// Day or immediate-or-cancel.
        time_in_force: TimeInForce,
    },
    /// Replace order.
    Replace {
        /// The order to replace.
        original: u32,
        /// The number of the new order.
        user_ref: u32,
        /// New total quantity, executions included.
        quantity: u32,
        /// New limit price.
        price: Price,
    },
    /// Cancel or reduce an order.
    Cancel {
        /// The order.
        user_ref: u32,
        /// New total quantity, executions included.
        quantity: u32,
    },
}

impl Request {
    /// Appends the request as an OUCH message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Enter { user_ref, side, quantity, symbol, price, time_in_force } => out.extend_from_slice(
                Enter {
                    message_type: MessageType::NEW,
                    user_ref_num: user_ref.into(),
                    side,
                    quantity: quantity.into(),
                    symbol,
                    price: price.into(),
                    time_in_force,
                    display: Display::Visible,
                    capacity: Capacity::Principal,
                    intermarket_sweep: YesNo::No,
                    cross_type: CrossType::Continuous,
                    cl_ord_id: cl_ord_id(user_ref),
                    appendage_len: 0.into(),
                }
                .as_bytes(),
            ),
            Self::Replace { original, user_ref, quantity, price } => out.extend_from_slice(
                Replace {
                    message_type: MessageType::NEW,
                    orig_user_ref_num: original.into(),
                    user_ref_num: user_ref.into(),
                    quantity: quantity.into(),
                    price: price.into(),
                    time_in_force: TimeInForce::Day,
                    display: Display::Visible,
                    intermarket_sweep: YesNo::No,
                    cl_ord_id: cl_ord_id(user_ref),
                    appendage_len: 0.into(),
                }
                .as_bytes(),
            ),
            Self::Cancel { user_ref, quantity } => {
                out.extend_from_slice(Cancel::new(user_ref, quantity).as_bytes());
            }
        }
    }
}

/// The client order identifier of the order with this number: its decimal digits.
fn cl_ord_id(user_ref: u32) -> ClOrdId {
    let mut digits = [b'0'; 14];
    let mut rest = user_ref;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    ClOrdId::from_bytes(digits)
}

/// An answer without the fields that cannot be predicted: times, references and match numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// An order was accepted and is live.
    Accepted {
        /// The order.
        user_ref: u32,
        /// Side.
        side: Side,
        /// Shares.
        quantity: u32,
        /// Instrument.
        symbol: Symbol,
        /// Limit.
        price: Price,
        /// Time in force.
        time_in_force: TimeInForce,
    },
    /// An order was replaced, and the new one is live.
    Replaced {
        /// The replaced order.
        original: u32,
        /// The new order.
        user_ref: u32,
        /// Side.
        side: Side,
        /// Number of open shares.
        quantity: u32,
        /// Instrument.
        symbol: Symbol,
        /// Limit.
        price: Price,
        /// Whether it may keep its reference, because it keeps its priority.
        kept_priority: bool,
    },
    /// Shares of an order were cancelled.
    Canceled {
        /// The order.
        user_ref: u32,
        /// Shares.
        quantity: u32,
        /// Why.
        reason: CancelReason,
    },
    /// An order traded.
    Executed {
        /// The order.
        user_ref: u32,
        /// Shares.
        quantity: u32,
        /// Price.
        price: Price,
        /// Whether the order was resting (`A`, liquidity added) or incoming (`R`, liquidity removed).
        liquidity: Liquidity,
        /// Whether this is the second side of the trade, which has the same match number as the previous answer.
        second_side: bool,
    },
    /// A request was rejected.
    Rejected {
        /// The request.
        user_ref: u32,
        /// Why.
        reason: RejectReason,
    },
}

impl Expected {
    /// Whether `answer` equals this, except for times, references and match numbers.
    #[must_use]
    pub fn is(&self, answer: &Outbound<'_>) -> bool {
        match (*self, answer) {
            (
                Self::Accepted { user_ref, side, quantity, symbol, price, time_in_force },
                Outbound::Accepted(actual, _),
            ) => {
                actual.user_ref_num.get() == user_ref
                    && actual.side == side
                    && actual.quantity.get() == quantity
                    && actual.symbol == symbol
                    && actual.price.get() == price
                    && actual.time_in_force == time_in_force
                    && actual.display == Display::Visible
                    && actual.capacity == Capacity::Principal
                    && actual.intermarket_sweep == YesNo::No
                    && actual.cross_type == CrossType::Continuous
                    && actual.order_state == OrderState::Live
                    && actual.cl_ord_id == cl_ord_id(user_ref)
            }
            (
                Self::Replaced { original, user_ref, side, quantity, symbol, price, .. },
                Outbound::Replaced(actual, _),
            ) => {
                actual.orig_user_ref_num.get() == original
                    && actual.user_ref_num.get() == user_ref
                    && actual.side == side
                    && actual.quantity.get() == quantity
                    && actual.symbol == symbol
                    && actual.price.get() == price
                    && actual.time_in_force == TimeInForce::Day
                    && actual.display == Display::Visible
                    && actual.capacity == Capacity::Principal
                    && actual.intermarket_sweep == YesNo::No
                    && actual.cross_type == CrossType::Continuous
                    && actual.order_state == OrderState::Live
                    && actual.cl_ord_id == cl_ord_id(user_ref)
            }
            (Self::Canceled { user_ref, quantity, reason }, Outbound::Canceled(actual, _)) => {
                actual.user_ref_num.get() == user_ref
                    && actual.quantity.get() == quantity
                    && actual.reason() == Some(reason)
            }
            (Self::Executed { user_ref, quantity, price, liquidity, .. }, Outbound::Executed(actual, _)) => {
                actual.user_ref_num.get() == user_ref
                    && actual.quantity.get() == quantity
                    && actual.price.get() == price
                    && actual.liquidity() == Some(liquidity)
            }
            (Self::Rejected { user_ref, reason }, Outbound::Rejected(actual, _)) => {
                actual.user_ref_num.get() == user_ref
                    && actual.reason() == Some(reason)
                    && actual.cl_ord_id == cl_ord_id(user_ref)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
