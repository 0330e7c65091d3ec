//! Sizes and times of a publisher.

use corelane_codecs::mold::{self, SessionName};
use thiserror::Error;

use crate::types::Publication;

/// Bytes of the longest ITCH message with its block length.
const BLOCK_MAX: usize = 2 + 50;
/// The least `payload_max`: a header and one message.
pub const PAYLOAD_MIN: usize = mold::HEADER_LEN + BLOCK_MAX;
/// The most `payload_max`: the payload of the longest UDP datagram over IPv4.
const PAYLOAD_MAX: usize = 65_507;
/// Time until the next try to send a refused packet.
pub(super) const RETRY_NS: u64 = 1_000_000;

/// Sizes and times of a publisher.
#[derive(Clone, Debug)]
pub struct PublisherConfig {
    /// Name of the feed's session.
    pub session: SessionName,
    /// Longest payload of a datagram in bytes, [`PAYLOAD_MIN`] to 65,507.
    pub payload_max: usize,
    /// Silence after which it sends a heartbeat.
    pub heartbeat_ns: u64,
    /// Most packets that wait for the network.
    pub packets_max: usize,
    /// Retransmission server; none if absent.
    pub retransmission: Option<RetransmissionConfig>,
}

/// Size of a retransmission server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetransmissionConfig {
    /// Messages to keep, [`RetransmissionConfig::MESSAGE_BYTES`] each.
    pub messages_max: usize,
}

impl RetransmissionConfig {
    /// Memory that one kept message takes, in bytes.
    pub const MESSAGE_BYTES: usize = size_of::<Publication>();
}

impl PublisherConfig {
    pub(super) fn check(&self) -> Result<(), PublisherConfigError> {
        let payload_max = self.payload_max;
        if !(PAYLOAD_MIN..=PAYLOAD_MAX).contains(&payload_max) {
            return Err(PublisherConfigError::Payload { payload_max });
        }
        if self.packets_max == 0 {
            return Err(PublisherConfigError::NoPackets);
        }
        if self.retransmission.is_some_and(|config| config.messages_max == 0) {
            return Err(PublisherConfigError::NoMessages);
        }
        Ok(())
    }
}

/// Error in the configuration of a publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PublisherConfigError {
    /// The payload is out of range.
    #[error("payload_max is {payload_max}; it must be from {PAYLOAD_MIN} to {PAYLOAD_MAX}")]
    Payload {
        /// The value.
        payload_max: usize,
    },
    /// There is no room for a packet.
    #[error("packets_max is 0; it must be 1 or more")]
    NoPackets,
    /// The retransmission server has no room for a message.
    #[error("messages_max of the retransmission server is 0; it must be 1 or more")]
    NoMessages,
}
