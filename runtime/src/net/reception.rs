//! What comes out of the ring. All completions are taken first (buffers are chained to their connections, states
//! move), then events are delivered, so that a callback always sees a consistent driver.

use io_uring::types::RecvMsgOut;

use super::buffers::{BufferGroup, NO_BUFFER};
use super::connection::{Connection, Phase, Receiving};
use super::driver::{Arrived, Driver, Endpoint, Owners, datagram_header};
use super::memory::RawAddr;
use super::ring::{Completion, Operation};
use super::{CloseReason, EndpointId, Flow, Framer};

/// Frames that one connection may deliver in one poll; a flooding peer waits while its neighbours are served, and is
/// not read meanwhile. A full default buffer of 48-byte orders (85 of them) fits.
const FRAMES_PER_POLL: usize = 128;

/// Datagrams delivered in one poll; the rest waits in its buffers, so that a burst does not delay answers by more.
const DATAGRAMS_PER_POLL: usize = 64;

/// How long a listener rests after the process ran out of descriptors or memory.
const ACCEPT_BACKOFF_NS: u64 = 10_000_000;

impl Driver {
    pub(super) fn take_completions(&mut self) {
        while let Some(completion) = self.ring.complete() {
            self.take(completion);
        }
    }

    fn take(&mut self, completion: Completion) {
        let slot = completion.token.slot;
        match completion.token.operation {
            Operation::Accept => self.take_accept(completion),
            Operation::ReceiveDatagram => self.take_datagram(completion),
            Operation::SendDatagram => self.take_datagram_sent(completion),
            Operation::Timeout => self.timeout_armed = false,
            Operation::Detached => {}
            Operation::Connect
            | Operation::Receive
            | Operation::Send
            | Operation::Close
            | Operation::Disarm => {
                let connection = &mut self.table.connections[slot as usize];
                let known = connection.phase != Phase::Free
                    && connection.generation == completion.token.generation;
                if !known {
                    self.table.counters.stale_completions += 1;
                    if let Some(buffer) = completion.buffer {
                        self.streams.take(buffer, 0);
                        self.streams.give_back(buffer);
                    }
                    return;
                }
                connection.in_flight -= u32::from(!completion.more);
                match completion.token.operation {
                    Operation::Connect => self.take_connect(slot, completion.result),
                    Operation::Receive => self.take_received(slot, completion),
                    Operation::Send => self.take_sent(slot, completion.result),
                    _ => {}
                }
            }
        }
    }

    fn take_accept(&mut self, completion: Completion) {
        let index = completion.token.slot as usize;
        let accept = &mut self.accepts[index];
        accept.armed = false;
        let id = accept.endpoint;
        let fd = completion.result;
        if fd < 0 {
            self.take_accept_error(id, -fd);
            return;
        }
        let raw = self.addresses.get(self.endpoints.len() + index);
        let peer = RawAddr::decode(&raw.bytes[..(raw.len as usize).min(RawAddr::CAPACITY)]);
        let slot = match peer {
            Some(peer) if self.accepting => self.table.allocate(id, fd, peer, true),
            _ => None,
        };
        if let Some(slot) = slot {
            self.table.counters.accepted += 1;
            self.table.touch(slot);
            self.opened.push(slot);
        } else {
            let reason = if self.accepting {
                CloseReason::TooMany
            } else {
                CloseReason::Shutdown
            };
            self.table.counters.closed[reason as usize] += 1;
            self.refused.push(fd);
        }
    }

    fn take_accept_error(&mut self, id: EndpointId, errno: i32) {
        if errno == libc::ECANCELED {
            return;
        }
        self.table.counters.accept_errors += 1;
        // Out of descriptors or memory lasts: accepting again at once would spin. The others concern one connection.
        if matches!(
            errno,
            libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ENOBUFS
        ) && let Endpoint::Listener { retry_at_ns, .. } = &mut self.endpoints[id.0 as usize]
        {
            *retry_at_ns = Some(self.table.now_ns.saturating_add(ACCEPT_BACKOFF_NS));
        }
    }

