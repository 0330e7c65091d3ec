//! Connections: log-in, time-outs, end.

use corelane_codecs::soup::{LoginRequest, RejectCode, ServerPacket};
use corelane_runtime::net::ConnId;

use super::{
    Account, Count, Ctx, Session,
    answers::send_packet,
    state::{Connection, Phase},
};
use crate::messages::AccountSlot;

impl Session {
    /// The slot of a connection, unless it has been reused since.
    #[inline]
    pub(super) fn connection(&mut self, conn: ConnId) -> Option<&mut Connection> {
        let connection = self.connections.get_mut(conn.slot as usize)?;
        (connection.generation == conn.generation).then_some(connection)
    }

    pub(super) fn log_in(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, login: &LoginRequest) {
        let by_login = |account: &Account| login.matches(&account.user, &account.password);
        let Some(slot) = self.config.accounts.iter().position(by_login) else {
            return self.reject_log_in(ctx, conn, RejectCode::NotAuthorized);
        };
        let today = self.config.session;
        let next_number = self.accounts[slot].log.next_number();
        let first = match login.sequence.unwrap_or(1) {
            0 => next_number,
            number => number,
        };
        let start = self.accounts[slot].log.start_of(first);
        let is_today = login.session.is_blank() || login.session.trimmed() == today.trimmed();
        let Some(start) = start.filter(|_| is_today) else {
            return self.reject_log_in(ctx, conn, RejectCode::SessionUnavailable);
        };
        if let Some(superseded) = self.accounts[slot].conn {
            self.disconnect(ctx, superseded, Count::Superseded);
        }
        let account = &mut self.accounts[slot];
        account.generation += 1;
        account.conn = Some(conn);
        account.cursor = start;
        account.replaying = start < account.log.end();
        let slot = slot as AccountSlot;
        self.counters.add(Count::LogIns, 1);
        self.begin(ctx, conn, slot, first, login.heartbeat_timeout_ms);
        self.announce(ctx, slot);
        self.flush(ctx, slot);
    }

    fn begin(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        account: AccountSlot,
        first_number: u64,
        timeout_ms: Option<u32>,
    ) {
        let now_ns = ctx.time_ns();
        let (heartbeat_ns, usual_ns) = (self.config.heartbeat_ns, self.config.client_timeout_ns);
        let Some(connection) = self.connection(conn) else {
            return;
        };
        connection.phase = Phase::LoggedIn(account);
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
            RejectCode::NotAuthorized => Count::NotAuthorized,
            RejectCode::SessionUnavailable => Count::SessionUnavailable,
        };
        // A fresh connection takes four bytes; should it not, closing says enough.
        let _ = send_packet(ctx, conn, &ServerPacket::LoginRejected(code));
        self.disconnect(ctx, conn, reason);
    }

    /// One timer per connection, set for the next thing that may be due and looked at when it fires: traffic costs no
    /// timer.
    pub(super) fn on_connection_timer(&mut self, ctx: &mut Ctx<'_>, slot: usize) {
        let now_ns = ctx.time_ns();
        let heartbeat_ns = self.config.heartbeat_ns;
        let connection = &mut self.connections[slot];
        connection.timer = None;
        let conn = ConnId { slot: slot as u32, generation: connection.generation };
        let silent_ns = now_ns.saturating_sub(connection.last_heard_ns);
        let left_ns = connection.client_timeout_ns.saturating_sub(silent_ns);
        let mut after_ns = left_ns;
        match connection.phase {
            Phase::Free | Phase::Closing => return,
            Phase::Anonymous if left_ns == 0 => {
                return self.disconnect(ctx, conn, Count::LoginTimeout);
            }
            Phase::LoggedIn(_) if left_ns == 0 => {
                return self.disconnect(ctx, conn, Count::ClientTimeout);
            }
            Phase::Anonymous => {}
            Phase::LoggedIn(account) => {
                // Between two pieces of a packet nothing else may be sent; who has to wait for them knows that we
                // are there.
                let account = &self.accounts[account as usize];
                let is_between = account.is_up_to_date() && connection.accept_owed.is_none();
                let idle_ns = now_ns.saturating_sub(connection.last_sent_ns);
                if idle_ns < heartbeat_ns {
                    after_ns = after_ns.min(heartbeat_ns - idle_ns);
                } else {
                    if is_between && send_packet(ctx, conn, &ServerPacket::Heartbeat).is_ok() {
                        connection.last_sent_ns = now_ns;
                    }
                    after_ns = after_ns.min(heartbeat_ns);
                }
            }
        }
        connection.timer = ctx.set_timer(after_ns, slot as u64).ok();
    }

    pub(super) fn disconnect(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, reason: Count) {
        let Some(connection) = self.connection(conn) else {
            return;
        };
        let phase = std::mem::replace(&mut connection.phase, Phase::Closing);
        self.counters.add(reason, 1);
        ctx.net.close(conn, reason.close_reason());
        self.leave(ctx, conn, phase);
    }

    /// The account of a connection that is gone has none any more.
    pub(super) fn leave(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, phase: Phase) {
        if let Phase::LoggedIn(slot) = phase
            && self.accounts[slot as usize].conn == Some(conn)
        {
            self.accounts[slot as usize].conn = None;
            self.announce(ctx, slot);
        }
    }
}
