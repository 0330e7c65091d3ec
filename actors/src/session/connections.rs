//! Connections: heartbeats, time-outs, end.

use corelane_codecs::soup::{LOGIN_ACCEPTED_LEN, ServerPacket};
use corelane_runtime::{
    actor::Actor,
    net::{ConnId, SendError},
};

use super::{
    counts::SessionCount,
    order_entry::{ConnectionEnd, Ctx, Session},
    state::{Connection, Phase, PortState},
};

/// A client that is found silent later than this did perhaps send: the process was suspended meanwhile, or its host, and what came
/// is read only in turn (the kernel hands over some twenty sockets at a time).
const LATE_NS_MAX: u64 = 20_000_000;

impl Session {
    /// The slot of a connection, unless it has been reused since.
    #[inline]
    pub(super) fn connection(&mut self, conn: ConnId) -> Option<&mut Connection> {
        let connection = self.connections.get_mut(conn.slot as usize)?;
        (connection.generation == conn.generation).then_some(connection)
    }

    /// Checks a connection's time-outs. Each connection has one timer, set to the earliest time at which something may
    /// be due; traffic does not touch it.
    #[expect(clippy::cast_possible_truncation, reason = "connections_max is below 2³²")]
    pub(super) fn on_connection_timer(&mut self, ctx: &mut Ctx<'_>, slot: usize) {
        let now_ns = ctx.time_ns();
        let heartbeat_ns = self.config.heartbeat_ns;
        let holds_frames = ctx.out.requests.room() < Session::OUTPUTS_MAX;
        let connection = &mut self.connections[slot];
        connection.timer = None;
        if holds_frames {
            // What it sends waits unread, its log-in too, so nobody knows whether it is silent.
            connection.last_heard_ns = now_ns;
        }
        let conn = ConnId { slot: slot as u32, generation: connection.generation };
        let silent_ns = now_ns.saturating_sub(connection.last_heard_ns);
        let mut left_ns = connection.client_timeout_ns.saturating_sub(silent_ns);
        let is_late = silent_ns.saturating_sub(connection.client_timeout_ns) > LATE_NS_MAX;
        if is_late && connection.given_time_ns.replace(connection.last_heard_ns) != Some(connection.last_heard_ns) {
            // Once for each silence.
            left_ns = heartbeat_ns.min(connection.client_timeout_ns);
        }
        let mut after_ns = left_ns;
        match connection.phase {
            Phase::Free | Phase::Closing => return,
            Phase::LoggedIn(_) if let Some(reason) = connection.ends_for => {
                // What still waits of it is lost.
                return self.disconnect(ctx, conn, reason);
            }
            // It has logged in, and waits for another to end.
            Phase::Anonymous
                if left_ns == 0
                    && connection.awaits.is_some_and(|port| self.ports[port.index()].successor == Some(conn)) =>
            {
                after_ns = self.config.client_timeout_ns;
            }
            Phase::Anonymous if left_ns == 0 => {
                return self.disconnect(ctx, conn, SessionCount::LoginTimeout);
            }
            Phase::LoggedIn(_) if left_ns == 0 => {
                return self.end_after_input(ctx, conn, SessionCount::ClientTimeout);
            }
            // To see in time whether what it sends waits unread.
            Phase::Anonymous => after_ns = after_ns.min(heartbeat_ns),
            Phase::LoggedIn(port) => {
                // Nothing may be sent between two pieces of a packet; a client that waits for the rest of one needs no
                // heartbeat.
                let port = &self.ports[port.index()];
                let is_between = port.is_up_to_date() && connection.accept_owed.is_none();
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

    /// Disconnects a client once the requests are taken that came from it before, cancels perhaps: they may have waited for
    /// room. That lasts no longer than the client time-out.
    pub(super) fn end_after_input(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, reason: SessionCount) {
        let limit_ns = self.config.client_timeout_ns;
        let Some(&mut Connection { phase: Phase::LoggedIn(port), ends_for: None, .. }) = self.connection(conn) else {
            return;
        };
        if self.ports[port.index()].leaving {
            // Its client has ended its side, and all is taken.
            return self.disconnect(ctx, conn, reason);
        }
        ctx.net.end_input(conn);
        let connection = &mut self.connections[conn.slot as usize];
        connection.ends_for = Some(reason);
        if let Some(timer) = connection.timer.take() {
            ctx.cancel_timer(timer);
        }
        connection.timer = ctx.set_timer(limit_ns, conn.slot.into()).ok();
    }

    pub(super) fn disconnect(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, reason: SessionCount) {
        let Some(connection) = self.connection(conn) else {
            return;
        };
        let source = connection.source;
        self.strangers.note_closing(conn, source);
        self.end(ctx, conn, reason);
    }

    /// Closes a connection that counts as a stranger no longer, so that its slot is soon free.
    pub(super) fn make_room(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        match self.connection(conn).map(|connection| connection.phase) {
            // Its end is counted already. Only the wait for its client is cut short.
            Some(Phase::Closing) => ctx.net.close(conn, SessionCount::MadeRoom.close_reason()),
            Some(Phase::Anonymous | Phase::LoggedIn(_)) => self.end(ctx, conn, SessionCount::MadeRoom),
            Some(Phase::Free) | None => {}
        }
    }

    fn end(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, reason: SessionCount) {
        let Some(connection) = self.connection(conn) else {
            return;
        };
        let phase = std::mem::replace(&mut connection.phase, Phase::Closing);
        note_end(ctx, phase, reason);
        self.counters.add(reason, 1);
        ctx.net.close(conn, reason.close_reason());
        self.leave(ctx, conn, phase);
    }

    /// Detaches the port from a connection that is gone.
    pub(super) fn leave(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, phase: Phase) {
        if let Phase::LoggedIn(port) = phase
            && self.ports[port.index()].conn == Some(conn)
        {
            if self.connection(conn).is_some_and(|connection| connection.ending) {
                let PortState { log, cursor, .. } = &self.ports[port.index()];
                self.counters.add(SessionCount::UnsentAtStopBytes, log.end() - cursor);
            }
            self.ports[port.index()].conn = None;
            self.logged_in -= 1;
            self.announce(ctx, port);
        }
    }
}

/// Notes for the log that a port's connection ends for a fault.
pub(super) fn note_end(ctx: &mut Ctx<'_>, phase: Phase, reason: SessionCount) {
    if let Phase::LoggedIn(port) = phase
        && reason.is_fault()
    {
        ctx.out.ends.send(ConnectionEnd { port, reason });
    }
}

/// Sends a packet other than an answer.
pub(super) fn send_packet(ctx: &mut Ctx<'_>, conn: ConnId, packet: &ServerPacket<'_>) -> Result<(), SendError> {
    let mut bytes = [0; LOGIN_ACCEPTED_LEN];
    match packet.encode(&mut bytes) {
        Ok(length) => ctx.net.send(conn, &bytes[..length]),
        // No packet sent this way is longer than a login accepted.
        Err(_) => Err(SendError::TooLong),
    }
}
