//! Reference prices, which the sequencer attaches to orders.

use bytemuck::{CheckedBitPattern, NoUninit, Zeroable};
use corelane_codecs::price::{Price, Price4};
use corelane_runtime::message::SequenceNumber;

use super::identifier::Locate;

/// The best prices of an instrument as the sequencer's shard knew them when the order arrived; zero means none.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, NoUninit, CheckedBitPattern, Zeroable)]
pub struct Reference {
    /// Highest bid.
    pub bid: Price,
    /// Lowest ask.
    pub ask: Price,
    /// The sequence number of the feed message that set them.
    pub feed_sequence: SequenceNumber,
    /// 1 while the feed is silent or has a gap, so that the prices may be wrong. A whole word, so that it is copied as one.
    pub stale: u64,
}

/// The prices of the venue's own book of an instrument; zero means none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookPrices {
    /// Highest bid.
    pub bid: Price4,
    /// Lowest ask.
    pub ask: Price4,
    /// Price of the last trade.
    pub last: Price4,
}

/// A new best bid or offer of an instrument, from the market-data actor to the sequencer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReferenceUpdate {
    /// The instrument; [`Locate::NONE`] says that the actor begins, at the start or after a restart: what it said before is stale.
    pub locate: Locate,
    /// Its best prices.
    pub reference: Reference,
}
