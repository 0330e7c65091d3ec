//! Market data in: MoldUDP64 packets from two lines to full-depth books to the best prices that the sequencer attaches
//! to orders, and to who else wants to know: best levels, depth on request, the messages that changed a book.
//!
//! Lines and retransmission are put into one sequence by [`Arbiter`]; messages of that sequence build the books. What
//! is said of a book is *stale* when it may be wrong: while a gap stays open, while the feed is silent, after the end of
//! its session, and for a book that had no place for an order. When a message is lost for good, nobody can tell which
//! books missed it; so all books stay stale until the feed begins a new session.
//!
//! One session is followed: the configured one, else the first that is seen, and after its end or in its silence the
//! next that comes.

mod actor;
mod arbitration;
mod book;
mod book_builder;
mod counts;
mod feed_line;
mod last_published;
mod publication;
mod state;

pub use actor::{MarketData, MarketDataConfig};
pub use arbitration::{
    Arbiter, ArbitrationConfig, DueRequest, GapFillConfig, MESSAGE_BYTES_MAX, MessageSink, reorder_buffer_bytes,
};
pub use book::{BookLimits, Books, Inconsistency, Level, QueuePosition, RestingOrder, Top};
pub use counts::{FeedCount, FeedCounters, LineCount, RecoveryCount};
pub use feed_line::FeedLine;
pub use publication::{
    BookEvent, DEPTH_LEVELS_MAX, DEPTH_PART_LEVELS, DepthAnswer, DepthPart, DepthRefusal, DepthRequest, MarketDataIn,
    MarketDataOut, TopOfBook,
};
pub use state::{AuctionCollar, Cross, Imbalance, InstrumentState, MarketState};
