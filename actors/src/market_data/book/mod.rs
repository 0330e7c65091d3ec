//! Full-depth books of the instruments that we trade, built order by order from ITCH.
//!
//! ```text
//! order reference ─▶ orders: window on the references, spill ─▶ level ─▶ sums, queue of orders
//! side, price ─▶ sides: ladder around the best price, tree ──────▲
//! ```
//!
//! A message touches the order's slot, its level and its neighbours in the queue; the side and its ladder only if a
//! level appears or disappears. [`Books::for_each_prefetched`] prefetches all of them, so that the cache misses of a
//! packet's messages overlap.
//!
//! **Memory**, reserved when the books are made and touched when used: for each order that may rest, 64 bytes of
//! window, 64 of spill (an order is in one of them) and 48 for a level; for each instrument 4,449 bytes, nearly all of
//! them two ladders (`INSTRUMENT_BYTES`); and 640 KiB for the feed's locates. Orders and levels that find no room are counted, and their book is doubtful
//! until the feed is joined anew. If runs can be replayed, there are two sets of books.
//!
//! **Inlining.** [`Books::apply`] and what it calls for an ordinary message are `#[inline(always)]` or `#[inline]`, so
//! that decoding and applying are one loop; what is rare is `#[cold]`. Check a change with `cargo bench -p
//! corelane-benches --bench itch`.

mod apply;
mod book_side;
mod books;
mod check;
mod doubts;
mod feed_locates;
mod ids;
mod orders;
mod page;
mod prefetch;
mod price_level;
mod queue;
mod sides;
mod spill;
mod top;
mod void_orders;

pub use books::{BookLimits, Books};
pub use check::Inconsistency;
pub use queue::{QueuePosition, RestingOrder};
pub use top::{Level, Top};
