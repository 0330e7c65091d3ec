//! The OUCH 5.0 answers.

use corelane_codecs::{
    IntoBytes, MessageType, YesNo,
    ouch::{
        Accepted, Appendable, AppendageWriter, CrossType, Display, OrderState, Replaced, TagValue,
        encode_with_appendage,
    },
    text::Symbol,
    zerocopy::Immutable,
};

use super::open_order::OpenOrder;
use crate::types::{Reply, length_byte};

#[inline(always)]
pub(super) fn accepted(time_ns: u64, order: &OpenOrder, symbol: Symbol) -> Accepted {
    Accepted {
        message_type: MessageType::NEW,
        timestamp: time_ns.into(),
        user_ref_num: order.user_ref.into(),
        side: order.terms.side,
        quantity: order.leaves.0.into(),
        symbol,
        price: order.price.into(),
        time_in_force: order.terms.time_in_force,
        display: Display::Visible,
        order_ref: order.order_ref.into(),
        capacity: order.terms.capacity,
        intermarket_sweep: YesNo::No,
        cross_type: CrossType::Continuous,
        order_state: OrderState::Live,
        cl_ord_id: order.cl_ord_id,
        appendage_len: 0.into(),
    }
}

#[inline(always)]
pub(super) fn replaced(time_ns: u64, original_user_ref: u32, order: &OpenOrder, symbol: Symbol) -> Replaced {
    Replaced {
        message_type: MessageType::NEW,
        timestamp: time_ns.into(),
        orig_user_ref_num: original_user_ref.into(),
        user_ref_num: order.user_ref.into(),
        side: order.terms.side,
        quantity: order.leaves.0.into(),
        symbol,
        price: order.price.into(),
        time_in_force: order.terms.time_in_force,
        display: Display::Visible,
        order_ref: order.order_ref.into(),
        capacity: order.terms.capacity,
        intermarket_sweep: YesNo::No,
        cross_type: CrossType::Continuous,
        order_state: OrderState::Live,
        cl_ord_id: order.cl_ord_id,
        appendage_len: 0.into(),
    }
}

/// Writes an answer that names its channel of numbers into a zeroed reply.
pub(super) fn write_in_channel<M: Appendable>(reply: &mut Reply, answer: &M, channel: u8) {
    let mut options = [0; 3];
    let mut options = AppendageWriter::new(&mut options);
    let is_whole = options.push(TagValue::UserRefIdx(channel));
    let length = encode_with_appendage(answer, options.as_bytes(), &mut reply.bytes);
    reply.length = length
        .ok()
        .filter(|_| is_whole)
        .and_then(|length| u8::try_from(length).ok())
        .expect("a reply has room for an answer with one option");
}

/// Writes an answer into a zeroed reply. Always inlined, so that the answer is built in the edge's slot.
#[inline(always)]
pub(super) fn write<M: IntoBytes + Immutable>(reply: &mut Reply, answer: &M) {
    reply.length = const { length_byte::<M>() };
    answer.write_to_prefix(&mut reply.bytes).expect("a reply has room for every answer");
}
