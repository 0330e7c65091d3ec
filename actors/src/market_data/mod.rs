//! Market data: from MoldUDP64 packets of two lines to full-depth books, and from the books to their readers.
//!
//! ```text
//! line A ─┐
//! line B ─┼─▶ Arbiter ─▶ one sequence ─▶ Books ─▶ references (best prices for the sequencer)
//! answers ┘      │                                best levels, depth on request, book events
//!                └─▶ retransmission requests
//! ```
//!
//! Prices are *stale* while they may be wrong: while a gap stays open, while the feed is silent, after the end of its
//! session, and for a book that had no room for an order or that the feed has contradicted. A lost message may have
//! belonged to any book, so after a loss all books stay stale until the feed is joined anew. For contradicted books, servers
//! are asked once to replay the run; a second set of books is built from it and swapped for the first.
//!
//! The actor follows one session: the configured one, or the first that it sees. When that session has ended or is
//! silent, it follows the next one; if the feed begins again under the same name, it follows the new run. `succession.rs`
//! of `arbitration` has the rules, `docs/market-data.md` the view of those who read prices.

mod actor;
mod arbitration;
mod book;
mod book_builder;
mod counts;
mod feed_line;
mod last_published;
mod publication;
mod rebuild;
mod state;

pub use actor::{MarketData, MarketDataConfig};
pub use arbitration::{Arbiter, ArbitrationConfig, DueRequest, GapFillConfig, MESSAGE_BYTES_MAX, MessageSink};
pub use book::{BookLimits, Books, Inconsistency, Level, QueuePosition, RestingOrder, Top};
pub use counts::{FeedCount, FeedCounters, LineCount, RecoveryCount};
pub use feed_line::FeedLine;
pub use publication::{
    BookEvent, DEPTH_LEVELS_MAX, DEPTH_PART_LEVELS, DepthAnswer, DepthPart, DepthRefusal, DepthRequest, MarketDataIn,
    MarketDataOut, TopOfBook,
};
pub use state::{AuctionCollar, Cross, Imbalance, InstrumentState, MarketState};
