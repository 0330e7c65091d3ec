//! Log-ins.

use corelane_codecs::soup::{LoginRequest, RejectCode, ServerPacket};
use corelane_runtime::net::ConnId;

use super::{
    config::Credentials,
    connections::send_packet,
    counts::SessionCount,
    order_entry::{Ctx, Session},
    state::Phase,
};
use crate::types::{PortId, SequenceNumber};

impl Session {
    pub(super) fn log_in(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, login: &LoginRequest) {
        let by_login = |port: &Credentials| login.matches(&port.user, &port.password);
        let Some(slot) = self.config.ports.iter().position(by_login) else {
            return self.reject_log_in(ctx, conn, RejectCode::NotAuthorized);
        };
        let today = self.config.session;
        let next_number = self.ports[slot].log.next_number();
        let first = match login.sequence.unwrap_or(1) {
            0 => next_number,
            number => SequenceNumber(number),
        };
        let start = self.ports[slot].log.start_of(first);
        let is_today = login.session.is_blank() || login.session.trimmed() == today.trimmed();
        let Some(start) = start.filter(|_| is_today) else {
            return self.reject_log_in(ctx, conn, RejectCode::SessionUnavailable);
        };
        if let Some(superseded) = self.ports[slot].conn {
            self.disconnect(ctx, superseded, SessionCount::Superseded);
        }
        let port = &mut self.ports[slot];
        port.generation += 1;
        port.conn = Some(conn);
        port.cursor = start;
        port.replaying = start < port.log.end();
        let slot = PortId::from_index(slot);
        self.counters.add(SessionCount::LogIns, 1);
        self.begin(ctx, conn, slot, first, login.heartbeat_timeout_ms);
        self.announce(ctx, slot);
        self.flush(ctx, slot);
    }

    fn begin(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        port: PortId,
        first_number: SequenceNumber,
        timeout_ms: Option<u32>,
    ) {
        let now_ns = ctx.time_ns();
        let (heartbeat_ns, usual_ns) = (self.config.heartbeat_ns, self.config.client_timeout_ns);
        let Some(connection) = self.connection(conn) else {
            return;
        };
        connection.phase = Phase::LoggedIn(port);
        connection.last_heard_ns = now_ns;
        connection.last_sent_ns = now_ns;
        connection.client_timeout_ns = match timeout_ms {
            None | Some(0) => usual_ns,
            Some(ms) => u64::from(ms) * 1_000_000,
        };
        connection.accept_owed = Some(first_number);
        let after_ns = heartbeat_ns.min(connection.client_timeout_ns);
        if let Some(timer) = connection.timer.take() {
            ctx.cancel_timer(timer);
        }
        connection.timer = ctx.set_timer(after_ns, conn.slot.into()).ok();
    }

    fn reject_log_in(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, code: RejectCode) {
        let reason = match code {
            RejectCode::NotAuthorized => SessionCount::NotAuthorized,
            RejectCode::SessionUnavailable => SessionCount::SessionUnavailable,
        };
        // A new connection has room for four bytes. If it has not, the close tells the client.
        let _ = send_packet(ctx, conn, &ServerPacket::LoginRejected(code));
        self.disconnect(ctx, conn, reason);
    }
}
