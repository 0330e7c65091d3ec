//! The step in progress, as a cell tells it to the ports of its actor.

use std::cell::Cell;

use crate::{message::Header, telemetry::TimingSlots};

/// Most inputs a cell takes per poll: keeps neighbours on the shard served, and bounds what waits to be shown.
pub(crate) const BATCH_MAX: usize = 64;

/// The step in progress, shared by a cell and its ports.
///
/// The words of the header of its input lie apart, so that each is read from the message just as it was written there:
/// two that were written one by one just before, and are read at once, stall the processor until both are in the cache.
#[derive(Debug, Default)]
pub(crate) struct StepState {
    pub header: Cell<Header>,
    /// Counts steps, so that a port knows which of its messages belong to the running one.
    pub id: Cell<u64>,
    /// True while a step may send on admission ports: network, timer and start callbacks.
    pub admitting: Cell<bool>,
    /// A port has messages that wait for the flush, in itself or in slots that are not shown yet.
    pub staged: Cell<bool>,
    /// Where the actor's timings are among those of its shard.
    pub timings: TimingSlots,
}
