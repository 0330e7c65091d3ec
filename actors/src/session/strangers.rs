//! Connections that serve no port: not logged in yet, or closing.
//!
//! Anyone can open connections. Were their number not bounded, they would take every slot of the driver's table and lock
//! the members out until the log-in time-out. So they may take the slots that logged-in ports leave free, but for a reserve, and
//! each source address a part of them. At a bound, the one that has been closing for longest makes room for the new one, since the
//! end that it waits for is the client's to give; if none is closing, the oldest that has not logged in. So a client that logs
//! in at once is served, however many others say nothing, or are refused and stay. Members that all connect before the first of
//! them logs in displace each other only if there are fewer slots than for them and the reserve.
//!
//! A connection costs the same however many others there are: each is linked into the queue of all and that of its source.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
};

use corelane_runtime::net::ConnId;

/// The most slots in reserve for those that made room, which are free only when the kernel has closed their sockets: more than a
/// few polls of the driver accept. Where few slots are left, half of them.
const RESERVE_MAX: usize = 32;

/// The connections that serve no port, oldest first.
#[derive(Debug)]
pub(super) struct Strangers {
    /// By slot of the driver's table.
    slots: Box<[Option<Stranger>]>,
    all: Queues,
    /// Its capacity is twice the most entries, so that the map removes its tombstones in place and never grows.
    by_source: HashMap<Source, Queues>,
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
    /// No connections yet, of at most `connections_max`.
    #[expect(clippy::cast_possible_truncation, reason = "it is at most `CONNECTIONS_MAX`")]
    pub(super) fn new(connections_max: usize, per_source_max: usize) -> Self {
        Strangers {
            slots: vec![None; connections_max].into(),
            all: Queues::default(),
            by_source: HashMap::with_capacity(2 * connections_max),
            per_source_max: per_source_max as u32,
        }
    }

    /// Takes in a new connection, while so many ports are logged in. At a bound, returns the one that makes room for it: it counts
    /// no longer, and must be closed at once.
    pub(super) fn admit(&mut self, conn: ConnId, source: Source, logged_in: usize) -> Option<ConnId> {
        let free = self.slots.len().saturating_sub(logged_in);
        let all_max = (free - RESERVE_MAX.min(free / 2)).max(1);
        let of_source = self.by_source.get(&source).copied().unwrap_or_default();
        let oldest = if of_source.length >= self.per_source_max {
            of_source.oldest()
        } else if self.all.length as usize >= all_max {
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
        // Half of the eight slots that two ports leave, two of them for one source.
        const LOGGED_IN: usize = 2;
        let mut strangers = Strangers::new(10, 2);
        assert_eq!(strangers.admit(conn(0), v4(1), LOGGED_IN), None);
        assert_eq!(strangers.admit(conn(1), v4(1), LOGGED_IN), None);
        assert_eq!(strangers.admit(conn(2), v4(1), LOGGED_IN), Some(conn(0)));
        assert_eq!(strangers.admit(conn(3), v4(2), LOGGED_IN), None);
        assert_eq!(strangers.admit(conn(4), v4(3), LOGGED_IN), None);
        assert_eq!(strangers.admit(conn(5), v4(4), LOGGED_IN), Some(conn(1)), "the oldest of all");
        strangers.note_closing(conn(4), v4(3));
        assert_eq!(strangers.admit(conn(6), v4(4), LOGGED_IN), Some(conn(4)), "one that is closing, before older ones");
        strangers.note_closing(conn(2), v4(1));
        assert_eq!(
            strangers.admit(conn(7), v4(4), LOGGED_IN),
            Some(conn(5)),
            "of its own source, which is at its bound"
        );
        [6, 7].into_iter().for_each(|slot| strangers.note_closing(conn(slot), v4(4)));
        assert_eq!(strangers.admit(conn(8), v4(4), LOGGED_IN), Some(conn(6)), "though all of its source are closing");
        strangers.remove(conn(3));
        assert_eq!(strangers.admit(conn(9), v4(2), LOGGED_IN), None);
        // One that was logged in and is closing counts too.
        strangers.remove(conn(9));
        strangers.note_closing(conn(9), v4(2));
        assert_eq!(strangers.admit(conn(3), v4(3), LOGGED_IN), Some(conn(2)));
    }

    #[test]
    fn so_many_may_come_as_logged_in_ports_leave_slots_but_for_a_reserve() {
        let most = |slots: u32, logged_in| {
            let mut strangers = Strangers::new(slots as usize, usize::MAX);
            (0..slots).find(|slot| strangers.admit(conn(*slot), v4(1), logged_in).is_some())
        };
        let cases =
            [(1024, 0, 992), (1024, 900, 92), (1024, 992, 16), (64, 0, 32), (10, 2, 4), (10, 9, 1), (10, 10, 1)];
        for (slots, logged_in, expected) in cases {
            assert_eq!(most(slots, logged_in), Some(expected), "{logged_in} of {slots}");
        }
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
