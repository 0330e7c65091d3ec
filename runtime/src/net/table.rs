//! The part of the driver that actors use during callbacks: connections and their send buffers. Sending copies bytes to
//! a send buffer and lists the slot for the next poll, without entering the kernel.

use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, IntoRawFd, RawFd};

use super::close_time::CloseTime;
use super::connection::{BackOff, Connection, Phase};
use super::datagram::DatagramSender;
use super::memory::{RawAddr, Region};
use super::{CloseReason, ConnId, DriverConfig, EndpointId, Net, NetCounters, NetError, SendError, endpoint};

/// The state of an outgoing connection's endpoint.
pub(super) struct Connector {
    pub addr: SocketAddr,
    /// Its last connection.
    pub conn: Option<ConnId>,
    /// It makes no new one.
    pub closes: bool,
    /// It makes a new one as soon as the last is closed, of which its handler does not hear, or as the process has what it
    /// takes.
    pub reopens: bool,
}

pub(super) struct Table {
    pub connections: Box<[Connection]>,
    /// Slots with bytes to send, in order of queueing.
    pub dirty: Vec<u32>,
    /// Slots that may need an operation to receive or to close.
    pub touched: Vec<u32>,
    /// Slots whose handlers have ended their input, and of which the kernel was not yet asked how much of it is left.
    pub input_ends: Vec<u32>,
    /// Slots that are closing, and their time.
    pub closing: Vec<u32>,
    pub close_time: CloseTime,
    pub senders: Vec<Option<DatagramSender>>,
    pub local_addrs: Vec<Option<SocketAddr>>,
    /// By endpoint: the state of those that are outgoing connections.
    pub connectors: Vec<Option<Connector>>,
    /// The pause before outgoing connections that could not be made anew are tried again.
    pub retry: Option<BackOff>,
    pub counters: NetCounters,
    /// What was refused or lost since the last delivery, of which no handler hears: it is counted, so that the shard tells
    /// its figures.
    pub unheard: usize,
    pub sends_in_flight: usize,
    free: Vec<u32>,
    sends: Region<u8>,
    send_buffer_bytes: u32,
    accepted: u32,
    connections_max: u32,
}

impl Table {
    /// Creates the table. Each of the `outgoing` endpoints has a slot in addition to `connections_max` slots for
    /// accepted connections.
    pub(super) fn new(config: &DriverConfig, outgoing: u32) -> Self {
        let slots = config.connections_max + outgoing;
        let list = || Vec::with_capacity(slots as usize);
        Table {
            connections: (0..slots).map(|_| Connection::free()).collect(),
            // Twice the slots, because the remainder of a send by call is listed again behind the entries being sent.
            dirty: Vec::with_capacity(2 * slots as usize),
            touched: list(),
            input_ends: list(),
            closing: list(),
            close_time: CloseTime::default(),
            senders: Vec::new(),
            local_addrs: Vec::new(),
            connectors: Vec::new(),
            retry: None,
            counters: NetCounters::default(),
            unheard: 0,
            sends_in_flight: 0,
            free: (0..slots).rev().collect(),
            sends: Region::zeroed(slots as usize * config.send_buffer_bytes as usize),
            send_buffer_bytes: config.send_buffer_bytes,
            accepted: 0,
            connections_max: config.connections_max,
        }
    }

    /// Allocates a slot for a connection; `None` if all are taken, which only happens to accepted connections.
    pub(super) fn allocate(
        &mut self,
        endpoint: EndpointId,
        fd: RawFd,
        peer: SocketAddr,
        accepted: bool,
    ) -> Option<u32> {
        if accepted && self.accepted == self.connections_max {
            return None;
        }
        let slot = self.free.pop()?;
        self.accepted += u32::from(accepted);
        let connection = &mut self.connections[slot as usize];
        *connection = Connection {
            generation: connection.generation,
            listed: connection.listed,
            phase: if accepted { Phase::Open } else { Phase::Connecting },
            endpoint,
            fd,
            peer,
            accepted,
            ..Connection::free()
        };
        Some(slot)
    }

