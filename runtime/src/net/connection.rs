//! The state of one connection.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use super::buffers::NO_BUFFER;
use super::{CloseReason, EndpointId};

/// The first pause between two looks at what a closing connection's peer has not acknowledged, in nanoseconds; each is twice as
/// long as the one before. Two round trips over a local network: a peer that reads is found gone at the first look.
const LOOK_PAUSE_NS_FIRST: u64 = 100_000;

/// The lifecycle phase of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The slot is free.
    Free,
    /// Establishing an outgoing connection.
    Connecting,
    /// Receiving and sending.
    Open,
    /// Closing: flushing queued bytes, discarding received ones.
    Flushing,
    /// Closing: everything is sent and our side is shut down. Waits for the peer to close its side, because closing a
    /// socket with unread bytes resets the connection, and the peer could lose our last answer. If its side has ended, waits
    /// until it has acknowledged what was sent: the kernel would keep that for minutes for a peer that does not read, and not
    /// tell it.
    Lingering,
    /// Closing: cancelling operations and closing the socket.
    Draining,
}

/// The state of a multishot receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receiving {
    Idle,
    Armed,
    Cancelling,
}

/// The pause of an endpoint after the process ran out of descriptors or memory.
#[derive(Clone, Copy)]
pub(super) enum BackOff {
    /// It begins with the next delivery, which knows the time.
    Begins,
    /// It ends at this time.
    Until { at_ns: u64 },
}

/// One slot of the table.
pub(super) struct Connection {
    pub generation: u32,
    pub phase: Phase,
    pub endpoint: EndpointId,
    pub peer: SocketAddr,
    pub fd: RawFd,
    /// Whether the connection counts against `connections_max`.
    pub accepted: bool,
    /// The number of operations that the kernel has not ended. The slot is reused only at 0.
    pub in_flight: u32,
    pub receiving: Receiving,
    /// The reason why nothing more will be received. The connection closes for it once the received bytes are consumed.
    pub ended: Option<CloseReason>,
    /// Its handler has ended its input: what the kernel has received so far is the last.
    pub is_last_input: bool,
    /// How many bytes of it the kernel still holds, once that was asked. What comes behind them is lost.
    pub last_input_bytes: Option<u32>,
    /// The received buffers, oldest first, and the number of bytes consumed of the oldest.
    pub first_buffer: u16,
    pub last_buffer: u16,
    pub consumed_bytes: u32,
    /// The number of bytes of an incomplete frame in the connection's tail buffer.
    pub tail_bytes: u32,
    /// The total numbers of bytes queued and taken by the kernel, modulo 2^32. Their difference is unsent.
    pub queued_position: u32,
    pub sent_position: u32,
    /// The length of the send in flight; 0 if there is none.
    pub sending_bytes: u32,
    /// Its handler has been told that the peer ended its side.
    pub half_closed: bool,
    /// Its handler answered the last frame with [`Flow::Hold`](super::Flow::Hold).
    pub held: bool,
    /// A send was rejected, so [`on_writable`](super::NetHandler::on_writable) must follow.
    pub refused: bool,
    /// A send failed. What is sent from then on is discarded with the next poll, so that handlers still take what has been
    /// received.
    pub broken: bool,
    /// Closing resets the connection, because the peer was too slow.
    pub reset: bool,
    /// Our side is shut down: the end of the stream is queued in the kernel.
    pub shut_down: bool,
    pub reason: CloseReason,
    /// Its handler was replaced, and the next one does not know it.
    pub orphaned: bool,
    /// When a graceful close is given up, by the [time of closes](super::close_time::CloseTime). `None` until the poll in which the
    /// close begins ends, since an actor may begin one at any time and only a poll can ask for the time.
    pub deadline_ns: Option<u64>,
    /// The bytes that the peer had not taken when the close began, and whether it got more time because it has taken some since.
    pub left_bytes: u64,
    pub is_extended: bool,
    /// When a lingering connection whose input has ended is next asked what its peer has not acknowledged, by the same time,
    /// and the pause after that. No completion tells of it.
    pub look_ns: u64,
    pub look_pause_ns: u64,
    /// Membership in the driver's work lists, each of which has room for every slot once.
    pub listed: Listed,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Listed {
    pub ready: bool,
    pub dirty: bool,
    pub touched: bool,
    pub writable: bool,
}

impl Connection {
    pub(super) fn free() -> Self {
        Connection {
            generation: 0,
            phase: Phase::Free,
            endpoint: EndpointId(0),
            peer: SocketAddr::from(([0, 0, 0, 0], 0)),
            fd: -1,
            accepted: false,
            in_flight: 0,
            receiving: Receiving::Idle,
            ended: None,
            is_last_input: false,
            last_input_bytes: None,
            first_buffer: NO_BUFFER,
            last_buffer: NO_BUFFER,
            consumed_bytes: 0,
            tail_bytes: 0,
            queued_position: 0,
            sent_position: 0,
            sending_bytes: 0,
            half_closed: false,
            held: false,
            refused: false,
            broken: false,
            reset: false,
            shut_down: false,
            reason: CloseReason::Local,
            orphaned: false,
            deadline_ns: None,
            left_bytes: 0,
            is_extended: false,
            look_ns: 0,
            look_pause_ns: LOOK_PAUSE_NS_FIRST,
            listed: Listed::default(),
        }
    }

    pub(super) fn unsent_bytes(&self) -> u32 {
        self.queued_position.wrapping_sub(self.sent_position)
    }

    pub(super) fn has_input(&self) -> bool {
        self.first_buffer != NO_BUFFER
    }
}

/// Adds a connection to the list of those with input to deliver, unless it is listed.
pub(super) fn mark_ready(ready: &mut VecDeque<u32>, connection: &mut Connection, slot: u32) {
    if !std::mem::replace(&mut connection.listed.ready, true) {
        ready.push_back(slot);
    }
}

/// Whether the driver should read from a connection now.
pub(super) fn wants_input(connection: &Connection, reading: bool) -> bool {
    connection.ended.is_none()
        && match connection.phase {
            Phase::Open => (reading || connection.is_last_input) && !connection.has_input(),
            // Read and discard, to notice the peer's close and to keep unread bytes from resetting the connection.
            Phase::Flushing | Phase::Lingering => true,
            Phase::Free | Phase::Connecting | Phase::Draining => false,
        }
}

/// Whether the receive must be cancelled to stop reading.
pub(super) fn must_disarm(connection: &Connection, reading: bool) -> bool {
    connection.receiving == Receiving::Armed && !wants_input(connection, reading)
}

/// The bytes that the kernel holds for a peer that has not acknowledged them; 0 if the socket is no stream.
pub(super) fn unacknowledged_bytes(socket: BorrowedFd<'_>) -> u64 {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the request writes one int, which outlives the call.
    let answer = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if answer == 0 { u64::try_from(bytes).unwrap_or(0) } else { 0 }
}
