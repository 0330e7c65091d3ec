//! Submissions, in this order: stream bytes, datagrams, then upkeep (receives, closes, accepts). Answers thus overtake
//! publications, and both overtake upkeep. If only a few streams have bytes to send, they are written by system call
//! instead of through the ring.

use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::time::Duration;

use io_uring::types::{CancelBuilder, Fd};
use io_uring::{opcode, squeue};
use rustix::io::Errno;
use rustix::net::SendFlags;

use super::connection::{Phase, Receiving, must_disarm, unacknowledged_bytes, wants_input};
use super::datagram::DatagramSender;
use super::driver::{DATAGRAM_GROUP, Driver, Endpoint, STREAM_GROUP};
use super::memory::RawAddr;
use super::ring::{Operation, Token};

/// The maximum number of submissions for one connection's upkeep: cancel, close.
const UPKEEP_ENTRIES_MAX: usize = 2;

/// The submissions that close an endpoint: cancel, close.
const CLOSE_ENTRIES: usize = 2;

impl Driver {
    /// Queues all pending work. If the submission queue is full and the kernel refuses an early submission, the
    /// remaining work stays on its list for the next poll.
    pub(super) fn stage(&mut self) {
        self.stage_streams();
        self.stage_datagrams();
        self.stage_upkeep();
        self.stage_endpoints();
    }

    /// Queues the stream sends. A few sends are made by system call, because an enter for them alone costs more. If the
    /// socket does not accept all bytes of a send, the rest goes through the ring, which waits for room.
    fn stage_streams(&mut self) {
        let waiting = self.table.dirty.len();
        let are_few = waiting > 0 && waiting <= self.sends_by_call;
        let by_call = if are_few && self.ring.is_idle() { waiting } else { 0 };
        let mut staged = 0;
        while staged < self.table.dirty.len() && self.ring.reserve(1, &mut self.table.counters) {
            let slot = self.table.dirty[staged];
            staged += 1;
            let connection = &mut self.table.connections[slot as usize];
            connection.listed.dirty = false;
            if connection.broken {
                if self.table.discard_unsent(slot) {
                    self.note_writable(slot);
                }
            } else if let Some((fd, bytes, len)) = self.table.start_send(slot) {
                // Entries beyond `by_call` are the remainders of sends that were cut short.
                if staged <= by_call && self.send_by_call(slot, fd, bytes, len) {
                    continue;
                }
                let entry = opcode::Send::new(Fd(fd), bytes, len).flags(libc::MSG_NOSIGNAL).build();
                let token = self.connection_token(Operation::Send, slot);
                // SAFETY: the bytes are in the table's send buffers, which outlive the operation, and stay unchanged
                // until it ends.
                unsafe { self.ring.push(entry, token) };
            }
        }
        self.table.dirty.drain(..staged);
    }

    /// Completes the started send if the socket accepts some of its bytes now, or has failed. Returns false if the send
    /// must wait for room.
    fn send_by_call(&mut self, slot: u32, fd: RawFd, bytes: *const u8, len: u32) -> bool {
        // SAFETY: the bytes are in the table's send buffers and stay unchanged until the send ends below.
        let bytes = unsafe { std::slice::from_raw_parts(bytes, len as usize) };
        // SAFETY: the slot owns the descriptor, which is open because bytes are sent only before its close is queued.
        let socket = unsafe { BorrowedFd::borrow_raw(fd) };
        self.table.counters.sends_by_call += 1;
        let result = match rustix::net::send(socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(taken) => taken as i32,
            Err(Errno::AGAIN | Errno::INTR) => return false,
            Err(errno) => -errno.raw_os_error(),
        };
        self.table.connections[slot as usize].in_flight -= 1;
        self.take_sent(slot, result);
        true
    }

    fn stage_datagrams(&mut self) {
        for (index, sender) in self.table.senders.iter_mut().enumerate() {
            let Some(sender) = sender else { continue };
            let mut building = false;
            while sender.may_send(building) && self.ring.reserve(1, &mut self.table.counters) {
                building = true;
                let (payload, len, to, to_len) = sender.start_send();
                let entry =
                    opcode::Send::new(Fd(sender.fd), payload, len).dest_addr(to.cast()).dest_addr_len(to_len).build();
                // SAFETY: the payload and the address are in regions that outlive the operation, and the slot is not
                // reused before its batch has ended.
                unsafe { self.ring.push(entry, Token::new(Operation::SendDatagram, index as u32, 0)) };
            }
        }
    }

