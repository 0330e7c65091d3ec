//! Order entry: the server side of SoupBinTCP for all connections of a shard, with OUCH 5.0 inside.
//!
//! | | |
//! |---|---|
//! | log-in | either form; wrong user or password: reject `A`; another session than today's, or a sequence number that is still to come: reject `S` |
//! | requested sequence | 1 or blank: from the start; *n*: from *n*; 0: only what is new |
//! | answers | kept per account, whether or not the client is there; a client that comes back is sent the same bytes again |
//! | second log-in of a user | takes over; the first connection is closed |
//! | slow reader | a client that was up to date and falls behind by more than a bound is closed; nothing is lost, it reads on at its next log-in |
//! | malformed request | answered by the group if its number is readable, else counted; too many end the connection |
//! | sequence used up | requests are ignored, the group is told that the client is gone, and the session ends when its last order is dead |
//! | group failed | what was not answered is rejected, what was open is cancelled, once; new orders are rejected |
//!
//! # Fault model
//!
//! Clients send anything, at any speed, and may stop reading. They choose no size, no table index and no probe
//! length here. The driver may refuse any send. The edge to the sequencer may be full at any time: requests are then
//! left in the socket, and what has to be said without one (log-ins, disconnects) is kept per account until there is
//! room. An answer that does not have the account's next number fails the actor: a stream with a hole must not reach
//! a client.

mod config;
mod framer;
mod live;
mod log;
mod request;
mod state;

use std::net::SocketAddr;

use corelane_codecs::{
    IntoBytes,
    ouch::{CancelReason, Canceled, RejectReason, Rejected},
    soup::{ClientPacket, LOGIN_ACCEPTED_LEN, LoginRequest, RejectCode, ServerPacket},
    text::ClOrdId,
};
use corelane_runtime::{
    actor::{Actor, Context, Down, NetActor, Step},
    net::{CloseReason, ConnId, EndpointId, Flow, SendError},
    telemetry::Timing,
};

pub use config::{Account, CONNECTIONS_MAX, Count, SessionConfig, SessionConfigError};
pub use framer::SoupFramer;
pub use log::ReplyLog;

use self::{
    live::Orphan,
    request::{Locates, Request},
    state::{AccountState, Connection, Phase},
};
use crate::{
    counters::Counters,
    messages::{AccountSlot, Command, Reply, SequencerIn, SessionChange},
};

/// Malformed requests that a connection may send; one more ends it. A client with a defect is told by rejects; one
/// that sends noise costs little until then.
pub const MALFORMED_MAX: u32 = 64;

/// How long what the group has to be told waits before the room is looked at again.
const RETRY_NS: u64 = 1_000_000;

/// Token of the timer that only makes a batch end; the others are slots of connections.
const WAKE: u64 = u64::MAX;

/// Most timers that leave a poll of the inlets after them: the steps of one poll.
const TIMERS_PER_POLL: usize = 64;

/// Answers timed per batch: as many as one turn of the shard lets in.
const TIMED_MAX: usize = 256;

corelane_runtime::ports! {
    /// Where requests go.
    pub struct SessionOut {
        /// The sequencer. An admission edge: no answer waits for it.
        requests: SequencerIn,
    }
}

/// What is known of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Up,
    /// It has failed, and its last answers may still be on the edge.
    Draining,
    /// It has failed, and its orders are answered for.
    Down,
}

/// The order entry actor, see the [module](self).
pub struct Session {
    config: SessionConfig,
    locates: Locates,
    accounts: Vec<AccountState>,
    connections: Vec<Connection>,
    counters: Counters<Count>,
    group: Group,
    /// Accounts whose log-in state the group has to hear of.
    unannounced: Vec<AccountSlot>,
    /// Accounts with answers to send at the end of the batch.
    dirty: Vec<AccountSlot>,
    /// Accounts and ingress ticks of the answers of this batch.
    timed: Vec<(AccountSlot, u64)>,
    wake_is_set: bool,
    answers_in_cycle: usize,
    timers_in_cycle: usize,
}

impl Session {
    /// A session actor for these accounts. Its tables are allocated here.
    ///
    /// # Errors
    /// [`SessionConfigError`] for sizes out of range and for users or symbols that are there twice.
    pub fn new(config: SessionConfig) -> Result<Self, SessionConfigError> {
        config.check()?;
        let locates =
            Locates::new(&config.symbols).map_err(|index| SessionConfigError::Symbol {
                symbol: config.symbols[index],
            })?;
        Ok(Session {
            locates,
            accounts: config
                .accounts
                .iter()
                .map(|_| AccountState::new(&config))
                .collect(),
            connections: vec![Connection::FREE; config.connections_max],
            counters: Counters::default(),
            group: Group::Up,
            unannounced: Vec::with_capacity(config.accounts.len()),
            dirty: Vec::with_capacity(config.accounts.len()),
            timed: Vec::with_capacity(TIMED_MAX),
            wake_is_set: false,
            answers_in_cycle: 0,
            timers_in_cycle: 0,
            config,
        })
    }

