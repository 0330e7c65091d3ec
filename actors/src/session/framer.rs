//! Framing of SoupBinTCP packets, for the net driver.

use corelane_codecs::soup::{SoupError, packet_len};
use corelane_runtime::{
    fault,
    net::{FrameError, Framer},
};

/// Finds SoupBinTCP packets in a byte stream.
#[derive(Clone, Copy, Debug)]
pub struct SoupFramer {
    /// Longest payload that a peer may send, in bytes.
    pub payload_max: usize,
}

impl Framer for SoupFramer {
    #[inline]
    fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        fault!("session.framer");
        packet_len(bytes, self.payload_max).map_err(|error| match error {
            SoupError::TooLong { length, .. } => FrameError::TooLong { length },
            _ => FrameError::Malformed,
        })
    }
}
