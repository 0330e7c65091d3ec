//! The capacities of a driver. All memory is allocated at start; most of it is only reserved, and pages are faulted in
//! on first use.

use super::{control, error::NetError};

/// The capacities of a driver. It uses `receive_buffers × (2 × receive_buffer_bytes + 128) + connections ×
/// (send_buffer_bytes + max_frame_bytes)` bytes of memory, where `connections` is `connections_max` plus one per outgoing
/// endpoint. Errors name them as fields of [`ShardSpec`](crate::topology::ShardSpec), such as `net.connections_max`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverConfig {
    /// Receive buffers shared by all streams, and as many shared by all UDP sockets; a power of two, 1 to 32,768. A connection that is held or over its budget
    /// keeps the buffers that it received before the driver stopped reading it: those of one enter, up to about 32
    /// buffers in a flood.
    pub receive_buffers: u16,
    /// The size of a receive buffer in bytes, which is the most that one completion delivers; longer datagrams are dropped and
    /// counted. 1 to 16,777,216.
    pub receive_buffer_bytes: u32,
    /// The size of each connection's send buffer in bytes; a power of two, at most 2^30.
    pub send_buffer_bytes: u32,
    /// The maximum number of accepted connections at a time, below 2^23; further ones are closed straight after accept.
    pub connections_max: u32,
    /// Entries of the submission queue; a power of two, 8 to 32,768. A poll with more to submit enters the kernel more
    /// than once.
    pub submission_entries: u32,
    /// The longest frame in bytes, header included; a longer frame closes its connection. 1 to 16,777,216.
    pub max_frame_bytes: u32,
    /// The largest number of connections with bytes to send that are written by one `sendto` call each, at most 32,768.
    /// With more connections, or if the ring must be entered anyway, the bytes leave through the ring. With 0 they
    /// always do.
    ///
    /// Sends of 50 bytes on loopback (Xeon, Linux 6.18), by call and through the ring: one 1.01 and 1.17 µs, two 2.00
    /// and 2.16 µs, eight 7.8 and 8.0 µs, sixteen 15.8 and 16.1 µs. At 32, two runs disagree.
    pub sends_by_call: u16,
}

impl Default for DriverConfig {
    /// Capacities for a venue's ingress shard: 1,024 sessions, 4 MiB of stream buffers, 4 MiB of datagram buffers, a
    /// send buffer of 64 KiB per session (about 1,000 order acknowledgements), and frames of up to 1 KiB.
    fn default() -> Self {
        DriverConfig {
            receive_buffers: 1024,
            receive_buffer_bytes: 4096,
            send_buffer_bytes: 64 << 10,
            connections_max: 1024,
            submission_entries: 1024,
            max_frame_bytes: 1024,
            sends_by_call: 8,
        }
    }
}

impl DriverConfig {
    /// The memory of a driver, in bytes, without that of outgoing endpoints' connections.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let received_bytes = 2 * self.receive_buffer_bytes as usize + control::ROOM_BYTES;
        let connection_bytes = self.send_buffer_bytes as usize + self.max_frame_bytes as usize;
        usize::from(self.receive_buffers) * received_bytes + self.connections_max as usize * connection_bytes
    }

    pub(super) fn check(&self, endpoints: usize) -> Result<(), NetError> {
        let power = |value: u32, min: u32, max: u32| value.is_power_of_two() && (min..=max).contains(&value);
        let buffers = |count: u16| power(count.into(), 1, 1 << 15);
        let small = |value: u32, max: u32| (1..=max).contains(&value);
        const BUFFERS: &str = "a power of two, 1 to 32768";
        let rules = [
            ("net.receive_buffers", self.receive_buffers.into(), buffers(self.receive_buffers), BUFFERS),
            (
                "net.receive_buffer_bytes",
                self.receive_buffer_bytes,
                small(self.receive_buffer_bytes, 1 << 24),
                "1 to 16777216",
            ),
            (
                "net.send_buffer_bytes",
                self.send_buffer_bytes,
                power(self.send_buffer_bytes, 1, 1 << 30),
                "a power of two up to 1073741824",
            ),
            ("net.connections_max", self.connections_max, small(self.connections_max, (1 << 23) - 1), "1 to 8388607"),
            (
                "net.submission_entries",
                self.submission_entries,
                power(self.submission_entries, 8, 1 << 15),
                "a power of two, 8 to 32768",
            ),
            ("net.max_frame_bytes", self.max_frame_bytes, small(self.max_frame_bytes, 1 << 24), "1 to 16777216"),
            ("net.sends_by_call", self.sends_by_call.into(), self.sends_by_call <= 1 << 15, "at most 32768"),
            ("the number of endpoints", endpoints as u32, endpoints <= 1 << 16, "at most 65536"),
        ];
        match rules.into_iter().find(|(_, _, holds, _)| !holds) {
            Some((field, value, _, must)) => Err(NetError::Config { field, value: value.into(), must }),
            None => Ok(()),
        }
    }
}
