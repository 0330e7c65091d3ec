//! Sizes of one driver. Everything is allocated (and mostly only reserved: pages are faulted in on first use)
//! when the driver starts.

use super::error::NetError;

/// Sizes of one driver. Memory: `receive_buffers × receive_buffer_bytes + datagram_buffers ×
/// (datagram_buffer_bytes + 64) + connections × (send_buffer_bytes + max_frame_bytes)`, the connections being
/// `connections_max` plus one per outgoing endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverConfig {
    /// Receive buffers shared by all streams; a power of two, 1 to 32,768.
    pub receive_buffers: u16,
    /// Bytes of one such buffer: the most that one completion delivers.
    pub receive_buffer_bytes: u32,
    /// Receive buffers shared by all UDP sockets; a power of two, 1 to 32,768.
    pub datagram_buffers: u16,
    /// Longest datagram payload that is received, in bytes; longer ones are counted and dropped.
    pub datagram_buffer_bytes: u32,
    /// Bytes that may wait to be sent per connection; a power of two.
    pub send_buffer_bytes: u32,
    /// Accepted connections at one time, below 2^23; further ones are closed straight after accept.
    pub connections_max: u32,
    /// Entries of the submission queue; a power of two up to 32,768. When a poll has more to submit, it enters
    /// the kernel more than once.
    pub submission_entries: u32,
    /// Longest frame in bytes, header included; a longer one closes its connection.
    pub max_frame_bytes: u32,
}

impl Default for DriverConfig {
    /// A venue's ingress shard: 1,024 sessions, 4 MiB of stream buffers, 4 MiB of datagram buffers, 64 KiB to send
    /// per session (about 1,000 order acknowledgements), frames of 1 KiB.
    fn default() -> Self {
        DriverConfig {
            receive_buffers: 1024,
            receive_buffer_bytes: 4096,
            datagram_buffers: 2048,
            datagram_buffer_bytes: 2048,
            send_buffer_bytes: 64 << 10,
            connections_max: 1024,
            submission_entries: 1024,
            max_frame_bytes: 1024,
        }
    }
}

impl DriverConfig {
    pub(super) fn check(&self, endpoints: usize) -> Result<(), NetError> {
        let wrong = |field, value: u32, must| {
            Err(NetError::Config {
                field,
                value: u64::from(value),
                must,
            })
        };
        let buffers = |count: u16| count.is_power_of_two() && count <= 1 << 15;
        if !buffers(self.receive_buffers) {
            return wrong(
                "receive_buffers",
                self.receive_buffers.into(),
                "a power of two, 1 to 32768",
            );
        }
        if !buffers(self.datagram_buffers) {
            return wrong(
                "datagram_buffers",
                self.datagram_buffers.into(),
                "a power of two, 1 to 32768",
            );
        }
        if !(1..=1 << 24).contains(&self.receive_buffer_bytes) {
            return wrong(
                "receive_buffer_bytes",
                self.receive_buffer_bytes,
                "1 to 16777216",
            );
        }
        if !(1..=65_536).contains(&self.datagram_buffer_bytes) {
            return wrong(
                "datagram_buffer_bytes",
                self.datagram_buffer_bytes,
                "1 to 65536",
            );
        }
        if !self.send_buffer_bytes.is_power_of_two() || self.send_buffer_bytes > 1 << 30 {
            return wrong(
                "send_buffer_bytes",
                self.send_buffer_bytes,
                "a power of two up to 1073741824",
            );
        }
        if !(1..1 << 23).contains(&self.connections_max) {
            return wrong("connections_max", self.connections_max, "1 to 8388607");
        }
        if !self.submission_entries.is_power_of_two() || self.submission_entries > 1 << 15 {
            return wrong(
                "submission_entries",
                self.submission_entries,
                "a power of two up to 32768",
            );
        }
        if !(1..=1 << 24).contains(&self.max_frame_bytes) {
            return wrong("max_frame_bytes", self.max_frame_bytes, "1 to 16777216");
        }
        if endpoints > 1 << 16 {
            return wrong(
                "endpoints",
                endpoints.try_into().unwrap_or(u32::MAX),
                "at most 65536",
            );
        }
        Ok(())
    }
}
