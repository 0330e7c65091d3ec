//! A request on its way.

use std::num::NonZeroU64;

/// A request on its way, in nanoseconds from the start of the run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub intended_ns: u64,
    pub sent_ns: u64,
    /// When the kernel gave it to the network device, if that is known.
    pub left_ns: Option<NonZeroU64>,
    /// Due after the warm-up.
    pub measured: bool,
}
