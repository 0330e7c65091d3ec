//! The message that goes round, and the two threads that it goes between.

use std::thread;

use bytemuck::{Pod, Zeroable};
use core_affinity::CoreId;
use corelane_runtime::message::Message;

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
