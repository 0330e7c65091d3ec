//! The schema of a topology file. A field's doc comment is also its description in `venue.schema.json` and
//! `REFERENCE.md`; its range and default are written once, here.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::breaker::Breaker;
use crate::defaults::{all_defaults, count, flag, milliseconds, percent, quantity};
use crate::delay::DelayProtection;
use crate::document::Locations;
use crate::feeds::Feeds;
use crate::limits::{Bulkhead, Bulkheads, LevelLimits, WithoutReference};
use crate::values::{Cpu, Password, Percent, Price, TimeOfDay, graphic_ascii, socket_address};

/// The topology and the rules of one trading venue.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Corelane venue topology")]
pub struct Config {
    /// The venue's identity and time zone.
    pub venue: Venue,
    /// The threads that run actors, each pinned to one CPU.
    #[schemars(length(min = 1, max = 64))]
    pub shards: Vec<Shard>,
    /// The shard that runs each role.
    pub placement: Placement,
    /// Capacities of the queues between roles, in messages. A full queue makes its producer wait; once the back-pressure
    /// reaches ingress, new requests wait in their sockets.
    #[serde(default = "all_defaults::<Edges>")]
    pub edges: Edges,
    /// Buffers and limits of the network driver.
    #[serde(default = "all_defaults::<Net>")]
    pub net: Net,
    /// The TCP order entry port (OUCH 5.0 over SoupBinTCP).
    pub order_entry: OrderEntry,
    /// The ports: who may log in. A port is one client's log-in, with its own order numbers and answers; it has at most one
    /// connection at a time. Every port trades for one account, and every account belongs to one firm. An account is
    /// what orders are booked to: it holds positions (which the venue does not compute yet) and limits, and several ports
    /// may trade for it. A firm holds accounts.
    ///
    /// Limits may be set on each level: in `[risk]` for the whole venue, and in `limits` of a firm, an account or a port.
    /// An order must keep within all of them, so the lowest limit decides. Each level also has a kill switch. While it is
    /// engaged, new orders of all ports below it are rejected; engaging it cancels their open orders. Releasing it leaves
    /// the switches of the other levels as they are. `corelane admin kill-switch` turns each of them; SIGUSR1 engages the
    /// venue's switch and SIGUSR2 releases it.
    #[schemars(length(min = 1, max = 4096))]
    pub ports: Vec<Port>,
    /// The accounts that orders are booked to. One that is not listed here has no limits of its own; see `[[ports]]`.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub accounts: Vec<Account>,
    /// The firms that hold the accounts. One that is not listed here has no limits of its own; see `[[ports]]`.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub firms: Vec<Firm>,
    /// The instruments that are traded.
    #[schemars(length(min = 1, max = 65534))]
    pub instruments: Vec<Instrument>,
    /// Pre-trade limits, applied to every order before matching. The limits have no defaults.
    pub risk: Risk,
    /// How much one port, account or firm may send and have unanswered, so that none takes the venue's room from others; without
    /// limits by default. Each port, account and firm has its own count; an order must keep within those of all three. Work
    /// beside order entry has permits.
    #[serde(default = "all_defaults::<Bulkheads>")]
    pub bulkhead: Bulkheads,
    /// The circuit breakers: while one is open, new orders and replaces that raise something are rejected (0x0A); cancels, and
    /// replaces that raise nothing, pass. Housekeeping samples each of them about 50 times a second.
    /// `corelane admin breaker` forces one open, disables or resets it; `corelane admin status` shows them.
    #[serde(default, rename = "breaker")]
    #[schemars(length(max = 64))]
    pub breakers: Vec<Breaker>,
    /// How old a request may be when it is sequenced; there is no bound while the section is absent.
    #[serde(default)]
    pub delay_protection: Option<DelayProtection>,
    /// Sizes of the order books' tables, which are allocated once at start.
    #[serde(default = "all_defaults::<Matching>")]
    pub matching: Matching,
    /// Market data in and out, MoldUDP64 with ITCH 5.0.
    #[serde(default)]
    pub feeds: Feeds,
    /// The hours of the trading day, as times of day in the venue's zone (`venue.utc_offset_minutes`). The three events that start
    /// the day: without a time, the first comes when the venue starts, and each other one right after the one before it. The three
    /// that end it: without a time, the last comes when the venue stops, and each other one together with the next. Events
    /// that are already over when the venue starts come at once. docs/operations.md says what each event does;
    /// `corelane admin phase` brings one forward.
    #[serde(default)]
    pub day: Day,
    /// What happens when a part of the venue fails.
    #[serde(default = "all_defaults::<Supervision>")]
    pub supervision: Supervision,
    /// The operator's socket; off while the section is absent.
    #[serde(default)]
    pub admin: Option<Admin>,
    /// Records of failures; none are kept while the section is absent.
    #[serde(default)]
    pub incidents: Option<Incidents>,
    /// The place of each key in the file that it came from.
    #[serde(skip)]
    pub(crate) locations: Locations,
}