    fn stage_upkeep(&mut self) {
        let mut kept = 0;
        for at in 0..self.table.touched.len() {
            let slot = self.table.touched[at];
            if self.ring.reserve(UPKEEP_ENTRIES_MAX, &mut self.table.counters) && self.keep_up(slot) {
                self.table.connections[slot as usize].listed.touched = false;
            } else {
                self.table.touched[kept] = slot;
                kept += 1;
            }
        }
        self.table.touched.truncate(kept);
    }

    /// Queues a connection's upkeep. Returns false if it needs a receive buffer and none is free.
    fn keep_up(&mut self, slot: u32) -> bool {
        let connection = &self.table.connections[slot as usize];
        match connection.phase {
            Phase::Connecting if connection.in_flight == 0 => self.push_connect(slot),
            Phase::Draining if connection.fd >= 0 => self.push_close(slot),
            Phase::Free | Phase::Connecting | Phase::Draining => {}
            Phase::Open | Phase::Flushing | Phase::Lingering => {
                if must_disarm(connection, self.reading) {
                    self.push_disarm(slot);
                } else if connection.receiving == Receiving::Idle && wants_input(connection, self.reading) {
                    if self.streams.is_exhausted() {
                        return false;
                    }
                    self.push_receive(slot);
                }
            }
        }
        true
    }

    fn push_connect(&mut self, slot: u32) {
        let connection = &self.table.connections[slot as usize];
        let at = connection.endpoint.0 as usize;
        let address = self.addresses.pointer(at);
        let len = self.addresses.get(at).len;
        let entry = opcode::Connect::new(Fd(connection.fd), address.cast(), len).build();
        self.push_for(slot, Operation::Connect, entry);
    }

    fn push_receive(&mut self, slot: u32) {
        let fd = Fd(self.table.connections[slot as usize].fd);
        self.table.connections[slot as usize].receiving = Receiving::Armed;
        self.push_for(slot, Operation::Receive, opcode::RecvMulti::new(fd, STREAM_GROUP).build());
    }

    fn push_disarm(&mut self, slot: u32) {
        self.table.connections[slot as usize].receiving = Receiving::Cancelling;
        let target = self.connection_token(Operation::Receive, slot);
        self.push_for(slot, Operation::Disarm, opcode::AsyncCancel::new(target.pack()).build());
    }

