//! Reaping of completions: chains buffers to their connections, advances states, and notes events. `delivery` calls the
//! handlers afterwards, so that they always see a consistent driver.

use std::os::fd::BorrowedFd;

use super::buffers::NO_BUFFER;
use super::connection::{BackOff, Phase, Receiving, mark_ready};
use super::driver::{Arrived, Driver, Endpoint};
use super::memory::RawAddr;
use super::ring::{Completion, Operation};
use super::table::Table;
use super::{CloseReason, EndpointId};

impl Driver {
    /// Reaps all completions, and returns how many there were. [`Driver::unpolled`] counts those that a poll must follow.
    pub(super) fn take_completions(&mut self) -> usize {
        let mut taken = 0;
        while let Some(completion) = self.ring.complete() {
            taken += 1;
            self.unpolled += usize::from(completion.token.operation != Operation::Detached);
            self.take(completion);
        }
        taken
    }

    fn take(&mut self, completion: Completion) {
        let slot = completion.token.slot;
        match completion.token.operation {
            Operation::Accept => self.take_accept(completion),
            Operation::ReceiveDatagram => self.take_datagram(completion),
            Operation::SendDatagram => self.take_datagram_sent(completion),
            Operation::Timeout => self.timeout_end = None,
            Operation::Detached => {}
            Operation::Connect | Operation::Receive | Operation::Send | Operation::Close | Operation::Disarm => {
                let connection = &mut self.table.connections[slot as usize];
                let known = connection.phase != Phase::Free && connection.generation == completion.token.generation;
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
        let accepting =
            self.accepting && matches!(self.endpoints[id.0 as usize], Endpoint::Listener { closes: false, .. });
        let slot = match peer {
            Some(peer) if accepting => self.table.allocate(id, fd, peer, true),
            _ => None,
        };
        if let Some(slot) = slot {
            self.table.counters.accepted += 1;
            if matches!(self.endpoints[id.0 as usize], Endpoint::Listener { suspended: true, .. }) {
                self.withheld.push(slot);
            } else {
                self.table.touch(slot);
                self.opened.push(slot);
            }
        } else {
            let reason = if accepting { CloseReason::TooMany } else { CloseReason::Shutdown };
            self.table.counters.closed[reason as usize] += 1;
            self.table.unheard += 1;
            self.refused.push(fd);
        }
    }

    fn take_accept_error(&mut self, id: EndpointId, errno: i32) {
        if errno == libc::ECANCELED {
            return;
        }
        self.table.counters.accept_errors += 1;
        self.table.unheard += 1;
        // A lack of descriptors or memory lasts, so accepting again at once would spin. Other errors concern one
        // connection.
        if matches!(errno, libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ENOBUFS)
            && let Endpoint::Listener { back_off, .. } = &mut self.endpoints[id.0 as usize]
        {
            *back_off = Some(BackOff::Begins);
            self.backing_off = true;
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
            let mut bytes = completion.result.max(0) as u32;
            if let Some(left) = &mut connection.last_input_bytes {
                bytes = bytes.min(*left);
                *left -= bytes;
            }
            self.streams.take(buffer, bytes);
            if connection.phase == Phase::Open && bytes > 0 {
                self.table.counters.received_bytes += u64::from(bytes);
                match connection.last_buffer {
                    NO_BUFFER => connection.first_buffer = buffer,
                    last => self.streams.chain(last, buffer),
                }
                connection.last_buffer = buffer;
                mark_ready(&mut self.ready, connection, slot);
            } else {
                self.streams.give_back(buffer);
            }
            if connection.last_input_bytes == Some(0) {
                self.end_last_input(slot);
            }
        }
        if completion.more {
            return;
        }
        let connection = &mut self.table.connections[slot as usize];
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

    /// Asks the kernel how much it has received of inputs that their handlers have ended. A peer that sends on and on would have
    /// no end, since the kernel goes on receiving. Called when all completions are taken: whatever was received before is with us,
    /// or still with the kernel.
    #[cold]
    pub(super) fn measure_last_inputs(&mut self) {
        if self.ring.has_overflowed() {
            return;
        }
        while let Some(slot) = self.table.input_ends.pop() {
            let connection = &mut self.table.connections[slot as usize];
            if connection.phase == Phase::Open && connection.is_last_input && connection.ended.is_none() {
                // SAFETY: the slot owns the descriptor, which is open until the close is queued in `Draining`.
                let socket = unsafe { BorrowedFd::borrow_raw(connection.fd) };
                let left = rustix::io::ioctl_fionread(socket).ok();
                connection.last_input_bytes = left.map(|bytes| u32::try_from(bytes).unwrap_or(u32::MAX));
                if left == Some(0) {
                    self.end_last_input(slot);
                }
            }
        }
    }

    /// All of an input has come that its handler has ended.
    #[cold]
    fn end_last_input(&mut self, slot: u32) {
        let connection = &mut self.table.connections[slot as usize];
        if connection.phase == Phase::Open && connection.ended.is_none() {
            connection.ended = Some(CloseReason::Peer);
            mark_ready(&mut self.ready, connection, slot);
            self.table.touch(slot);
        }
    }

    /// Handles the end of a send, made through the ring or by call.
    pub(super) fn take_sent(&mut self, slot: u32, result: i32) {
        if self.table.finish_send(slot, result) {
            self.note_writable(slot);
        }
        let connection = &self.table.connections[slot as usize];
        if connection.broken && connection.phase == Phase::Open {
            // What the kernel has still received counts, such as cancels sent before a close. The receive delivers it, and
            // then ends, even if only sending has failed.
            self.table.end_receiving(slot);
            mark_ready(&mut self.ready, &mut self.table.connections[slot as usize], slot);
        }
    }

    /// Lets the next delivery tell the handler that it has room again.
    pub(super) fn note_writable(&mut self, slot: u32) {
        if !std::mem::replace(&mut self.table.connections[slot as usize].listed.writable, true) {
            self.writable.push(slot);
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
            _ => {
                self.table.counters.datagram_errors += 1;
                self.table.unheard += 1;
            }
        }
        self.table.counters.rearmed += u64::from(self.reading);
        if let Endpoint::Datagrams { receiving, .. } = &mut self.endpoints[endpoint.0 as usize] {
            *receiving = Receiving::Idle;
        }
    }

    fn take_datagram_sent(&mut self, completion: Completion) {
        let Table { senders, counters, unheard, .. } = &mut self.table;
        let Some(sender) = &mut senders[completion.token.slot as usize] else { return };
        sender.finish_send();
        match completion.result {
            0.. => return counters.datagrams_sent += 1,
            _ if sender.has_destination() => counters.datagrams_refused += 1,
            _ => counters.datagram_errors += 1,
        }
        *unheard += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::super::ring::Token;
    use super::super::{ConnId, Datagram, DriverConfig, Flow, Net, NetHandler, Owners};
    use super::*;

    struct Nobody;

    impl NetHandler for Nobody {
        fn on_open(&mut self, _: &mut dyn Net, _: EndpointId, _: ConnId, _: SocketAddr) {}
        fn on_frame(&mut self, _: &mut dyn Net, _: ConnId, _: &[u8]) -> Flow {
            Flow::Taken
        }
        fn on_datagram(&mut self, _: &mut dyn Net, _: EndpointId, _: &Datagram<'_>) {}
        fn on_half_close(&mut self, _: &mut dyn Net, _: ConnId) {}
        fn on_writable(&mut self, _: &mut dyn Net, _: ConnId) {}
        fn on_close(&mut self, _: &mut dyn Net, _: EndpointId, _: ConnId, _: CloseReason) {}
    }

    impl Owners for Nobody {
        fn handler(&mut self, _: EndpointId) -> &mut dyn NetHandler {
            self
        }
        fn now_ns(&mut self) -> u64 {
            0
        }
    }

    #[test]
    fn a_completion_of_an_earlier_generation_is_dropped() {
        let mut driver =
            Driver::new(DriverConfig { connections_max: 2, ..DriverConfig::default() }, Vec::new()).unwrap();
        let somewhere = SocketAddr::from(([127, 0, 0, 1], 9));
        let slot = driver.table.allocate(EndpointId(0), -1, somewhere, true).unwrap();
        driver.table.connections[slot as usize].generation = 7;
        for (at, generation) in [(slot, 6), (slot, 8), (slot ^ 1, 0)] {
            for operation in [Operation::Receive, Operation::Send, Operation::Connect, Operation::Close] {
                assert!(driver.ring.reserve(1, &mut driver.table.counters));
                let token = Token::new(operation, at, generation);
                // SAFETY: names no memory.
                unsafe { driver.ring.push(io_uring::opcode::Nop::new().build(), token) };
            }
        }
        driver.poll(&mut Nobody);
        assert_eq!(driver.counters().stale_completions, 12);
        let connection = &driver.table.connections[slot as usize];
        assert!(connection.phase == Phase::Open && connection.ended.is_none() && connection.in_flight == 0);
    }
}
