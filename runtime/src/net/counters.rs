//! The driver's counters. The shard is the only writer; telemetry copies the whole structure.

use super::CloseReason;

/// Counters of one driver since its start. All count events unless the name ends in `_bytes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetCounters {
    /// `io_uring_enter` calls.
    pub enters: u64,
    /// Polls without an `enter`, because nothing was queued and the kernel had announced nothing.
    pub enters_skipped: u64,
    /// `enter` calls that failed temporarily (EAGAIN, EBUSY, EINTR, ENOMEM); the next poll repeats them.
    pub enters_retried: u64,
    /// Extra `enter` calls because the submission queue was full; if there are many, raise `submission_entries`.
    pub early_submits: u64,
    /// Polls that found completions held back in the kernel because the completion queue was full.
    pub completion_overflows: u64,
    /// Stream sends made by system call instead of through the ring, including those that found no room in the socket;
    /// see [`DriverConfig::sends_by_call`](super::DriverConfig::sends_by_call).
    pub sends_by_call: u64,
    /// Completions for connections that no longer existed.
    pub stale_completions: u64,
    /// Connections accepted and passed to their handler.
    pub accepted: u64,
    /// Failed accepts. The listener backs off if the process is out of descriptors or memory, but not after an aborted
    /// connection.
    pub accept_errors: u64,
    /// Outgoing connections established.
    pub connected: u64,
    /// Outgoing connections that failed to establish.
    pub connect_errors: u64,
    /// Connections ended, indexed by the number of the [`CloseReason`].
    pub closed: [u64; CloseReason::ALL.len()],
    /// Frames consumed by handlers.
    pub frames: u64,
    /// Frames that a handler answered with [`Flow::Hold`](super::Flow::Hold).
    pub holds: u64,
    /// Times that a connection had more frames than its budget for one poll; the rest waited for later polls.
    pub budget_cuts: u64,
    /// Bytes received on streams.
    pub received_bytes: u64,
    /// Bytes that the kernel accepted on streams.
    pub sent_bytes: u64,
    /// Stream and datagram sends rejected with [`SendError::Full`](super::SendError::Full).
    pub send_full: u64,
    /// Connections that were to be reset and whose socket refused it; they were closed instead.
    pub reset_errors: u64,
    /// Bytes that were queued or discarded but never sent, because the connection ended first.
    pub unsent_bytes: u64,
    /// Datagrams passed to handlers.
    pub datagrams_received: u64,
    /// Datagrams dropped because they did not fit a receive buffer; raise `receive_buffer_bytes`.
    pub datagrams_truncated: u64,
    /// Datagrams that the kernel accepted.
    pub datagrams_sent: u64,
    /// Datagrams to the destination of their socket that the kernel refused. They are lost.
    pub datagrams_refused: u64,
    /// Datagram receives that failed, and answers ([`Net::send_datagram_to`](super::Net::send_datagram_to)) that the kernel
    /// refused: their destination is somebody else's word.
    pub datagram_errors: u64,
    /// Times that the kernel found no free receive buffer. Nothing is lost, because the bytes wait in the socket. If
    /// there are many, raise `receive_buffers`.
    pub buffers_exhausted: u64,
    /// Receive operations that ended and were rearmed: the kernel ended them, or a held connection stopped reading.
    pub rearmed: u64,
}

impl NetCounters {
    /// The number of connections that ended for `reason`.
    #[must_use]
    pub fn closed_for(&self, reason: CloseReason) -> u64 {
        self.closed[reason as usize]
    }
}
