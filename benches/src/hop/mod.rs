//! A message to another CPU and back, and as many as go one way: through the raw ring ([`raw`]), or any other [`link`],
//! and from actor to actor on two shards ([`actors`]). All on the same two CPUs, every message checked.

pub mod actors;
pub mod link;
pub mod raw;

use std::{thread, time::Duration};

use bytemuck::{Pod, Zeroable};
use core_affinity::CoreId;
use corelane_runtime::message::Message;
use hdrhistogram::Histogram;

use self::raw::{Rtrb, RtrbChunked};

/// Slots of every ring and edge.
pub const CAPACITY: usize = 1024;
/// Messages that go into a ring at once where it is filled in chunks.
pub const CHUNK: usize = 64;

/// 32 bytes, so that a slot is 64 as in the design's measurements.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Ball {
    /// Counts up.
    pub number: u64,
    filler: [u64; 3],
}

impl Message for Ball {}

impl Ball {
    /// The ball of this number.
    pub fn new(number: u64) -> Self {
        Ball { number, filler: [number; 3] }
    }
}

/// What one round showed.
pub struct Round {
    /// Round trips through the raw ring, in nanoseconds.
    pub raw: Histogram<u64>,
    /// Round trips from actor to actor, in nanoseconds.
    pub actors: Histogram<u64>,
    /// Messages per second through the raw ring, pushed and popped one at a time.
    pub raw_per_s: f64,
    /// The same, [`CHUNK`] at a time.
    pub raw_chunked_per_s: f64,
    /// Messages per second from actor to actor.
    pub actors_per_s: f64,
}

/// One round: each of the five for `duration`, in turns.
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

/// Runs `far` on its own thread on CPU `cpus[1]` and `near` on one on CPU `cpus[0]`; returns what `near` returns.
///
/// # Panics
/// If a thread cannot be pinned, or panics itself.
pub fn on_two_cpus<R: Send>(
    [first, second]: [usize; 2],
    near: impl FnOnce() -> R + Send,
    far: impl FnOnce() + Send,
) -> R {
    thread::scope(|scope| {
        scope.spawn(move || {
            assert!(core_affinity::set_for_current(CoreId { id: second }), "pinning to an allowed CPU");
            far();
        });
        let near = scope.spawn(move || {
            assert!(core_affinity::set_for_current(CoreId { id: first }), "pinning to an allowed CPU");
            near()
        });
        near.join().expect("the near side panicked")
    })
}
