//! The plan of a shard.

/// When a shard turns next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ShardPlan {
    pub turn_ns: Option<u64>,
    pub not_before_ns: u64,
    /// When it was to turn, if it has stalled or is paused since.
    pub stalled_since_ns: Option<u64>,
    /// The last slot in which it was decided whether it stalls.
    pub slot: u64,
    /// Something has happened since its turn was planned that may give it something to do.
    pub is_stirred: bool,
}