    /// Frees a drained slot, which invalidates its handle.
    pub(super) fn release(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        debug_assert!(connection.in_flight == 0 && connection.phase == Phase::Draining);
        self.counters.closed[connection.reason as usize] += 1;
        self.counters.unsent_bytes += u64::from(connection.unsent_bytes());
        self.accepted -= u32::from(connection.accepted);
        connection.phase = Phase::Free;
        connection.generation = connection.generation.wrapping_add(1);
        self.free.push(slot);
    }

    pub(super) fn open_connections(&self) -> usize {
        self.connections.len() - self.free.len()
    }

    pub(super) fn id(&self, slot: u32) -> ConnId {
        ConnId { slot, generation: self.connections[slot as usize].generation }
    }

    /// The connection that `conn` names, if it still exists.
    pub(super) fn find(&self, conn: ConnId) -> Option<&Connection> {
        let connection = self.connections.get(conn.slot as usize)?;
        (connection.generation == conn.generation && connection.phase != Phase::Free).then_some(connection)
    }

    /// Lists `slot` as one that may need an operation to receive or to close.
    pub(super) fn touch(&mut self, slot: u32) {
        let listed = &mut self.connections[slot as usize].listed;
        if !std::mem::replace(&mut listed.touched, true) {
            self.touched.push(slot);
        }
    }

    fn mark_dirty(&mut self, slot: u32) {
        let listed = &mut self.connections[slot as usize].listed;
        if !std::mem::replace(&mut listed.dirty, true) {
            self.dirty.push(slot);
        }
    }

    /// Begins to close a connection. If called again, the first reason counts, and a reason that does not flush ends the
    /// wait for the peer.
    pub(super) fn begin_close(&mut self, slot: u32, reason: CloseReason) {
        let connection = &mut self.connections[slot as usize];
        let flushes = matches!(reason, CloseReason::Local | CloseReason::Shutdown | CloseReason::Peer);
        match connection.phase {
            Phase::Open | Phase::Connecting => {}
            Phase::Flushing | Phase::Lingering if !flushes => {
                connection.phase = Phase::Draining;
                return self.touch(slot);
            }
            Phase::Free | Phase::Flushing | Phase::Lingering | Phase::Draining => return,
        }
        connection.phase = match connection.phase {
            Phase::Open if flushes && !connection.broken => Phase::Flushing,
            _ => Phase::Draining,
        };
        connection.reason = reason;
        connection.reset = reason == CloseReason::SlowReader;
        self.closing.push(slot);
        self.touch(slot);
    }

