//! Levels of a book as they are published.

use bytemuck::{Pod, Zeroable};

/// Price level of a book.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Level {
    /// Price, four implied decimals.
    pub price: u32,
    /// Orders at it.
    pub orders: u32,
    /// Their shares.
    pub quantity: u64,
}

/// Best levels of a book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Top {
    /// Highest bid.
    pub bid: Option<Level>,
    /// Lowest ask.
    pub ask: Option<Level>,
}