    /// What it counts, to be read from anywhere while it runs.
    pub fn stats(&self) -> Counters<Count> {
        self.counters.clone()
    }
}

type Ctx<'a> = Context<'a, SessionOut>;

impl Actor for Session {
    type In = Reply;
    type Out = SessionOut;
    /// A log-in that takes over from another connection, and a request behind it.
    const OUTPUTS_MAX: usize = 3;
    const TIMERS_MAX: usize = CONNECTIONS_MAX + 1;

    #[inline]
    fn on_message(&mut self, ctx: &mut Ctx<'_>, reply: &Reply) -> Step {
        self.answers_in_cycle += 1;
        let account = &mut self.accounts[reply.account as usize];
        assert_eq!(
            reply.number,
            account.last_number + 1,
            "account {}: an answer of the group is not the next of its sequence",
            reply.account
        );
        account.live.answered(reply);
        let was_spent = account.is_spent();
        let is_kept = account.append(&reply.bytes[..usize::from(reply.length)]);
        let was_used_up = !was_spent && account.is_spent();
        if account.conn.is_some() && !account.replaying && self.timed.len() < TIMED_MAX {
            self.timed.push((reply.account, ctx.header().ingress_ticks));
        }
        self.counters.add(
            if is_kept {
                Count::Answers
            } else {
                Count::AnswersNotKept
            },
            1,
        );
        self.mark_dirty(reply.account);
        if was_used_up {
            self.mark_unannounced(reply.account);
        }
        Step::Done
    }

    fn on_timer(&mut self, ctx: &mut Ctx<'_>, token: u64) {
        self.timers_in_cycle += 1;
        if token == WAKE {
            self.wake_is_set = false;
        } else {
            self.on_connection_timer(ctx, token as usize);
        }
    }

    fn on_batch_end(&mut self, ctx: &mut Ctx<'_>) {
        self.announce_waiting(ctx);
        // A cycle looks at the inlet before its batch ends; one without answers has found it empty, and a group
        // that has failed adds nothing.
        if self.group == Group::Draining
            && self.answers_in_cycle == 0
            && self.timers_in_cycle < TIMERS_PER_POLL
        {
            self.answer_for_group(ctx);
        }
        while let Some(account) = self.dirty.pop() {
            self.accounts[account as usize].is_dirty = false;
            self.flush(ctx, account);
        }
        for (account, ingress_ticks) in self.timed.drain(..) {
            if self.accounts[account as usize].is_up_to_date() {
                ctx.record_since(Timing::OrderToAnswer, ingress_ticks);
            }
        }
        self.answers_in_cycle = 0;
        self.timers_in_cycle = 0;
        self.wake_if_waiting(ctx);
    }

    fn on_down(&mut self, ctx: &mut Ctx<'_>, _down: Down) {
        if self.group == Group::Up {
            self.group = Group::Draining;
            self.wake_if_waiting(ctx);
        }
    }

    fn on_stop(&mut self, ctx: &mut Ctx<'_>) {
        for slot in 0..self.connections.len() {
            let connection = &mut self.connections[slot];
            let conn = ConnId {
                slot: slot as u32,
                generation: connection.generation,
            };
            match connection.phase {
                Phase::LoggedIn(account) => {
                    connection.ending = true;
                    self.flush(ctx, account);
                }
                Phase::Anonymous => self.disconnect(ctx, conn, Count::Shutdown),
                Phase::Free | Phase::Closing => {}
            }
        }
    }
}

impl NetActor for Session {
    fn on_open(
        &mut self,
        ctx: &mut Ctx<'_>,
        _endpoint: EndpointId,
        conn: ConnId,
        _peer: SocketAddr,
    ) {
        let now_ns = ctx.time_ns();
        let login_timeout_ns = self.config.login_timeout_ns;
        let Some(connection) = self.connections.get_mut(conn.slot as usize) else {
            self.counters.add(Count::TooMany, 1);
            ctx.net.close(conn, CloseReason::TooMany);
            return;
        };
        *connection = Connection::open(conn, now_ns, login_timeout_ns);
        connection.timer = ctx.set_timer(login_timeout_ns, conn.slot.into()).ok();
    }