/// The venue's identity and time zone.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Venue {
    /// The name used in reports and logs.
    #[schemars(schema_with = "graphic_ascii::<32>")]
    pub name: String,
    /// The session identifier of SoupBinTCP and MoldUDP64, at most 10 characters. A new trading day takes a new one.
    #[schemars(schema_with = "graphic_ascii::<10>")]
    pub session: String,
    /// Local time minus UTC, in minutes: wire timestamps are nanoseconds since this zone's midnight.
    #[serde(default)]
    #[schemars(range(min = -720, max = 840))]
    pub utc_offset_minutes: i32,
}

/// One pinned thread.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// The name `[placement]` refers to.
    #[schemars(schema_with = "graphic_ascii::<32>")]
    pub name: String,
    /// The CPU to run on: a number, or `"auto"` for the next allowed CPU that no other shard claims.
    #[serde(default)]
    pub cpu: Cpu,
    /// How the shard waits when it has no work.
    #[serde(default)]
    pub idle: Idle,
}

/// How an idle shard waits: the less CPU time it uses, the longer it takes to wake up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Idle {
    /// Polls without pause: lowest latency, a whole CPU.
    Spin,
    /// Polls without pause at first, then sleeps 50 µs between polls.
    Backoff,
    /// Sleeps until woken: no CPU when idle, microseconds to wake up.
    Park,
    /// `spin` if the shard has a CPU of its own, `park` otherwise.
    #[default]
    Auto,
}

/// The shard that runs each role; one shard may run several.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// The shard of the network driver, log-ins, incoming market data and the sequencer.
    #[schemars(schema_with = "graphic_ascii::<32>")]
    pub ingress: String,
    /// The shard of the group: order, risk and matching.
    #[schemars(schema_with = "graphic_ascii::<32>")]
    pub core: String,
    /// The shard that sends the market data feed.
    #[schemars(schema_with = "graphic_ascii::<32>")]
    pub publisher: String,
    /// The CPU for all work off the hot path: supervision, metrics, logs. `"auto"` takes a CPU that no shard runs on; if
    /// there is none, it shares the last one.
    #[serde(default)]
    pub housekeeping_cpu: Cpu,
}

/// Capacities of the queues between roles, in messages.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edges {
    /// Requests from order entry to the sequencer.
    #[serde(default = "count::<4096>")]
    #[schemars(range(min = 16, max = 1_048_576))]
    pub ingress_capacity: usize,
    /// Sequenced requests from the sequencer to the group.
    #[serde(default = "count::<1024>")]
    #[schemars(range(min = 16, max = 1_048_576))]
    pub group_capacity: usize,
    /// Answers from the group to order entry.
    #[serde(default = "count::<4096>")]
    #[schemars(range(min = 32, max = 1_048_576))]
    pub replies_capacity: usize,
    /// Messages of the outgoing feed from the group to the publisher.
    #[serde(default = "count::<8192>")]
    #[schemars(range(min = 64, max = 1_048_576))]
    pub publications_capacity: usize,
    /// Reference prices from the incoming feed to the sequencer.
    #[serde(default = "count::<1024>")]
    #[schemars(range(min = 128, max = 1_048_576))]
    pub references_capacity: usize,
}

