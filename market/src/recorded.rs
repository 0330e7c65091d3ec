//! Messages of a recording, their places, and what is wrong with it.

use std::fmt;

use corelane_codecs::mold::{MoldError, SessionName};
use thiserror::Error;

use crate::capture::CaptureError;
use crate::link::FrameError;
use crate::source::SourceError;

/// The part of a capture to read. An ITCH file has neither ports nor sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The only destination port to read.
    pub port: Option<u16>,
    /// The only session to read.
    pub session: Option<SessionName>,
    /// The messages of a session.
    pub order: Order,
}

/// The order in which the messages of a capture are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Every message, as captured.
    Captured,
    /// Each message of a session once, by its sequence number.
    Sequence,
    /// As [`Order::Sequence`], and only of one session: the selected one, or else the first.
    OneSession,
}

/// The place of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In an ITCH file.
    File {
        /// The number of the message, from 1.
        number: u64,
        /// The offset of its frame, in bytes from the start of the decompressed file.
        offset: u64,
    },
    /// In a capture.
    Capture {
        /// The number of its frame, from 1.
        frame: u64,
        /// The offset of the frame's block, in bytes from the start of the decompressed capture.
        offset: u64,
        /// The session.
        session: SessionName,
        /// The sequence number of the message.
        sequence: u64,
    },
}

impl Place {
    /// The number of the message in its file, or its sequence number in a session.
    #[must_use]
    pub fn number(&self) -> u64 {
        match *self {
            Place::File { number, .. } => number,
            Place::Capture { sequence, .. } => sequence,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File { number, offset } => write!(f, "message {number} at offset {offset}"),
            Place::Capture { frame, offset, sequence, .. } => {
                write!(f, "frame {frame} at offset {offset}, sequence number {sequence}")
            }
        }
    }
}

/// A part of a recording that is missing or cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Damage {
    /// The file cannot be read further.
    #[error(transparent)]
    File(#[from] SourceError),
    /// The capture cannot be read further.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// A frame cannot be read.
    #[error("frame {frame} at offset {offset}: {error}")]
    Frame {
        /// The number of the frame, from 1.
        frame: u64,
        /// The offset of its block.
        offset: u64,
        /// The reason.
        error: FrameError,
    },
    /// A datagram to a port of MoldUDP64 is not a packet of it.
    #[error("frame {frame} at offset {offset}: not a MoldUDP64 packet{}", reason(error.as_ref()))]
    NotMold {
        /// The number of the frame, from 1.
        frame: u64,
        /// The offset of its block.
        offset: u64,
        /// The reason, if its header is at fault.
        error: Option<MoldError>,
    },
    /// A packet is cut.
    #[error("frame {frame} at offset {offset}: {error}")]
    Packet {
        /// The number of the frame, from 1.
        frame: u64,
        /// The offset of its block.
        offset: u64,
        /// The reason.
        error: MoldError,
    },
    /// Bytes follow the last message of a packet.
    #[error("frame {frame} at offset {offset}: {bytes} bytes behind the last message of the packet")]
    BehindPacket {
        /// The number of the frame, from 1.
        frame: u64,
        /// The offset of its block.
        offset: u64,
        /// The number of bytes.
        bytes: usize,
    },
    /// Messages of a session did not come.
    #[error("session {}: {messages} messages before sequence number {before} are missing", Named(*session))]
    Missing {
        /// The session.
        session: SessionName,
        /// The number of messages.
        messages: u64,
        /// The sequence number of the message after them.
        before: u64,
    },
    /// Messages of a session differ from those read under the same numbers.
    #[error(
        "session {}: {messages} messages from {place} on differ from those read under their numbers, and are left out; \
         the feed has begun again there: split the capture",
        Named(*session)
    )]
    BegunAgain {
        /// The session.
        session: SessionName,
        /// The number of messages.
        messages: u64,
        /// The place of the first.
        place: Place,
    },
    /// The capture has fragments of UDP datagrams.
    #[error(
        "{frames} frames hold IP fragments of UDP datagrams, which are left out; capture where datagrams are whole"
    )]
    Fragments {
        /// The number of frames.
        frames: u64,
    },
    /// The capture has frames of a link type that is not supported.
    #[error("{frames} frames are left out: {}", FrameError::LinkType(*link))]
    LinkType {
        /// The link type.
        link: i32,
        /// The number of frames.
        frames: u64,
    },
    /// The capture has other sessions than the one that was read.
    #[error("{messages} messages of {others} other sessions are left out; choose one of {names} by its name")]
    OtherSessions {
        /// The number of these sessions.
        others: usize,
        /// The number of their messages.
        messages: u64,
        /// The names of all sessions.
        names: String,
    },
}

fn reason(error: Option<&MoldError>) -> String {
    error.map_or_else(String::new, |error| format!(": {error}"))
}

/// The name of a session as text; "(blank)" for one without a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named(pub SessionName);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.as_array().iter().all(|byte| matches!(byte, 0 | b' ')) {
            f.write_str("(blank)")
        } else {
            fmt::Display::fmt(&self.0, f)
        }
    }
}

/// A message of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded<'a> {
    /// Its place.
    pub place: Place,
    /// Its bytes.
    pub bytes: &'a [u8],
}
