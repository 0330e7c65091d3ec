//! A message to another CPU and back, and as many as go one way: through the raw ring ([`raw`]), or any other [`link`],
//! and from actor to actor on two shards ([`actors`]). All on the same two CPUs, every message checked.

pub mod actors;
mod ball;
pub mod link;
pub mod raw;

use std::time::Duration;

use hdrhistogram::Histogram;

pub use self::ball::{Ball, CAPACITY, CHUNK, on_two_cpus};
use self::raw::{Rtrb, RtrbChunked};

/// Results of one round.
#[derive(Debug)]
pub struct Round {
    /// Round trips through the raw ring, in nanoseconds.
    pub raw: Histogram<u64>,
    /// Round trips from actor to actor, in nanoseconds.
    pub actors: Histogram<u64>,
    /// Messages per second through the raw ring, pushed and popped one at a time.
    pub raw_per_s: f64,
    /// Messages per second through the raw ring, pushed and popped [`CHUNK`] at a time.
    pub raw_chunked_per_s: f64,
    /// Messages per second from actor to actor.
    pub actors_per_s: f64,
}

/// Runs one round: each of the five measurements for `duration`, in turns.
///
/// # Panics
/// If a message is wrong, or a thread cannot be pinned.
pub fn round(cpus: [usize; 2], duration: Duration) -> Round {
    Round {
        raw: link::round_trips::<Rtrb>(cpus, duration),
        actors: actors::round_trips(cpus, duration),
        raw_per_s: link::flood::<Rtrb>(cpus, duration),
        raw_chunked_per_s: link::flood::<RtrbChunked>(cpus, duration),
        actors_per_s: actors::flood(cpus, duration),
    }
}
