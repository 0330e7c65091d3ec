//! Connections that serve no port: not logged in yet, or closing.
//!
//! Anyone can open connections. Were their number not bounded, they would take every slot of the driver's table and lock
//! the members out until the log-in time-out. So they may take half of the slots that the ports do not need, and each
//! source address a part of them. At a bound, the oldest connection that has not logged in makes room for the new one: a
//! client that logs in at once is served, however many others say nothing.

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
    /// Whether it can still log in; otherwise it is closing.
    may_log_in: bool,
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

/// What happens to a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may log in.
    Free,
    /// It may log in, and this connection must be closed for it.
    Instead(ConnId),
    /// There is no room: all connections that count against it are closing.
    Refused,
}

impl Strangers {
    /// No connections yet, of at most `connections_max`, `ports` of which may be logged in at once.
    pub(super) fn new(connections_max: usize, ports: usize, per_source_max: usize) -> Self {
        // The other half is for those that are being closed to make room.
        let all_max = (connections_max.saturating_sub(ports) / 2).max(1);
        Strangers { list: Vec::with_capacity(connections_max), all_max, per_source_max }
    }

    /// Takes in a new connection, unless it is refused.
    pub(super) fn admit(&mut self, conn: ConnId, source: Source) -> Admission {
        let is_of_source = |stranger: &&Stranger| stranger.source == source;
        let oldest = if self.list.iter().filter(is_of_source).count() >= self.per_source_max {
            self.list.iter().filter(is_of_source).find(|stranger| stranger.may_log_in)
        } else if self.list.len() >= self.all_max {
            self.list.iter().find(|stranger| stranger.may_log_in)
        } else {
            self.list.push(Stranger { conn, source, may_log_in: true });
            return Admission::Free;
        };
        let Some(&Stranger { conn: oldest, .. }) = oldest else {
            return Admission::Refused;
        };
        self.list.push(Stranger { conn, source, may_log_in: true });
        Admission::Instead(oldest)
    }

    /// Notes that a connection is closing.
    pub(super) fn note_closing(&mut self, conn: ConnId, source: Source) {
        match self.list.iter_mut().find(|stranger| stranger.conn == conn) {
            Some(stranger) => stranger.may_log_in = false,
            None => self.list.push(Stranger { conn, source, may_log_in: false }),
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
    fn the_oldest_that_may_log_in_makes_room_and_closing_ones_count() {
        // Half of 10 − 2 slots, two of them for one source.
        let mut strangers = Strangers::new(10, 2, 2);
        assert_eq!(strangers.admit(conn(0), v4(1)), Admission::Free);
        assert_eq!(strangers.admit(conn(1), v4(1)), Admission::Free);
        assert_eq!(strangers.admit(conn(2), v4(1)), Admission::Instead(conn(0)));
        strangers.note_closing(conn(0), v4(1));
        assert_eq!(strangers.admit(conn(3), v4(2)), Admission::Free);
        assert_eq!(strangers.admit(conn(4), v4(3)), Admission::Instead(conn(1)), "the oldest of all");
        strangers.note_closing(conn(1), v4(1));
        strangers.note_closing(conn(2), v4(1));
        assert_eq!(strangers.admit(conn(5), v4(1)), Admission::Refused, "all of its source are closing");
        [0, 1, 2].into_iter().for_each(|slot| strangers.remove(conn(slot)));
        assert_eq!(strangers.admit(conn(6), v4(1)), Admission::Free);
        // One that was logged in and is closing counts too.
        strangers.remove(conn(6));
        strangers.note_closing(conn(6), v4(1));
        strangers.note_closing(conn(7), v4(1));
        assert_eq!(strangers.admit(conn(8), v4(1)), Admission::Refused);
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
