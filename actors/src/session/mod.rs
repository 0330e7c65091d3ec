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

mod admission;
mod answers;
mod config;
mod connections;
mod framer;
mod live;
mod log;
mod number_hash;
mod request;
mod state;

use std::net::SocketAddr;

use corelane_codecs::soup::ClientPacket;
use corelane_runtime::{
    actor::{Actor, Context, Down, NetActor, Step},
    net::{CloseReason, ConnId, EndpointId, Flow},
    telemetry::Timing,
};

pub use config::{Account, CONNECTIONS_MAX, Count, SessionConfig, SessionConfigError};
pub use framer::SoupFramer;
pub use log::{MESSAGES_MAX, replay_log_bytes};

use self::{
    request::Locates,
    state::{AccountState, Connection, Phase},
};
use crate::{
    counters::Counters,
    messages::{AccountSlot, Reply, SequencerIn},
};

/// Malformed requests that a connection may send; one more ends it. A client with a defect is told by rejects; one
/// that sends noise costs little until then.
pub const MALFORMED_MAX: u32 = 64;

/// How long what the group has to be told waits before the room is looked at again.
const RETRY_NS: u64 = 1_000_000;

/// Memory of all replay logs together that is touched at the start; beyond it, the first answer on a page waits for the
/// kernel to find one.
const TOUCHED_BYTES_MAX: usize = 256 << 20;

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
        let locates = Locates::new(&config.symbols)
            .map_err(|index| SessionConfigError::Symbol { symbol: config.symbols[index] })?;
        let mut accounts: Vec<_> = config.accounts.iter().map(|_| AccountState::new(&config)).collect();
        let share = TOUCHED_BYTES_MAX / accounts.len().max(1);
        accounts.iter_mut().for_each(|account| account.log.touch(share));
        Ok(Session {
            locates,
            accounts,
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
        if ctx.header().index == 0 {
            ctx.record_sampled(Timing::OrderToDecision);
        }
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
        self.counters.add(if is_kept { Count::Answers } else { Count::AnswersNotKept }, 1);
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
        if self.group == Group::Draining && self.answers_in_cycle == 0 && self.timers_in_cycle < TIMERS_PER_POLL {
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

    /// The sequencer is taken for the group: without it no request is answered either.
    fn on_down(&mut self, ctx: &mut Ctx<'_>, _down: Down) {
        if self.group == Group::Up {
            self.group = Group::Draining;
            self.wake_if_waiting(ctx);
        }
    }

    fn on_stop(&mut self, ctx: &mut Ctx<'_>) {
        for slot in 0..self.connections.len() {
            let connection = &mut self.connections[slot];
            let conn = ConnId { slot: slot as u32, generation: connection.generation };
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
    fn on_open(&mut self, ctx: &mut Ctx<'_>, _endpoint: EndpointId, conn: ConnId, _peer: SocketAddr) {
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
        if let Some(&mut Connection { phase: Phase::LoggedIn(account), .. }) = self.connection(conn) {
            self.flush(ctx, account);
        }
    }

    fn on_close(&mut self, ctx: &mut Ctx<'_>, _endpoint: EndpointId, conn: ConnId, reason: CloseReason) {
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
