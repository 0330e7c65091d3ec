//! What the driver counts. One writer (the shard); telemetry copies the whole structure off the shard.

use super::CloseReason;

/// Counters of one driver since its start. All are events unless the name ends in `_bytes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetCounters {
    /// `io_uring_enter` calls.
    pub enters: u64,
    /// Polls that needed no `enter`: nothing was queued and the kernel had announced nothing.
    pub enters_skipped: u64,
    /// `enter` calls that the kernel asked to repeat (EAGAIN, EBUSY, EINTR, ENOMEM); the next poll repeats them.
    pub enters_retried: u64,
    /// Submissions made because the submission queue was full before its time; many of them: raise
    /// `submission_entries`.
    pub early_submits: u64,
    /// Polls that found completions parked in the kernel because the completion queue was full.
    pub completion_overflows: u64,
    /// Sends of streams made by call instead of through the ring, those that found no room in the socket included; see
    /// [`DriverConfig::sends_by_call`](super::DriverConfig::sends_by_call).
    pub sends_by_call: u64,
    /// Completions of operations whose connection was already gone.
    pub stale_completions: u64,
    /// Connections accepted and given to their handler.
    pub accepted: u64,
    /// Accepts that failed (out of descriptors or memory, connection aborted); the listener backs off.
    pub accept_errors: u64,
    /// Outgoing connections established.
    pub connected: u64,
    /// Outgoing connections that could not be established.
    pub connect_errors: u64,
    /// Connections ended, by [`CloseReason`] (indexed by its number).
    pub closed: [u64; CloseReason::ALL.len()],
    /// Frames taken by handlers.
    pub frames: u64,
    /// Times a handler answered [`Flow::Hold`](super::Flow::Hold).
    pub holds: u64,
    /// Times a connection had more frames than its budget of one poll; the rest waited for the next polls.
    pub budget_cuts: u64,
    /// Bytes received on streams.
    pub received_bytes: u64,
    /// Bytes that the kernel took on streams.
    pub sent_bytes: u64,
    /// Sends refused with [`SendError::Full`](super::SendError::Full), streams and datagrams.
    pub send_full: u64,
    /// Bytes that were queued but never left, because the connection ended first.
    pub unsent_bytes: u64,
    /// Datagrams given to handlers.
    pub datagrams_received: u64,
    /// Datagrams dropped because they did not fit a receive buffer; raise `datagram_buffer_bytes`.
    pub datagrams_truncated: u64,
    /// Datagrams that the kernel took.
    pub datagrams_sent: u64,
    /// Datagram sends or receives that failed.
    pub datagram_errors: u64,
    /// Times the kernel found no free receive buffer (nothing is lost: the bytes wait in the socket); many of
    /// them: raise `receive_buffers` or `datagram_buffers`.
    pub buffers_exhausted: u64,
    /// Receive operations armed again after the kernel had ended them or a held connection was read again.
    pub rearmed: u64,
}

impl NetCounters {
    /// Connections ended for `reason`.
    pub fn closed_for(&self, reason: CloseReason) -> u64 {
        self.closed[reason as usize]
    }
}
