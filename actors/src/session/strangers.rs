//! Connections that serve no port: not logged in yet, or closing.
//!
//! Anyone can open connections. Were their number not bounded, they would take every slot of the driver's table and lock
//! the members out until the log-in time-out. So they may take half of the slots that the ports do not need, and each
//! source address a part of them. At a bound, the one that has been closing for longest makes room for the new one, since the
//! end that it waits for is the client's to give; if none is closing, the oldest that has not logged in. So a client that logs
//! in at once is served, however many others say nothing, or are refused and stay.
//!
//! A connection costs the same however many others there are: each is linked into the queue of all and that of its source.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
};

use corelane_runtime::net::ConnId;

/// The connections that serve no port, oldest first.
#[derive(Debug)]
pub(super) struct Strangers {
    /// By slot of the driver's table.
    slots: Box<[Option<Stranger>]>,
    all: Queues,
    /// Its capacity is twice the most entries, so that the map removes its tombstones in place and never grows.
    by_source: HashMap<Source, Queues>,
    all_max: u32,
    per_source_max: u32,
}

/// A connection that serves no port.
#[derive(Clone, Copy, Debug)]
struct Stranger {
    conn: ConnId,
    source: Source,
    /// Otherwise it can still log in.
    is_closing: bool,
    /// Its neighbours in the queue of all and in that of its source.
    links: [Link; 2],
}

/// The queue of all connections, and that of one source.
const ALL: usize = 0;
const OF_SOURCE: usize = 1;

/// The slots of the earlier and of the later neighbour.
#[derive(Clone, Copy, Debug, Default)]
struct Link {
    earlier: Option<u32>,
    later: Option<u32>,
}

/// Two queues: those that can still log in, and those that are closing.
#[derive(Clone, Copy, Debug, Default)]
struct Queues {
    ends: [Ends; 2],
    length: u32,
}

/// The slots of the first and the last of a queue.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    first: Option<u32>,
    last: Option<u32>,
}

/// Where connections come from: an IPv4 address, or the network of an IPv6 address, whose host may choose the other half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    #[expect(clippy::cast_possible_truncation, reason = "both are at most `CONNECTIONS_MAX`")]
    pub(super) fn new(connections_max: usize, ports: usize, per_source_max: usize) -> Self {
        // The other half is for those that made room, whose slots are free only when the kernel has closed their sockets.
        let all_max = (connections_max.saturating_sub(ports) / 2).max(1);
        Strangers {
            slots: vec![None; connections_max].into(),
            all: Queues::default(),
            by_source: HashMap::with_capacity(2 * connections_max),
            all_max: all_max as u32,
            per_source_max: per_source_max as u32,
        }
    }

    /// Takes in a new connection. At a bound, returns the one that makes room for it: it counts no longer, and must be closed
    /// at once.
    pub(super) fn admit(&mut self, conn: ConnId, source: Source) -> Option<ConnId> {
        let of_source = self.by_source.get(&source).copied().unwrap_or_default();
        let oldest = if of_source.length >= self.per_source_max {
            of_source.oldest()
        } else if self.all.length >= self.all_max {
            self.all.oldest()
        } else {
            None
        };
        let displaced = oldest.and_then(|slot| self.unlink(slot)).map(|stranger| stranger.conn);
        self.link(conn, source, false);
        displaced
    }

    /// Notes that a connection is closing.
    pub(super) fn note_closing(&mut self, conn: ConnId, source: Source) {
        self.remove(conn);
        self.link(conn, source, true);
    }

    /// Forgets a connection that has logged in or is gone.
    pub(super) fn remove(&mut self, conn: ConnId) {
        if self.slots[conn.slot as usize].is_some_and(|stranger| stranger.conn == conn) {
            self.unlink(conn.slot);
        }
    }

    /// Puts a connection at the end of its queues.
    fn link(&mut self, conn: ConnId, source: Source, is_closing: bool) {
        self.unlink(conn.slot);
        let mut stranger = Stranger { conn, source, is_closing, links: [Link::default(); 2] };
        let of_source = self.by_source.entry(source).or_default();
        for (which, queues) in [(ALL, &mut self.all), (OF_SOURCE, of_source)] {
            queues.length += 1;
            let ends = &mut queues.ends[usize::from(is_closing)];
            let earlier = ends.last.replace(conn.slot);
            stranger.links[which].earlier = earlier;
            match earlier.and_then(|slot| self.slots[slot as usize].as_mut()) {
                Some(earlier) => earlier.links[which].later = Some(conn.slot),
                None => ends.first = Some(conn.slot),
            }
        }
        self.slots[conn.slot as usize] = Some(stranger);
    }

    /// Takes the connection of a slot out of its queues.
    fn unlink(&mut self, slot: u32) -> Option<Stranger> {
        let stranger = self.slots[slot as usize].take()?;
        let of_source = self.by_source.entry(stranger.source).or_default();
        for (which, queues) in [(ALL, &mut self.all), (OF_SOURCE, &mut *of_source)] {
            queues.length -= 1;
            let ends = &mut queues.ends[usize::from(stranger.is_closing)];
            let Link { earlier, later } = stranger.links[which];
            match earlier.and_then(|slot| self.slots[slot as usize].as_mut()) {
                Some(earlier) => earlier.links[which].later = later,
                None => ends.first = later,
            }
            match later.and_then(|slot| self.slots[slot as usize].as_mut()) {
                Some(later) => later.links[which].earlier = earlier,
                None => ends.last = earlier,
            }
        }
        if of_source.length == 0 {
            self.by_source.remove(&stranger.source);
        }
        Some(stranger)
    }
}

impl Queues {
    /// The slot of the one that has been closing for longest, or of the oldest of all if none is closing.
    fn oldest(&self) -> Option<u32> {
        let [open, closing] = self.ends;
        closing.first.or(open.first)
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