    fn take_connect(&mut self, slot: u32, result: i32) {
        if self.table.connections[slot as usize].phase != Phase::Connecting {
            return;
        }
        if result < 0 {
            self.table.counters.connect_errors += 1;
            self.table.begin_close(slot, CloseReason::Socket);
        } else {
            self.table.counters.connected += 1;
            self.table.connections[slot as usize].phase = Phase::Open;
            self.table.touch(slot);
            self.opened.push(slot);
        }
    }

    fn take_received(&mut self, slot: u32, completion: Completion) {
        let connection = &mut self.table.connections[slot as usize];
        if let Some(buffer) = completion.buffer {
            self.streams.take(buffer, completion.result.max(0) as u32);
            if connection.phase == Phase::Open && completion.result > 0 {
                self.table.counters.received_bytes += completion.result as u64;
                match connection.last_buffer {
                    NO_BUFFER => connection.first_buffer = buffer,
                    last => self.streams.chain(last, buffer),
                }
                connection.last_buffer = buffer;
                mark_ready(&mut self.ready, connection, slot);
            } else {
                self.streams.give_back(buffer);
            }
        }
        if completion.more {
            return;
        }
        connection.receiving = Receiving::Idle;
        match -completion.result {
            0 => connection.ended = connection.ended.or(Some(CloseReason::Peer)),
            errno if errno < 0 || errno == libc::ECANCELED => self.table.counters.rearmed += 1,
            libc::ENOBUFS => {
                self.table.counters.buffers_exhausted += 1;
                self.table.counters.rearmed += 1;
            }
            _ => connection.ended = connection.ended.or(Some(CloseReason::Socket)),
        }
        if connection.ended.is_some() && connection.phase == Phase::Open {
            mark_ready(&mut self.ready, connection, slot);
        }
        self.table.touch(slot);
    }

    fn take_sent(&mut self, slot: u32, result: i32) {
        if self.table.finish_send(slot, result) {
            self.writable.push(slot);
        }
        let connection = &mut self.table.connections[slot as usize];
        if connection.broken && connection.phase == Phase::Open {
            connection.ended = connection.ended.or(Some(CloseReason::Socket));
            mark_ready(&mut self.ready, connection, slot);
        }
    }

    fn take_datagram(&mut self, completion: Completion) {
        let endpoint = EndpointId(completion.token.slot);
        if let Some(buffer) = completion.buffer {
            self.datagrams.take(buffer, completion.result.max(0) as u32);
            self.arrived.push_back(Arrived { endpoint, buffer });
        }
        if completion.more {
            return;
        }
        match -completion.result {
            libc::ENOBUFS => self.table.counters.buffers_exhausted += 1,
            errno if errno <= 0 || errno == libc::ECANCELED => {}
            _ => self.table.counters.datagram_errors += 1,
        }
        self.table.counters.rearmed += u64::from(self.reading);
        if let Endpoint::Datagrams { receiving, .. } = &mut self.endpoints[endpoint.0 as usize] {
            *receiving = Receiving::Idle;
        }
    }

    fn take_datagram_sent(&mut self, completion: Completion) {
        let counters = &mut self.table.counters;
        if completion.result < 0 {
            counters.datagram_errors += 1;
        } else {
            counters.datagrams_sent += 1;
        }
        if let Some(sender) = &mut self.table.senders[completion.token.slot as usize] {
            sender.finish_send();
        }
    }
}

fn mark_ready(ready: &mut std::collections::VecDeque<u32>, connection: &mut Connection, slot: u32) {
    if !std::mem::replace(&mut connection.listed.ready, true) {
        ready.push_back(slot);
    }
}

impl Driver {
    /// Delivers what was taken; returns the number of events.
    pub(super) fn deliver(&mut self, owners: &mut dyn Owners) -> usize {
        let mut events = self.deliver_opened(owners);
        // Those with room left over from the last poll come first, but not always the same one of them.
        if self.ready.len() > 1 {
            self.ready.rotate_left(1);
        }
        for _ in 0..self.ready.len() {
            let Some(slot) = self.ready.pop_front() else {
                break;
            };
            self.table.connections[slot as usize].listed.ready = false;
            events += self.deliver_input(slot, owners);
        }
        events += self.deliver_datagrams(owners);
        events += self.deliver_writable(owners);
        events + self.advance_closing(owners)
    }

