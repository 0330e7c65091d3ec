//! The send queue of a UDP socket.

use std::net::SocketAddr;
use std::os::fd::RawFd;

use super::SendError;
use super::memory::{RawAddr, Region};

/// The datagrams of one socket that are queued or in flight, in a ring of equal slots.
///
/// A batch is submitted only when the previous one has ended, so that a full socket does not reorder datagrams of
/// different batches. Within a batch it may: while one datagram waits for room, a later one may find some. To chain them
/// would cost an enter each, since an enter starts only one operation of a chain after the first.
pub(super) struct DatagramSender {
    /// Negative once the socket is closed.
    pub fd: RawFd,
    /// The configured destination.
    to: Option<RawAddr>,
    /// The destination of each slot. The kernel may read it until the send has ended.
    destinations: Region<RawAddr>,
    payloads: Region<u8>,
    lengths: Box<[u16]>,
    payload_max: usize,
    first: usize,
    queued: usize,
    in_flight: usize,
    unfinished: usize,
}

impl DatagramSender {
    pub(super) fn new(fd: RawFd, to: Option<SocketAddr>, slots: u16, payload_max: u16) -> Self {
        let (slots, payload_max) = (usize::from(slots), usize::from(payload_max));
        DatagramSender {
            fd,
            to: to.map(RawAddr::encode),
            destinations: Region::zeroed(slots),
            payloads: Region::zeroed(slots * payload_max),
            lengths: vec![0; slots].into(),
            payload_max,
            first: 0,
            queued: 0,
            in_flight: 0,
            unfinished: 0,
        }
    }

    /// Copies a datagram to a free slot, for the configured destination.
    pub(super) fn queue(&mut self, payload: &[u8]) -> Result<(), SendError> {
        let to = self.to.ok_or(SendError::Closed)?;
        self.queue_to(to, payload)
    }

    /// Copies a datagram to a free slot, for the destination `to`.
    pub(super) fn queue_to(&mut self, to: RawAddr, payload: &[u8]) -> Result<(), SendError> {
        if self.fd < 0 {
            return Err(SendError::Closed);
        }
        if payload.len() > self.payload_max {
            return Err(SendError::TooLong);
        }
        let slots = self.lengths.len();
        if self.in_flight + self.queued == slots {
            return Err(SendError::Full);
        }
        let at = (self.first + self.in_flight + self.queued) % slots;
        self.payloads.copy_in(at * self.payload_max, payload);
        self.lengths[at] = payload.len() as u16;
        self.destinations.set(at, to);
        self.queued += 1;
        Ok(())
    }

    /// Whether the next queued datagram may be submitted, either in the batch being built (`building`) or as a new
    /// batch if none is in flight.
    pub(super) fn may_send(&self, building: bool) -> bool {
        self.queued > 0 && (building || self.in_flight == 0)
    }

    /// Marks the next queued datagram as in flight, and returns its payload and destination.
    pub(super) fn start_send(&mut self) -> (*const u8, u32, *const RawAddr, u32) {
        let at = (self.first + self.in_flight) % self.lengths.len();
        self.queued -= 1;
        self.in_flight += 1;
        self.unfinished += 1;
        (
            self.payload_pointer(at),
            u32::from(self.lengths[at]),
            self.destinations.pointer(at),
            self.destinations.get(at).len,
        )
    }

    /// Records that one datagram of the batch has ended. The batch's slots become free when all have.
    pub(super) fn finish_send(&mut self) {
        self.unfinished -= 1;
        if self.unfinished == 0 {
            self.first = (self.first + self.in_flight) % self.lengths.len();
            self.in_flight = 0;
        }
    }

    /// Notes that the socket is closed.
    pub(super) fn close(&mut self) {
        self.fd = -1;
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.queued + self.in_flight > 0
    }

    /// Whether its socket has a destination of its own.
    pub(super) fn has_destination(&self) -> bool {
        self.to.is_some()
    }

    /// The datagrams that are queued or have not ended.
    pub(super) fn unsent(&self) -> usize {
        self.queued + self.unfinished
    }

    fn payload_pointer(&self, at: usize) -> *const u8 {
        // With a `payload_max` of 0 the region has no bytes to point to.
        if self.payload_max == 0 { std::ptr::dangling() } else { self.payloads.pointer(at * self.payload_max) }
    }

    pub(super) fn leak(&mut self) {
        self.payloads.leak();
        self.destinations.leak();
    }
}
