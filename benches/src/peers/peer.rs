//! A peer of the hop.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::hop::link::{self, Link};

/// Relation of a peer to ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Our actors.
    Ours,
    /// A channel that any thread may send to, or any process: to be beaten.
    Channel,
    /// A ring without anything around it, that nobody can wait at or close: a baseline beside `rtrb`.
    RawRing,
    /// An actor framework: to be beaten.
    Actors,
}

impl Kind {
    /// Differences of this kind from our actors, for readers of a ratio to it: work that it does not do. `None` for
    /// ours.
    pub const fn differs(self) -> Option<&'static str> {
        match self {
            Kind::Ours => None,
            Kind::Channel => Some(
                "carries messages from thread to thread and nothing else: no actors, no panics caught, no room reserved \
                 before a step; polled without sleeping, unless its name says `await`",
            ),
            Kind::RawRing => Some("a ring without anything around it: a baseline, not to be beaten"),
            Kind::Actors => Some(
                "an actor framework on tokio, an actor on each of two pinned threads whose runtimes never sleep; mailboxes \
                 are bounded where it has such; one way, a plain thread sends where ours is an actor",
            ),
        }
    }
}

/// Carries a [`Ball`](crate::hop::Ball) in its [`Envelope`](corelane_runtime::message::Envelope) between two CPUs.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// The library, and how it is used if there are two ways.
    pub name: &'static str,
    /// Kind of peer.
    pub kind: Kind,
    /// Round trips in nanoseconds, one message under way at a time, as [`hop::link`] measures them.
    pub round_trips: fn(cpus: [usize; 2], duration: Duration) -> Histogram<u64>,
    /// Messages per second one way.
    pub flood: fn(cpus: [usize; 2], duration: Duration) -> f64,
}

impl Peer {
    /// Creates a peer whose ends spin.
    pub(super) const fn spinning<L: Link>(name: &'static str, kind: Kind) -> Peer {
        Peer { name, kind, round_trips: link::round_trips::<L>, flood: link::flood::<L> }
    }
}
