//! Errors of the player.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

use crate::source::SourceError;

/// The reason why playing a market failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlayError {
    /// Reading the file failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A message is too short to be an ITCH message.
    #[error("message {message} has {bytes} bytes, too few for an ITCH message; check that the file is an ITCH file")]
    TooShort {
        /// The number of the message, from 1.
        message: u64,
        /// Its length, in bytes.
        bytes: usize,
    },
    /// A message does not fit a packet.
    #[error(
        "message {message} of {bytes} bytes does not fit a packet of {payload_max} bytes; check that the file is an ITCH file"
    )]
    TooLong {
        /// The number of the message, from 1.
        message: u64,
        /// Its length, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        payload_max: usize,
    },
    /// The pace is not a positive finite number.
    #[error("invalid pace; speed and messages_per_s must be finite and above zero")]
    Pace,
    /// A socket call failed.
    #[error("cannot send to {to}: {source}; check the address and its route")]
    Socket {
        /// The destination.
        to: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The socket for retransmission requests failed.
    #[error("cannot listen for retransmission requests on {listen}: {source}; choose a free address of this host")]
    Listen {
        /// The address to listen on.
        listen: SocketAddr,
        /// The cause.
        source: io::Error,
    },
}
