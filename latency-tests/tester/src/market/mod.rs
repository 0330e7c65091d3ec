//! Market data both ways: a player that sends recorded or made-up days, and a reader of what a venue publishes.

mod capture;
mod day;
mod feed;
mod line;
mod player;
mod retransmission;
mod source;

pub use capture::{CaptureError, CaptureSource, CapturedFrame, FrameError, is_capture};
pub use day::{Day, DayError, DayInstrument, DaySpec};
pub use feed::{FeedReader, FeedReport};
pub use line::{Faults, LineReport, LineSpec};
pub use player::{Pace, PlayError, PlayReport, PlaySpec, Player, Step};
pub use retransmission::{RetransmissionReport, RetransmissionSpec};
pub use source::{MessageSource, SourceError};