    #[inline]
    fn on_frame(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, frame: &[u8]) -> Flow {
        let now_ns = ctx.time_ns();
        let Some(connection) = self.connection(conn) else {
            return Flow::Taken;
        };
        let phase = connection.phase;
        match (ClientPacket::decode(frame), phase) {
            (_, Phase::Free | Phase::Closing) => return Flow::Taken,
            (Ok(ClientPacket::Unsequenced(payload)), Phase::LoggedIn(account)) => {
                connection.last_heard_ns = now_ns;
                return self.on_request(ctx, conn, account, payload);
            }
            (Ok(ClientPacket::Heartbeat | ClientPacket::Debug(_)), Phase::LoggedIn(_)) => {
                connection.last_heard_ns = now_ns;
            }
            // The time to log in is not prolonged.
            (Ok(ClientPacket::Heartbeat | ClientPacket::Debug(_)), Phase::Anonymous) => {}
            (Ok(ClientPacket::Login(login)), Phase::Anonymous) => self.log_in(ctx, conn, &login),
            (Ok(ClientPacket::Login(_)), Phase::LoggedIn(_)) => {
                self.disconnect(ctx, conn, Count::LoggedInAlready);
            }
            (Ok(ClientPacket::Logout), _) => self.disconnect(ctx, conn, Count::Logout),
            (Ok(ClientPacket::Unsequenced(_)), Phase::Anonymous) => {
                self.disconnect(ctx, conn, Count::NotLoggedIn);
            }
            (Err(_), _) => self.disconnect(ctx, conn, Count::BadPacket),
        }
        Flow::Taken
    }

    fn on_writable(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        if let Some(&mut Connection {
            phase: Phase::LoggedIn(account),
            ..
        }) = self.connection(conn)
        {
            self.flush(ctx, account);
        }
    }

    fn on_close(
        &mut self,
        ctx: &mut Ctx<'_>,
        _endpoint: EndpointId,
        conn: ConnId,
        reason: CloseReason,
    ) {
        let Some(connection) = self.connection(conn) else {
            return;
        };
        let (phase, timer) = (connection.phase, connection.timer.take());
        connection.phase = Phase::Free;
        if let Some(timer) = timer {
            ctx.cancel_timer(timer);
        }
        if matches!(phase, Phase::Anonymous | Phase::LoggedIn(_)) {
            self.counters.add(Count::of_close(reason), 1);
        }
        self.leave(ctx, conn, phase);
    }
}

/// Connections: log-in, time-outs, end.
impl Session {
    /// The slot of a connection, unless it has been reused since.
    #[inline]
    fn connection(&mut self, conn: ConnId) -> Option<&mut Connection> {
        let connection = self.connections.get_mut(conn.slot as usize)?;
        (connection.generation == conn.generation).then_some(connection)
    }

