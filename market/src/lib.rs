//! Market data in files and on the wire: ITCH files and packet captures, synthetic trading days, a player that sends
//! them as MoldUDP64 on one or two lines, and a reader that counts a venue's publications.
//!
//! Of Corelane it uses only the wire formats.

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
