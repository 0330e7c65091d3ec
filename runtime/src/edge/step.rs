//! The step in progress, shared by a cell and the ports of its actor.

use std::cell::Cell;

use crate::{message::Header, telemetry::TimingSlots};

/// The most inputs that a cell takes per poll: other actors of the shard get their turn, and unpublished outputs stay bounded.
pub(crate) const BATCH_MAX: usize = 64;

/// The step in progress, shared by a cell and its ports.
///
/// The fields of the input's header are separate cells, so that each is read as wide as it was written. Two fields written
/// one by one and then read as one word would stall the processor until both stores have reached the cache.
#[derive(Debug, Default)]
pub(crate) struct StepState {
    pub header: Cell<Header>,
    /// Counts steps, so that a port knows which of its messages belong to the running one.
    pub id: Cell<u64>,
    /// True while a step may send on admission ports: network, timer and start callbacks.
    pub admitting: Cell<bool>,
    /// A port has messages that wait for the flush, staged or in unpublished slots.
    pub staged: Cell<bool>,
    /// Where the actor's timings are among those of its shard.
    pub timings: TimingSlots,
}
