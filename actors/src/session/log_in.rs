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
        let Some(index) = self.config.ports.iter().position(by_login) else {
            return self.reject_log_in(ctx, conn, RejectCode::NotAuthorized, SessionCount::NotAuthorized);
        };
        let today = self.config.session;
        let next_number = self.ports[index].log.next_number();
        let first = match login.sequence.unwrap_or(1) {
            0 => next_number,
            number => SequenceNumber(number),
        };
        let is_today = login.session.is_blank() || login.session.trimmed() == today.trimmed();
        if !is_today || first > next_number {
            return self.reject_log_in(ctx, conn, RejectCode::SessionUnavailable, SessionCount::SessionUnavailable);
        }
        let Some(start) = self.ports[index].log.start_of(first) else {
            return self.reject_log_in(ctx, conn, RejectCode::SessionUnavailable, SessionCount::NotKept);
        };
        if let Some(superseded) = self.ports[index].conn {
            self.disconnect(ctx, superseded, SessionCount::Superseded);
        }
        let state = &mut self.ports[index];
        state.generation += 1;
        state.conn = Some(conn);
        state.leaving = false;
        state.cursor = start;
        state.replaying = start < state.log.end();
        let port = PortId::from_index(index);
        self.counters.add(SessionCount::LogIns, 1);
        self.begin(ctx, conn, port, first, login.heartbeat_timeout_ms);
        self.announce(ctx, port);
        self.flush(ctx, port);
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
        self.strangers.remove(conn);
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

    fn reject_log_in(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, code: RejectCode, reason: SessionCount) {
        // A new connection has room for four bytes. If it has not, the close tells the client.
        let _ = send_packet(ctx, conn, &ServerPacket::LoginRejected(code));
        self.disconnect(ctx, conn, reason);
    }
}
