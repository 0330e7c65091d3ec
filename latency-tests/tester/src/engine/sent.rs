//! The record of a request in flight.

use std::num::NonZeroU64;

/// A request in flight. Times are in nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub intended_ns: u64,
    pub sent_ns: u64,
    /// The time at which the kernel passed it to the network device, if known.
    pub left_ns: Option<NonZeroU64>,
    /// Whether it was due after the warm-up.
    pub measured: bool,
}
