//! A number that one packet without messages has named, and nothing else speaks for.

use corelane_runtime::message::SequenceNumber;

use crate::market_data::feed_line::FeedLine;

/// That the sequence reaches further than is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    /// The line of the packet.
    pub line: FeedLine,
    /// One more than the highest number that is known to exist.
    pub known: SequenceNumber,
}
