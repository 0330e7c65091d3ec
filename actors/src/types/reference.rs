//! Reference prices, which the sequencer attaches to orders.

use bytemuck::{CheckedBitPattern, NoUninit, Zeroable};

use super::{identifier::Locate, sequence_number::SequenceNumber};

/// The best prices that the sequencer's shard knew when the order came in. 0 is "none".
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, NoUninit, CheckedBitPattern, Zeroable)]
pub struct Reference {
    /// Highest bid, four implied decimals.
    pub bid: u64,
    /// Lowest ask, four implied decimals.
    pub ask: u64,
    /// Number of the feed message that made it so.
    pub feed_sequence: SequenceNumber,
    /// 1 while the feed is late or has a gap: the prices may be wrong. A whole word, which is copied as one.
    pub stale: u64,
}

/// A new best bid or offer of an instrument, from the market-data actor to the sequencer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReferenceUpdate {
    /// Which instrument.
    pub locate: Locate,
    /// Its best prices.
    pub reference: Reference,
}
