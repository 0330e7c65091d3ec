//! Alternatives to ours, on the same CPUs, with the same messages and the same checks.
//!
//! | module | beside |
//! |---|---|
//! | [`actors`] | [`hop::actors`]: actor frameworks |
//! | [`channels`] | the same: channels, and rings as further baselines |
//! | `itch` | [`itch`](crate::itch): parsers and book builders |
//! | [`matching`] | [`engine`](crate::engine): published matching crates |
//! | [`tokio_venue`] | [`wire::venue`](crate::wire::venue): the same venue on tokio |

pub mod actors;
pub mod channels;
pub(crate) mod itch;
pub mod matching;
mod peer;
pub mod tokio_venue;

use std::time::Duration;

use hdrhistogram::Histogram;

pub use self::peer::{Kind, Peer};
use crate::{hop, median};

/// Messages between two of our actors.
pub const OURS: Peer =
    Peer { name: "ours", kind: Kind::Ours, round_trips: hop::actors::round_trips, flood: hop::actors::flood };

/// The ring that carries our edges, pushed and popped one message at a time.
pub const RTRB: Peer = Peer::spinning::<hop::raw::Rtrb>("rtrb", Kind::RawRing);

/// Results of a peer in one round.
#[derive(Debug)]
pub struct Seen {
    /// The peer.
    pub peer: Peer,
    /// Round trips in nanoseconds.
    pub round_trips: Histogram<u64>,
    /// Messages per second one way.
    pub per_s: f64,
}

impl Seen {
    /// Median round trip in nanoseconds.
    pub fn p50_ns(&self) -> f64 {
        self.round_trips.value_at_quantile(0.5) as f64
    }
}

/// Ours, `rtrb`, all [`channels`] and all [`actors`], one after another, each for twice the `duration`.
///
/// # Panics
/// If a message is wrong, or a thread cannot be pinned.
pub fn round(cpus: [usize; 2], duration: Duration) -> Vec<Seen> {
    let peers = [OURS, RTRB].into_iter().chain(channels::ALL.iter().copied()).chain(actors::ALL.iter().copied());
    let seen = peers.map(|peer| {
        let (round_trips, per_s) = ((peer.round_trips)(cpus, duration), (peer.flood)(cpus, duration));
        Seen { peer, round_trips, per_s }
    });
    seen.collect()
}

/// Our lead over the best of the channels and actor frameworks; above 1 is ahead.
#[derive(Clone, Copy, Debug)]
pub struct Lead {
    /// Median round trip of the fastest over ours, and which that is.
    pub hop: (f64, &'static str),
    /// Our throughput over that of the fastest, and which that is.
    pub throughput: (f64, &'static str),
}

/// The lead over each peer is the median of its rounds' ratios; that over the best is the least of them.
///
/// # Panics
/// Without rounds, or if one of them is not by [`round`].
pub fn lead(rounds: &[Vec<Seen>]) -> Lead {
    let least = |ratio: fn(&Seen, &Seen) -> f64| {
        let places = 0..rounds[0].len();
        let others = places.filter(|&at| matches!(rounds[0][at].peer.kind, Kind::Channel | Kind::Actors));
        let leads = others.map(|at| {
            let ratios: Vec<f64> = rounds.iter().map(|round| ratio(&round[0], &round[at])).collect();
            (median(&ratios), rounds[0][at].peer.name)
        });
        leads.min_by(|one, other| one.0.total_cmp(&other.0)).expect("there are others")
    };
    Lead {
        hop: least(|ours, rival| rival.p50_ns() / ours.p50_ns()),
        throughput: least(|ours, rival| ours.per_s / rival.per_s),
    }
}
