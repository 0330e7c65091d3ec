//! Limits on orders.

/// The limits of every order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest quantity, in shares.
    pub quantity_max: u32,
    /// Largest price times quantity, four implied decimals.
    pub notional_max: u64,
    /// How far a buy may be above the reference, and a sell below it, in millionths of the reference.
    pub collar_parts_per_million: u32,
    /// What happens without a reference.
    pub without_reference: WithoutReference,
}

/// What happens to an order while its instrument has neither a good price from the feed nor a configured one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutReference {
    /// The collar is skipped.
    Accept,
    /// The order is refused.
    Reject,
}
