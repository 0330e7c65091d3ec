//! A venue in this process on ports that the kernel picks, and clients over real sockets that share no code with it.
#![allow(dead_code, unused_imports, reason = "each test file uses its part")]

mod client;
mod feed;
mod neighbour;

use std::net::{SocketAddr, UdpSocket};

pub(crate) use client::{Answer, Client, Packet, cancel, enter, login_request, packet, replace};
use corelane_config::{Config, FeedOut, Idle, VENUE_TOML};
pub(crate) use corelane_test_support::{
    random::Random,
    wait::{PATIENCE, until},
};
use corelane_venue::Venue;
pub(crate) use feed::{Market, add, delete, directory, mold};
pub(crate) use neighbour::Neighbour;

pub(crate) const SYMBOLS: [&str; 8] = ["CLN01", "CLN02", "CLN03", "CLN04", "CLN05", "CLN06", "CLN07", "CLN08"];

/// Price of one share that nobody's collar minds, four implied decimals: each symbol's reference price.
pub(crate) fn price_of(symbol: &str) -> u64 {
    const REFERENCE_PRICES: [u64; 8] = [100, 50, 25, 200, 10, 75, 150, 400];
    let index = SYMBOLS.iter().position(|known| *known == symbol).expect("a symbol of the shipped configuration");
    REFERENCE_PRICES[index] * 10_000
}

/// A price within the collar at which a buy meets nobody who sells at [`price_of`] or above.
pub(crate) fn below_price_of(symbol: &str) -> u64 {
    price_of(symbol) / 100 * 95
}

/// The shipped configuration with ephemeral ports, no outgoing feed and a shard that sleeps when idle.
pub(crate) fn config() -> Config {
    let mut config = Config::parse("venue.toml", VENUE_TOML).unwrap_or_else(|errors| panic!("{errors:?}"));
    config.order_entry.listen.set_port(0);
    config.shards[0].idle = Idle::Park;
    config.feeds.outbound = None;
    if let Some(feed) = &mut config.feeds.inbound {
        feed.listen.set_port(0);
        feed.orders_max = 4096;
    }
    config
}

/// Makes the venue publish its feed to a socket of the test.
pub(crate) fn publish_to(config: &mut Config, socket: &UdpSocket) {
    let SocketAddr::V4(to) = socket.local_addr().unwrap() else { panic!("an IPv4 socket") };
    let shipped = Config::parse("venue.toml", VENUE_TOML).unwrap_or_else(|errors| panic!("{errors:?}"));
    config.feeds.outbound = shipped.feeds.outbound.map(|feed| FeedOut { to, ..feed });
}

pub(crate) fn start(config: &Config) -> Venue {
    Venue::start(config).unwrap_or_else(|error| panic!("{error}"))
}

/// Stops a venue that must have lost nothing.
pub(crate) fn stop(venue: Venue) {
    let stopped = venue.stop();
    assert_eq!(stopped.problems(), [""; 0]);
}
