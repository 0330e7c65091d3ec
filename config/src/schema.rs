//! What a topology file can say. The doc comment of a field is also its description in `venue.schema.json` and
//! `REFERENCE.md`; its range and default are written once, here.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::document::Locations;
use crate::values::{
    Cpu, Password, Percent, Price, graphic_ascii, socket_address, socket_address_v4, socket_addresses_v4,
};

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
    /// Which shard runs which role.
    pub placement: Placement,
    /// Capacities of the queues between roles, in messages. A full queue holds its producer back, up to ingress,
    /// where new requests are rejected.
    #[serde(default = "all_defaults::<Edges>")]
    pub edges: Edges,
    /// Buffers and limits of the network driver.
    #[serde(default = "all_defaults::<Net>")]
    pub net: Net,
    /// The TCP order entry port (OUCH 5.0 over SoupBinTCP).
    pub order_entry: OrderEntry,
    /// Who may log in: a port is a client's session, with its order numbers and its answers. One connection per user at a
    /// time.
    #[schemars(length(min = 1, max = 4096))]
    pub ports: Vec<Port>,
    /// What orders are booked to; several ports may trade for one account.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub accounts: Vec<Account>,
    /// Whose the accounts are.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub firms: Vec<Firm>,
    /// What is traded.
    #[schemars(length(min = 1, max = 65535))]
    pub instruments: Vec<Instrument>,
    /// Pre-trade limits, applied to every order before matching. They have no defaults.
    pub risk: Risk,
    /// The matching book's tables, sized once at start.
    #[serde(default = "all_defaults::<Matching>")]
    pub matching: Matching,
    /// Market data in and out, MoldUDP64 with ITCH 5.0.
    #[serde(default)]
    pub feeds: Feeds,
    /// Where each key stands in the file it came from.
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
    /// What the shard does when it has nothing to do.
    #[serde(default)]
    pub idle: Idle,
}

/// What an idle shard does: the trade of CPU time against wake-up latency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Idle {
    /// Polls without pause: lowest latency, a whole CPU.
    Spin,
    /// Polls, then yields, then sleeps shortly.
    Backoff,
    /// Sleeps until woken: no CPU when idle, microseconds to wake up.
    Park,
    /// `spin` if the shard has a CPU of its own, `park` otherwise.
    #[default]
    Auto,
}

/// Which shard runs which role; one shard may run several.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// The shard of the network driver, log-ins, incoming market data and the sequencer.
    #[schemars(schema_with = "graphic_ascii::<32>")]
    pub ingress: String,
    /// The shard of the order, risk and matching group.
    #[schemars(schema_with = "graphic_ascii::<32>")]
    pub core: String,
    /// The shard that sends the market data feed.
    #[schemars(schema_with = "graphic_ascii::<32>")]
    pub publisher: String,
    /// The CPU of everything that is not on the hot path: supervision, metrics, logs. `"auto"` takes one that no
    /// shard runs on, or shares the last one.
    #[serde(default)]
    pub housekeeping_cpu: Cpu,
}

/// Capacities of the queues between roles, in messages.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edges {
    /// Requests admitted but not yet taken by the group.
    #[serde(default = "count::<4096>")]
    #[schemars(range(min = 16, max = 1_048_576))]
    pub ingress_capacity: usize,
    /// Messages between two actors of the group.
    #[serde(default = "count::<1024>")]
    #[schemars(range(min = 16, max = 1_048_576))]
    pub group_capacity: usize,
    /// Answers on their way back to the sessions.
    #[serde(default = "count::<4096>")]
    #[schemars(range(min = 32, max = 1_048_576))]
    pub replies_capacity: usize,
    /// Book events on their way to the publisher.
    #[serde(default = "count::<8192>")]
    #[schemars(range(min = 64, max = 1_048_576))]
    pub publications_capacity: usize,
    /// Reference prices on their way from the incoming feed to the sequencer.
    #[serde(default = "count::<1024>")]
    #[schemars(range(min = 128, max = 1_048_576))]
    pub references_capacity: usize,
}

