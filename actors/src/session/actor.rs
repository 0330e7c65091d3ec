//! The order entry actor: answers, timers and connections in, requests and bytes out.

use std::net::SocketAddr;

use corelane_codecs::{ouch, soup::ClientPacket};
use corelane_runtime::{
    actor::{Actor, Down, NetActor, Step},
    fault,
    net::{CloseReason, ConnId, EndpointId, Flow},
    telemetry::TimingSet,
};

use super::{
    announcements::WAKE,
    config::CONNECTIONS_MAX,
    connections::note_end,
    counts::SessionCount,
    order_entry::{Ctx, Session, SessionOut, TIMED_MAX},
    state::{Connection, Phase},
    strangers::Source,
};
use crate::{telemetry::OrderTiming, types::Reply};

/// Most heartbeats and debug packets before a log-in: those of a minute. Anyone can open connections, and if each could send
/// without end, they would hold up the requests of those that are logged in.
const EARLY_PACKETS_MAX: u8 = 64;

/// The offset of the event code in an OUCH system event.
const EVENT_CODE: usize = size_of::<ouch::SystemEvent>() - 1;

impl Actor for Session {
    type In = Reply;
    type Out = SessionOut;
    /// A disconnect and a log-in, when a user logs in again elsewhere, and a request.
    const OUTPUTS_MAX: usize = 3;
    const TIMERS_MAX: usize = CONNECTIONS_MAX + 1;
    const TIMINGS: TimingSet = TimingSet::of::<OrderTiming>();

    #[inline]
    fn on_message(&mut self, ctx: &mut Ctx<'_>, reply: &Reply) -> Step {
        fault!("session.reply");
        if ctx.header().index == 0 {
            ctx.record_sampled(OrderTiming::OrderToDecision);
        }
        let port = &mut self.ports[reply.port.index()];
        assert_eq!(
            reply.number,
            port.log.next_number(),
            "port {}: an answer of the group is not the next of its sequence",
            reply.port
        );
        let in_flight = port.orders.in_flight();
        port.orders.on_answer(reply, &self.locates);
        self.day_is_over |= is_end_of_day(reply);
        port.log.append(&reply.bytes[..usize::from(reply.length)]);
        let in_flight_now = port.orders.in_flight();
        if port.conn.is_some() && !port.replaying && self.timed.len() < TIMED_MAX {
            self.timed.push((reply.port, ctx.header().ingress_ticks));
        }
        self.note_unanswered(reply.port, in_flight, in_flight_now);
        self.counters.add(SessionCount::Answers, 1);
        self.mark_dirty(reply.port);
        Step::Done
    }

    #[expect(clippy::cast_possible_truncation, reason = "the token of a connection is its slot")]
    fn on_timer(&mut self, ctx: &mut Ctx<'_>, token: u64) {
        if token == WAKE {
            self.wake_is_set = false;
        } else {
            self.on_connection_timer(ctx, token as usize);
        }
    }

    fn on_batch_end(&mut self, ctx: &mut Ctx<'_>) {
        self.announce_waiting(ctx);
        while let Some(port) = self.dirty.pop() {
            self.ports[port.index()].is_dirty = false;
            self.flush(ctx, port);
        }
        for (port, ingress_ticks) in self.timed.drain(..) {
            if self.ports[port.index()].is_up_to_date() {
                ctx.record_since(OrderTiming::OrderToAnswer, ingress_ticks);
            }
        }
        self.counters.set(SessionCount::Unanswered, self.unanswered);
        self.wake_if_waiting(ctx);
    }

    /// The failure of the sequencer counts as that of the group: without it, no request is answered either.
    fn on_down(&mut self, _ctx: &mut Ctx<'_>, _down: Down) {
        self.group_is_down = true;
    }

    /// Ends each client's session behind its last answer. A client that is behind gets them as it takes them, until the stop's
    /// deadline.
    #[expect(clippy::cast_possible_truncation, reason = "connections_max is below 2³²")]
    fn on_stop(&mut self, ctx: &mut Ctx<'_>) {
        for slot in 0..self.connections.len() {
            let connection = &mut self.connections[slot];
            let conn = ConnId { slot: slot as u32, generation: connection.generation };
            match connection.phase {
                Phase::LoggedIn(port) => {
                    connection.ending = true;
                    self.flush(ctx, port);
                }
                Phase::Anonymous => self.disconnect(ctx, conn, SessionCount::Shutdown),
                Phase::Free | Phase::Closing => {}
            }
        }
    }
}

