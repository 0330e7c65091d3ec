//! The two things that a session actor has many of: connections and ports.

use corelane_runtime::{net::ConnId, shard::timer::TimerId};

use super::{config::SessionConfig, log::ReplyLog, order_tracker::OrderTracker};
use crate::types::PortId;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The slot has no connection.
    Free,
    /// Open, not logged in.
    Anonymous,
    /// Logged in.
    LoggedIn(PortId),
    /// Closed by us; the driver still drains it.
    Closing,
}

/// A slot of the driver's table.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    pub generation: u32,
    pub phase: Phase,
    pub last_heard_ns: u64,
    pub last_sent_ns: u64,
    /// Silence after which the client counts as gone; before the log-in, the time it has for that.
    pub client_timeout_ns: u64,
    pub malformed: u32,
    pub timer: Option<TimerId>,
    /// The log-in is accepted from this number on, and the client has not been told.
    pub accept_owed: Option<u64>,
    /// To be told the end of the session and closed once everything is sent.
    pub ending: bool,
}

impl Connection {
    pub const FREE: Connection = Connection {
        generation: 0,
        phase: Phase::Free,
        last_heard_ns: 0,
        last_sent_ns: 0,
        client_timeout_ns: 0,
        malformed: 0,
        timer: None,
        accept_owed: None,
        ending: false,
    };

    pub fn open(conn: ConnId, now_ns: u64, login_timeout_ns: u64) -> Self {
        Connection {
            generation: conn.generation,
            phase: Phase::Anonymous,
            last_heard_ns: now_ns,
            last_sent_ns: now_ns,
            client_timeout_ns: login_timeout_ns,
            ..Connection::FREE
        }
    }
}

/// What outlives the connections of an port.
#[derive(Debug)]
pub struct PortState {
    pub log: ReplyLog,
    pub orders: OrderTracker,
    /// Number of the last answer, kept or not.
    pub last_number: u64,
    /// Number at which the port may no longer send requests; what the log holds beyond is for the answers of
    /// orders that are still open.
    pub number_max: u64,
    /// The connection it is logged in on.
    pub conn: Option<ConnId>,
    /// Where in the log that connection is.
    pub cursor: usize,
    /// The connection has not caught up with the log since it logged in.
    pub replaying: bool,
    /// Counts log-ins.
    pub generation: u32,
    /// The log-in that the group knows of, if it takes the port to be logged in.
    pub announced: Option<u32>,
    /// On the list of ports that the group has to hear of.
    pub is_unannounced: bool,
    /// On the list of ports that have something to send.
    pub is_dirty: bool,
}

impl PortState {
    pub fn new(config: &SessionConfig) -> Self {
        let messages_max = config.messages_per_port_max;
        let open_max = config.open_orders_per_port_max;
        let reserve = (open_max + config.in_flight_max).min(messages_max / 4);
        PortState {
            log: ReplyLog::with_capacity(messages_max),
            orders: OrderTracker::with_capacity(open_max, config.in_flight_max),
            last_number: 0,
            number_max: (messages_max - reserve) as u64,
            conn: None,
            cursor: 0,
            replaying: false,
            generation: 0,
            announced: None,
            is_unannounced: false,
            is_dirty: false,
        }
    }

    /// Whether its sequence is used up: it may send no more requests.
    #[inline]
    pub fn is_spent(&self) -> bool {
        self.last_number >= self.number_max
    }

    /// Whether nothing will be added to its log any more.
    pub fn is_over(&self) -> bool {
        self.is_spent() && (self.orders.len() == 0 || self.log.is_full())
    }

    /// The log-in that the group should know of.
    #[inline]
    pub fn current(&self) -> Option<u32> {
        (self.conn.is_some() && !self.is_spent()).then_some(self.generation)
    }

    /// Whether its connection has been sent everything.
    #[inline]
    pub fn is_up_to_date(&self) -> bool {
        self.conn.is_some() && self.cursor == self.log.end()
    }

    /// Puts an answer on the sequence; false if the log is full.
    #[inline]
    pub fn append(&mut self, message: &[u8]) -> bool {
        self.last_number += 1;
        self.log.append(message)
    }
}
