//! Bounds and times of arbitration.

use corelane_codecs::mold::Session;

/// What arbitration is bounded and timed by.
#[derive(Clone, Debug)]
pub struct ArbitrationConfig {
    /// The only session to follow; the first one seen if absent.
    pub session: Option<Session>,
    /// Silence of both lines after which the session counts as silent.
    pub silent_after_ns: u64,
    /// Messages behind a gap that are kept, rounded up to a power of two, 64 at least.
    pub reorder_messages_max: usize,
    /// How long a missing message may still come by a line before it is asked for; without servers, until it is lost.
    pub wait_ns: u64,
    /// The longest gap that is asked for, in messages; a longer one is lost at once. Joining late is a gap too. Without
    /// servers it is half of the buffer at most.
    pub gap_messages_max: u64,
    /// How long a gap may be open until the sequence counts as behind.
    pub behind_after_ns: u64,
    /// How retransmission is asked for.
    pub gap_fill: GapFillConfig,
}

/// How retransmission is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GapFillConfig {
    /// Retransmission servers there are; without any, a gap that is not filled in time is lost.
    pub servers: usize,
    /// How long an answer may take.
    pub timeout_ns: u64,
    /// How often one range is asked for, over all servers, until one brings a part of it.
    pub attempts_max: u32,
    /// Messages that one request asks for. An answer is one packet: more than fit are asked for again.
    pub messages_max: u16,
    /// Requests without an answer at one time.
    pub requests_max: usize,
}