impl NetActor for Session {
    fn on_open(&mut self, ctx: &mut Ctx<'_>, _endpoint: EndpointId, conn: ConnId, peer: SocketAddr) {
        let now_ns = ctx.time_ns();
        let login_timeout_ns = self.config.login_timeout_ns;
        let Some(connection) = self.connections.get_mut(conn.slot as usize) else {
            self.counters.add(SessionCount::TooMany, 1);
            ctx.net.close(conn, CloseReason::TooMany);
            return;
        };
        let source = Source::of(peer.ip());
        *connection = Connection::open(conn, source, now_ns, login_timeout_ns);
        if let Some(displaced) = self.strangers.admit(conn, source, self.logged_in) {
            self.make_room(ctx, displaced);
        }
        let after_ns = login_timeout_ns.min(self.config.heartbeat_ns);
        self.connections[conn.slot as usize].timer = ctx.set_timer(after_ns, conn.slot.into()).ok();
    }

    #[inline]
    fn on_frame(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, frame: &[u8]) -> Flow {
        fault!("session.frame");
        let now_ns = ctx.time_ns();
        let Some(connection) = self.connection(conn) else {
            return Flow::Taken;
        };
        let phase = connection.phase;
        match (ClientPacket::decode(frame), phase) {
            (_, Phase::Free | Phase::Closing) => return Flow::Taken,
            (Ok(ClientPacket::Unsequenced(payload)), Phase::LoggedIn(port)) => {
                connection.last_heard_ns = now_ns;
                return self.on_request(ctx, conn, port, payload);
            }
            (Ok(ClientPacket::Heartbeat | ClientPacket::Debug(_)), Phase::LoggedIn(_)) => {
                connection.last_heard_ns = now_ns;
            }
            // The login timeout keeps running.
            (Ok(ClientPacket::Heartbeat | ClientPacket::Debug(_)), Phase::Anonymous)
                if connection.early_packets < EARLY_PACKETS_MAX =>
            {
                connection.early_packets += 1;
            }
            (Ok(ClientPacket::Heartbeat | ClientPacket::Debug(_)), Phase::Anonymous) => {
                self.disconnect(ctx, conn, SessionCount::NotLoggedIn);
            }
            (Ok(ClientPacket::Login(login)), Phase::Anonymous) => return self.log_in(ctx, conn, &login),
            (Ok(ClientPacket::Login(_)), Phase::LoggedIn(_)) => {
                self.disconnect(ctx, conn, SessionCount::LoggedInAlready);
            }
            (Ok(ClientPacket::Logout), _) => self.disconnect(ctx, conn, SessionCount::Logout),
            (Ok(ClientPacket::Unsequenced(_)), Phase::Anonymous) => {
                self.disconnect(ctx, conn, SessionCount::NotLoggedIn);
            }
            (Err(_), _) => self.disconnect(ctx, conn, SessionCount::BadPacket),
        }
        Flow::Taken
    }

    /// The client has sent its last request, or the session has ended its input. If it was the client, it still gets the answers
    /// and the cancels of its disconnect, and then the end; at the latest when it has been silent for too long.
    fn on_half_close(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        let ends_for = self.connection(conn).and_then(|connection| connection.ends_for);
        match self.connection(conn).map(|connection| connection.phase) {
            Some(Phase::LoggedIn(_)) if let Some(reason) = ends_for => self.disconnect(ctx, conn, reason),
            Some(Phase::LoggedIn(port)) => {
                self.ports[port.index()].leaving = true;
                self.announce(ctx, port);
                self.mark_dirty(port);
            }
            Some(Phase::Anonymous) => self.disconnect(ctx, conn, SessionCount::Peer),
            // The driver is closing it already.
            Some(Phase::Free | Phase::Closing) | None => {}
        }
    }

    fn on_writable(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        if let Some(&mut Connection { phase: Phase::LoggedIn(port), .. }) = self.connection(conn) {
            self.flush(ctx, port);
        }
    }

    fn on_close(&mut self, ctx: &mut Ctx<'_>, _endpoint: EndpointId, conn: ConnId, reason: CloseReason) {
        fault!("session.close");
        let Some(connection) = self.connection(conn) else {
            return;
        };
        let (phase, timer, ends_for) = (connection.phase, connection.timer.take(), connection.ends_for);
        connection.phase = Phase::Free;
        if let Some(timer) = timer {
            ctx.cancel_timer(timer);
        }
        self.strangers.remove(conn);
        if matches!(phase, Phase::Anonymous | Phase::LoggedIn(_)) {
            let reason = ends_for.unwrap_or(SessionCount::of_close(reason));
            self.counters.add(reason, 1);
            note_end(ctx, phase, reason);
        }
        self.leave(ctx, conn, phase);
    }
}

/// Whether this is the system event that ends a port's day. No order has the number 0.
#[inline(always)]
fn is_end_of_day(reply: &Reply) -> bool {
    reply.user_ref == 0 && (reply.bytes[0], reply.bytes[EVENT_CODE]) == (b'S', ouch::EventCode::EndOfDay.to_wire())
}