    fn push_close(&mut self, slot: u32) {
        let connection = &mut self.table.connections[slot as usize];
        let fd = Fd(std::mem::replace(&mut connection.fd, -1));
        let (in_flight, reset, shut_down) = (connection.in_flight > 0, connection.reset, connection.shut_down);
        let is_sending = connection.sending_bytes > 0;
        // SAFETY: the slot owned the descriptor until now, and its close is queued below.
        let socket = unsafe { BorrowedFd::borrow_raw(fd.0) };
        if in_flight {
            let cancel = opcode::AsyncCancel2::new(CancelBuilder::fd(fd).all()).build();
            self.push_for(slot, Operation::Close, cancel);
        }
        if reset {
            // The end of the stream counts as one byte.
            self.table.counters.unsent_bytes += unacknowledged_bytes(socket).saturating_sub(u64::from(shut_down));
            // Makes the close reset the connection, so that the kernel also discards what the peer has not read. This is a
            // system call, because the ring has the operation only since Linux 6.7. It fails on no TCP socket.
            let set = rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO));
            self.table.counters.reset_errors += u64::from(set.is_err());
        }
        if is_sending {
            // The kernel gives a send that its peer's packets have woken too often to a worker, which waits in the socket until
            // there is room. No cancellation ends that wait, and while it lasts the socket is not closed. This does.
            let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Both);
        }
        self.push_for(slot, Operation::Close, opcode::Close::new(fd).build());
    }

    fn push_for(&mut self, slot: u32, operation: Operation, entry: squeue::Entry) {
        let token = self.connection_token(operation, slot);
        self.table.connections[slot as usize].in_flight += 1;
        // SAFETY: the entries above name the connection's descriptor, which only the last of them closes, or addresses in
        // a region that outlives the operation.
        unsafe { self.ring.push(entry, token) };
    }

    fn connection_token(&self, operation: Operation, slot: u32) -> Token {
        Token::new(operation, slot, self.table.connections[slot as usize].generation)
    }

    fn stage_endpoints(&mut self) {
        self.stage_accepts();
        for index in 0..self.endpoints.len() {
            match &self.endpoints[index] {
                Endpoint::Listener { fd: Some(_), closes, .. } if *closes || !self.accepting => {
                    self.close_listener(index)
                }
                Endpoint::Datagrams { fd: Some(_), closes: true, .. } => self.close_datagrams(index),
                Endpoint::Datagrams { fd: Some(_), receives: true, .. } => self.stage_datagram_receive(index),
                _ => {}
            }
        }
        while let Some(&fd) = self.refused.last() {
            if !self.ring.reserve(1, &mut self.table.counters) {
                break;
            }
            self.refused.pop();
            // SAFETY: names only the descriptor, which we own and do not use again.
            unsafe { self.ring.push(opcode::Close::new(Fd(fd)).build(), Token::new(Operation::Detached, 0, 0)) };
        }
    }

    fn stage_accepts(&mut self) {
        if !self.accepting {
            return;
        }
        let peers_at = self.endpoints.len();
        for (index, accept) in self.accepts.iter_mut().enumerate().filter(|(_, accept)| !accept.armed) {
            let Endpoint::Listener { fd: Some(fd), back_off: None, suspended: false, .. } =
                &self.endpoints[accept.endpoint.0 as usize]
            else {
                continue;
            };
            if !self.ring.reserve(1, &mut self.table.counters) {
                continue;
            }
            accept.armed = true;
            let at = peers_at + index;
            self.addresses.set(at, RawAddr::empty());
            let address = self.addresses.pointer(at);
            let fd = Fd(fd.as_raw_fd());
            // SAFETY: `address` is in bounds, and only the address of its field is computed.
            let len = unsafe { &raw mut (*address).len };
            let entry = opcode::Accept::new(fd, address.cast(), len).flags(libc::SOCK_CLOEXEC).build();
            // SAFETY: the address is in a region that outlives the operation, and each accept has its own.
            unsafe { self.ring.push(entry, Token::new(Operation::Accept, index as u32, 0)) };
        }
    }

    fn close_listener(&mut self, index: usize) {
        if !self.ring.reserve(CLOSE_ENTRIES, &mut self.table.counters) {
            return;
        }
        let Endpoint::Listener { fd, back_off, .. } = &mut self.endpoints[index] else {
            return;
        };
        *back_off = None;
        let fd = fd.take();
        self.push_close_of_endpoint(fd);
    }

    /// Closes a UDP socket once all that was queued is sent.
    fn close_datagrams(&mut self, index: usize) {
        let sender = &mut self.table.senders[index];
        if sender.as_ref().is_some_and(DatagramSender::has_unsent)
            || !self.ring.reserve(CLOSE_ENTRIES, &mut self.table.counters)
        {
            return;
        }
        if let Some(sender) = sender {
            sender.close();
        }
        let Endpoint::Datagrams { fd, .. } = &mut self.endpoints[index] else {
            return;
        };
        let fd = fd.take();
        self.push_close_of_endpoint(fd);
    }

    /// Queues the cancellation of all operations on an endpoint's descriptor, and its close.
    fn push_close_of_endpoint(&mut self, fd: Option<OwnedFd>) {
        let Some(fd) = fd else { return };
        let fd = Fd(fd.into_raw_fd());
        let token = Token::new(Operation::Detached, 0, 0);
        // SAFETY: both name only the descriptor, which we own and do not use again.
        unsafe {
            self.ring.push(opcode::AsyncCancel2::new(CancelBuilder::fd(fd).all()).build(), token);
            self.ring.push(opcode::Close::new(fd).build(), token);
        }
    }

    fn stage_datagram_receive(&mut self, index: usize) {
        let Endpoint::Datagrams { fd: Some(fd), receiving, .. } = &mut self.endpoints[index] else {
            return;
        };
        let receive = Token::new(Operation::ReceiveDatagram, index as u32, 0);
        let entry = match (*receiving, self.reading) {
            (Receiving::Idle, true) if !self.datagrams.is_exhausted() => {
                let fd = Fd(fd.as_raw_fd());
                opcode::RecvMsgMulti::new(fd, self.message.pointer(0), DATAGRAM_GROUP).build()
            }
            (Receiving::Armed, false) => opcode::AsyncCancel::new(receive.pack()).build(),
            _ => return,
        };
        if !self.ring.reserve(1, &mut self.table.counters) {
            return;
        }
        let (next, token) = match receiving {
            Receiving::Idle => (Receiving::Armed, receive),
            _ => (Receiving::Cancelling, Token::new(Operation::Detached, 0, 0)),
        };
        *receiving = next;
        // SAFETY: the header is in a region that outlives the operation and never changes. A cancel names no memory.
        unsafe { self.ring.push(entry, token) };
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read};
    use std::net::{SocketAddr, TcpListener, TcpStream};

    use super::super::{ConnId, DriverConfig, EndpointId, Net};
    use super::*;

    /// A connection of a driver that nobody polls, and its peer.
    fn connected() -> (Driver, ConnId, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, from): (TcpStream, SocketAddr) = listener.accept().unwrap();
        let mut driver =
            Driver::new(DriverConfig { connections_max: 1, ..DriverConfig::default() }, Vec::new()).unwrap();
        let slot = driver.table.allocate(EndpointId(0), socket.into_raw_fd(), from, true).unwrap();
        let conn = driver.table.id(slot);
        (driver, conn, peer)
    }

    #[test]
    fn a_reset_that_the_socket_refuses_is_counted_and_closes() {
        let mut driver =
            Driver::new(DriverConfig { connections_max: 1, ..DriverConfig::default() }, Vec::new()).unwrap();
        let no_socket = std::fs::File::open("/dev/null").unwrap();
        let from = SocketAddr::from(([127, 0, 0, 1], 9));
        let slot = driver.table.allocate(EndpointId(0), OwnedFd::from(no_socket).into_raw_fd(), from, true).unwrap();
        driver.table.connections[slot as usize].reset = true;
        driver.push_close(slot);
        assert_eq!(driver.counters().reset_errors, 1);
    }

    #[test]
    fn a_send_that_finds_no_room_waits_in_the_ring() {
        let (mut driver, conn, mut peer) = connected();
        // SAFETY: the slot owns the descriptor, which stays open.
        let socket = unsafe { BorrowedFd::borrow_raw(driver.table.connections[conn.slot as usize].fd) };
        let mut filled = 0;
        loop {
            match rustix::net::send(socket, &[7; 1 << 16], SendFlags::DONTWAIT) {
                Ok(taken) => filled += taken,
                Err(errno) => break assert_eq!(errno, Errno::AGAIN),
            }
        }
        driver.send(conn, b"after").unwrap();
        driver.flush();
        assert_eq!((driver.counters().sends_by_call, driver.counters().sent_bytes), (1, 0));
        assert_eq!(driver.table.sends_in_flight, 1, "the send is in the ring");
        driver.send(conn, b"wards").unwrap();
        driver.flush();
        assert_eq!(driver.counters().sends_by_call, 1, "bytes do not overtake those in flight");

        peer.set_nonblocking(true).unwrap();
        let mut received = Vec::new();
        while received.len() < filled + 10 {
            match peer.read_to_end(&mut received) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                ended => panic!("the stream has ended: {ended:?}"),
            }
            driver.ring.enter(0, &mut driver.table.counters);
            driver.take_completions();
            driver.flush();
        }
        assert!(received.ends_with(b"afterwards") && received.len() == filled + 10);
        assert_eq!((driver.counters().sent_bytes, driver.table.sends_in_flight), (10, 0));
    }

    #[test]
    fn the_list_of_connections_with_bytes_to_send_has_room_for_sends_cut_short() {
        let (mut driver, conn, mut peer) = connected();
        let room = driver.table.dirty.capacity();
        let all = driver.send_room(conn);
        // A run up to the end of the buffer, and the rest from its beginning.
        driver.table.connections[0].queued_position = all as u32 - 3;
        driver.table.connections[0].sent_position = all as u32 - 3;
        driver.send(conn, b"around").unwrap();
        driver.flush();
        driver.take_completions();
        let mut received = [0; 6];
        peer.read_exact(&mut received).unwrap();
        assert_eq!((&received, driver.table.dirty.capacity(), driver.counters().sends_by_call), (b"around", room, 1));
    }
}