/// Buffers and limits of the network driver. Their sum is allocated and locked at start.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Net {
    /// Receive buffers that the kernel may fill before they are read, for TCP and for UDP each; a power of two.
    #[serde(default = "count::<1024>")]
    #[schemars(range(min = 64, max = 32_768))]
    pub receive_buffers: usize,
    /// Size of each receive buffer in bytes; a datagram that is longer is dropped and counted.
    #[serde(default = "count::<2048>")]
    #[schemars(range(min = 256, max = 65_536))]
    pub receive_buffer_bytes: usize,
    /// The send buffer of each connection in bytes, a power of two. A client that reads so slowly that this buffer is full and as
    /// many bytes again wait behind it, beside the cancels of as many orders as it may have open, is disconnected. Twice the least has room for all answers that a client may get in one turn
    /// of order entry, such as the executions of its orders in a sweep.
    #[serde(default = "count::<262_144>")]
    #[schemars(range(min = 16_384, max = 16_777_216))]
    pub send_buffer_bytes: usize,
    /// Connections open at once; one more is closed as soon as it is accepted, and counted.
    #[serde(default = "count::<1024>")]
    #[schemars(range(min = 1, max = 32_768))]
    pub connections_max: usize,
    /// Entries of the io_uring submission queue; a power of two.
    #[serde(default = "count::<1024>")]
    #[schemars(range(min = 64, max = 32_768))]
    pub submission_entries: usize,
    /// The longest frame a client may send, in bytes; a longer one disconnects it.
    #[serde(default = "count::<1024>")]
    #[schemars(range(min = 128, max = 65_536))]
    pub max_frame_bytes: usize,
    /// The largest number of connections with answers to send that are written by one system call each, which is faster
    /// for a few. If more connections wait, one io_uring call sends to all of them. 0 always sends through io_uring.
    #[serde(default = "count::<8>")]
    #[schemars(range(min = 0, max = 32_768))]
    pub sends_by_call: usize,
}

/// Bytes of answers that a replay log needs beside those that a client has yet to read: a turn of the session adds answers
/// before it looks how far the client is behind, and the log forgets whole blocks of its oldest ones.
pub const REPLY_LOG_SPARE_BYTES: usize = 32 << 10;

/// Bytes of the answer that an order is cancelled, in its packet.
pub const CANCELED_BYTES: usize = 21;

/// Bytes of the answer that an order is executed, in its packet.
pub const EXECUTED_BYTES: usize = 39;

