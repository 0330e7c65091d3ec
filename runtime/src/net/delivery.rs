//! Delivery of events to handlers, in a fixed order of kinds, round-robin over connections, each within its budget.

use io_uring::types::RecvMsgOut;

use super::buffers::{BufferGroup, NO_BUFFER};
use super::connection::{BackOff, Connection, Phase, Receiving, mark_ready};
use super::driver::{Arrived, Driver, Endpoint, Owners};
use super::framing::{Next, next_frame};
use super::memory::RawAddr;
use super::{CloseReason, Datagram, EndpointId, Flow, control};

/// The maximum number of frames per connection in one poll. A flooding peer waits while other connections are served,
/// and is not read until then. The frames of a full default buffer of 48-byte orders (85) fit.
pub(crate) const FRAMES_PER_POLL: usize = 128;

/// The number of frames, of all connections, and the time in nanoseconds, from which on a poll after a stall leaves what is left to the
/// next one. Until then each connection gets as many as it has, [`FRAMES_PER_POLL`] at a time.
const CATCH_UP_FRAMES: u64 = 4096;
const CATCH_UP_NS: u64 = 10_000_000;

/// The maximum number of datagrams in one poll. The rest waits in its buffers, to bound the delay of answers in a
/// burst.
const DATAGRAMS_PER_POLL: usize = 64;

/// How long an endpoint backs off after the process ran out of descriptors or memory, in nanoseconds.
const BACK_OFF_NS: u64 = 10_000_000;

impl Driver {
    /// Delivers all noted events, and returns their number.
    pub(super) fn deliver(&mut self, owners: &mut dyn Owners) -> usize {
        let mut events = std::mem::take(&mut self.table.unheard) + self.deliver_opened(owners);
        // Connections with input left over from the last poll come first, in rotation.
        if self.ready.len() > 1 {
            self.ready.rotate_left(1);
        }
        events += self.deliver_ready(owners);
        if std::mem::take(&mut self.catches_up) {
            events += self.deliver_rest(owners);
        }
        events += self.deliver_datagrams(owners);
        events += self.deliver_writable(owners);
        if self.backing_off || self.table.retry.is_some() {
            self.advance_back_offs(owners.now_ns());
        }
        if !self.table.closing.is_empty() {
            events += self.advance_closing(owners);
        }
        events
    }

    fn deliver_ready(&mut self, owners: &mut dyn Owners) -> usize {
        let mut events = 0;
        for _ in 0..self.ready.len() {
            let Some(slot) = self.ready.pop_front() else {
                break;
            };
            self.table.connections[slot as usize].listed.ready = false;
            events += self.deliver_input(slot, owners);
        }
        events
    }

    /// Delivers what has come during a stall and exceeds the budgets of its connections, so that it counts from the same moment.
    #[cold]
    fn deliver_rest(&mut self, owners: &mut dyn Owners) -> usize {
        let mut events = 0;
        let until = self.table.counters.frames + CATCH_UP_FRAMES;
        let until_ns = owners.now_ns().saturating_add(CATCH_UP_NS);
        while self.table.counters.frames < until && owners.now_ns() < until_ns {
            match self.deliver_ready(owners) {
                0 => break,
                delivered => events += delivered,
            }
        }
        events
    }

    fn deliver_opened(&mut self, owners: &mut dyn Owners) -> usize {
        for &slot in &self.opened {
            let connection = &self.table.connections[slot as usize];
            let (endpoint, peer) = (connection.endpoint, connection.peer);
            let conn = self.table.id(slot);
            owners.handler(endpoint).on_open(&mut self.table, endpoint, conn, peer);
        }
        let events = self.opened.len();
        self.opened.clear();
        events
    }

    /// Delivers a connection's frames, as far as its budget and its handler allow, and then its end.
    fn deliver_input(&mut self, slot: u32, owners: &mut dyn Owners) -> usize {
        let id = self.table.connections[slot as usize].endpoint;
        let before = self.table.counters.frames;
        self.deliver_frames(slot, id, owners);
        let mut events = (self.table.counters.frames - before) as usize;
        let connection = &mut self.table.connections[slot as usize];
        if connection.phase == Phase::Open {
            if connection.has_input() {
                mark_ready(&mut self.ready, connection, slot);
                self.table.touch(slot);
            } else if connection.broken && (connection.ended.is_some() || !self.reading) {
                // Also if the peer has only ended its side: it does not read either.
                self.table.begin_close(slot, CloseReason::Socket);
            } else if connection.ended == Some(CloseReason::Peer) {
                // The bytes of an incomplete frame are lost with what would have followed.
                if !std::mem::replace(&mut connection.half_closed, true) {
                    let conn = self.table.id(slot);
                    owners.handler(id).on_half_close(&mut self.table, conn);
                    events += 1;
                }
            } else if let Some(reason) = connection.ended {
                self.table.begin_close(slot, reason);
            } else if connection.receiving != Receiving::Armed {
                self.table.touch(slot);
            }
        }
        events
    }

