//! Addresses on loopback that only one test of one process has: they are known before anything listens there.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process,
    sync::atomic::{AtomicU8, Ordering},
};

static PLACES: AtomicU8 = AtomicU8::new(1);

pub(crate) struct Place(Ipv4Addr);

impl Place {
    pub(crate) fn new() -> Place {
        let place = PLACES.fetch_add(1, Ordering::Relaxed);
        assert!(place < 255, "too many places");
        let [.., high, low] = process::id().to_be_bytes();
        // Neither end of the range: those are network and broadcast addresses somewhere.
        Place(Ipv4Addr::new(127, 1 + high % 254, low, place))
    }

    pub(crate) fn line_a(&self) -> SocketAddr {
        self.port(26_477)
    }

    pub(crate) fn line_b(&self) -> SocketAddr {
        self.port(26_478)
    }

    /// The retransmission server.
    pub(crate) fn server(&self) -> SocketAddr {
        self.port(26_479)
    }

    /// Another server.
    pub(crate) fn other_server(&self) -> SocketAddr {
        self.port(26_480)
    }

    fn port(&self, port: u16) -> SocketAddr {
        (self.0, port).into()
    }
}