/// The TCP order entry port.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderEntry {
    /// The address to listen on, `"ip:port"`.
    #[schemars(schema_with = "socket_address")]
    pub listen: SocketAddr,
    /// Allows port 0 in `listen`: the kernel picks a free port, which the server prints.
    #[serde(default)]
    pub allow_ephemeral_port: bool,
    /// Time a new connection has to log in, in milliseconds.
    #[serde(default = "milliseconds::<30_000>")]
    #[schemars(range(min = 10, max = 600_000))]
    pub login_timeout_ms: u64,
    /// Silence after which a client counts as gone, in milliseconds. Clients send a heartbeat every second. A client that logs in
    /// by SoupBinTCP 4.10 names its own time-out, up to 99,999.
    #[serde(default = "milliseconds::<15_000>")]
    #[schemars(range(min = 10, max = 600_000))]
    pub client_timeout_ms: u64,
    /// Silence after which the server sends a heartbeat, in milliseconds.
    #[serde(default = "milliseconds::<1000>")]
    #[schemars(range(min = 1, max = 60_000))]
    pub heartbeat_ms: u64,
    /// Connections of one source address (in IPv6, of one /64 network) that serve no port because they have not logged in or are
    /// closing. At this bound, the oldest one that is closing makes room for the new one; if none is closing, the oldest that has
    /// not logged in. So it does when those of all addresses leave only 32 of the connections that logged-in ports do not use, or
    /// half of them if that is less. Below `net.connections_max`; a bound that is not has no effect.
    #[serde(default = "count::<256>")]
    #[schemars(range(min = 1, max = 32_768))]
    pub connections_per_address_max: usize,
    /// Requests of one port per minute that cannot be read or answered; one more closes its connection. They may all come at
    /// once; the allowance then returns evenly, and a new log-in does not renew it. Rejected requests do not count.
    #[serde(default = "quantity::<64>")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub unreadable_per_minute_max: u32,
    /// Answers kept per port, in bytes of their packets, to be replayed to a client that logs in again. When the store is
    /// full, new answers overwrite the oldest. A log-in that asks for an answer which is no longer kept is rejected with
    /// code `S`; a log-in from 0 gets new answers only. At least twice `net.send_buffer_bytes`, 60 for each of
    /// `open_orders_per_port_max`, and 32,768, so that a slow client that is disconnected finds all that it has not read, and what
    /// becomes of its orders if each is cancelled or executed at once. Executions in parts, answers to requests that it sent
    /// before, and unread bytes in the kernel's buffers come on top.
    #[serde(default = "count::<16_777_216>")]
    #[schemars(range(min = 65_536, max = 4_294_967_296_u64))]
    pub reply_log_bytes: usize,
    /// Open orders of one port; one more is rejected. The books must have room for those of all ports.
    #[serde(default = "count::<8192>")]
    #[schemars(range(min = 1, max = 1_048_576))]
    pub open_orders_per_port_max: usize,
    /// Whether a port's open orders are cancelled when its connection ends.
    #[serde(default = "flag::<true>")]
    pub cancel_on_disconnect: bool,
}

impl OrderEntry {
    /// The bytes that may wait for a client behind its full send buffer. All its orders may be cancelled at once, by itself, a kill
    /// switch or the end of the day, and that makes no client a slow one.
    #[must_use]
    pub fn unsent_bytes_max(&self, net: &Net) -> usize {
        net.send_buffer_bytes + CANCELED_BYTES * self.open_orders_per_port_max
    }

    /// The least size of a port's replay log, in bytes, with which a client that reads too slowly loses nothing: when it is
    /// disconnected, its send buffer is full, as much as may wait behind that is in the log, and then all its orders may be
    /// cancelled or executed.
    #[must_use]
    pub fn reply_log_bytes_min(&self, net: &Net) -> usize {
        let ends = EXECUTED_BYTES * self.open_orders_per_port_max;
        net.send_buffer_bytes + self.unsent_bytes_max(net) + ends + REPLY_LOG_SPARE_BYTES
    }
}

/// A port: a client's log-in to order entry.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// The SoupBinTCP user name, at most 6 characters, in upper or lower case.
    #[schemars(schema_with = "graphic_ascii::<6>")]
    pub user: String,
    /// The SoupBinTCP password, at most 10 characters, in upper or lower case.
    #[schemars(schema_with = "graphic_ascii::<10>")]
    pub password: Password,
    /// The account that the port's orders are booked to, one of `[[accounts]]`; if absent, an account with the user's
    /// name.
    #[schemars(schema_with = "graphic_ascii::<8>")]
    #[serde(default)]
    pub(crate) account: Option<String>,
    /// Limits on each order that the port sends.
    #[serde(default)]
    pub limits: LevelLimits,
    /// How much the port may send and have unanswered; keys that are left out are those of `bulkhead.port`.
    #[serde(default)]
    pub bulkhead: Bulkhead,
}

/// An account: what orders are booked to.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The name that `account` of `[[ports]]` refers to, at most 8 characters.
    #[schemars(schema_with = "graphic_ascii::<8>")]
    pub name: String,
    /// The firm that holds the account, one of `[[firms]]`; if absent, a firm with the account's name.
    #[schemars(schema_with = "graphic_ascii::<8>")]
    #[serde(default)]
    pub(crate) firm: Option<String>,
    /// Limits on each order that is booked to the account.
    #[serde(default)]
    pub limits: LevelLimits,
    /// How much the account's ports may send and have unanswered, together; keys that are left out are those of
    /// `bulkhead.account`.
    #[serde(default)]
    pub bulkhead: Bulkhead,
}

