//! Bounds and times of arbitration.

use corelane_codecs::mold::SessionName;
use corelane_runtime::resilience::{Permits, RetryPolicy};

use super::reorder::ReorderBuffer;

/// Bounds and times of arbitration.
#[derive(Clone, Debug)]
pub struct ArbitrationConfig {
    /// The only session to follow; `None` to follow the first one seen.
    pub session: Option<SessionName>,
    /// Silence of both lines after which the session counts as silent.
    pub silent_after_ns: u64,
    /// Messages behind a gap that the buffer holds: rounded up to a power of two, at least 64.
    pub reorder_messages_max: usize,
    /// Time in which a line may still bring a missing message. Then the arbiter requests it; without servers, it is
    /// lost.
    pub wait_ns: u64,
    /// The longest gap to request, in messages; a longer one is lost once a second packet confirms it. Joining a session
    /// late is a gap too.
    /// Without servers, at most half of the buffer.
    pub gap_messages_max: u64,
    /// Time for which a gap may be open before prices are stale.
    pub behind_after_ns: u64,
    /// Retransmission requests.
    pub gap_fill: GapFillConfig,
    /// Permits to fetch data. Each request holds one, from its first sending until it is answered or given up.
    pub permits: Permits,
}

/// Messages that a replay asks for ahead of its next one, at most: they are applied in one step when that comes, some 100 µs.
const REPLAY_AHEAD_MAX: usize = 1024;

impl ArbitrationConfig {
    /// Memory of the messages that wait behind gaps, of those of a session that may follow, and of those of a replay that
    /// came before their turn, in bytes.
    #[must_use]
    pub fn buffer_bytes(&self) -> usize {
        2 * ReorderBuffer::bytes(self.reorder_messages_max) + ReorderBuffer::bytes(self.replay_ahead_max())
    }

    /// Most messages that a replay asks for ahead of its next one.
    pub(super) fn replay_ahead_max(&self) -> usize {
        let GapFillConfig { servers, messages_max, requests_max, .. } = self.gap_fill;
        let asked_max = requests_max.saturating_mul(messages_max.into()).min(REPLAY_AHEAD_MAX);
        if servers > 0 { asked_max.min(self.reorder_messages_max) } else { 0 }
    }
}

/// Bounds and times of retransmission requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GapFillConfig {
    /// Number of retransmission servers. Without servers, a gap that no line fills in time is lost.
    pub servers: usize,
    /// Requests for one range, over all servers, before it is given up, and the time for the answer to each.
    pub retry: RetryPolicy,
    /// Messages per request. An answer is one packet; messages that do not fit it are requested again.
    pub messages_max: u16,
    /// Requests in flight.
    pub requests_max: usize,
}
