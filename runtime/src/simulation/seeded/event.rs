//! What happens at some time.

use std::{cmp::Ordering, net::SocketAddr};

use super::super::{links::LinkId, network::SentDatagram, world::Socket};

pub(super) struct Scheduled {
    pub time_ns: u64,
    pub tie: u64,
    pub number: u64,
    pub event: Event,
}

pub(super) enum Event {
    Turn(usize),
    Wake(u64),
    Connect(LinkId),
    /// So many bytes come to the socket.
    ToSocket(LinkId, usize),
    ToPeer(LinkId, usize),
    /// The peer ends its side.
    Finish(LinkId),
    /// The socket ends its side.
    End(LinkId),
    /// Both sides learn that the connection is lost.
    Reset(LinkId),
    /// The socket waits for its peer no longer.
    CloseLimit(LinkId),
    DatagramIn(Socket, SocketAddr, Vec<u8>),
    DatagramOut(Socket, SentDatagram),
}

impl Scheduled {
    fn order(&self) -> (u64, u64, u64) {
        (self.time_ns, self.tie, self.number)
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}
