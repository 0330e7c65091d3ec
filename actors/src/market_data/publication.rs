//! Messages of the market-data actor: references, best levels, depth on request, and book events.

use bytemuck::{Pod, Zeroable};
use corelane_runtime::message::{Keyed, Message};

use super::book::Level;
use crate::types::{Locate, SequenceNumber, SequencerIn};

corelane_runtime::ports! {
    /// Outputs of the market-data actor.
    pub struct MarketDataOut {
        /// The sequencer.
        references: SequencerIn,
        /// Best levels, for conflating edges.
        tops: TopOfBook,
        /// Answers to requests for depth. If this edge had backpressure, a reader that stops would delay the actor's
        /// timers.
        depth: DepthAnswer,
        /// Every message that changed a book, for edges that drop.
        events: BookEvent,
    }
}

/// Best levels of an instrument. A conflating edge has the locate as its key, so it needs one key more than there are
/// instruments. Published when a field other than number and time has changed.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct TopOfBook {
    /// Highest bid; without orders if there is none.
    pub bid: Level,
    /// Lowest ask; without orders if there is none.
    pub ask: Level,
    /// Number of the last message that changed the book or the trading state; 0 if none did.
    pub feed_sequence: SequenceNumber,
    /// The exchange's time of that message, in nanoseconds since its midnight.
    pub exchange_ns: u64,
    /// Which instrument.
    pub locate: Locate,
    /// Wire byte of the trading state (ITCH stock trading action); 0 if the feed has not sent one.
    pub trading_state: u8,
    /// 1 if the levels may be wrong: the feed is late or has a gap, or this book had no room for an order.
    pub stale: u8,
    /// Always zero.
    pub reserved: [u8; 4],
}

impl Message for TopOfBook {}

impl Keyed for TopOfBook {
    fn key(&self) -> usize {
        self.locate.0.into()
    }
}

/// Input of the market-data actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketDataIn {
    /// Request for the best levels of both sides of a book.
    Depth(DepthRequest),
}

impl Message for MarketDataIn {}

/// Request for the levels of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthRequest {
    /// Number of the request, chosen by its sender and returned in the answer.
    pub request: u64,
    /// Which instrument.
    pub locate: Locate,
    /// Most levels per side, 1 to [`DEPTH_LEVELS_MAX`].
    pub levels: u16,
}

/// Most levels per side in one request. An answer of this size fits one step, so all its parts show the same moment.
pub const DEPTH_LEVELS_MAX: u16 = 256;
/// Levels in one message.
pub const DEPTH_PART_LEVELS: usize = 12;

/// An answer to a [`DepthRequest`], or a part of one.
#[expect(clippy::large_enum_variant, reason = "messages are copied into slots of one size")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepthAnswer {
    /// Levels. The parts of an answer come in order: bids, then asks, best first.
    Levels(DepthPart),
    /// The request is refused.
    Refused {
        /// Number of the request.
        request: u64,
        /// Reason.
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

/// Reason for refusing a [`DepthRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepthRefusal {
    /// There is no such instrument.
    UnknownLocate,
    /// It asks for no levels, or for more than [`DEPTH_LEVELS_MAX`].
    LevelsOutOfRange,
}

/// Levels of one side. An empty side has one part without levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthPart {
    /// Number of the request.
    pub request: u64,
    /// Number of the last message of the feed; 0 if none has come.
    pub feed_sequence: SequenceNumber,
    /// Which instrument.
    pub locate: Locate,
    /// Whether these are bids.
    pub is_bid: bool,
    /// As [`TopOfBook::stale`].
    pub is_stale: bool,
    /// Whether it is the last part of the answer.
    pub is_last: bool,
    /// Number of valid `levels`.
    pub count: u8,
    /// The levels; see [`DepthPart::levels`].
    pub levels: [Level; DEPTH_PART_LEVELS],
}

impl DepthPart {
    /// The valid levels.
    #[must_use]
    pub fn levels(&self) -> &[Level] {
        &self.levels[..usize::from(self.count).min(DEPTH_PART_LEVELS)]
    }
}

/// A message that changed a book.
///
/// For edges that drop ([`EdgeSpec::drop_newest`](corelane_runtime::topology::EdgeSpec::drop_newest)). A reader that
/// falls behind misses events, and sees it by a gap in their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookEvent {
    /// Number of the event, from 1 over all sessions.
    pub number: SequenceNumber,
    /// The message's number in the feed's session.
    pub feed_sequence: SequenceNumber,
    /// Our locate of the instrument, not the feed's.
    pub locate: Locate,
    /// Length of the ITCH message in `bytes`.
    pub length: u8,
    /// The ITCH message.
    pub bytes: [u8; 50],
}

impl BookEvent {
    /// The ITCH message.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length).min(self.bytes.len())]
    }
}

impl Message for BookEvent {
    fn kind(&self) -> u16 {
        u16::from(self.bytes[0])
    }
}