/// Buffers and limits of the network driver. Their sum is allocated and locked at start.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Net {
    /// Buffers the kernel may fill before they are read, for TCP and UDP each; a power of two.
    #[serde(default = "count::<1024>")]
    #[schemars(range(min = 64, max = 32_768))]
    pub receive_buffers: usize,
    /// Size of each receive buffer in bytes; a datagram that is longer is dropped and counted.
    #[serde(default = "count::<2048>")]
    #[schemars(range(min = 256, max = 65_536))]
    pub receive_buffer_bytes: usize,
    /// Bytes per connection that wait for a slow reader before it is disconnected.
    #[serde(default = "count::<262_144>")]
    #[schemars(range(min = 4096, max = 16_777_216))]
    pub send_buffer_bytes: usize,
    /// Connections at once; one more is closed at once and counted.
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
    /// Connections with answers to send up to which each is sent by a system call of its own, which for a few is faster;
    /// beyond it all leave by one call through the io_uring. 0 sends all through the io_uring.
    #[serde(default = "count::<8>")]
    #[schemars(range(min = 0, max = 32_768))]
    pub sends_by_call: usize,
}

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
    /// Silence after which a client counts as gone, in milliseconds. Clients send a heartbeat every second.
    #[serde(default = "milliseconds::<15_000>")]
    #[schemars(range(min = 10, max = 600_000))]
    pub client_timeout_ms: u64,
    /// Silence after which the server sends a heartbeat, in milliseconds.
    #[serde(default = "milliseconds::<1000>")]
    #[schemars(range(min = 1, max = 60_000))]
    pub heartbeat_ms: u64,
    /// Sequenced messages kept per port for clients that come back; a session that reaches it is ended.
    #[serde(default = "count::<262_144>")]
    #[schemars(range(min = 1024, max = 16_777_216))]
    pub messages_per_port_max: usize,
    /// Open orders per port; one more is rejected.
    #[serde(default = "count::<8192>")]
    #[schemars(range(min = 1, max = 1_048_576))]
    pub open_orders_per_port_max: usize,
    /// Whether a port's open orders are cancelled when its connection ends.
    #[serde(default = "flag::<true>")]
    pub cancel_on_disconnect: bool,
}

/// A user that may log in to order entry.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// The SoupBinTCP user name, at most 6 characters; upper and lower case are the same.
    #[schemars(schema_with = "graphic_ascii::<6>")]
    pub user: String,
    /// The SoupBinTCP password, at most 10 characters; upper and lower case are the same.
    #[schemars(schema_with = "graphic_ascii::<10>")]
    pub password: Password,
    /// The account that orders are booked to, one of `[[accounts]]`; an account with the user's name if absent.
    #[schemars(schema_with = "graphic_ascii::<8>")]
    #[serde(default)]
    pub(crate) account: Option<String>,
    /// Limits on each order of the port.
    #[serde(default)]
    pub limits: LevelLimits,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The name that `[[ports]]` refer to, at most 8 characters.
    #[schemars(schema_with = "graphic_ascii::<8>")]
    pub name: String,
    /// The firm that holds the account, one of `[[firms]]`; a firm with the account's name if absent.
    #[schemars(schema_with = "graphic_ascii::<8>")]
    #[serde(default)]
    pub(crate) firm: Option<String>,
    /// Limits on each order of the account's ports.
    #[serde(default)]
    pub limits: LevelLimits,
}

/// A firm.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Firm {
    /// The name that `[[accounts]]` refer to, at most 8 characters.
    #[schemars(schema_with = "graphic_ascii::<8>")]
    pub name: String,
    /// Limits on each order of the firm's accounts.
    #[serde(default)]
    pub limits: LevelLimits,
}

/// Limits on each order of a firm, an account or a port. Of these and those of `[risk]` the least counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelLimits {
    /// The largest quantity of one order.
    #[schemars(range(min = 1, max = 999_999))]
    #[serde(default)]
    pub quantity_max: Option<u32>,
    /// The largest price times quantity of one order, a decimal string.
    #[serde(default)]
    pub notional_max: Option<Price>,
    /// How far a price may be from the reference price, in percent of it.
    #[serde(default)]
    pub collar_percent: Option<Percent>,
    /// What happens to an order while its instrument has no reference price; `"reject"` of any level counts.
    #[serde(default)]
    pub collar_without_reference: Option<WithoutReference>,
}

