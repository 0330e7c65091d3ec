//! The capacities of a driver. All memory is allocated at start; most of it is only reserved, and pages are faulted in
//! on first use.

use super::{control, error::NetError};

/// The most memory that a driver reserves, in bytes: more than any host has, and far below what an address can name.
const BYTES_MAX: usize = 1 << 40;

/// The capacities of a driver. It uses `receive_buffers × (2 × receive_buffer_bytes + 128) + connections ×
/// (send_buffer_bytes + max_frame_bytes)` bytes of memory, where `connections` is `connections_max` plus one per outgoing
/// endpoint. Errors name them as fields of [`ShardSpec`](crate::topology::ShardSpec), such as `net.connections_max`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverConfig {
    /// Receive buffers shared by all streams, and as many shared by all UDP sockets; a power of two, 1 to 32,768. A connection that is held or over its budget
    /// keeps the buffers that it received before the driver stopped reading it: those of one enter, up to about 32
    /// buffers in a flood, and after a stall those of several.
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
        let connections_bytes = (self.connections_max as usize).saturating_mul(connection_bytes);
        (usize::from(self.receive_buffers) * received_bytes).saturating_add(connections_bytes)
    }

    pub(super) fn check(&self, endpoints: usize) -> Result<(), NetError> {
        match self.out_of_range(endpoints).next() {
            Some((field, value, must)) => Err(NetError::Config { field, value, must }),
            None => Ok(()),
        }
    }

    /// The capacities that are out of range for a driver of so many endpoints: each with its value, and what it must be.
    pub(crate) fn out_of_range(&self, endpoints: usize) -> impl Iterator<Item = (&'static str, u64, &'static str)> {
        let power = |value: u32, min: u32, max: u32| value.is_power_of_two() && (min..=max).contains(&value);
        let small = |value: u32, max: u32| (1..=max).contains(&value);
        const BUFFERS: &str = "a power of two, 1 to 32768";
        const SEND_BUFFER: &str = "a power of two up to 1073741824";
        const ENTRIES: &str = "a power of two, 8 to 32768";
        const BYTES: &str =
            "at most 1099511627776; lower net.connections_max, net.send_buffer_bytes or net.max_frame_bytes";
        let DriverConfig { receive_buffer_bytes, send_buffer_bytes, connections_max, .. } = *self;
        let DriverConfig { submission_entries, max_frame_bytes, .. } = *self;
        let (buffers, by_call) = (u32::from(self.receive_buffers), u32::from(self.sends_by_call));
        let rules = [
            ("net.receive_buffers", buffers, power(buffers, 1, 1 << 15), BUFFERS),
            ("net.receive_buffer_bytes", receive_buffer_bytes, small(receive_buffer_bytes, 1 << 24), "1 to 16777216"),
            ("net.send_buffer_bytes", send_buffer_bytes, power(send_buffer_bytes, 1, 1 << 30), SEND_BUFFER),
            ("net.connections_max", connections_max, small(connections_max, (1 << 23) - 1), "1 to 8388607"),
            ("net.submission_entries", submission_entries, power(submission_entries, 8, 1 << 15), ENTRIES),
            ("net.max_frame_bytes", max_frame_bytes, small(max_frame_bytes, 1 << 24), "1 to 16777216"),
            ("net.sends_by_call", by_call, by_call <= 1 << 15, "at most 32768"),
        ];
        let rules = rules.map(|(field, value, holds, must)| (field, u64::from(value), holds, must));
        let sums = [
            ("the number of endpoints", endpoints as u64, endpoints <= 1 << 16, "at most 65536"),
            ("the memory of the network driver in bytes", self.bytes() as u64, self.bytes() <= BYTES_MAX, BYTES),
        ];
        let broken = rules.into_iter().chain(sums).filter(|&(_, _, holds, _)| !holds);
        broken.map(|(field, value, _, must)| (field, value, must))
    }
}
