//! Answers: sending them to clients, and giving them for a group that has failed.

use corelane_codecs::{
    IntoBytes,
    ouch::{CancelReason, Canceled, RejectReason, Rejected},
    soup::ServerPacket,
    text::ClOrdId,
};
use corelane_runtime::net::SendError;

use super::{
    connections::send_packet,
    counts::SessionCount,
    order_entry::{Ctx, GroupState, Session},
    order_tracker::Orphan,
    state::PortState,
};
use crate::types::{Command, PortId, SequenceNumber};

impl Session {
    #[inline]
    pub(super) fn mark_dirty(&mut self, port: PortId) {
        let state = &mut self.ports[port.index()];
        if !state.is_dirty {
            state.is_dirty = true;
            self.dirty.push(port);
        }
    }

    /// Sends the unsent part of the log on the port's connection, as far as the connection takes it.
    pub(super) fn flush(&mut self, ctx: &mut Ctx<'_>, port: PortId) {
        let now_ns = ctx.time_ns();
        let state = &mut self.ports[port.index()];
        let Some(conn) = state.conn else { return };
        let connection = &mut self.connections[conn.slot as usize];
        if let Some(SequenceNumber(next_sequence)) = connection.accept_owed {
            let session = self.config.session;
            let accepted = ServerPacket::LoginAccepted { session, next_sequence };
            if send_packet(ctx, conn, &accepted).is_err() {
                return;
            }
            connection.accept_owed = None;
        }
        if !state.log.keeps(state.cursor) {
            return self.end_after_input(ctx, conn, SessionCount::SlowReader);
        }
        while state.cursor < state.log.end() {
            let unsent = state.log.bytes_from(state.cursor);
            // Without room, offer one byte: the driver reports new room only after it has refused a send.
            let piece = ctx.net.send_room(conn).clamp(1, unsent.len());
            if ctx.net.send(conn, &unsent[..piece]).is_err() {
                break;
            }
            state.cursor += piece as u64;
            connection.last_sent_ns = now_ns;
        }
        let behind = state.log.end() - state.cursor;
        if behind > 0 {
            if !state.replaying && behind > self.config.unsent_bytes_max as u64 {
                self.end_after_input(ctx, conn, SessionCount::SlowReader);
            }
            return;
        }
        state.replaying = false;
        let has_left = state.has_left();
        let says_end = self.day_is_over;
        if connection.ending
            && (!says_end || send_packet(ctx, conn, &ServerPacket::EndOfSession) != Err(SendError::Full))
        {
            self.disconnect(ctx, conn, SessionCount::Shutdown);
        } else if has_left {
            self.disconnect(ctx, conn, SessionCount::Peer);
        }
    }

    /// Answers every order to which the failed group owes an answer, ordered by port and number.
    #[cold]
    pub(super) fn answer_for_group(&mut self, ctx: &mut Ctx<'_>) {
        self.group = GroupState::Down;
        let now_ns = ctx.time_ns();
        for index in 0..self.ports.len() {
            let PortState { log, orders, .. } = &mut self.ports[index];
            let mut answers = 0;
            orders.abandon(|user_ref, orphan| {
                answers += 1;
                match orphan {
                    Orphan::Unanswered(order) => log.append(rejected(now_ns, user_ref, order.cl_ord_id).as_bytes()),
                    Orphan::Open(order) => {
                        let reason = CancelReason::System;
                        log.append(Canceled::new(now_ns, user_ref, order.leaves_qty.0, reason).as_bytes());
                    }
                }
            });
            self.counters.add(SessionCount::AnswersForGroup, answers);
            self.mark_dirty(PortId::from_index(index));
            if self.ports[index].announced != self.ports[index].current() {
                self.mark_unannounced(PortId::from_index(index));
            }
        }
    }

    /// Rejects an order after the group has failed. Cancels need no answer: no order is open.
    pub(super) fn answer_without_group(&mut self, ctx: &mut Ctx<'_>, port: PortId, command: &Command) {
        let (user_ref, cl_ord_id) = match command {
            Command::Enter(enter) => (enter.user_ref, enter.cl_ord_id),
            Command::Replace(replace) => (replace.user_ref, replace.cl_ord_id),
            _ => return,
        };
        let now_ns = ctx.time_ns();
        let state = &mut self.ports[port.index()];
        if user_ref <= state.orders.consumed() {
            return;
        }
        state.orders.consume(user_ref);
        state.log.append(rejected(now_ns, user_ref, cl_ord_id).as_bytes());
        self.counters.add(SessionCount::AnswersForGroup, 1);
        self.mark_dirty(port);
    }
}

fn rejected(now_ns: u64, user_ref: u32, cl_ord_id: [u8; 14]) -> Rejected {
    Rejected::new(now_ns, user_ref, RejectReason::ProcessingError, ClOrdId::from_bytes(cl_ord_id))
}