/// A firm: it holds accounts.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Firm {
    /// The name that `firm` of `[[accounts]]` refers to, at most 8 characters. Its first four characters are its `Firm` on the
    /// wire (OUCH): requests name it by them, and orders of its ports that name no firm belong to it.
    #[schemars(schema_with = "graphic_ascii::<8>")]
    pub name: String,
    /// Limits on each order that is booked to one of the firm's accounts.
    #[serde(default)]
    pub limits: LevelLimits,
    /// How much the ports of the firm's accounts may send and have unanswered, together; keys that are left out are those of
    /// `bulkhead.firm`.
    #[serde(default)]
    pub bulkhead: Bulkhead,
}

/// An instrument that is traded.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    /// The symbol on the wire, at most 8 characters.
    #[schemars(schema_with = "graphic_ascii::<8>")]
    pub symbol: String,
    /// The price step, a decimal string; orders at prices in between are rejected.
    pub tick: Price,
    /// The quantity step; orders that are not whole lots are rejected.
    #[serde(default = "quantity::<1>")]
    #[schemars(range(min = 1, max = 999_999))]
    pub lot: u32,
    /// The reference price for the collar, a decimal string, until the incoming feed, the venue's own book or a trade gives one.
    #[serde(default)]
    pub reference_price: Option<Price>,
}

impl Instrument {
    /// What a lot costs at a price, in ten-thousandths.
    pub(crate) fn notional(&self, price: Price) -> u128 {
        u128::from(price.ten_thousandths()) * u128::from(self.lot)
    }
}

/// Pre-trade limits on every order; firms, accounts and ports may lower them.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Risk {
    /// The largest quantity of one order.
    #[schemars(range(min = 1, max = 999_999))]
    pub quantity_max: u32,
    /// The largest price times quantity of one order, a decimal string.
    pub notional_max: Price,
    /// How far a price may be above or below the reference price, in percent of it. The reference price is the first of
    /// these that exists: the mean of the incoming feed's best bid and ask, that of the venue's own book, the price of the last
    /// trade, and the instrument's `reference_price`.
    pub collar_percent: Percent,
    /// The largest spread, in percent of the mean of bid and ask, at which that mean is a reference price.
    #[serde(default = "percent::<50_000>")]
    pub quote_width_percent: Percent,
    /// What happens to an order while its instrument has no reference price.
    pub collar_without_reference: WithoutReference,
}

/// Sizes of the order books' tables.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Matching {
    /// Orders open at once over all instruments; one more is rejected.
    #[serde(default = "count::<262_144>")]
    #[schemars(range(min = 64, max = 16_777_216))]
    pub orders_max: usize,
    /// Price levels with resting orders at once over all instruments; an order that needs one more is rejected.
    #[serde(default = "count::<65_536>")]
    #[schemars(range(min = 64, max = 4_194_304))]
    pub levels_max: usize,
}

/// The hours of the trading day, in the words of the ITCH system events.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Day {
    /// Event O: the feed begins, with the stock directory.
    #[serde(default)]
    pub start_of_messages: Option<TimeOfDay>,
    /// Event S: immediate-or-cancel orders are accepted, and clients are told that the day has started.
    #[serde(default)]
    pub start_of_system_hours: Option<TimeOfDay>,
    /// Event Q: all orders are accepted.
    #[serde(default)]
    pub start_of_market_hours: Option<TimeOfDay>,
    /// Event M: day orders end.
    #[serde(default)]
    pub end_of_market_hours: Option<TimeOfDay>,
    /// Event E: all orders are rejected, and clients are told that the day has ended.
    #[serde(default)]
    pub end_of_system_hours: Option<TimeOfDay>,
    /// Event C: the last message of the feed, followed by the end of its session.
    #[serde(default)]
    pub end_of_messages: Option<TimeOfDay>,
}

