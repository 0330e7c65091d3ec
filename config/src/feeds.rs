//! Market data in and out: the incoming feed with its recovery, and the outgoing feed with its retransmission server.

use std::net::{Ipv4Addr, SocketAddrV4};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::defaults::{all_defaults, count, milliseconds, quantity, share};
use crate::values::{graphic_ascii, socket_address_v4, socket_addresses_v4};

/// Market data in and out; a direction whose section is absent is off.
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
    /// Orders of the feed that are tracked at the same time. If there are more, the instruments of those left out stay stale until
    /// the feed is joined anew.
    #[serde(default = "count::<1_048_576>")]
    #[schemars(range(min = 64, max = 67_108_864))]
    pub orders_max: usize,
    /// Silence after which the prices of the feed count as stale, and a single line counts as silent, in milliseconds.
    #[serde(default = "milliseconds::<3000>")]
    #[schemars(range(min = 1, max = 600_000))]
    pub stale_after_ms: u64,
    /// The second line, which carries the same packets by another path. The first copy of each message is used.
    #[serde(default)]
    pub line_b: Option<LineB>,
    /// Recovery of messages that arrive on neither line.
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

/// Recovery of messages of the incoming feed that arrive on neither line.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// The retransmission servers in order of preference, at most 4. Without any, a missing message is lost. With any, there
    /// is a second set of books, used to replay the session once for instruments whose books the feed has contradicted.
    #[serde(default)]
    #[schemars(schema_with = "socket_addresses_v4::<4>")]
    pub servers: Vec<SocketAddrV4>,
    /// How long a missing message may still arrive on a line before it is requested from a server, in milliseconds.
    /// Without servers, it is lost after this time.
    #[serde(default = "milliseconds::<1>")]
    #[schemars(range(min = 1, max = 60_000))]
    pub wait_ms: u64,
    /// How long a server may take to answer the first request for some messages, in milliseconds; then the next server is asked.
    #[serde(default = "milliseconds::<20>")]
    #[schemars(range(min = 1, max = 60_000))]
    pub timeout_ms: u64,
    /// How much longer each further request for the same messages waits than the one before it, in milliseconds.
    #[serde(default = "milliseconds::<0>")]
    #[schemars(range(min = 0, max = 60_000))]
    pub timeout_step_ms: u64,
    /// The longest wait of any of these requests, in milliseconds.
    #[serde(default = "milliseconds::<60_000>")]
    #[schemars(range(min = 1, max = 60_000))]
    pub timeout_max_ms: u64,
    /// By how much these waits may be shortened, in percent, so that subscribers that missed the same messages do not all ask
    /// again at once. The cut depends on the venue's name, its session, the messages and the request's number.
    #[serde(default = "share::<0>")]
    #[schemars(range(min = 0, max = 90))]
    pub timeout_jitter_percent: u8,
    /// Requests for one message, to all servers together, before it counts as lost.
    #[serde(default = "quantity::<5>")]
    #[schemars(range(min = 1, max = 1000))]
    pub attempts_max: u32,
    /// Messages that one request asks for; the answer is one packet.
    #[serde(default = "count::<32>")]
    #[schemars(range(min = 1, max = 65_534))]
    pub messages_per_request: usize,
    /// Requests that may wait for an answer at the same time. A replay asks for at most 1,024 messages at the same time.
    #[serde(default = "count::<16>")]
    #[schemars(range(min = 1, max = 1024))]
    pub requests_max: usize,
    /// Messages kept behind a gap until it is filled, and as many of a session that may follow, 64 bytes each; rounded up
    /// to a power of two. Later ones are dropped and requested once the gap is filled.
    #[serde(default = "count::<65_536>")]
    #[schemars(range(min = 64, max = 16_777_216))]
    pub buffered_messages_max: usize,
    /// The longest gap that is requested, in messages; a longer one is lost once a second packet confirms it. A session
    /// joined late has a gap that begins at its first message.
    #[serde(default = "quantity::<100_000_000>")]
    #[schemars(range(min = 1, max = 4_294_967_295_u64))]
    pub gap_messages_max: u32,
    /// How long a gap may stay open before all prices count as stale, in milliseconds. They are fresh again once the gap
    /// is filled; if a message is lost, they stay stale until the feed is joined anew.
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
    /// The address of the interface that sends multicast; the kernel's choice if absent.
    #[serde(default)]
    #[schemars(extend("format" = "ipv4"))]
    pub source_interface: Option<Ipv4Addr>,
    /// The longest datagram payload in bytes. 1400 fits into every Ethernet frame, so nothing is fragmented.
    #[serde(default = "count::<1400>")]
    #[schemars(range(min = 72, max = 8972))]
    pub payload_max_bytes: usize,
    /// Silence after which a heartbeat packet is sent, in milliseconds.
    #[serde(default = "milliseconds::<1000>")]
    #[schemars(range(min = 1, max = 60_000))]
    pub heartbeat_ms: u64,
    /// The retransmission server, which resends messages to subscribers that missed them; off while the section is
    /// absent.
    #[serde(default)]
    pub retransmission: Option<Retransmission>,
}

/// The retransmission server of the venue's feed.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retransmission {
    /// The UDP address to receive requests on, `"ip:port"`. Requests are not authenticated: keep the address inside the
    /// subscribers' network.
    #[schemars(schema_with = "socket_address_v4")]
    pub listen: SocketAddrV4,
    /// Allows port 0 in `listen`: the kernel picks a free port, which the server prints.
    #[serde(default)]
    pub allow_ephemeral_port: bool,
    /// Messages of the feed kept for retransmission, 51 bytes each. When the store is full, the newest message overwrites
    /// the oldest.
    #[serde(default = "count::<1_048_576>")]
    #[schemars(range(min = 1024, max = 268_435_456))]
    pub messages_max: usize,
    /// How long, in milliseconds, a stop still answers requests and repeats the end of the session after the last message.
    #[serde(default = "milliseconds::<3000>")]
    #[schemars(range(min = 0, max = 600_000))]
    pub linger_ms: u64,
}
