//! Answers: sending them to clients.

use corelane_codecs::soup::ServerPacket;
use corelane_runtime::net::SendError;

use super::{
    connections::send_packet,
    counts::SessionCount,
    order_entry::{Ctx, Session},
};
use crate::types::{PortId, SequenceNumber};

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
}