impl Day {
    /// The events in the order of the day, each with its key and its time.
    #[must_use]
    pub fn events(&self) -> [(&'static str, Option<TimeOfDay>); 6] {
        [
            ("start_of_messages", self.start_of_messages),
            ("start_of_system_hours", self.start_of_system_hours),
            ("start_of_market_hours", self.start_of_market_hours),
            ("end_of_market_hours", self.end_of_market_hours),
            ("end_of_system_hours", self.end_of_system_hours),
            ("end_of_messages", self.end_of_messages),
        ]
    }
}

/// What happens when a part of the venue fails. Market data is restarted, and joins its feed anew; until it has caught up, its
/// prices are stale. When it fails too often, or order entry or the outgoing feed fails even once, the venue halts: the group
/// cancels all orders and ends the day, clients and the feed are told as far as that is still possible, and the server ends. When
/// the sequencer or the group fails, nobody can answer any more: the server ends at once. `corelane check` prints who is
/// supervised how; docs/operations.md says the rest.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Supervision {
    /// Failures of market data within `period_ms` after which it is restarted; after one more the venue halts.
    #[serde(default = "quantity::<5>")]
    #[schemars(range(min = 0, max = 1000))]
    pub restarts_max: u32,
    /// The period in which failures are counted, in milliseconds.
    #[serde(default = "milliseconds::<60_000>")]
    #[schemars(range(min = 1, max = 86_400_000))]
    pub period_ms: u64,
    /// How long the first restart waits, in milliseconds. The wait doubles with each failure in a row, and starts over after a
    /// period without one.
    #[serde(default = "milliseconds::<0>")]
    #[schemars(range(min = 0, max = 60_000))]
    pub backoff_first_ms: u64,
    /// The longest wait before a restart, in milliseconds.
    #[serde(default = "milliseconds::<1000>")]
    #[schemars(range(min = 0, max = 60_000))]
    pub backoff_max_ms: u64,
    /// How long a halt may take to end the day, in milliseconds; `feeds.out.retransmission.linger_ms` comes on top.
    #[serde(default = "milliseconds::<10_000>")]
    #[schemars(range(min = 0, max = 600_000))]
    pub halt_deadline_ms: u64,
    /// How long a shard may make no turn, in milliseconds, before it counts as stuck (an endless loop) and the server ends at
    /// once. If twice the jitter of this host, measured in the first second, is more, that counts.
    #[serde(default = "milliseconds::<10_000>")]
    #[schemars(range(min = 1000, max = 600_000))]
    pub watchdog_ms: u64,
    /// How long housekeeping, which supervises the shards and serves the operator, may be held up, in milliseconds, before it counts
    /// as stuck and the server ends at once. A restart of market data holds it up while it builds new books, for up to a second for
    /// each gigabyte of them. If twice the jitter of this host, measured in the first second, is more, that counts.
    #[serde(default = "milliseconds::<10_000>")]
    #[schemars(range(min = 1000, max = 600_000))]
    pub housekeeping_watchdog_ms: u64,
}

/// The operator's socket.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// The path of the Unix socket that `corelane run` serves and `corelane admin` speaks to, at most 100 bytes; relative
    /// paths begin at the folder of this file. Only the user that runs the venue may connect.
    #[schemars(length(min = 1, max = 100))]
    pub socket: String,
}

/// Records of failures, a file each: what failed, where and on what, what the shard did last, and what the supervisor decided.
/// `corelane incidents` lists and shows them. A thread on the housekeeping CPU writes them, after the supervisor has acted; if the
/// disk is full or the directory cannot be written, the log says so, and everything else goes on.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Incidents {
    /// The directory, created with the first record; a relative path begins at the folder of this file. Venues may share it.
    /// A record holds the input that an actor failed on, so only the user that runs the venue may read it.
    #[schemars(length(min = 1, max = 1000))]
    pub directory: String,
    /// Records that are kept; the oldest are deleted.
    #[serde(default = "count::<100>")]
    #[schemars(range(min = 1, max = 10_000))]
    pub records_max: usize,
    /// Bytes of a record. From a longer one, the oldest events of the shard are left out, then the end of the input.
    #[serde(default = "count::<32_768>")]
    #[schemars(range(min = 4096, max = 1_048_576))]
    pub record_bytes_max: usize,
}
