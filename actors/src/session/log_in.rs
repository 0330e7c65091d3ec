//! Log-ins.

use corelane_codecs::soup::{LoginRequest, RejectCode, ServerPacket};
use corelane_runtime::net::{ConnId, Flow};

use super::{
    connections::send_packet,
    counts::SessionCount,
    order_entry::{Ctx, Session},
    state::Phase,
};
use crate::types::{PortId, SequenceNumber};

impl Session {
    /// Logs a client in, or rejects it. A log-in that takes over waits until the port's other connection has ended, so that the
    /// requests which came on that one before are taken first.
    pub(super) fn log_in(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, login: &LoginRequest) -> Flow {
        let Some(index) = self.log_ins.find(login) else {
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
            self.end_after_input(ctx, superseded, SessionCount::Superseded);
            if self.ports[index].conn.is_some() {
                self.await_succession(ctx, index, conn);
                return Flow::Hold;
            }
        }
        let state = &mut self.ports[index];
        state.successor = None;
        state.generation += 1;
        state.conn = Some(conn);
        self.logged_in += 1;
        state.leaving = false;
        state.cursor = start;
        state.replaying = start < state.log.end();
        let port = PortId::from_index(index);
        self.counters.add(SessionCount::LogIns, 1);
        self.begin(ctx, conn, port, first, login.heartbeat_timeout_ms);
        self.announce(ctx, port);
        self.flush(ctx, port);
        Flow::Taken
    }

    /// Notes that a connection waits to take over a port. It takes the place of one that waits since earlier.
    fn await_succession(&mut self, ctx: &mut Ctx<'_>, index: usize, conn: ConnId) {
        let earlier = self.ports[index].successor.replace(conn).filter(|earlier| *earlier != conn);
        if let Some(connection) = self.connection(conn) {
            connection.awaits = Some(PortId::from_index(index));
        }
        if let Some(earlier) = earlier
            && self.connection(earlier).is_some_and(|connection| connection.phase == Phase::Anonymous)
        {
            self.disconnect(ctx, earlier, SessionCount::Superseded);
        }
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

    fn reject_log_in(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, code: RejectCode, reason: SessionCount) -> Flow {
        // A new connection has room for four bytes. If it has not, the close tells the client.
        let _ = send_packet(ctx, conn, &ServerPacket::LoginRejected(code));
        self.disconnect(ctx, conn, reason);
        Flow::Taken
    }
}