    /// Makes the receive of an open connection end once it has returned what the kernel has received.
    #[cold]
    pub(super) fn end_receiving(&mut self, slot: u32) {
        // SAFETY: the slot owns the descriptor, which is open until the close is queued in `Draining`.
        let socket = unsafe { BorrowedFd::borrow_raw(self.connections[slot as usize].fd) };
        // Fails if the connection is reset, and then ends the receive too. This is a system call like the one above.
        let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Read);
    }

    /// Marks the next contiguous run of unsent bytes as in flight and returns it; `None` if a send is already in flight
    /// or there is nothing to send.
    pub(super) fn start_send(&mut self, slot: u32) -> Option<(RawFd, *const u8, u32)> {
        let capacity = self.send_buffer_bytes;
        let connection = &mut self.connections[slot as usize];
        let sends = matches!(connection.phase, Phase::Open | Phase::Flushing) && !connection.broken;
        if !sends || connection.sending_bytes > 0 || connection.unsent_bytes() == 0 {
            return None;
        }
        let start = connection.sent_position & (capacity - 1);
        connection.sending_bytes = connection.unsent_bytes().min(capacity - start);
        connection.in_flight += 1;
        self.sends_in_flight += 1;
        let at = slot as usize * capacity as usize + start as usize;
        Some((connection.fd, self.sends.pointer(at), connection.sending_bytes))
    }

    /// Records the result of the send in flight: the number of bytes that the kernel accepted, or a negative errno.
    /// Returns true if a handler whose send was rejected now has room again.
    pub(super) fn finish_send(&mut self, slot: u32, result: i32) -> bool {
        let connection = &mut self.connections[slot as usize];
        connection.sending_bytes = 0;
        self.sends_in_flight -= 1;
        if result < 0 {
            connection.broken = true;
            return self.discard_unsent(slot);
        }
        self.counters.sent_bytes += result as u64;
        connection.sent_position = connection.sent_position.wrapping_add(result as u32);
        let unsent_bytes = connection.unsent_bytes();
        let open = connection.phase == Phase::Open;
        let writable = connection.refused && open && unsent_bytes <= self.send_buffer_bytes / 2;
        connection.refused &= !writable;
        if unsent_bytes == 0 {
            // Restarting at 0 keeps the next bytes contiguous, for one send instead of two.
            connection.queued_position = 0;
            connection.sent_position = 0;
        } else {
            self.mark_dirty(slot);
        }
        writable
    }

    /// Makes an outgoing connection anew: at once if the last one is closed, or else when it is. If the handler has made one
    /// itself, that one counts.
    pub(super) fn reopen_connector(&mut self, endpoint: EndpointId) {
        let Some(Some(Connector { conn, closes: false, .. })) = self.connectors.get(endpoint.0 as usize) else {
            return;
        };
        let must_wait = match conn.and_then(|conn| self.find(conn)).map(|connection| connection.orphaned) {
            Some(is_orphaned) => is_orphaned,
            None if self.reconnect(endpoint).is_err() => {
                self.counters.connect_errors += 1;
                self.unheard += 1;
                self.retry = Some(BackOff::Begins);
                true
            }
            None => false,
        };
        if must_wait && let Some(Some(connector)) = self.connectors.get_mut(endpoint.0 as usize) {
            connector.reopens = true;
        }
    }

    /// Makes outgoing connections anew that could not be made when they should.
    pub(super) fn reopen_connectors(&mut self) {
        for endpoint in 0..self.connectors.len() {
            if self.connectors[endpoint].as_mut().is_some_and(|connector| std::mem::take(&mut connector.reopens)) {
                self.reopen_connector(EndpointId(endpoint as u32));
            }
        }
    }

    /// Keeps an outgoing connection from being made anew before it is resumed.
    pub(super) fn suspend_connector(&mut self, endpoint: EndpointId) {
        if let Some(Some(connector)) = self.connectors.get_mut(endpoint.0 as usize) {
            connector.reopens = false;
        }
    }

    /// The last connection of an outgoing endpoint is closed, and its handler does not hear of it.
    pub(super) fn orphan_is_gone(&mut self, endpoint: EndpointId) {
        if let Some(Some(connector)) = self.connectors.get_mut(endpoint.0 as usize)
            && std::mem::take(&mut connector.reopens)
        {
            self.reopen_connector(endpoint);
        }
    }

    /// Discards what waits on a connection on which a send has failed. Returns true if a handler whose send was rejected now
    /// has room again.
    ///
    /// Sends to it are queued as to any other until the next poll, so that a handler that sends while there is room comes to
    /// an end.
    #[cold]
    pub(super) fn discard_unsent(&mut self, slot: u32) -> bool {
        let connection = &mut self.connections[slot as usize];
        self.counters.unsent_bytes += u64::from(connection.unsent_bytes());
        connection.queued_position = 0;
        connection.sent_position = 0;
        std::mem::take(&mut connection.refused) && connection.phase == Phase::Open
    }

    /// Keeps an outgoing connection from being made again.
    pub(super) fn close_connector(&mut self, endpoint: EndpointId) {
        if let Some(Some(connector)) = self.connectors.get_mut(endpoint.0 as usize) {
            connector.closes = true;
        }
    }

    pub(super) fn leak(&mut self) {
        self.sends.leak();
        for sender in self.senders.iter_mut().flatten() {
            sender.leak();
        }
    }
}

