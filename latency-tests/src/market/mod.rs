//! Market data both ways: a player that sends recorded or made-up days, and a reader of what a venue publishes.

mod capture;
mod day;
mod feed;
mod player;
mod source;

pub use capture::{CaptureError, CaptureSource, CapturedFrame, FrameError, is_capture};
pub use day::{Day, DayError, DayInstrument, DaySpec};
pub use feed::{FeedReader, FeedReport};
pub use player::{Faults, Pace, PlayError, PlayReport, PlaySpec, Player, Step};
pub use source::{MessageSource, SourceError};
