//! Requests other than enter, replace and cancel: modify, mass cancel, disabling entry, account query, and other channels.

use corelane_codecs::{
    ouch::{
        self, AccountQueryResponse, Appendable, DisableEntryResponse, EnableEntryResponse, MassCancelResponse,
        RejectReason, Rejected,
    },
    text::{ClOrdId, Mpid, Symbol},
};

use super::{Order, Reduction, Replies, answers, entry::EntryState, port_state::PortState, send_to_port, whole_lots};
use crate::types::{AccountQuery, EntrySwitch, MassCancel, Modify, OrderSlot, OtherChannel, PortId};

impl Order {
    /// Handles a modify: changes the side of the order, and returns the shares to take off.
    #[cold]
    pub(crate) fn modify(&mut self, modify: &Modify) -> Option<Reduction> {
        let port = self.ports.get(modify.port.index())?;
        let slot = port.live.find(modify.user_ref)?;
        let order = self.orders[slot.0 as usize].as_mut()?;
        let side = ouch::Side::from_wire(modify.side)?;
        let leaves = modify.quantity.saturating_sub(order.cum_qty);
        let is_allowed = side.is_buy() == order.terms.side.is_buy() && leaves <= order.leaves;
        if !is_allowed || (side == order.terms.side && leaves == order.leaves) {
            return None;
        }
        order.terms.side = side;
        let leaves = match leaves < order.leaves {
            true => whole_lots(&self.instruments, order.locate, leaves),
            false => leaves,
        };
        Some(Reduction { slot, quantity: order.leaves - leaves })
    }

    /// Answers a mass cancel; returns whether its orders must be cancelled.
    #[cold]
    pub(crate) fn mass_cancel(&mut self, request: &MassCancel, replies: &mut Replies<'_>) -> bool {
        let (firm, symbol) = (Mpid::from_bytes(request.firm), Symbol::from_bytes(request.symbol));
        let MassCancel { port, channel, user_ref, .. } = *request;
        let Some(state) = self.begin(port, channel, user_ref) else {
            return false;
        };
        let response = MassCancelResponse::new(replies.time_ns, user_ref, firm, symbol);
        answer(replies, port, state, (channel, user_ref), &response);
        channel == 0
    }

    /// Whether a mass cancel of its port means the order in `slot`.
    pub(crate) fn is_meant(&self, request: &MassCancel, slot: OrderSlot) -> bool {
        let Some(order) = &self.orders[slot.0 as usize] else {
            return false;
        };
        let is_blank = |text: &[u8]| text.iter().all(|byte| *byte == b' ');
        let side = ouch::Side::from_wire(request.side).map(ouch::Side::is_buy);
        (is_blank(&request.firm) || request.firm == order.firm)
            && (is_blank(&request.symbol) || request.locate == order.locate)
            && (request.side == 0 || side == Some(order.terms.side.is_buy()))
            && (request.has_group == 0 || request.group == order.group)
    }

    /// Disables or enables order entry of a firm, and answers.
    #[cold]
    pub(crate) fn switch_entry(&mut self, switch: &EntrySwitch, replies: &mut Replies<'_>) {
        let EntrySwitch { port, channel, user_ref, .. } = *switch;
        let time_ns = replies.time_ns;
        let Some(state) = self.begin(port, channel, user_ref) else {
            return;
        };
        let EntryState { firm, enabled } = state.disabled.set(switch.firm, switch.enabled == 1);
        let firm = Mpid::from_bytes(firm);
        if enabled {
            answer(replies, port, state, (channel, user_ref), &EnableEntryResponse::new(time_ns, user_ref, firm));
        } else {
            answer(replies, port, state, (channel, user_ref), &DisableEntryResponse::new(time_ns, user_ref, firm));
        }
    }

    /// Answers an account query. The answer is about no order.
    #[cold]
    pub(crate) fn account_query(&mut self, query: &AccountQuery, replies: &mut Replies<'_>) {
        if let Some(state) = self.ports.get_mut(query.port.index()) {
            let next = state.last_user_ref_in(query.channel).wrapping_add(1);
            let response = AccountQueryResponse::new(replies.time_ns, next);
            answer(replies, query.port, state, (query.channel, 0), &response);
        }
    }

    /// Uses the number of a request in its channel, and returns its port; `None` if it is a retransmission.
    fn begin(&mut self, port: PortId, channel: u8, user_ref: u32) -> Option<&mut PortState> {
        let state = self.ports.get_mut(port.index())?;
        let last = state.last_user_ref_in(channel);
        if user_ref <= *last {
            return None;
        }
        *last = user_ref;
        Some(state)
    }

    /// Rejects an enter or a replace in a channel where the venue takes no orders.
    #[cold]
    pub(crate) fn reject_other_channel(&mut self, request: &OtherChannel, replies: &mut Replies<'_>) {
        let OtherChannel { port, channel, user_ref, cl_ord_id, .. } = *request;
        if let Some(state) = self.begin(port, channel, user_ref) {
            let id = ClOrdId::from_bytes(cl_ord_id);
            let rejected = Rejected::new(replies.time_ns, user_ref, RejectReason::Other, id);
            answer(replies, port, state, (channel, user_ref), &rejected);
        }
    }
}

/// Answers a request that is about no open order. A number in another channel than 0 is none of the port's orders'.
fn answer<M: Appendable>(
    replies: &mut Replies<'_>,
    port: PortId,
    state: &mut PortState,
    (channel, user_ref): (u8, u32),
    message: &M,
) {
    send_to_port(replies, port, state, |reply| {
        if channel == 0 {
            reply.user_ref = user_ref;
            answers::write(reply, message);
        } else {
            answers::write_in_channel(reply, message, channel);
        }
    });
}
