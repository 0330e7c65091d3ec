//! Links between simulated peers and the sockets of a topology: what they may do to bytes and datagrams.

use std::{collections::VecDeque, net::SocketAddr, ops::RangeInclusive};

use super::{chance::Source, world::Socket};
use crate::net::ConnId;

pub(super) const DELAY: Source = Source::new("link.delay");
pub(super) const SPLIT: Source = Source::new("link.split");
pub(super) const LATE: Source = Source::new("link.late");
pub(super) const RESET: Source = Source::new("link.reset");
pub(super) const LOST: Source = Source::new("line.lost");
pub(super) const DOUBLED: Source = Source::new("line.doubled");
pub(super) const REORDERED: Source = Source::new("line.reordered");

/// A stream link: bytes arrive in order, after a delay, in any pieces, and at most so many ahead of who reads them. The
/// rates of faults are in parts per million of the writes of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSpec {
    /// The delay of each direction, in nanoseconds.
    pub delay_ns: RangeInclusive<u64>,
    /// The bytes of a direction that may be under way or unread.
    pub window_bytes: usize,
    /// A write arrives in two pieces. That is no fault.
    pub split_ppm: u32,
    /// A write is late, by up to `late_ns_max`; what follows waits for it.
    pub late_ppm: u32,
    /// The longest that a write is late, in nanoseconds.
    pub late_ns_max: u64,
    /// The connection is reset behind a write.
    pub reset_ppm: u32,
}

impl Default for LinkSpec {
    /// A sound link: 5 to 50 µs, 64 KiB, now and then a split.
    fn default() -> Self {
        LinkSpec {
            delay_ns: 5_000..=50_000,
            window_bytes: 64 << 10,
            split_ppm: 50_000,
            late_ppm: 0,
            late_ns_max: 20_000_000,
            reset_ppm: 0,
        }
    }
}

/// A datagram line. The rates of faults are in parts per million of the datagrams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineSpec {
    /// The delay, in nanoseconds.
    pub delay_ns: RangeInclusive<u64>,
    /// A datagram is lost.
    pub loss_ppm: u32,
    /// A datagram arrives twice.
    pub duplicate_ppm: u32,
    /// A datagram is late by up to `reorder_ns_max`, so that later ones overtake it.
    pub reorder_ppm: u32,
    /// The longest that a datagram is late, in nanoseconds.
    pub reorder_ns_max: u64,
}

impl Default for LineSpec {
    /// A sound line: 5 to 20 µs.
    fn default() -> Self {
        LineSpec { delay_ns: 5_000..=20_000, loss_ppm: 0, duplicate_ppm: 0, reorder_ppm: 0, reorder_ns_max: 2_000_000 }
    }
}

/// A stream link of a [`World`](super::World), as its peer names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub(super) usize);

/// One direction of a link.
#[derive(Debug, Default)]
pub(super) struct Direction {
    /// Bytes under way.
    pub flying: VecDeque<u8>,
    /// When the last of them arrives, which later ones do not overtake.
    pub last_arrival_ns: u64,
    /// All bytes ever.
    pub position: u64,
}

/// A stream link.
#[derive(Debug)]
pub(super) struct Link {
    pub socket: Socket,
    pub from: SocketAddr,
    /// What decisions about it are drawn by.
    pub key: u64,
    pub spec: LinkSpec,
    /// The connection at the socket, once it is accepted.
    pub conn: Option<ConnId>,
    pub to_socket: Direction,
    pub to_peer: Direction,
    /// Bytes that have come to the peer and are not read.
    pub arrived: Vec<u8>,
    /// Whether the peer reads: if not, bytes wait in the window and then in the socket.
    pub reads: bool,
    /// Nothing passes any more, and nobody is told.
    pub is_dead: bool,
    /// The connection was lost.
    pub was_reset: bool,
    /// The peer has ended its side, or is gone.
    pub is_finished: bool,
    pub is_gone: bool,
    /// The socket's side has ended.
    pub has_ended: bool,
    /// The end of the socket's side is under way.
    pub end_is_sent: bool,
}

impl Link {
    pub(super) fn new(socket: Socket, from: SocketAddr, key: u64, spec: LinkSpec) -> Link {
        Link {
            socket,
            from,
            key,
            spec,
            conn: None,
            to_socket: Direction::default(),
            to_peer: Direction::default(),
            arrived: Vec::new(),
            reads: true,
            is_dead: false,
            was_reset: false,
            is_finished: false,
            is_gone: false,
            has_ended: false,
            end_is_sent: false,
        }
    }

    /// Bytes that may still set out to the peer.
    pub(super) fn window(&self) -> usize {
        if self.is_dead {
            0
        } else {
            self.spec.window_bytes.saturating_sub(self.to_peer.flying.len() + self.arrived.len())
        }
    }
}
