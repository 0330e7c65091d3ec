//! Market data in files and on the wire: ITCH files and packet captures (recognised by content), synthetic trading days, a player
//! that sends them as MoldUDP64 on one or two lines, and a reader that counts a venue's publications.
//!
//! The only other crate of Corelane that it uses is the one of wire formats.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod capture;
mod captured;
mod compressed;
mod day;
mod feed;
mod foreign;
mod line;
mod link;
mod play_error;
mod player;
mod recorded;
mod recording;
mod retransmission;
mod rng;
mod session;
mod source;

pub use capture::{CaptureError, CaptureSource, CapturedFrame, is_capture};
pub use captured::CaptureReport;
pub use compressed::decompress;
pub use day::{Day, DayError, DayInstrument, DaySpec};
pub use feed::{FeedReader, FeedReport};
pub use foreign::{Others, Ports};
pub use line::{Faults, LineReport, LineSpec};
pub use link::{FrameContent, FrameError};
pub use play_error::PlayError;
pub use player::{Pace, PlayReport, PlaySpec, Player, Step};
pub use recorded::{Damage, Named, Order, Place, Recorded, Selection};
pub use recording::{Recording, count_sessions};
pub use retransmission::{RetransmissionReport, RetransmissionSpec};
pub use rng::Rng;
pub use session::SessionReport;
pub use source::{MessageSource, SourceError};
