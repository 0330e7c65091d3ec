//! Market data both ways: a player that sends recorded or made-up days, and a reader of what a venue publishes.

mod feed;
mod generate;
mod line;
mod player;
mod retransmission;
mod source;

pub use feed::{FeedReader, FeedReport};
pub use generate::{DayInstrument, DaySpec, generate_market};
pub use line::{Faults, LineReport, LineSpec};
pub use player::{Pace, PlayError, PlayReport, PlaySpec, Player, Step};
pub use retransmission::{RetransmissionReport, RetransmissionSpec};
pub use source::{MessageSource, SourceError};