impl Net for Table {
    fn send(&mut self, conn: ConnId, bytes: &[u8]) -> Result<(), SendError> {
        let capacity = self.send_buffer_bytes;
        if self.find(conn).is_none_or(|connection| connection.phase != Phase::Open) {
            return Err(SendError::Closed);
        }
        if bytes.len() > capacity as usize {
            return Err(SendError::TooLong);
        }
        let connection = &mut self.connections[conn.slot as usize];
        if bytes.len() > (capacity - connection.unsent_bytes()) as usize {
            connection.refused = true;
            self.counters.send_full += 1;
            return Err(SendError::Full);
        }
        let start = (connection.queued_position & (capacity - 1)) as usize;
        let base = conn.slot as usize * capacity as usize;
        let (before_wrap, after_wrap) = bytes.split_at(bytes.len().min(capacity as usize - start));
        connection.queued_position = connection.queued_position.wrapping_add(bytes.len() as u32);
        // The bytes in flight lie between the two positions and stay unchanged.
        self.sends.copy_in(base + start, before_wrap);
        self.sends.copy_in(base, after_wrap);
        self.mark_dirty(conn.slot);
        Ok(())
    }

    fn send_room(&self, conn: ConnId) -> usize {
        match self.find(conn) {
            Some(connection) if connection.phase == Phase::Open => {
                (self.send_buffer_bytes - connection.unsent_bytes()) as usize
            }
            _ => 0,
        }
    }

    fn send_datagram(&mut self, endpoint: EndpointId, payload: &[u8]) -> Result<(), SendError> {
        let sender = self.senders.get_mut(endpoint.0 as usize).and_then(Option::as_mut);
        let queued = sender.ok_or(SendError::Closed)?.queue(payload);
        self.counters.send_full += u64::from(queued == Err(SendError::Full));
        queued
    }

    fn send_datagram_to(&mut self, endpoint: EndpointId, to: SocketAddr, payload: &[u8]) -> Result<(), SendError> {
        let sender = self.senders.get_mut(endpoint.0 as usize).and_then(Option::as_mut);
        let queued = sender.ok_or(SendError::Closed)?.queue_to(RawAddr::encode(to), payload);
        self.counters.send_full += u64::from(queued == Err(SendError::Full));
        queued
    }

    fn close(&mut self, conn: ConnId, reason: CloseReason) {
        if self.find(conn).is_some() {
            self.begin_close(conn.slot, reason);
        }
    }

    fn end_input(&mut self, conn: ConnId) {
        let goes_on = |connection: &Connection| connection.phase == Phase::Open && connection.ended.is_none();
        if self.find(conn).is_some_and(|connection| goes_on(connection) && !connection.is_last_input) {
            self.connections[conn.slot as usize].is_last_input = true;
            self.input_ends.push(conn.slot);
            self.end_receiving(conn.slot);
            self.touch(conn.slot);
        }
    }

    fn reconnect(&mut self, endpoint: EndpointId) -> Result<ConnId, NetError> {
        let refused = |why| NetError::Reconnect { endpoint: endpoint.0, why };
        let Some(Some(Connector { addr, conn, closes, .. })) = self.connectors.get(endpoint.0 as usize) else {
            return Err(refused("it is not an outgoing connection"));
        };
        if *closes {
            return Err(refused("it was closed for good"));
        }
        if conn.is_some_and(|conn| self.find(conn).is_some()) {
            return Err(refused("its connection is not closed yet; wait for on_close"));
        }
        let addr = *addr;
        let fd = endpoint::tcp_socket(endpoint, addr)?.into_raw_fd();
        let slot = self.allocate(endpoint, fd, addr, false).expect("each outgoing endpoint has a slot");
        let conn = self.id(slot);
        self.connectors[endpoint.0 as usize] =
            Some(Connector { addr, conn: Some(conn), closes: false, reopens: false });
        self.touch(slot);
        Ok(conn)
    }

    fn local_addr(&self, endpoint: EndpointId) -> Option<SocketAddr> {
        *self.local_addrs.get(endpoint.0 as usize)?
    }
}
