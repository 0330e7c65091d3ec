//! What the market-data actor says to other actors besides the references: best levels, depth on request, and the
//! messages themselves.

use bytemuck::{Pod, Zeroable};
use corelane_runtime::message::{Keyed, Message};

use super::book::Level;
use crate::types::{Locate, SequencerIn};

corelane_runtime::ports! {
    /// Where the actor's knowledge goes.
    pub struct MarketDataOut {
        /// The sequencer.
        references: SequencerIn,
        /// Best levels, for edges that keep the newest.
        tops: TopOfBook,
        /// Answers to requests for depth. An edge that holds would hold the actor's timers too when it is not read.
        depth: DepthAnswer,
        /// Every message that changed a book, for edges that drop.
        events: BookEvent,
    }
}

/// The best levels of an instrument, for an edge that keeps the newest of each, whose keys are the locates: one more
/// than there are instruments. Sent when anything but its number and time has changed.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct TopOfBook {
    /// Highest bid; of 0 orders if there is none.
    pub bid: Level,
    /// Lowest ask; of 0 orders if there is none.
    pub ask: Level,
    /// Number of the last message that changed the book or the trading state; 0 if none did.
    pub feed_sequence: u64,
    /// The exchange's time of that message, in nanoseconds since its midnight.
    pub exchange_ns: u64,
    /// Which instrument.
    pub locate: Locate,
    /// Wire byte of the trading state (ITCH stock trading action); 0 while the feed has not said.
    pub trading_state: u8,
    /// 1 while the feed is late or has a gap, or orders of this book found no place: the levels may be wrong.
    pub stale: u8,
    /// Always zero.
    pub reserved: [u8; 4],
}

impl Message for TopOfBook {}

impl Keyed for TopOfBook {
    fn key(&self) -> usize {
        self.locate.into()
    }
}

/// What the market-data actor is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketDataIn {
    /// The best levels of both sides of a book, as they are now.
    Depth(DepthRequest),
}

impl Message for MarketDataIn {}

/// Asks for levels of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthRequest {
    /// The asker's number, which comes back with the answer.
    pub request: u64,
    /// Which instrument.
    pub locate: Locate,
    /// Most levels per side, 1 to [`DEPTH_LEVELS_MAX`].
    pub levels: u16,
}

/// Most levels of a side that can be asked for: with these, an answer fits one step, so that it shows one moment.
pub const DEPTH_LEVELS_MAX: u16 = 256;
/// Levels in one message.
pub const DEPTH_PART_LEVELS: usize = 12;

/// An answer to a [`DepthRequest`], or a part of one.
#[expect(clippy::large_enum_variant, reason = "messages are copied into slots of one size")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepthAnswer {
    /// Levels. The parts of an answer come in order: bids, then asks, best first; the last one says so.
    Levels(DepthPart),
    /// There is no answer.
    Refused {
        /// The asker's number.
        request: u64,
        /// Why.
        reason: DepthRefusal,
    },
}

impl Message for DepthAnswer {
    fn kind(&self) -> u16 {
        match self {
            DepthAnswer::Levels(_) => 1,
            DepthAnswer::Refused { .. } => 2,
        }
    }
}

/// Why a [`DepthRequest`] is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepthRefusal {
    /// There is no such instrument.
    UnknownLocate,
    /// No levels, or more than [`DEPTH_LEVELS_MAX`].
    LevelsOutOfRange,
}

/// Levels of one side, or none: each side has a part, also an empty one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthPart {
    /// The asker's number.
    pub request: u64,
    /// Number of the last message of the feed; 0 if none has come.
    pub feed_sequence: u64,
    /// Which instrument.
    pub locate: Locate,
    /// Whether these are bids.
    pub is_bid: bool,
    /// As [`TopOfBook::stale`].
    pub is_stale: bool,
    /// Nothing follows for this request.
    pub is_last: bool,
    /// How many of `levels` there are.
    pub count: u8,
    /// The levels.
    pub levels: [Level; DEPTH_PART_LEVELS],
}

impl DepthPart {
    /// The levels that there are.
    pub fn levels(&self) -> &[Level] {
        &self.levels[..usize::from(self.count).min(DEPTH_PART_LEVELS)]
    }
}

/// A message that changed a book.
///
/// For edges that drop ([`EdgeSpec::drop_newest`](corelane_runtime::topology::EdgeSpec::drop_newest)): a reader that
/// keeps up gets each, one that does not finds a hole in the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookEvent {
    /// Counts the events from 1, over all sessions.
    pub number: u64,
    /// The message's number in the feed's session.
    pub feed_sequence: u64,
    /// Whose book: our locate, not the feed's.
    pub locate: Locate,
    /// Length of the ITCH message in `bytes`.
    pub length: u8,
    /// The ITCH message, as it came.
    pub bytes: [u8; 50],
}

impl BookEvent {
    /// The ITCH message.
    pub fn message(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length).min(self.bytes.len())]
    }
}

impl Message for BookEvent {
    fn kind(&self) -> u16 {
        u16::from(self.bytes[0])
    }
}
