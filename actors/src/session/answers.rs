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
    pub(super) fn mark_dirty(&mut self, slot: PortId) {
        let port = &mut self.ports[slot.index()];
        if !port.is_dirty {
            port.is_dirty = true;
            self.dirty.push(slot);
        }
    }

    /// Sends the unsent part of the log on the port's connection, as far as the connection takes it.
    pub(super) fn flush(&mut self, ctx: &mut Ctx<'_>, slot: PortId) {
        let now_ns = ctx.time_ns();
        let port = &mut self.ports[slot.index()];
        let Some(conn) = port.conn else { return };
        let connection = &mut self.connections[conn.slot as usize];
        if let Some(SequenceNumber(next_sequence)) = connection.accept_owed {
            let session = self.config.session;
            let accepted = ServerPacket::LoginAccepted { session, next_sequence };
            if send_packet(ctx, conn, &accepted).is_err() {
                return;
            }
            connection.accept_owed = None;
        }
        while port.cursor < port.log.end() {
            let unsent = port.log.bytes_from(port.cursor);
            // Without room, offer one byte: the driver reports new room only after it has refused a send.
            let piece = ctx.net.send_room(conn).clamp(1, unsent.len());
            if ctx.net.send(conn, &unsent[..piece]).is_err() {
                break;
            }
            port.cursor += piece;
            connection.last_sent_ns = now_ns;
        }
        let behind = port.log.end() - port.cursor;
        if behind > 0 {
            if !port.replaying && behind > self.config.unsent_bytes_max {
                self.disconnect(ctx, conn, SessionCount::SlowReader);
            }
            return;
        }
        port.replaying = false;
        let is_over = port.is_over();
        if (connection.ending || is_over) && send_packet(ctx, conn, &ServerPacket::EndOfSession) != Err(SendError::Full)
        {
            let reason = if is_over { SessionCount::SequenceUsedUp } else { SessionCount::Shutdown };
            self.disconnect(ctx, conn, reason);
        }
    }

    /// Answers every order to which the failed group owes an answer, ordered by port and number.
    #[cold]
    pub(super) fn answer_for_group(&mut self, ctx: &mut Ctx<'_>) {
        self.group = GroupState::Down;
        let now_ns = ctx.time_ns();
        for slot in 0..self.ports.len() {
            let PortState { log, orders, last_number, .. } = &mut self.ports[slot];
            let mut answers = 0;
            orders.abandon(|user_ref, orphan| {
                answers += 1;
                *last_number = last_number.next();
                let is_kept = match orphan {
                    Orphan::Unanswered(order) => log.append(rejected(now_ns, user_ref, order.cl_ord_id).as_bytes()),
                    Orphan::Open(order) => {
                        let reason = CancelReason::System;
                        log.append(Canceled::new(now_ns, user_ref, order.leaves_qty.0, reason).as_bytes())
                    }
                };
                if !is_kept {
                    self.counters.add(SessionCount::AnswersNotKept, 1);
                }
            });
            self.counters.add(SessionCount::AnswersForGroup, answers);
            self.mark_dirty(PortId::from_index(slot));
            if self.ports[slot].announced != self.ports[slot].current() {
                self.mark_unannounced(PortId::from_index(slot));
            }
        }
    }

    /// Rejects an order after the group has failed. Cancels need no answer: no order is open.
    pub(super) fn answer_without_group(&mut self, ctx: &mut Ctx<'_>, slot: PortId, command: &Command) {
        let (user_ref, cl_ord_id) = match command {
            Command::Enter(enter) => (enter.user_ref, enter.cl_ord_id),
            Command::Replace(replace) => (replace.user_ref, replace.cl_ord_id),
            _ => return,
        };
        let now_ns = ctx.time_ns();
        let port = &mut self.ports[slot.index()];
        if user_ref <= port.orders.consumed() {
            return;
        }
        port.orders.consume(user_ref);
        let is_kept = port.append(rejected(now_ns, user_ref, cl_ord_id).as_bytes());
        self.counters.add(SessionCount::AnswersForGroup, 1);
        if !is_kept {
            self.counters.add(SessionCount::AnswersNotKept, 1);
        }
        self.mark_dirty(slot);
        if self.ports[slot.index()].is_spent() {
            self.mark_unannounced(slot);
        }
    }
}

fn rejected(now_ns: u64, user_ref: u32, cl_ord_id: [u8; 14]) -> Rejected {
    Rejected::new(now_ns, user_ref, RejectReason::ProcessingError, ClOrdId::from_bytes(cl_ord_id))
}
