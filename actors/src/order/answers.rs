//! The OUCH 5.0 answers, encoded. Number and account of a reply are filled in when it is sent.

use corelane_codecs::{
    IntoBytes,
    ouch::{
        Accepted, CancelReason, Canceled, CrossType, Display, Executed, Liquidity, OrderState, RejectReason, Rejected,
        Replaced,
    },
    price::Price,
    text::{ClOrdId, Symbol},
    zerocopy::Immutable,
};
use corelane_codecs::{MessageType, YesNo};

use super::LiveOrder;
use crate::messages::Reply;

pub(super) fn accepted(time_ns: u64, order: &LiveOrder, symbol: Symbol) -> Reply {
    let message = Accepted {
        message_type: MessageType::NEW,
        timestamp: time_ns.into(),
        user_ref_num: order.user_ref.into(),
        side: order.terms.side,
        quantity: order.leaves.into(),
        symbol,
        price: Price::from_raw(order.price).into(),
        time_in_force: order.terms.time_in_force,
        display: Display::Visible,
        order_ref: order.order_ref.into(),
        capacity: order.terms.capacity,
        intermarket_sweep: YesNo::No,
        cross_type: CrossType::Continuous,
        order_state: OrderState::Live,
        cl_ord_id: order.cl_ord_id,
        appendage_len: 0.into(),
    };
    about(order, &message)
}

pub(super) fn replaced(time_ns: u64, original_user_ref: u32, order: &LiveOrder, symbol: Symbol) -> Reply {
    let message = Replaced {
        message_type: MessageType::NEW,
        timestamp: time_ns.into(),
        orig_user_ref_num: original_user_ref.into(),
        user_ref_num: order.user_ref.into(),
        side: order.terms.side,
        quantity: order.leaves.into(),
        symbol,
        price: Price::from_raw(order.price).into(),
        time_in_force: order.terms.time_in_force,
        display: Display::Visible,
        order_ref: order.order_ref.into(),
        capacity: order.terms.capacity,
        intermarket_sweep: YesNo::No,
        cross_type: CrossType::Continuous,
        order_state: OrderState::Live,
        cl_ord_id: order.cl_ord_id,
        appendage_len: 0.into(),
    };
    Reply { replaced_user_ref: original_user_ref, ..about(order, &message) }
}

pub(super) fn executed(
    time_ns: u64,
    order: &LiveOrder,
    quantity: u32,
    price: u32,
    liquidity: Liquidity,
    match_number: u64,
) -> Reply {
    let price = Price::from_raw(price.into());
    about(order, &Executed::new(time_ns, order.user_ref, quantity, price, liquidity, match_number))
}

pub(super) fn canceled(time_ns: u64, order: &LiveOrder, quantity: u32, reason: CancelReason) -> Reply {
    about(order, &Canceled::new(time_ns, order.user_ref, quantity, reason))
}

pub(super) fn rejected(time_ns: u64, user_ref: u32, reason: RejectReason, cl_ord_id: ClOrdId) -> Reply {
    encoded(user_ref, 0, &Rejected::new(time_ns, user_ref, reason, cl_ord_id))
}

fn about<M: IntoBytes + Immutable>(order: &LiveOrder, message: &M) -> Reply {
    encoded(order.user_ref, order.leaves, message)
}

#[inline]
fn encoded<M: IntoBytes + Immutable>(user_ref: u32, leaves_qty: u32, message: &M) -> Reply {
    let message = message.as_bytes();
    let mut bytes = [0; 71];
    bytes[..message.len()].copy_from_slice(message);
    let length = message.len() as u8;
    Reply { number: 0, account: 0, user_ref, leaves_qty, replaced_user_ref: 0, length, bytes }
}
