//! Full-depth books of the instruments that we trade, built order by order from ITCH.
//!
//! ```text
//! order reference ─▶ orders: window on the references, spill ─▶ level ─▶ sums, queue of orders
//! side, price ─▶ sides: ladder around the best price, tree ──────▲
//! ```
//!
//! A message touches the order's slot, its level, its neighbours in the queue, and only where levels come and go the
//! side and its ladder. [`Books::for_each_prefetched`] asks for all of them ahead, so that the waits of a packet's messages for
//! memory overlap.
//!
//! **Memory**, reserved when the books are made and touched when used: for each order that may rest, 64 bytes of window
//! and 64 of spill, of which an order is in one, and 48 for a level; for each instrument 4,449 bytes, nearly all of them
//! two ladders (`INSTRUMENT_BYTES`). Orders and levels that have no place are counted, and their book is incomplete
//! until the next session.

mod apply;
mod book_side;
mod books;
mod check;
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

pub use books::{BookLimits, Books};
pub use check::Inconsistency;
pub use queue::{QueuePosition, RestingOrder};
pub use top::{Level, Top};