    fn deliver_frames(&mut self, slot: u32, endpoint: EndpointId, owners: &mut dyn Owners) {
        let Some(framer) = self.framers[endpoint.0 as usize].as_deref() else {
            return;
        };
        let conn = self.table.id(slot);
        let handler = owners.handler(endpoint);
        self.table.connections[slot as usize].held = false;
        let tail_at = slot as usize * self.max_frame;
        let mut budget = FRAMES_PER_POLL;
        loop {
            let connection = &self.table.connections[slot as usize];
            if connection.phase != Phase::Open || !connection.has_input() {
                return;
            }
            if budget == 0 {
                self.table.counters.budget_cuts += 1;
                return;
            }
            budget -= 1;
            let tail_bytes = connection.tail_bytes as usize;
            let unread = self.streams.filled(connection.first_buffer, connection.consumed_bytes);
            let tail = &mut self.tails[tail_at..tail_at + self.max_frame];
            match next_frame(framer, tail, tail_bytes, unread) {
                Next::Frame { frame, consumed_bytes } => match handler.on_frame(&mut self.table, conn, frame) {
                    Flow::Taken => {
                        self.table.counters.frames += 1;
                        consume(&mut self.table.connections[slot as usize], &mut self.streams, 0, consumed_bytes);
                    }
                    Flow::Hold => {
                        self.table.counters.holds += 1;
                        self.table.connections[slot as usize].held = true;
                        return;
                    }
                },
                Next::Incomplete { tail_bytes, consumed_bytes } => {
                    consume(&mut self.table.connections[slot as usize], &mut self.streams, tail_bytes, consumed_bytes);
                }
                Next::Bad => {
                    self.table.begin_close(slot, CloseReason::BadFrame);
                    return;
                }
            }
        }
    }

    pub(super) fn discard_input(&mut self, slot: u32) {
        let connection = &mut self.table.connections[slot as usize];
        let mut buffer = std::mem::replace(&mut connection.first_buffer, NO_BUFFER);
        connection.last_buffer = NO_BUFFER;
        connection.consumed_bytes = 0;
        while buffer != NO_BUFFER {
            let next = self.streams.next(buffer);
            self.streams.give_back(buffer);
            buffer = next;
        }
    }

    fn deliver_datagrams(&mut self, owners: &mut dyn Owners) -> usize {
        let header = control::message_header();
        let mut events = 0;
        while events < DATAGRAMS_PER_POLL {
            let Some(Arrived { endpoint, buffer }) = self.arrived.pop_front() else {
                break;
            };
            events += 1;
            match RecvMsgOut::parse(self.datagrams.filled(buffer, 0), &header) {
                Ok(received) if received.is_payload_truncated() => self.table.counters.datagrams_truncated += 1,
                Ok(received) => match RawAddr::decode(received.name_data()) {
                    Some(from) => {
                        self.table.counters.datagrams_received += 1;
                        let kernel_utc_ns = control::kernel_utc_ns(received.control_data());
                        let datagram = Datagram { from, kernel_utc_ns, payload: received.payload_data() };
                        owners.handler(endpoint).on_datagram(&mut self.table, endpoint, &datagram);
                    }
                    None => self.table.counters.datagram_errors += 1,
                },
                Err(()) => self.table.counters.datagram_errors += 1,
            }
            self.datagrams.give_back(buffer);
        }
        events
    }

    fn deliver_writable(&mut self, owners: &mut dyn Owners) -> usize {
        let mut events = 0;
        for &slot in &self.writable {
            let connection = &mut self.table.connections[slot as usize];
            connection.listed.writable = false;
            if connection.phase == Phase::Open {
                events += 1;
                let handler = owners.handler(connection.endpoint);
                let conn = self.table.id(slot);
                handler.on_writable(&mut self.table, conn);
            }
        }
        self.writable.clear();
        events
    }

    /// Begins and ends the pauses of listeners, and of outgoing connections that could not be made anew.
    #[cold]
    fn advance_back_offs(&mut self, now_ns: u64) {
        self.backing_off = false;
        for endpoint in &mut self.endpoints {
            let Endpoint::Listener { back_off, .. } = endpoint else { continue };
            *back_off = back_off.and_then(|back_off| advanced(back_off, now_ns));
            self.backing_off |= back_off.is_some();
        }
        if let Some(retry) = self.table.retry {
            self.table.retry = advanced(retry, now_ns);
            if self.table.retry.is_none() {
                self.table.reopen_connectors();
            }
        }
    }
}

/// A pause as of `now_ns`; none if it is over.
fn advanced(back_off: BackOff, now_ns: u64) -> Option<BackOff> {
    match back_off {
        BackOff::Begins => Some(BackOff::Until { at_ns: now_ns.saturating_add(BACK_OFF_NS) }),
        BackOff::Until { at_ns } => (at_ns > now_ns).then_some(back_off),
    }
}

/// Consumes bytes of the oldest buffer, and returns the buffer when it is empty. `tail_bytes` is the new number of
/// bytes in the connection's tail.
fn consume(connection: &mut Connection, streams: &mut BufferGroup, tail_bytes: usize, bytes: usize) {
    connection.tail_bytes = tail_bytes as u32;
    connection.consumed_bytes += bytes as u32;
    let buffer = connection.first_buffer;
    if streams.filled(buffer, connection.consumed_bytes).is_empty() {
        connection.consumed_bytes = 0;
        connection.first_buffer = streams.next(buffer);
        if connection.first_buffer == NO_BUFFER {
            connection.last_buffer = NO_BUFFER;
        }
        streams.give_back(buffer);
    }
}
