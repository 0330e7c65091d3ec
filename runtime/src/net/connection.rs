//! The state of one connection.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::RawFd;

use super::buffers::NO_BUFFER;
use super::{CloseReason, EndpointId};

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The slot is free.
    Free,
    /// An outgoing connection is being established.
    Connecting,
    /// Frames flow.
    Open,
    /// Closing: queued bytes still leave; what arrives is discarded.
    Flushing,
    /// Closing: everything left and our side is shut; waits for the peer's end, because closing a socket with
    /// unread bytes resets it and the peer could lose our last answer.
    Lingering,
    /// Closing: operations are being cancelled, the socket is closed.
    Draining,
}

/// The state of a multishot receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receiving {
    Idle,
    Armed,
    Cancelling,
}

/// One slot of the table.
pub(super) struct Connection {
    pub generation: u32,
    pub phase: Phase,
    pub endpoint: EndpointId,
    pub peer: SocketAddr,
    pub fd: RawFd,
    /// Counted against `connections_max`.
    pub accepted: bool,
    /// Operations that the kernel has not ended; the slot is reused only at 0.
    pub in_flight: u32,
    pub receiving: Receiving,
    /// Why nothing more will be received; acted upon when what was received is consumed.
    pub ended: Option<CloseReason>,
    /// Received buffers, oldest first, and how much of the oldest is consumed.
    pub first_buffer: u16,
    pub last_buffer: u16,
    pub consumed_bytes: u32,
    /// Bytes of an incomplete frame in the connection's tail buffer.
    pub tail_bytes: u32,
    /// Bytes ever queued and ever taken by the kernel, modulo 2^32: the difference is unsent.
    pub queued_position: u32,
    pub sent_position: u32,
    /// Length of the send in flight, 0 without one.
    pub sending_bytes: u32,
    /// A send was refused; [`on_writable`](super::NetHandler::on_writable) is owed.
    pub refused: bool,
    /// The socket takes no more bytes.
    pub broken: bool,
    /// Closing resets: the peer was too slow.
    pub reset: bool,
    pub reason: CloseReason,
    pub deadline_ns: u64,
    /// Membership of the driver's work lists, each of which has room for every slot once.
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
    pub fn free() -> Self {
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
            first_buffer: NO_BUFFER,
            last_buffer: NO_BUFFER,
            consumed_bytes: 0,
            tail_bytes: 0,
            queued_position: 0,
            sent_position: 0,
            sending_bytes: 0,
            refused: false,
            broken: false,
            reset: false,
            reason: CloseReason::Local,
            deadline_ns: 0,
            listed: Listed::default(),
        }
    }

    pub fn unsent_bytes(&self) -> u32 {
        self.queued_position.wrapping_sub(self.sent_position)
    }

    pub fn has_input(&self) -> bool {
        self.first_buffer != NO_BUFFER
    }
}

/// Puts a connection on the list of those with something to deliver.
pub(super) fn mark_ready(ready: &mut VecDeque<u32>, connection: &mut Connection, slot: u32) {
    if !std::mem::replace(&mut connection.listed.ready, true) {
        ready.push_back(slot);
    }
}

/// Whether a connection should be read now.
pub(super) fn wants_input(connection: &Connection, reading: bool) -> bool {
    connection.ended.is_none()
        && match connection.phase {
            Phase::Open => reading && !connection.has_input(),
            // Read and discarded, to see the peer's end and to keep its bytes from resetting the connection.
            Phase::Flushing | Phase::Lingering => true,
            Phase::Free | Phase::Connecting | Phase::Draining => false,
        }
}

/// Whether the receive has to be cancelled to stop reading.
pub(super) fn must_disarm(connection: &Connection, reading: bool) -> bool {
    connection.receiving == Receiving::Armed && !wants_input(connection, reading)
}
