//! Requests and predicted answers, apart from their bytes.

use core::fmt;

use corelane_codecs::ouch::{
    Cancel, CancelReason, Capacity, CrossType, Display, Enter, Liquidity, OrderState, Outbound, RejectReason, Replace,
    Side, TimeInForce,
};
use corelane_codecs::price::Price;
use corelane_codecs::text::{ClOrdId, Symbol};
use corelane_codecs::{IntoBytes, MessageType, YesNo};

/// A request as the model sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Enter order.
    Enter {
        /// Its number.
        user_ref: u32,
        /// Side.
        side: Side,
        /// Shares.
        quantity: u32,
        /// Instrument.
        symbol: Symbol,
        /// Limit.
        price: Price,
        /// Day or immediate-or-cancel.
        time_in_force: TimeInForce,
    },
    /// Replace order.
    Replace {
        /// The order.
        original: u32,
        /// The new one's number.
        user_ref: u32,
        /// New total, executions included.
        quantity: u32,
        /// New limit.
        price: Price,
    },
    /// Cancel or reduce an order.
    Cancel {
        /// The order.
        user_ref: u32,
        /// New total, executions included.
        quantity: u32,
    },
}

impl Request {
    /// Appends the OUCH message.
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

/// The identifier that the order with this number is given: its decimal digits.
fn cl_ord_id(user_ref: u32) -> ClOrdId {
    let mut digits = [b'0'; 14];
    let mut rest = user_ref;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    ClOrdId::from_bytes(digits)
}

/// An answer, as far as it can be predicted: times, references and match numbers can not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Accepted, live.
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
        /// How long it stays.
        time_in_force: TimeInForce,
    },
    /// Replaced, live.
    Replaced {
        /// The order that went.
        original: u32,
        /// The order that came.
        user_ref: u32,
        /// Side.
        side: Side,
        /// Shares open.
        quantity: u32,
        /// Instrument.
        symbol: Symbol,
        /// Limit.
        price: Price,
        /// Whether it may have kept its reference, because it kept its place.
        kept_priority: bool,
    },
    /// Shares taken off.
    Canceled {
        /// The order.
        user_ref: u32,
        /// Shares.
        quantity: u32,
        /// Why.
        reason: CancelReason,
    },
    /// A fill.
    Executed {
        /// The order.
        user_ref: u32,
        /// Shares.
        quantity: u32,
        /// Price.
        price: Price,
        /// Whether it rested (`A`) or came in (`R`).
        liquidity: Liquidity,
        /// Whether it is the second of the two sides, and so has the match number of the answer before.
        second_side: bool,
    },
    /// Refused.
    Rejected {
        /// The request.
        user_ref: u32,
        /// Why.
        reason: RejectReason,
    },
}

impl Expected {
    /// Whether `answer` is this, but for times, references and match numbers.
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
