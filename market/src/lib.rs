//! Market data as files and over the wire: ITCH files and packet captures, made-up trading days, a player that sends them
//! as MoldUDP64 on one line or two, and a reader that counts what a venue publishes.
//!
//! Knows the wire formats and nothing else of Corelane.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod capture;
mod compressed;
mod day;
mod feed;
mod line;
mod play_error;
mod player;
mod retransmission;
mod rng;
mod source;

pub use capture::{CaptureError, CaptureSource, CapturedFrame, FrameError, is_capture};
pub use compressed::decompress;
pub use day::{Day, DayError, DayInstrument, DaySpec};
pub use feed::{FeedReader, FeedReport};
pub use line::{Faults, LineReport, LineSpec};
pub use play_error::PlayError;
pub use player::{Pace, PlayReport, PlaySpec, Player, Step};
pub use retransmission::{RetransmissionReport, RetransmissionSpec};
pub use rng::Rng;
pub use source::{MessageSource, SourceError};
