//! Sizes and times of a session actor, and who may log in.

use std::fmt;

use corelane_codecs::{
    soup::SessionName,
    text::{Alpha, Symbol},
};
use corelane_runtime::resilience::Rate;
use thiserror::Error;

use super::{log::LOG_BYTES_MIN, order_tracker::OrderTracker};
use crate::types::PortId;

/// Most connections of one session actor. Each has a timer, and the number of timers is set at compile time.
pub const CONNECTIONS_MAX: usize = 32_768;

/// The credentials of a port.
#[derive(Clone)]
pub struct Credentials {
    /// User name; case does not matter.
    pub user: Alpha<6>,
    /// Password; case does not matter.
    pub password: Alpha<10>,
}

/// All fields but the password.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Ports that share limits: those of an account or a firm, or a port by itself.
#[derive(Clone, Debug)]
pub struct Compartment {
    /// What its ports have in common, for the counters.
    pub level: Level,
    /// The most enters and replaces of its ports in a time; `None` for any number.
    pub rate: Option<Rate>,
    /// The most unanswered requests of its ports that use an order number, over all of them; `None` for any number.
    pub in_flight_max: Option<u32>,
    /// Its ports. A port may be in several compartments; each of them must have room.
    pub ports: Vec<PortId>,
}

/// What the ports of a compartment have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// They are one port.
    Port,
    /// They trade for one account.
    Account,
    /// Their accounts belong to one firm.
    Firm,
}

/// Sizes and times of a session actor.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// The ports; their index is the [`PortId`].
    pub ports: Vec<Credentials>,
    /// The symbols in locate order, from 1.
    pub symbols: Vec<Symbol>,
    /// Name of the day's session.
    pub session: SessionName,
    /// Time in which a connection must log in.
    pub login_timeout_ns: u64,
    /// Silence after which a client is disconnected. A client of SoupBinTCP 4.10 may choose its own.
    pub client_timeout_ns: u64,
    /// Silence after which the server sends a heartbeat.
    pub heartbeat_ns: u64,
    /// Size of a port's replay log, in bytes: its newest answers, which a client can have again.
    pub reply_log_bytes: usize,
    /// Most open orders per port, as the group bounds them; sizes a table.
    pub open_orders_per_port_max: usize,
    /// Most unanswered requests of a port that use an order number. At the bound, the session stops reading the connection.
    pub in_flight_max: usize,
    /// The limits that ports share. Beyond them, requests are rejected.
    pub compartments: Vec<Compartment>,
    /// Most connections, as many as the driver's.
    pub connections_max: usize,
    /// Most connections of one source address that serve no port: not logged in yet, or closing. At the bound, the oldest
    /// one makes room for the new one.
    pub connections_per_address_max: usize,
    /// Most unreadable requests of a port in a minute; one more ends its connection. As many may come at once, and their
    /// allowance returns evenly.
    pub unreadable_per_minute_max: u32,
    /// Bytes by which a client may fall behind, beyond the driver's send buffer. A replay after a log-in does not
    /// count.
    pub unsent_bytes_max: usize,
}

impl SessionConfig {
    /// Default times and sizes: 30 s to log in, 15 s and 1 s heartbeats, 16 MiB of answers, 8,192 open orders, 256
    /// requests in flight, no compartments, 1,024 connections, 256 of one address without a log-in, 64 unreadable
    /// requests a minute, 256 KiB behind.
    #[must_use]
    pub fn new(session: SessionName, ports: Vec<Credentials>, symbols: Vec<Symbol>) -> Self {
        const SECOND_NS: u64 = 1_000_000_000;
        SessionConfig {
            ports,
            symbols,
            session,
            login_timeout_ns: 30 * SECOND_NS,
            client_timeout_ns: 15 * SECOND_NS,
            heartbeat_ns: SECOND_NS,
            reply_log_bytes: 16 << 20,
            open_orders_per_port_max: 8192,
            in_flight_max: 256,
            compartments: Vec::new(),
            connections_max: 1024,
            connections_per_address_max: 256,
            unreadable_per_minute_max: 64,
            unsent_bytes_max: 256 << 10,
        }
    }

    /// Memory of the users' numbers of all ports' open orders and unanswered requests, in bytes.
    #[must_use]
    pub fn number_bytes(&self) -> usize {
        self.ports.len() * OrderTracker::bytes(self.open_orders_per_port_max, self.in_flight_max)
    }

    pub(super) fn check(&self) -> Result<(), SessionConfigError> {
        let bounds = [
            ("open_orders_per_port_max", self.open_orders_per_port_max, 1 << 20),
            ("in_flight_max", self.in_flight_max, 1 << 15),
            ("connections_max", self.connections_max, CONNECTIONS_MAX),
            ("connections_per_address_max", self.connections_per_address_max, CONNECTIONS_MAX),
            ("symbols", self.symbols.len(), u16::MAX as usize - 1),
            ("ports", self.ports.len(), u32::MAX as usize - 1),
        ];
        for (field, value, most) in bounds {
            if value == 0 || value > most {
                return Err(SessionConfigError::OutOfRange { field, value, least: 1, most });
            }
        }
        let (value, least, most) = (self.reply_log_bytes, LOG_BYTES_MIN, isize::MAX as usize);
        if !(least..=most).contains(&value) {
            return Err(SessionConfigError::OutOfRange { field: "reply_log_bytes", value, least, most });
        }
        let in_compartments = self.compartments.iter().flat_map(|one| &one.ports);
        if let Some(port) = in_compartments.map(|port| port.index()).find(|port| *port >= self.ports.len()) {
            let (field, most) = ("compartments.ports", self.ports.len() - 1);
            return Err(SessionConfigError::OutOfRange { field, value: port, least: 0, most });
        }
        Ok(())
    }
}

/// Error in the configuration of a session actor.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SessionConfigError {
    /// A size is out of range.
    #[error("{field} is {value}; it must be from {least} to {most}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// Its value.
        value: usize,
        /// The least it may be.
        least: usize,
        /// The most it may be.
        most: usize,
    },
    /// A user name is blank or configured twice.
    #[error("user {user:?} is blank or configured twice; give each port a user name of its own")]
    User {
        /// The name.
        user: Alpha<6>,
    },
    /// A symbol is configured twice.
    #[error("symbol {symbol} is configured twice; list each instrument once")]
    Symbol {
        /// The symbol.
        symbol: Symbol,
    },
}