    fn deliver_opened(&mut self, owners: &mut dyn Owners) -> usize {
        for &slot in &self.opened {
            let connection = &self.table.connections[slot as usize];
            let (endpoint, peer) = (connection.endpoint, connection.peer);
            let conn = self.table.id(slot);
            owners
                .handler(endpoint)
                .on_open(&mut self.table, endpoint, conn, peer);
        }
        let events = self.opened.len();
        self.opened.clear();
        events
    }

    /// Delivers a connection's frames, as far as its budget and its handler go, and then its end.
    fn deliver_input(&mut self, slot: u32, owners: &mut dyn Owners) -> usize {
        let id = self.table.connections[slot as usize].endpoint;
        let before = self.table.counters.frames + self.table.counters.holds;
        self.deliver_frames(slot, id, owners);
        let connection = &mut self.table.connections[slot as usize];
        if connection.phase == Phase::Open {
            if connection.has_input() {
                mark_ready(&mut self.ready, connection, slot);
                self.table.touch(slot);
            } else if let Some(reason) = connection.ended {
                self.table.begin_close(slot, reason);
            } else if connection.receiving != Receiving::Armed {
                self.table.touch(slot);
            }
        }
        (self.table.counters.frames + self.table.counters.holds - before) as usize
    }

    fn deliver_frames(&mut self, slot: u32, endpoint: EndpointId, owners: &mut dyn Owners) {
        let Some(framer) = self.framers[endpoint.0 as usize].as_deref() else {
            return;
        };
        let conn = self.table.id(slot);
        let handler = owners.handler(endpoint);
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
            let unread = self
                .streams
                .filled(connection.first_buffer, connection.consumed_bytes);
            let tail = &mut self.tails[tail_at..tail_at + self.max_frame];
            match next_frame(framer, tail, tail_bytes, unread) {
                Next::Frame {
                    frame,
                    consumed_bytes,
                } => match handler.on_frame(&mut self.table, conn, frame) {
                    Flow::Taken => {
                        self.table.counters.frames += 1;
                        consume(
                            &mut self.table.connections[slot as usize],
                            &mut self.streams,
                            0,
                            consumed_bytes,
                        );
                    }
                    Flow::Hold => {
                        self.table.counters.holds += 1;
                        return;
                    }
                },
                Next::Incomplete {
                    tail_bytes,
                    consumed_bytes,
                } => {
                    consume(
                        &mut self.table.connections[slot as usize],
                        &mut self.streams,
                        tail_bytes,
                        consumed_bytes,
                    );
                }
                Next::Bad => {
                    self.table.begin_close(slot, CloseReason::BadFrame);
                    return;
                }
            }
        }
    }

    fn discard_input(&mut self, slot: u32) {
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
        let header = datagram_header();
        let mut events = 0;
        while events < DATAGRAMS_PER_POLL {
            let Some(Arrived { endpoint, buffer }) = self.arrived.pop_front() else {
                break;
            };
            events += 1;
            match RecvMsgOut::parse(self.datagrams.filled(buffer, 0), &header) {
                Ok(datagram) if datagram.is_payload_truncated() => {
                    self.table.counters.datagrams_truncated += 1
                }
                Ok(datagram) => match RawAddr::decode(datagram.name_data()) {
                    Some(from) => {
                        self.table.counters.datagrams_received += 1;
                        let handler = owners.handler(endpoint);
                        handler.on_datagram(
                            &mut self.table,
                            endpoint,
                            from,
                            datagram.payload_data(),
                        );
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
            let connection = &self.table.connections[slot as usize];
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

    /// Whether a closing connection can make its next step.
    pub(super) fn is_close_due(&self, slot: u32) -> bool {
        let connection = &self.table.connections[slot as usize];
        let late = self.table.now_ns >= connection.deadline_ns;
        match connection.phase {
            Phase::Flushing => late || connection.broken || connection.unsent_bytes() == 0,
            Phase::Lingering => late || connection.ended.is_some(),
            Phase::Draining => connection.in_flight == 0 && connection.fd < 0,
            Phase::Free | Phase::Connecting | Phase::Open => false,
        }
    }

    /// Moves closing connections on; those that are done are released and reported.
    fn advance_closing(&mut self, owners: &mut dyn Owners) -> usize {
        let mut events = 0;
        let mut at = 0;
        while at < self.table.closing.len() {
            let slot = self.table.closing[at];
            self.discard_input(slot);
            if !self.is_close_due(slot) {
                at += 1;
                continue;
            }
            if self.table.connections[slot as usize].phase == Phase::Draining {
                self.table.closing.swap_remove(at);
                let connection = &self.table.connections[slot as usize];
                let (endpoint, reason, conn) =
                    (connection.endpoint, connection.reason, self.table.id(slot));
                self.table.release(slot);
                owners
                    .handler(endpoint)
                    .on_close(&mut self.table, endpoint, conn, reason);
                events += 1;
            } else {
                self.table.advance_close(slot);
            }
        }
        events
    }
}

/// Consumes bytes of the oldest buffer, which is returned when none are left; `tail_bytes` of an incomplete frame are in
/// the tail now.
fn consume(
    connection: &mut Connection,
    streams: &mut BufferGroup,
    tail_bytes: usize,
    bytes: usize,
) {
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

/// What the unread bytes of a connection begin with.
enum Next<'a> {
    /// A frame; taking it consumes so many of the unread bytes.
    Frame {
        frame: &'a [u8],
        consumed_bytes: usize,
    },
    /// No whole frame; the bytes were copied to the tail, which has `tail_bytes` now.
    Incomplete {
        tail_bytes: usize,
        consumed_bytes: usize,
    },
    /// No frame can come of it.
    Bad,
}

/// The frame that begins in `tail[..tail_bytes]`, or in `unread` if that is empty. The tail's length is `max_frame`.
fn next_frame<'a>(
    framer: &dyn Framer,
    tail: &'a mut [u8],
    tail_bytes: usize,
    unread: &'a [u8],
) -> Next<'a> {
    let max_frame = tail.len();
    if tail_bytes == 0 {
        return match framer.frame_len(unread) {
            Ok(Some(len)) if len == 0 || len > max_frame => Next::Bad,
            Ok(Some(len)) if len <= unread.len() => Next::Frame {
                frame: &unread[..len],
                consumed_bytes: len,
            },
            Ok(_) if unread.len() < max_frame => {
                tail[..unread.len()].copy_from_slice(unread);
                Next::Incomplete {
                    tail_bytes: unread.len(),
                    consumed_bytes: unread.len(),
                }
            }
            Ok(_) | Err(_) => Next::Bad,
        };
    }
    // The framer tells a length only when it sees enough, so as much as could belong to the frame is shown to it;
    // what belongs to the next one stays unread.
    let copied = unread.len().min(max_frame - tail_bytes);
    let filled = tail_bytes + copied;
    tail[tail_bytes..filled].copy_from_slice(&unread[..copied]);
    match framer.frame_len(&tail[..filled]) {
        // A frame that ended before these bytes would have been delivered: the framer contradicts itself.
        Ok(Some(len)) if len <= tail_bytes || len > max_frame => Next::Bad,
        Ok(Some(len)) if len <= filled => Next::Frame {
            frame: &tail[..len],
            consumed_bytes: len - tail_bytes,
        },
        Ok(_) if filled < max_frame => Next::Incomplete {
            tail_bytes: filled,
            consumed_bytes: copied,
        },
        Ok(_) | Err(_) => Next::Bad,
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::super::ring::Token;
    use super::super::{ConnId, DriverConfig, FrameError, Net, NetHandler};
    use super::*;

    struct Nobody;

    impl NetHandler for Nobody {
        fn on_open(&mut self, _: &mut dyn Net, _: EndpointId, _: ConnId, _: SocketAddr) {}
        fn on_frame(&mut self, _: &mut dyn Net, _: ConnId, _: &[u8]) -> Flow {
            Flow::Taken
        }
        fn on_datagram(&mut self, _: &mut dyn Net, _: EndpointId, _: SocketAddr, _: &[u8]) {}
        fn on_writable(&mut self, _: &mut dyn Net, _: ConnId) {}
        fn on_close(&mut self, _: &mut dyn Net, _: EndpointId, _: ConnId, _: CloseReason) {}
    }

    impl Owners for Nobody {
        fn handler(&mut self, _: EndpointId) -> &mut dyn NetHandler {
            self
        }
    }

    #[test]
    fn a_completion_of_an_earlier_generation_is_dropped() {
        let mut driver = Driver::new(
            DriverConfig {
                connections_max: 2,
                ..DriverConfig::default()
            },
            Vec::new(),
        )
        .unwrap();
        let somewhere = SocketAddr::from(([127, 0, 0, 1], 9));
        let slot = driver
            .table
            .allocate(EndpointId(0), -1, somewhere, true)
            .unwrap();
        driver.table.connections[slot as usize].generation = 7;
        for (at, generation) in [(slot, 6), (slot, 8), (slot ^ 1, 0)] {
            for operation in [
                Operation::Receive,
                Operation::Send,
                Operation::Connect,
                Operation::Close,
            ] {
                assert!(driver.ring.reserve(1, &mut driver.table.counters));
                let token = Token::new(operation, at, generation);
                // SAFETY: names no memory.
                unsafe {
                    driver
                        .ring
                        .push(io_uring::opcode::Nop::new().build(), token)
                };
            }
        }
        driver.poll(0, &mut Nobody);
        assert_eq!(driver.counters().stale_completions, 12);
        let connection = &driver.table.connections[slot as usize];
        assert!(
            connection.phase == Phase::Open
                && connection.ended.is_none()
                && connection.in_flight == 0
        );
    }

    /// A byte with the frame's length, which counts itself.
    struct SelfCounting;

    impl Framer for SelfCounting {
        fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
            Ok(bytes.first().map(|&length| length.into()))
        }
    }

    #[test]
    fn the_next_frame_is_found_wherever_it_is_cut() {
        // Tail, unread bytes: the frame and what taking it consumes.
        let frames = [
            (&b""[..], &b"\x03ab"[..], &b"\x03ab"[..], 3),
            (b"", b"\x03ab\x02", b"\x03ab", 3),
            (b"\x03", b"ab\x02c", b"\x03ab", 2),
            (b"\x03a", b"b", b"\x03ab", 1),
            (b"\x08abcdef", b"g\x08", b"\x08abcdefg", 1),
        ];
        for (tail, unread, expected, expected_consumed) in frames {
            let mut room = [0; 8];
            room[..tail.len()].copy_from_slice(tail);
            match next_frame(&SelfCounting, &mut room, tail.len(), unread) {
                Next::Frame {
                    frame,
                    consumed_bytes,
                } => {
                    assert_eq!((frame, consumed_bytes), (expected, expected_consumed));
                }
                _ => panic!("no frame in {tail:?} {unread:?}"),
            }
        }
        // A length of zero, over max_frame, or one that contradicts what came before.
        let bad: [(&[u8], &[u8]); 4] = [
            (b"", b"\0"),
            (b"", b"\x09"),
            (b"\x09", b"a"),
            (b"\x02ab", b"c"),
        ];
        for (tail, unread) in bad {
            let mut room = [0; 8];
            room[..tail.len()].copy_from_slice(tail);
            assert!(
                matches!(
                    next_frame(&SelfCounting, &mut room, tail.len(), unread),
                    Next::Bad
                ),
                "{tail:?}"
            );
        }
        let mut room = [0; 8];
        match next_frame(&SelfCounting, &mut room, 0, b"\x08abc") {
            Next::Incomplete {
                tail_bytes: 4,
                consumed_bytes: 4,
            } => assert_eq!(room, *b"\x08abc\0\0\0\0"),
            _ => panic!("not kept"),
        }
    }
}
