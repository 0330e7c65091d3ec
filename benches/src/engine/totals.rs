//! What commands lead to.

/// What the commands led to: the same for every engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Trades.
    pub trades: u64,
    /// Shares that changed hands.
    pub shares: u64,
    /// Orders cancelled.
    pub canceled: u64,
}