/// Something that is traded.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    /// The symbol on the wire, at most 8 characters.
    #[schemars(schema_with = "graphic_ascii::<8>")]
    pub symbol: String,
    /// The price step, a decimal string: orders at other prices are rejected.
    pub tick: Price,
    /// The quantity step: orders of other quantities are rejected.
    #[serde(default = "quantity::<1>")]
    #[schemars(range(min = 1, max = 999_999))]
    pub lot: u32,
    /// The price that the collar starts from until the feed gives one, a decimal string.
    #[serde(default)]
    pub reference_price: Option<Price>,
}

/// Pre-trade limits on every order; firms, accounts and ports may have lower ones.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Risk {
    /// The largest quantity of one order.
    #[schemars(range(min = 1, max = 999_999))]
    pub quantity_max: u32,
    /// The largest price times quantity of one order, a decimal string.
    pub notional_max: Price,
    /// How far a price may be from the reference price, in percent of it.
    pub collar_percent: Percent,
    /// What happens to an order while its instrument has neither a reference price that is not stale nor a configured one.
    pub collar_without_reference: WithoutReference,
}

/// What happens to an order while its instrument has no reference price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WithoutReference {
    /// The collar is skipped.
    Accept,
    /// The order is rejected.
    Reject,
}

/// The matching book's tables.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Matching {
    /// Orders that rest at once over all instruments; one more is rejected.
    #[serde(default = "count::<262_144>")]
    #[schemars(range(min = 64, max = 16_777_216))]
    pub orders_max: usize,
    /// Price levels that hold orders at once over all instruments; an order that needs one more is rejected.
    #[serde(default = "count::<65_536>")]
    #[schemars(range(min = 64, max = 4_194_304))]
    pub levels_max: usize,
}

/// Market data in and out; each direction is off while its section is absent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Feeds {
    /// The feed that the venue takes reference prices from.
    #[serde(default, rename = "in")]
    pub inbound: Option<FeedIn>,
    /// The feed that the venue publishes.
    #[serde(default, rename = "out")]
    pub outbound: Option<FeedOut>,
}

/// The feed that the venue takes reference prices from.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedIn {
    /// The UDP address to listen on, `"ip:port"`; a multicast group is joined.
    #[schemars(schema_with = "socket_address_v4")]
    pub listen: SocketAddrV4,
    /// Allows port 0 in `listen`, also in that of line B: the kernel picks a free port, which the server prints.
    #[serde(default)]
    pub allow_ephemeral_port: bool,
    /// The address of the interface that joins the multicast group; the kernel's choice if absent.
    #[serde(default)]
    #[schemars(extend("format" = "ipv4"))]
    pub interface: Option<Ipv4Addr>,
    /// The only MoldUDP64 session to accept; the first one seen if absent.
    #[serde(default)]
    #[schemars(schema_with = "graphic_ascii::<10>")]
    pub session: Option<String>,
    /// Orders of the feed that are tracked at once; the books are marked incomplete beyond it.
    #[serde(default = "count::<1_048_576>")]
    #[schemars(range(min = 64, max = 67_108_864))]
    pub orders_max: usize,
    /// Silence of the feed after which its prices count as stale, and of a line after which it counts as silent, in
    /// milliseconds.
    #[serde(default = "milliseconds::<3000>")]
    #[schemars(range(min = 1, max = 600_000))]
    pub stale_after_ms: u64,
    /// The second line, which brings the same packets another way: the first copy of each message is taken.
    #[serde(default)]
    pub line_b: Option<LineB>,
    /// What happens to messages that no line brings.
    #[serde(default = "all_defaults::<Recovery>")]
    pub recovery: Recovery,
}

/// The second line of the incoming feed.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineB {
    /// The UDP address to listen on, `"ip:port"`; a multicast group is joined.
    #[schemars(schema_with = "socket_address_v4")]
    pub listen: SocketAddrV4,
    /// The address of the interface that joins the multicast group; the kernel's choice if absent.
    #[serde(default)]
    #[schemars(extend("format" = "ipv4"))]
    pub interface: Option<Ipv4Addr>,
}

