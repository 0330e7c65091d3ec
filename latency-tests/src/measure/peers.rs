//! Peers, in builds with the feature `peers`.

use std::time::Duration;

use corelane_benches::engine;
use hdrhistogram::Histogram;

use crate::result::Role;

/// Carries messages between two CPUs.
pub(super) struct Peer {
    pub name: &'static str,
    /// A peer, or a baseline if it is a bare ring as the one below our edges.
    pub role: Role,
    /// Differences from ours: work that ours does and the peer does not.
    pub differs: Option<&'static str>,
    pub round_trips: fn([usize; 2], Duration) -> Histogram<u64>,
    pub flood: fn([usize; 2], Duration) -> f64,
}

/// Channels, rings and actor frameworks.
#[cfg(feature = "peers")]
pub(super) fn of_the_hop() -> Vec<Peer> {
    use corelane_benches::peers::{Kind, actors, channels};
    let all = channels::ALL.iter().chain(actors::ALL);
    all.map(|peer| Peer {
        name: peer.name,
        role: match peer.kind {
            Kind::RawRing => Role::Baseline,
            Kind::Ours | Kind::Channel | Kind::Actors => Role::Peer,
        },
        differs: peer.kind.differs(),
        round_trips: peer.round_trips,
        flood: peer.flood,
    })
    .collect()
}

/// Without the feature there are none.
#[cfg(not(feature = "peers"))]
pub(super) fn of_the_hop() -> Vec<Peer> {
    Vec::new()
}

/// Executes commands as [`engine::run`] does.
pub(super) struct PeerEngine {
    pub name: &'static str,
    /// Differences from ours: work that ours does and the peer does not.
    pub differs: &'static str,
    pub run: fn(usize, &engine::Commands, f64) -> engine::Round,
}

/// Published matching crates.
#[cfg(feature = "peers")]
pub(super) fn of_the_engine() -> Vec<PeerEngine> {
    use corelane_benches::peers::matching::ALL;
    ALL.iter().map(|peer| PeerEngine { name: peer.name, differs: peer.differs, run: peer.run }).collect()
}

/// Without the feature there are none.
#[cfg(not(feature = "peers"))]
pub(super) fn of_the_engine() -> Vec<PeerEngine> {
    Vec::new()
}
