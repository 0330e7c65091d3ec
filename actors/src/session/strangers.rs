//! Connections that serve no port: not logged in yet, or closing.
//!
//! Anyone can open connections. Were their number not bounded, they would take every slot of the driver's table and lock
//! the members out until the log-in time-out. So they may take half of the slots that the ports do not need, and each
//! source address a part of them. At a bound, the oldest one that is closing makes room for the new one, since the end that
//! it waits for is the client's to give; if none is closing, the oldest that has not logged in. So a client that logs in
//! at once is served, however many others say nothing, or are refused and stay.

use std::net::{IpAddr, Ipv6Addr};

use corelane_runtime::net::ConnId;

/// The connections that serve no port, oldest first.
#[derive(Debug)]
pub(super) struct Strangers {
    list: Vec<Stranger>,
    all_max: usize,
    per_source_max: usize,
}

/// A connection that serves no port.
#[derive(Clone, Copy, Debug)]
struct Stranger {
    conn: ConnId,
    source: Source,
    /// Otherwise it can still log in.
    is_closing: bool,
}

/// Where connections come from: an IPv4 address, or the network of an IPv6 address, whose host may choose the other half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source(IpAddr);

impl Source {
    pub(super) const UNKNOWN: Source = Source(IpAddr::V6(Ipv6Addr::UNSPECIFIED));

    pub(super) fn of(address: IpAddr) -> Source {
        const HOST: u128 = u64::MAX as u128;
        match address.to_canonical() {
            IpAddr::V6(address) => Source(IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !HOST))),
            v4 @ IpAddr::V4(_) => Source(v4),
        }
    }
}

impl Strangers {
    /// No connections yet, of at most `connections_max`, `ports` of which may be logged in at once.
    pub(super) fn new(connections_max: usize, ports: usize, per_source_max: usize) -> Self {
        // The other half is for those that made room, whose slots are free only when the kernel has closed their sockets.
        let all_max = (connections_max.saturating_sub(ports) / 2).max(1);
        Strangers { list: Vec::with_capacity(connections_max), all_max, per_source_max }
    }

    /// Takes in a new connection. At a bound, returns the one that makes room for it: it counts no longer, and must be closed
    /// at once.
    pub(super) fn admit(&mut self, conn: ConnId, source: Source) -> Option<ConnId> {
        let is_of_source = |stranger: &Stranger| stranger.source == source;
        let oldest = if self.list.iter().filter(|stranger| is_of_source(stranger)).count() >= self.per_source_max {
            self.oldest(is_of_source)
        } else if self.list.len() >= self.all_max {
            self.oldest(|_| true)
        } else {
            None
        };
        let displaced = oldest.map(|at| self.list.remove(at).conn);
        self.list.push(Stranger { conn, source, is_closing: false });
        displaced
    }

    /// Where the oldest one that is closing is, or the oldest of all if none is closing.
    fn oldest(&self, counts: impl Fn(&Stranger) -> bool) -> Option<usize> {
        let closing = self.list.iter().position(|stranger| counts(stranger) && stranger.is_closing);
        closing.or_else(|| self.list.iter().position(counts))
    }

    /// Notes that a connection is closing.
    pub(super) fn note_closing(&mut self, conn: ConnId, source: Source) {
        match self.list.iter_mut().find(|stranger| stranger.conn == conn) {
            Some(stranger) => stranger.is_closing = true,
            None => self.list.push(Stranger { conn, source, is_closing: true }),
        }
    }

    /// Forgets a connection that has logged in or is gone.
    pub(super) fn remove(&mut self, conn: ConnId) {
        if let Some(at) = self.list.iter().position(|stranger| stranger.conn == conn) {
            self.list.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conn(slot: u32) -> ConnId {
        ConnId { slot, generation: 1 }
    }

    fn v4(last: u8) -> Source {
        Source::of(IpAddr::from([10, 0, 0, last]))
    }

    #[test]
    fn the_oldest_that_is_closing_makes_room_or_else_the_oldest_that_may_log_in() {
        // Half of 10 − 2 slots, two of them for one source.
        let mut strangers = Strangers::new(10, 2, 2);
        assert_eq!(strangers.admit(conn(0), v4(1)), None);
        assert_eq!(strangers.admit(conn(1), v4(1)), None);
        assert_eq!(strangers.admit(conn(2), v4(1)), Some(conn(0)));
        assert_eq!(strangers.admit(conn(3), v4(2)), None);
        assert_eq!(strangers.admit(conn(4), v4(3)), None);
        assert_eq!(strangers.admit(conn(5), v4(4)), Some(conn(1)), "the oldest of all");
        strangers.note_closing(conn(4), v4(3));
        assert_eq!(strangers.admit(conn(6), v4(4)), Some(conn(4)), "one that is closing, before older ones");
        strangers.note_closing(conn(2), v4(1));
        assert_eq!(strangers.admit(conn(7), v4(4)), Some(conn(5)), "of its own source, which is at its bound");
        [6, 7].into_iter().for_each(|slot| strangers.note_closing(conn(slot), v4(4)));
        assert_eq!(strangers.admit(conn(8), v4(4)), Some(conn(6)), "though all of its source are closing");
        strangers.remove(conn(3));
        assert_eq!(strangers.admit(conn(9), v4(2)), None);
        // One that was logged in and is closing counts too.
        strangers.remove(conn(9));
        strangers.note_closing(conn(9), v4(2));
        assert_eq!(strangers.admit(conn(3), v4(3)), Some(conn(2)));
    }

    #[test]
    fn a_source_is_an_address_or_the_network_of_an_ipv6_host() {
        let source = |text: &str| Source::of(text.parse().unwrap());
        assert_eq!(source("2001:db8:1:2::3"), source("2001:db8:1:2:ffff::9"));
        assert_ne!(source("2001:db8:1:2::3"), source("2001:db8:1:3::3"));
        assert_eq!(source("::ffff:10.0.0.1"), source("10.0.0.1"));
        assert_ne!(source("10.0.0.1"), source("10.0.0.2"));
    }
}