/// What happens to messages of the incoming feed that no line brings.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// The retransmission servers, at most 4, in the order of preference; without any, a missing message is lost.
    #[serde(default)]
    #[schemars(schema_with = "socket_addresses_v4::<4>")]
    pub servers: Vec<SocketAddrV4>,
    /// How long a missing message may still come by a line before it is asked for, in milliseconds; without servers,
    /// before it is lost.
    #[serde(default = "milliseconds::<1>")]
    #[schemars(range(min = 1, max = 60_000))]
    pub wait_ms: u64,
    /// How long a server may take to answer, in milliseconds.
    #[serde(default = "milliseconds::<20>")]
    #[schemars(range(min = 1, max = 60_000))]
    pub timeout_ms: u64,
    /// How often a message is asked for, over all servers, before it is lost.
    #[serde(default = "quantity::<5>")]
    #[schemars(range(min = 1, max = 1000))]
    pub attempts_max: u32,
    /// Messages that one request asks for; an answer is one packet.
    #[serde(default = "count::<32>")]
    #[schemars(range(min = 1, max = 65_534))]
    pub messages_per_request: usize,
    /// Requests that wait for an answer at once.
    #[serde(default = "count::<16>")]
    #[schemars(range(min = 1, max = 1024))]
    pub requests_max: usize,
    /// Messages behind a gap that are kept until it is filled, 64 bytes each, rounded up to a power of two. Those beyond
    /// are asked for later.
    #[serde(default = "count::<65_536>")]
    #[schemars(range(min = 64, max = 16_777_216))]
    pub buffered_messages_max: usize,
    /// The longest gap that is asked for, in messages; a longer one is lost at once. A session that is joined late is
    /// such a gap from its first message on.
    #[serde(default = "quantity::<100_000_000>")]
    #[schemars(range(min = 1, max = 4_294_967_295_u64))]
    pub gap_messages_max: u32,
    /// How long a gap may stay open before all prices count as stale, in milliseconds. They are fresh again when it is
    /// filled; when a message is lost, with the next session.
    #[serde(default = "milliseconds::<10>")]
    #[schemars(range(min = 1, max = 60_000))]
    pub stale_after_ms: u64,
}

/// The feed that the venue publishes.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedOut {
    /// The UDP address to send to, `"ip:port"`, unicast or multicast.
    #[schemars(schema_with = "socket_address_v4")]
    pub to: SocketAddrV4,
    /// The address of the interface that multicast leaves by; the kernel's choice if absent.
    #[serde(default)]
    #[schemars(extend("format" = "ipv4"))]
    pub source_interface: Option<Ipv4Addr>,
    /// The longest datagram payload in bytes; 1400 passes every Ethernet unfragmented.
    #[serde(default = "count::<1400>")]
    #[schemars(range(min = 72, max = 8972))]
    pub payload_max_bytes: usize,
    /// Silence after which a heartbeat packet is sent, in milliseconds.
    #[serde(default = "milliseconds::<1000>")]
    #[schemars(range(min = 1, max = 60_000))]
    pub heartbeat_ms: u64,
    /// The server that sends messages of the feed again to who missed them; off while the section is absent.
    #[serde(default)]
    pub retransmission: Option<Retransmission>,
}

/// The retransmission server of the venue's feed.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retransmission {
    /// The UDP address that requests come to, `"ip:port"`. Anyone who reaches it may ask: keep it to the subscribers'
    /// network.
    #[schemars(schema_with = "socket_address_v4")]
    pub listen: SocketAddrV4,
    /// Allows port 0 in `listen`: the kernel picks a free port, which the server prints.
    #[serde(default)]
    pub allow_ephemeral_port: bool,
    /// Messages of the feed that are kept, 51 bytes each; the oldest make room for the newest, and are then no longer
    /// sent again.
    #[serde(default = "count::<1_048_576>")]
    #[schemars(range(min = 1024, max = 268_435_456))]
    pub messages_max: usize,
}

fn count<const N: usize>() -> usize {
    N
}

fn milliseconds<const N: u64>() -> u64 {
    N
}

fn quantity<const N: u32>() -> u32 {
    N
}

fn flag<const B: bool>() -> bool {
    B
}

/// A section in which every key has a default, when the file has no such section.
fn all_defaults<T: DeserializeOwned>() -> T {
    let empty = serde_json::Value::Object(serde_json::Map::new());
    serde_json::from_value(empty).expect("every key of the section has a default")
}
