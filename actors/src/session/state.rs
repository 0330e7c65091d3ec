//! State of a connection and of a port.

use corelane_runtime::{net::ConnId, resilience::TokenBucket, shard::timer::TimerId};

use super::{
    bulkhead::CompartmentId, config::SessionConfig, counts::SessionCount, log::ReplyLog, order_tracker::OrderTracker,
    strangers::Source,
};
use crate::types::{PortId, SequenceNumber};

/// Phase of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The slot has no connection.
    Free,
    /// Open, not logged in.
    Anonymous,
    /// Logged in.
    LoggedIn(PortId),
    /// Closed by the session; the driver still drains it.
    Closing,
}

/// A slot of the driver's table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connection {
    pub generation: u32,
    pub phase: Phase,
    pub source: Source,
    pub last_heard_ns: u64,
    pub last_sent_ns: u64,
    /// Silence after which the client is disconnected; before the log-in, the login timeout.
    pub client_timeout_ns: u64,
    /// When the client was last heard before it was found silent late, and was given more time.
    pub given_time_ns: Option<u64>,
    pub timer: Option<TimerId>,
    /// Heartbeats and debug packets before the log-in.
    pub early_packets: u8,
    /// First number of an accepted log-in whose login accepted is not sent yet.
    pub accept_owed: Option<SequenceNumber>,
    /// Why it ends once the requests are taken that came on it before; nothing later counts.
    pub ends_for: Option<SessionCount>,
    /// The port that its log-in waits for, as that port's successor unless another has taken its place.
    pub awaits: Option<PortId>,
    /// Whether to close it once everything is sent, and before that to send the end of the session if the day is over.
    pub ending: bool,
}

impl Connection {
    pub(super) const FREE: Connection = Connection {
        generation: 0,
        phase: Phase::Free,
        source: Source::UNKNOWN,
        last_heard_ns: 0,
        last_sent_ns: 0,
        client_timeout_ns: 0,
        given_time_ns: None,
        timer: None,
        early_packets: 0,
        accept_owed: None,
        ends_for: None,
        awaits: None,
        ending: false,
    };

    pub(super) fn open(conn: ConnId, source: Source, now_ns: u64, login_timeout_ns: u64) -> Self {
        Connection {
            generation: conn.generation,
            phase: Phase::Anonymous,
            source,
            last_heard_ns: now_ns,
            last_sent_ns: now_ns,
            client_timeout_ns: login_timeout_ns,
            ..Connection::FREE
        }
    }
}

/// State of a port, which outlives its connections.
#[derive(Debug)]
pub(super) struct PortState {
    pub log: ReplyLog,
    pub orders: OrderTracker,
    /// The compartments whose limits it shares.
    pub compartments: Box<[CompartmentId]>,
    /// Its unreadable requests, over all its connections.
    pub unreadable: TokenBucket,
    /// Its connection, if it is logged in.
    pub conn: Option<ConnId>,
    /// The connection whose log-in waits for the end of that one.
    pub successor: Option<ConnId>,
    /// Whether the client of that connection has ended its side: it sends no more, and reads until all is answered.
    pub leaving: bool,
    /// Place in the stream of answers up to which the connection has been sent.
    pub cursor: u64,
    /// Whether the connection has not caught up with the log since its log-in.
    pub replaying: bool,
    /// Number of log-ins.
    pub generation: u32,
    /// The log-in that was announced to the group, unless its end was announced too.
    pub announced: Option<u32>,
    /// Whether it is on the list of ports to announce.
    pub is_unannounced: bool,
    /// Whether it is on the list of ports with something to send.
    pub is_dirty: bool,
}

impl PortState {
    pub(super) fn new(config: &SessionConfig, compartments: Box<[CompartmentId]>) -> Self {
        PortState {
            log: ReplyLog::with_bytes(config.reply_log_bytes),
            orders: OrderTracker::with_capacity(config.open_orders_per_port_max, config.in_flight_max),
            compartments,
            unreadable: TokenBucket::default(),
            conn: None,
            successor: None,
            leaving: false,
            cursor: 0,
            replaying: false,
            generation: 0,
            announced: None,
            is_unannounced: false,
            is_dirty: false,
        }
    }

    /// The log-in to announce to the group; `None` if it is not logged in, or leaving.
    #[inline]
    pub(super) fn current(&self) -> Option<u32> {
        (self.conn.is_some() && !self.leaving).then_some(self.generation)
    }

    /// Whether its client has ended its side and is owed nothing more: the group knows of it, and no order or request is open.
    pub(super) fn has_left(&self) -> bool {
        self.leaving && self.announced.is_none() && self.orders.len() == 0
    }

    /// Whether its connection has been sent everything.
    #[inline]
    pub(super) fn is_up_to_date(&self) -> bool {
        self.conn.is_some() && self.cursor == self.log.end()
    }
}
