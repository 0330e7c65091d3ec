//! The sockets and actor configurations of a venue's feeds.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use corelane_actors::{
    market_data::{ArbitrationConfig, BookLimits, GapFillConfig, MarketDataConfig},
    publisher::{PublisherConfig, RetransmissionConfig},
};
use corelane_config::{Config, FeedIn, FeedOut};
use corelane_runtime::{
    net::{EndpointSpec, UdpSpec},
    resilience::RetryPolicy,
};

use crate::{
    convert::{alpha, nanos, symbols},
    error::VenueError,
    permits::WorkPermits,
};

/// The receive buffer for bursts on the incoming feed: 4 MiB, about 3,000 full packets.
const FEED_RECEIVE_BYTES: u32 = 4 << 20;
/// The maximum number of price levels per side of a book of the incoming feed.
const FEED_LEVELS_MAX: usize = 16_384;
/// The number of packets of the outgoing feed that may wait for the network.
const PUBLISHER_PACKETS_MAX: usize = 1024;
/// The receive buffer for bursts of retransmission requests: 64 KiB, about 80 requests including the kernel's overhead.
const REQUESTS_RECEIVE_BYTES: u32 = 64 << 10;

/// The capacities and timeouts of the market-data actor of `feed`.
///
/// # Errors
/// [`VenueError::Text`] for a session or a symbol that does not fit its wire field.
pub(crate) fn market_data_config(
    config: &Config,
    feed: &FeedIn,
    permits: &WorkPermits,
) -> Result<MarketDataConfig, VenueError> {
    let recovery = &feed.recovery;
    Ok(MarketDataConfig {
        symbols: symbols(config)?,
        limits: BookLimits { orders_max: feed.orders_max, levels_max: FEED_LEVELS_MAX },
        arbitration: ArbitrationConfig {
            session: feed.session.as_deref().map(|session| alpha("session", session)).transpose()?,
            silent_after_ns: nanos(feed.stale_after_ms),
            reorder_messages_max: recovery.buffered_messages_max,
            wait_ns: nanos(recovery.wait_ms),
            gap_messages_max: recovery.gap_messages_max.into(),
            behind_after_ns: nanos(recovery.stale_after_ms),
            gap_fill: GapFillConfig {
                servers: recovery.servers.len(),
                retry: RetryPolicy {
                    attempts_max: recovery.attempts_max,
                    start_ns: nanos(recovery.timeout_ms),
                    step_ns: nanos(recovery.timeout_step_ms),
                    max_ns: nanos(recovery.timeout_max_ms),
                    jitter_percent: recovery.timeout_jitter_percent,
                    seed: seed(config),
                },
                // Fits, because the schema limits the range.
                messages_max: recovery.messages_per_request as u16,
                requests_max: recovery.requests_max,
            },
            permits: permits.fetch.clone(),
        },
        has_line_b: feed.line_b.is_some(),
        servers: recovery.servers.iter().map(|&server| server.into()).collect(),
    })
}

/// What chooses the venue's jitter: its name and its session.
fn seed(config: &Config) -> u64 {
    let bytes = config.venue.name.bytes().chain(config.venue.session.bytes());
    bytes.fold(0, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()))
}

/// The capacities and timeouts of the publisher of `feed`.
///
/// # Errors
/// [`VenueError::Text`] for a session that does not fit its wire field.
pub(crate) fn publisher_config(config: &Config, feed: &FeedOut) -> Result<PublisherConfig, VenueError> {
    Ok(PublisherConfig {
        session: alpha("session", &config.venue.session)?,
        payload_max: feed.payload_max_bytes,
        heartbeat_ns: nanos(feed.heartbeat_ms),
        packets_max: PUBLISHER_PACKETS_MAX,
        retransmission: feed
            .retransmission
            .as_ref()
            .map(|server| RetransmissionConfig { messages_max: server.messages_max }),
    })
}

/// The sockets of the incoming feed, each with the key that it is for: line A, line B if configured, and the sender of
/// retransmission requests if there are servers.
pub(crate) fn feed_in_endpoints(feed: &FeedIn) -> Vec<(&'static str, EndpointSpec)> {
    let mut endpoints = vec![("feeds.in.listen", feed_line(feed.listen, feed.interface))];
    let line_b = feed.line_b.as_ref().map(|line| feed_line(line.listen, line.interface));
    endpoints.extend(line_b.map(|line_b| ("feeds.in.line_b.listen", line_b)));
    if !feed.recovery.servers.is_empty() {
        let requests = UdpSpec { socket_receive_bytes: Some(FEED_RECEIVE_BYTES), ..UdpSpec::peer(any_port()) };
        endpoints.push(("feeds.in.recovery.servers", requests));
    }
    udp(endpoints)
}

fn udp(sockets: Vec<(&'static str, UdpSpec)>) -> Vec<(&'static str, EndpointSpec)> {
    sockets.into_iter().map(|(key, socket)| (key, EndpointSpec::Udp(socket))).collect()
}

fn feed_line(listen: SocketAddrV4, interface: Option<Ipv4Addr>) -> UdpSpec {
    let receiver = UdpSpec {
        socket_receive_bytes: Some(FEED_RECEIVE_BYTES),
        kernel_times: true,
        ..UdpSpec::receiver(listen.into())
    };
    if listen.ip().is_multicast() {
        receiver.join(*listen.ip(), interface.unwrap_or(Ipv4Addr::UNSPECIFIED))
    } else {
        receiver
    }
}

/// The sockets of the outgoing feed and, if configured, of its retransmission server, each with the key that it is for.
pub(crate) fn feed_out_endpoints(feed: &FeedOut) -> Vec<(&'static str, EndpointSpec)> {
    let payload_max = feed.payload_max_bytes as u16;
    let publications = UdpSpec {
        multicast_interface: feed.source_interface,
        payload_max,
        ..UdpSpec::sender(any_port(), feed.to.into())
    };
    let requests = feed.retransmission.as_ref().map(|server| UdpSpec {
        payload_max,
        socket_receive_bytes: Some(REQUESTS_RECEIVE_BYTES),
        ..UdpSpec::peer(server.listen.into())
    });
    let requests = requests.map(|requests| ("feeds.out.retransmission.listen", requests));
    udp([Some(("feeds.out.to", publications)), requests].into_iter().flatten().collect())
}

fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))
}

/// The memory of messages kept for retransmission, in bytes.
pub(crate) fn retransmission_bytes(config: &Config) -> usize {
    let server = config.feeds.outbound.as_ref().and_then(|feed| feed.retransmission.as_ref());
    server.map_or(0, |server| server.messages_max * RetransmissionConfig::MESSAGE_BYTES)
}