    fn log_in(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, login: &LoginRequest) {
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
        account.replaying = start < account.log.len();
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
    fn on_connection_timer(&mut self, ctx: &mut Ctx<'_>, slot: usize) {
        let now_ns = ctx.time_ns();
        let heartbeat_ns = self.config.heartbeat_ns;
        let connection = &mut self.connections[slot];
        connection.timer = None;
        let conn = ConnId {
            slot: slot as u32,
            generation: connection.generation,
        };
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

    fn disconnect(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, reason: Count) {
        let Some(connection) = self.connection(conn) else {
            return;
        };
        let phase = std::mem::replace(&mut connection.phase, Phase::Closing);
        self.counters.add(reason, 1);
        ctx.net.close(conn, reason.close_reason());
        self.leave(ctx, conn, phase);
    }

    /// The account of a connection that is gone has none any more.
    fn leave(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, phase: Phase) {
        if let Phase::LoggedIn(slot) = phase
            && self.accounts[slot as usize].conn == Some(conn)
        {
            self.accounts[slot as usize].conn = None;
            self.announce(ctx, slot);
        }
    }
}

/// Requests, and what the group is told of log-ins.
impl Session {
    #[inline]
    fn on_request(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        slot: AccountSlot,
        payload: &[u8],
    ) -> Flow {
        if self.accounts[slot as usize].is_spent() {
            self.counters.add(Count::IgnoredRequests, 1);
            return Flow::Taken;
        }
        if self.group == Group::Draining || !self.announce(ctx, slot) {
            return self.hold();
        }
        let (request, is_malformed) = match Request::read(slot, payload, &self.locates) {
            Request::Good(command) => (Some(command), false),
            Request::Refused(command) => (Some(command), true),
            Request::Unreadable => (None, true),
        };
        if let Some(command) = request {
            if self.group == Group::Down {
                self.answer_without_group(ctx, slot, &command);
            } else if !self.forward(ctx, slot, command) {
                return self.hold();
            }
        }
        if is_malformed {
            self.on_malformed(ctx, conn);
        }
        Flow::Taken
    }

    fn hold(&mut self) -> Flow {
        self.counters.add(Count::Holds, 1);
        Flow::Hold
    }

    #[cold]
    fn on_malformed(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        self.counters.add(Count::MalformedRequests, 1);
        let Some(connection) = self.connection(conn) else {
            return;
        };
        connection.malformed += 1;
        if connection.malformed > MALFORMED_MAX {
            self.disconnect(ctx, conn, Count::Malformed);
        }
    }

    /// Sends a request to the sequencer; false if it has to wait.
    #[inline]
    fn forward(&mut self, ctx: &mut Ctx<'_>, slot: AccountSlot, mut command: Command) -> bool {
        let live = &mut self.accounts[slot as usize].live;
        let wants_credit = !matches!(command, Command::Cancel(_));
        if ctx.out.requests.room() == 0 || wants_credit && !live.has_credit() {
            return false;
        }
        match &mut command {
            Command::Enter(enter) => {
                if enter.unsupported == 0 && live.is_full() {
                    enter.unsupported = RejectReason::Other.to_wire();
                }
                live.entered(
                    enter.user_ref,
                    enter.locate,
                    enter.quantity,
                    enter.cl_ord_id,
                );
            }
            Command::Replace(replace) => {
                replace.locate = live.locate_of(replace.original_user_ref);
                live.replacing(
                    replace.original_user_ref,
                    replace.user_ref,
                    replace.quantity,
                    replace.cl_ord_id,
                );
            }
            _ => {}
        }
        self.counters.add(Count::Requests, 1);
        ctx.out.requests.send(SequencerIn::Command(command));
        true
    }

    /// Tells the group of an account's log-in or disconnect; false, and the account noted, if there is no room.
    ///
    /// Only the newest state is told: a log-in that came and went unheard has sent no request, because requests wait
    /// for it.
    #[inline]
    fn announce(&mut self, ctx: &mut Ctx<'_>, slot: AccountSlot) -> bool {
        let account = &mut self.accounts[slot as usize];
        let current = account.current();
        if account.told == current {
            return true;
        }
        let change = |generation| SessionChange {
            account: slot,
            generation,
        };
        let requests = &mut ctx.out.requests;
        if let Some(generation) = account.told
            && requests.room() > 0
        {
            requests.send(SequencerIn::Command(Command::Disconnect(change(
                generation,
            ))));
            account.told = None;
        }
        if let (None, Some(generation)) = (account.told, current)
            && requests.room() > 0
        {
            requests.send(SequencerIn::Command(Command::LogIn(change(generation))));
            account.told = current;
        }
        let is_told = account.told == current;
        if !is_told {
            self.mark_unannounced(slot);
        }
        is_told
    }

    fn announce_waiting(&mut self, ctx: &mut Ctx<'_>) {
        while let Some(&slot) = self.unannounced.first() {
            if !self.announce(ctx, slot) {
                return;
            }
            self.unannounced.remove(0);
            self.accounts[slot as usize].is_unannounced = false;
        }
    }

    fn mark_unannounced(&mut self, slot: AccountSlot) {
        let account = &mut self.accounts[slot as usize];
        if !account.is_unannounced {
            account.is_unannounced = true;
            self.unannounced.push(slot);
        }
    }

    fn wake_if_waiting(&mut self, ctx: &mut Ctx<'_>) {
        let after_ns = match self.group {
            Group::Draining => 0,
            _ if !self.unannounced.is_empty() => RETRY_NS,
            _ => return,
        };
        if !self.wake_is_set {
            self.wake_is_set = ctx.set_timer(after_ns, WAKE).is_ok();
        }
    }
}

/// Answers: on to the client, and in the group's place when it has failed.
impl Session {
    #[inline]
    fn mark_dirty(&mut self, slot: AccountSlot) {
        let account = &mut self.accounts[slot as usize];
        if !account.is_dirty {
            account.is_dirty = true;
            self.dirty.push(slot);
        }
    }

    /// Sends what the account's connection has not been sent, as far as it takes it.
    fn flush(&mut self, ctx: &mut Ctx<'_>, slot: AccountSlot) {
        let now_ns = ctx.time_ns();
        let account = &mut self.accounts[slot as usize];
        let Some(conn) = account.conn else { return };
        let connection = &mut self.connections[conn.slot as usize];
        if let Some(next_sequence) = connection.accept_owed {
            let session = self.config.session;
            let accepted = ServerPacket::LoginAccepted {
                session,
                next_sequence,
            };
            if send_packet(ctx, conn, &accepted).is_err() {
                return;
            }
            connection.accept_owed = None;
        }
        while account.cursor < account.log.len() {
            let unsent = account.log.bytes_from(account.cursor);
            // Without room one byte is offered all the same: being refused is what makes the driver tell when there
            // is room again.
            let piece = ctx.net.send_room(conn).clamp(1, unsent.len());
            if ctx.net.send(conn, &unsent[..piece]).is_err() {
                break;
            }
            account.cursor += piece;
            connection.last_sent_ns = now_ns;
        }
        let behind = account.log.len() - account.cursor;
        if behind > 0 {
            if !account.replaying && behind > self.config.unsent_bytes_max {
                self.disconnect(ctx, conn, Count::SlowReader);
            }
            return;
        }
        account.replaying = false;
        let is_over = account.is_over();
        if (connection.ending || is_over)
            && send_packet(ctx, conn, &ServerPacket::EndOfSession) != Err(SendError::Full)
        {
            let reason = if is_over {
                Count::SequenceUsedUp
            } else {
                Count::Shutdown
            };
            self.disconnect(ctx, conn, reason);
        }
    }

    /// The group has failed: answers every order that it owes an answer, in the order of accounts and numbers.
    #[cold]
    fn answer_for_group(&mut self, ctx: &mut Ctx<'_>) {
        self.group = Group::Down;
        let now_ns = ctx.time_ns();
        for slot in 0..self.accounts.len() {
            let AccountState {
                log,
                live,
                last_number,
                ..
            } = &mut self.accounts[slot];
            let mut answers = 0;
            live.abandon(|user_ref, orphan| {
                answers += 1;
                *last_number += 1;
                let is_kept = match orphan {
                    Orphan::Unanswered(order) => {
                        log.append(rejected(now_ns, user_ref, order.cl_ord_id).as_bytes())
                    }
                    Orphan::Open(order) => {
                        let reason = CancelReason::System;
                        log.append(
                            Canceled::new(now_ns, user_ref, order.leaves_qty, reason).as_bytes(),
                        )
                    }
                };
                if !is_kept {
                    self.counters.add(Count::AnswersNotKept, 1);
                }
            });
            self.counters.add(Count::AnswersForGroup, answers);
            self.mark_dirty(slot as AccountSlot);
            if self.accounts[slot].told != self.accounts[slot].current() {
                self.mark_unannounced(slot as AccountSlot);
            }
        }
    }

    /// With the group down, orders are rejected here; there is nothing left to cancel.
    fn answer_without_group(&mut self, ctx: &mut Ctx<'_>, slot: AccountSlot, command: &Command) {
        let (user_ref, cl_ord_id) = match command {
            Command::Enter(enter) => (enter.user_ref, enter.cl_ord_id),
            Command::Replace(replace) => (replace.user_ref, replace.cl_ord_id),
            _ => return,
        };
        let now_ns = ctx.time_ns();
        let account = &mut self.accounts[slot as usize];
        if user_ref <= account.live.consumed() {
            return;
        }
        account.live.consume(user_ref);
        let is_kept = account.append(rejected(now_ns, user_ref, cl_ord_id).as_bytes());
        self.counters.add(Count::AnswersForGroup, 1);
        if !is_kept {
            self.counters.add(Count::AnswersNotKept, 1);
        }
        self.mark_dirty(slot);
        if self.accounts[slot as usize].is_spent() {
            self.mark_unannounced(slot);
        }
    }
}

fn rejected(now_ns: u64, user_ref: u32, cl_ord_id: [u8; 14]) -> Rejected {
    Rejected::new(
        now_ns,
        user_ref,
        RejectReason::ProcessingError,
        ClOrdId::from_bytes(cl_ord_id),
    )
}

/// Sends a packet other than an answer.
fn send_packet(
    ctx: &mut Ctx<'_>,
    conn: ConnId,
    packet: &ServerPacket<'_>,
) -> Result<(), SendError> {
    let mut bytes = [0; LOGIN_ACCEPTED_LEN];
    match packet.encode(&mut bytes) {
        Ok(length) => ctx.net.send(conn, &bytes[..length]),
        // None of the packets sent this way is longer than a login accepted.
        Err(_) => Err(SendError::TooLong),
    }
}
