//! Why a market cannot be played.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

use crate::source::SourceError;

/// Why a market cannot be played, or played on.
#[derive(Debug, Error)]
pub enum PlayError {
    /// The file.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A message is no ITCH message.
    #[error("message {message} of {bytes} bytes is too short for an ITCH message; is this an ITCH file?")]
    TooShort {
        /// Its number, from 1.
        message: u64,
        /// Its length.
        bytes: usize,
    },
    /// A message does not fit a packet.
    #[error("message {message} of {bytes} bytes does not fit a packet of {payload_max}; raise the payload limit")]
    TooLong {
        /// Its number, from 1.
        message: u64,
        /// Its length.
        bytes: usize,
        /// The limit.
        payload_max: usize,
    },
    /// The pace is zero or no number.
    #[error("the pace must be above zero")]
    Pace,
    /// A socket call failed.
    #[error("cannot send to {to}: {source}")]
    Socket {
        /// Where to.
        to: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Requests cannot be listened for.
    #[error("cannot listen for retransmission requests on {listen}: {source}")]
    Listen {
        /// Where.
        listen: SocketAddr,
        /// Why.
        source: io::Error,
    },
}
