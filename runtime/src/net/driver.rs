//! The driver's set-up, duty cycle and shutdown. `submission` fills the ring, `completion` reaps it, and `delivery`
//! calls the handlers.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Instant;

use io_uring::opcode;
use io_uring::types::{CancelBuilder, Timespec};

use super::buffers::BufferGroup;
use super::connection::{BackOff, Phase, Receiving, mark_ready};
use super::datagram::DatagramSender;
use super::error::{HostLimits, RingRequest};
use super::memory::{RawAddr, Region};
use super::ring::{Operation, Ring, Token};
use super::table::{Connector, Table};
use super::{
    CloseReason, ConnId, DriverConfig, EndpointId, EndpointSpec, Framer, Net, NetCounters, NetError, NetHandler,
    SendError, control, endpoint,
};

/// Accepts in flight per listener. A poll accepts at most this many connections, so that a connect storm does not
/// starve the traffic. The accepts are single-shot, because a multishot accept does not return the peer's address, and
/// `getpeername` would cost a system call per connection.
pub(super) const ACCEPTS_PER_LISTENER: usize = 8;

/// The group numbers of the provided buffers.
pub(super) const STREAM_GROUP: u16 = 0;
pub(super) const DATAGRAM_GROUP: u16 = 1;

/// The maximum number of enters to end all operations when a driver is dropped. All operations can be cancelled at
/// once, so a few enters suffice. If they do not, memory that the kernel might still use is leaked instead of freed.
const DRAIN_ENTERS_MAX: usize = 10_000;

/// Access to the handlers of endpoints, and to the time. Wrap a handler that may panic in one that catches the panic: a
/// panic that unwinds through [`Driver::poll`] loses the rest of that poll's events.
pub trait Owners {
    /// The handler of `endpoint` and of all its connections.
    fn handler(&mut self, endpoint: EndpointId) -> &mut dyn NetHandler;
    /// The time now, in nanoseconds of a clock that does not go back. The driver asks only in polls in which something
    /// depends on it: the deadline of a closing connection, the back-off of a listener, the end of catching up. It keeps no earlier reading, because
    /// a shard may have slept since.
    fn now_ns(&mut self) -> u64;
}

/// The network driver of one shard, on one `io_uring`. It belongs to the thread that created it, and is not `Send`.
///
/// Each duty cycle calls [`poll`](Driver::poll). Actors use [`Net`], which the driver passes to their callbacks and
/// implements itself for use between polls.
///
/// The driver allocates nothing after start. It makes at most one `io_uring_enter` call per poll and one per
/// [`flush`](Driver::flush). Further system calls are a `sendto` per connection if few connections have bytes to send
/// (see [`DriverConfig::sends_by_call`]), a `socket` and a `setsockopt` per [`reconnect`](Net::reconnect), a `shutdown` and up to three times an `ioctl` per connection closed gracefully, a `shutdown` and an `ioctl` per [`end_input`](Net::end_input), up to 16 times an `ioctl` and a `getsockopt` per connection that is closed after its input has ended, an `ioctl` and a `setsockopt` per connection reset, a `shutdown` per connection that is closed while it sends, and extra enters if the
/// submission queue is too small (see [`NetCounters::early_submits`]).
pub struct Driver {
    pub(super) ring: Ring,
    pub(super) table: Table,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) framers: Vec<Option<Box<dyn Framer>>>,
    pub(super) accepts: Vec<Accept>,
    pub(super) streams: BufferGroup,
    pub(super) datagrams: BufferGroup,
    /// `max_frame` bytes per connection, for the incomplete frame at the end of the received bytes.
    pub(super) tails: Box<[u8]>,
    pub(super) max_frame: usize,
    pub(super) sends_by_call: usize,
    /// The peer addresses of outgoing connections, by endpoint, then those of accepts.
    pub(super) addresses: Region<RawAddr>,
    /// The header shared by all datagram receives. The kernel reads from it only how much room to leave before a
    /// payload.
    pub(super) message: Region<libc::msghdr>,
    pub(super) timespec: Region<Timespec>,
    /// Connections with received bytes to deliver.
    pub(super) ready: VecDeque<u32>,
    pub(super) opened: Vec<u32>,
    /// Connections accepted while their listener was suspended. Nothing is read from them before it is resumed.
    pub(super) withheld: Vec<u32>,
    pub(super) writable: Vec<u32>,
    /// Datagrams to deliver.
    pub(super) arrived: VecDeque<Arrived>,
    /// Accepted sockets without a slot, to be closed.
    pub(super) refused: Vec<RawFd>,
    pub(super) accepting: bool,
    pub(super) reading: bool,
    /// Whether a listener pauses.
    pub(super) backing_off: bool,
    /// When the armed timeout completes, by the kernel's clock.
    pub(super) timeout_end: Option<Instant>,
    /// Completions that were reaped since the last poll and that a poll must follow.
    pub(super) unpolled: usize,
    /// The next poll delivers what has come during a stall: see [`Driver::catch_up`].
    pub(super) catches_up: bool,
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("endpoints", &self.endpoints.len())
            .field("accepting", &self.accepting)
            .field("reading", &self.reading)
            .finish_non_exhaustive()
    }
}

/// The state of one configured socket. It `closes` if it is to be closed for good, and has no descriptor once its close is
/// queued.
pub(super) enum Endpoint {
    Listener {
        fd: Option<OwnedFd>,
        back_off: Option<BackOff>,
        closes: bool,
        suspended: bool,
    },
    /// Its state is in the table, because actors connect again.
    Connector,
    Datagrams {
        fd: Option<OwnedFd>,
        receives: bool,
        receiving: Receiving,
        closes: bool,
    },
}

/// One accept operation.
pub(super) struct Accept {
    pub endpoint: EndpointId,
    pub armed: bool,
}

/// A received datagram in its buffer.
pub(super) struct Arrived {
    pub endpoint: EndpointId,
    pub buffer: u16,
}

impl Driver {
    /// Opens all endpoints and starts accepting, connecting and receiving. Call it in the thread that will poll.
    /// Endpoint `n` of the list gets `EndpointId(n)`.
    ///
    /// # Errors
    /// [`NetError`] if a capacity is out of range, the kernel refuses io_uring, memory cannot be locked, or an address
    /// cannot be used.
    pub fn new(config: DriverConfig, specs: Vec<EndpointSpec>) -> Result<Driver, NetError> {
        config.check(specs.len())?;
        let count = |wanted: fn(&EndpointSpec) -> bool| specs.iter().filter(|spec| wanted(spec)).count();
        let outgoing = count(|spec| matches!(spec, EndpointSpec::Connect { .. }));
        let accepts = count(|spec| matches!(spec, EndpointSpec::Listen { .. })) * ACCEPTS_PER_LISTENER;

        let table = Table::new(&config, outgoing as u32);
        let slots = table.connections.len();
        let (completions, datagram_buffers) = completions(&config, &specs.iter().collect::<Vec<_>>());
        let mut ring = Ring::new(config.submission_entries, completions)?;
        let mut streams = BufferGroup::new(config.receive_buffers, config.receive_buffer_bytes as usize);
        let datagram_bytes = control::ROOM_BYTES + config.receive_buffer_bytes as usize;
        let mut datagrams = BufferGroup::new(datagram_buffers, datagram_bytes);
        register(&mut ring, &mut streams, STREAM_GROUP)?;
        register(&mut ring, &mut datagrams, DATAGRAM_GROUP)?;

        let mut message = Region::zeroed(1);
        message.set(0, control::message_header());
        let mut driver = Driver {
            ring,
            table,
            endpoints: Vec::with_capacity(specs.len()),
            framers: Vec::with_capacity(specs.len()),
            accepts: Vec::with_capacity(accepts),
            streams,
            datagrams,
            tails: vec![0; slots * config.max_frame_bytes as usize].into(),
            max_frame: config.max_frame_bytes as usize,
            sends_by_call: config.sends_by_call.into(),
            addresses: Region::zeroed(specs.len() + accepts),
            message,
            timespec: Region::zeroed(1),
            ready: VecDeque::with_capacity(slots),
            opened: Vec::with_capacity(slots),
            withheld: Vec::with_capacity(slots),
            writable: Vec::with_capacity(slots),
            arrived: VecDeque::with_capacity(usize::from(datagram_buffers)),
            refused: Vec::with_capacity(accepts),
            accepting: true,
            reading: true,
            backing_off: false,
            timeout_end: None,
            unpolled: 0,
            catches_up: false,
        };
        for spec in specs {
            driver.open_endpoint(spec)?;
        }
        driver.flush();
        Ok(driver)
    }

    /// Tries whether a driver could have its ring, which is closed again. Its endpoints are not opened, and its buffers not
    /// allocated.
    pub(crate) fn probe(config: &DriverConfig, specs: &[&EndpointSpec]) -> Result<(), NetError> {
        config.check(specs.len())?;
        let (completions, _) = completions(config, specs);
        Ring::new(config.submission_entries, completions).map(drop)
    }

    fn open_endpoint(&mut self, spec: EndpointSpec) -> Result<(), NetError> {
        let index = self.endpoints.len();
        let id = EndpointId(index as u32);
        match spec {
            EndpointSpec::Listen { addr, framer, backlog } => {
                let (fd, bound) = endpoint::listen(id, addr, backlog)?;
                self.endpoints.push(Endpoint::Listener {
                    fd: Some(fd),
                    back_off: None,
                    closes: false,
                    suspended: false,
                });
                self.accepts.extend((0..ACCEPTS_PER_LISTENER).map(|_| Accept { endpoint: id, armed: false }));
                self.framers.push(Some(framer));
                self.table.local_addrs.push(Some(bound));
                self.table.senders.push(None);
                self.table.connectors.push(None);
            }
            EndpointSpec::Connect { addr, framer } => {
                self.endpoints.push(Endpoint::Connector);
                self.framers.push(Some(framer));
                self.table.local_addrs.push(None);
                self.table.senders.push(None);
                self.table.connectors.push(Some(Connector { addr, conn: None, closes: false, reopens: false }));
                self.addresses.set(index, RawAddr::encode(addr));
                self.table.reconnect(id)?;
            }
            EndpointSpec::Udp(udp) => {
                let (fd, bound) = endpoint::udp(id, &udp)?;
                let sends = udp.to.is_some() || udp.send_slots > 0;
                let sender =
                    sends.then(|| DatagramSender::new(fd.as_raw_fd(), udp.to, udp.send_slots, udp.payload_max));
                self.endpoints.push(Endpoint::Datagrams {
                    fd: Some(fd),
                    receives: udp.receive,
                    receiving: Receiving::Idle,
                    closes: false,
                });
                self.framers.push(None);
                self.table.local_addrs.push(Some(bound));
                self.table.senders.push(sender);
                self.table.connectors.push(None);
            }
        }
        Ok(())
    }

    /// Does one duty cycle's network work: submits what is queued (streams, then datagrams), reaps completions, and
    /// delivers events.
    ///
    /// Delivers in this order: opened connections; frames, connection by connection, starting with a different one in
    /// each poll; datagrams; writability; closed connections. Returns the number of events delivered. Frames that were
    /// offered and held are none, see [`holds_input`](Driver::holds_input). What was refused or lost without any handler
    /// hearing of it is one, since the counters have changed. 0 means that nothing could be done.
    pub fn poll(&mut self, owners: &mut dyn Owners) -> usize {
        self.stage();
        if self.ring.needs_enter(&mut self.table.counters) {
            self.ring.enter(0, &mut self.table.counters);
        } else {
            self.table.counters.enters_skipped += 1;
        }
        self.take_completions();
        if !self.table.input_ends.is_empty() {
            self.measure_last_inputs();
        }
        self.unpolled = 0;
        self.deliver(owners)
    }

    /// Submits what is queued without waiting for the next poll. For answers before less urgent work, and before
    /// parking.
    pub fn flush(&mut self) {
        self.stage();
        if self.ring.queued() > 0 {
            self.ring.enter(0, &mut self.table.counters);
        }
    }

    /// Whether bytes or datagrams wait to be sent, or received ones wait for their handler.
    pub fn has_pending(&self) -> bool {
        self.has_input()
            || !self.table.dirty.is_empty()
            || self.table.sends_in_flight > 0
            || self.table.senders.iter().flatten().any(DatagramSender::has_unsent)
    }

    /// The counters since the start.
    #[must_use]
    pub fn counters(&self) -> &NetCounters {
        &self.table.counters
    }

    /// The bytes that were queued and are not delivered: those of connections that have ended, with those that the kernel held
    /// when it reset one, and those that still wait.
    #[must_use]
    pub fn unsent_bytes(&self) -> u64 {
        let open = self.table.connections.iter().filter(|connection| connection.phase != Phase::Free);
        self.table.counters.unsent_bytes + open.map(|connection| u64::from(connection.unsent_bytes())).sum::<u64>()
    }

    /// The datagrams to the destination of their socket that are not sent: those that the kernel refused, and those that still
    /// wait.
    #[must_use]
    pub fn unsent_datagrams(&self) -> u64 {
        let senders = self.table.senders.iter().flatten().filter(|sender| sender.has_destination());
        self.table.counters.datagrams_refused + senders.map(|sender| sender.unsent() as u64).sum::<u64>()
    }

    /// The number of connections, including those being established or closed.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.table.open_connections()
    }

    /// Takes out the framers of all endpoints, whose input is not looked at any more.
    pub(crate) fn take_framers(&mut self) -> Vec<Box<dyn Framer>> {
        self.framers.iter_mut().filter_map(Option::take).collect()
    }

    /// Stops accepting and closes the listening sockets, during the next polls. The first step of a graceful stop.
    pub fn stop_accepting(&mut self) {
        self.accepting = false;
    }

    /// Stops reading from all sockets, during the next polls. Bytes that were received before are still delivered.
    pub fn stop_reading(&mut self) {
        self.reading = false;
        for slot in 0..self.table.connections.len() as u32 {
            let connection = &mut self.table.connections[slot as usize];
            if connection.phase == Phase::Open {
                if connection.broken {
                    // No receive tells of its end any more.
                    mark_ready(&mut self.ready, connection, slot);
                }
                self.table.touch(slot);
            }
        }
    }

    /// Closes an endpoint for good, during the next polls: a listener with all its connections, an outgoing connection, or a
    /// UDP socket. What was queued is sent first. So the endpoints of a failed actor are closed: its peers see the end, and no
    /// new ones come.
    pub fn close_endpoint(&mut self, id: EndpointId) {
        let Some(endpoint) = self.endpoints.get_mut(id.0 as usize) else { return };
        match endpoint {
            Endpoint::Listener { closes, .. } | Endpoint::Datagrams { closes, .. } => *closes = true,
            Endpoint::Connector => self.table.close_connector(id),
        }
        let connections = &self.table.connections;
        self.withheld.retain(|&slot| connections[slot as usize].endpoint != id);
        for slot in 0..self.table.connections.len() as u32 {
            if self.table.connections[slot as usize].endpoint == id {
                self.table.begin_close(slot, CloseReason::Local);
            }
        }
    }

    /// Suspends an endpoint, during the next polls: closes its connections, of which its handler hears no more, and accepts no
    /// new ones until [`resume_endpoint`](Driver::resume_endpoint). What was queued is sent first; peers that connect meanwhile
    /// wait. A UDP socket goes on: what comes meanwhile is its handler's loss.
    pub fn suspend_endpoint(&mut self, id: EndpointId) {
        if let Some(Endpoint::Listener { suspended, .. }) = self.endpoints.get_mut(id.0 as usize) {
            *suspended = true;
        }
        self.table.suspend_connector(id);
        let connections = &self.table.connections;
        self.opened.retain(|&slot| connections[slot as usize].endpoint != id);
        for slot in 0..self.table.connections.len() as u32 {
            let connection = &mut self.table.connections[slot as usize];
            if connection.endpoint == id && connection.phase != Phase::Free && !self.withheld.contains(&slot) {
                connection.orphaned = true;
                self.table.begin_close(slot, CloseReason::Local);
            }
        }
    }

    /// Serves a suspended endpoint again: a listener accepts; an outgoing connection is made anew, once the last one is closed.
    pub fn resume_endpoint(&mut self, id: EndpointId) {
        if let Some(Endpoint::Listener { suspended, .. }) = self.endpoints.get_mut(id.0 as usize) {
            *suspended = false;
        }
        let Driver { withheld, opened, table, .. } = self;
        withheld.retain(|&slot| {
            let connection = &table.connections[slot as usize];
            if connection.endpoint != id {
                return true;
            }
            if connection.phase == Phase::Open {
                table.touch(slot);
                opened.push(slot);
            }
            false
        });
        self.table.reopen_connector(id);
    }

    /// Closes all connections, and makes no new ones. With [`CloseReason::Shutdown`], queued bytes are flushed first. Keep polling until
    /// [`open_connections`](Driver::open_connections) is 0, which takes two seconds at most, or four if a peer still reads.
    pub fn close_all(&mut self, reason: CloseReason) {
        for endpoint in 0..self.endpoints.len() as u32 {
            self.table.close_connector(EndpointId(endpoint));
        }
        for slot in 0..self.table.connections.len() as u32 {
            self.table.begin_close(slot, reason);
        }
    }

    /// The step of a graceful stop before [`close_all`](Driver::close_all): makes no new connections, and closes those whose
    /// handlers have sent all that they have. A handler whose send was refused has more, and is told of the room. Call it
    /// before each poll.
    pub fn close_served(&mut self) {
        for endpoint in 0..self.endpoints.len() as u32 {
            self.table.close_connector(EndpointId(endpoint));
        }
        for slot in 0..self.table.connections.len() as u32 {
            let connection = &self.table.connections[slot as usize];
            if !connection.refused && !connection.listed.writable {
                self.table.begin_close(slot, CloseReason::Shutdown);
            }
        }
    }

    /// The end of a graceful stop: closes what is still open, with nobody's leave. What its peers have not taken is discarded,
    /// and counts as unsent.
    pub fn cut_off_all(&mut self) {
        self.close_all(CloseReason::Shutdown);
        for slot in 0..self.table.connections.len() as u32 {
            if matches!(self.table.connections[slot as usize].phase, Phase::Flushing | Phase::Lingering) {
                self.table.cut_off(slot);
            }
        }
    }

    fn has_input(&self) -> bool {
        !self.ready.is_empty() || !self.arrived.is_empty() || !self.opened.is_empty() || !self.writable.is_empty()
    }
}

impl Net for Driver {
    fn send(&mut self, conn: ConnId, bytes: &[u8]) -> Result<(), SendError> {
        self.table.send(conn, bytes)
    }

    fn send_room(&self, conn: ConnId) -> usize {
        self.table.send_room(conn)
    }

    fn send_datagram(&mut self, endpoint: EndpointId, payload: &[u8]) -> Result<(), SendError> {
        self.table.send_datagram(endpoint, payload)
    }

    fn send_datagram_to(&mut self, endpoint: EndpointId, to: SocketAddr, payload: &[u8]) -> Result<(), SendError> {
        self.table.send_datagram_to(endpoint, to, payload)
    }

    fn close(&mut self, conn: ConnId, reason: CloseReason) {
        self.table.close(conn, reason);
    }

    fn end_input(&mut self, conn: ConnId) {
        self.table.end_input(conn);
    }

    fn reconnect(&mut self, endpoint: EndpointId) -> Result<ConnId, NetError> {
        self.table.reconnect(endpoint)
    }

    fn local_addr(&self, endpoint: EndpointId) -> Option<SocketAddr> {
        self.table.local_addr(endpoint)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.drain();
        if self.ring.in_flight() > 0 {
            self.table.leak();
            self.streams.leak();
            self.datagrams.leak();
            self.addresses.leak();
            self.message.leak();
            self.timespec.leak();
        }
        let connections = self.table.connections.iter().map(|connection| connection.fd);
        for fd in connections.chain(self.refused.iter().copied()).filter(|&fd| fd >= 0) {
            // SAFETY: the slot or the list owned the descriptor, and neither is used again.
            drop(unsafe { OwnedFd::from_raw_fd(fd) });
        }
    }
}

impl Driver {
    /// Ends all operations, so that the kernel no longer uses our memory.
    fn drain(&mut self) {
        if self.ring.in_flight() == 0 || !self.ring.reserve(1, &mut self.table.counters) {
            return;
        }
        // SAFETY: names no memory.
        unsafe {
            let cancel = opcode::AsyncCancel2::new(CancelBuilder::any()).build();
            self.ring.push(cancel, Token::new(Operation::Detached, 0, 0));
        }
        for _ in 0..DRAIN_ENTERS_MAX {
            self.ring.enter(0, &mut self.table.counters);
            while let Some(completion) = self.ring.complete() {
                if completion.token.operation == Operation::Accept && completion.result >= 0 {
                    // SAFETY: the kernel has just given us this descriptor.
                    drop(unsafe { OwnedFd::from_raw_fd(completion.result) });
                }
            }
            if self.ring.in_flight() == 0 {
                break;
            }
        }
    }
}

/// The entries of the completion queue, and the buffers for datagrams. Every buffer, and every operation that can be in flight,
/// may have a completion at the same time.
fn completions(config: &DriverConfig, specs: &[&EndpointSpec]) -> (u32, u16) {
    let count = |wanted: fn(&EndpointSpec) -> bool| specs.iter().filter(|spec| wanted(spec)).count();
    let outgoing = count(|spec| matches!(spec, EndpointSpec::Connect { .. }));
    let listeners = count(|spec| matches!(spec, EndpointSpec::Listen { .. }));
    let receivers = count(|spec| matches!(spec, EndpointSpec::Udp(udp) if udp.receive));
    let datagram_buffers = if receivers == 0 { 1 } else { config.receive_buffers };
    let sends: usize = specs.iter().map(|spec| spec.send_slots()).sum();
    let completions = usize::from(config.receive_buffers)
        + usize::from(datagram_buffers)
        + (config.connections_max as usize + outgoing) * 6
        + listeners * ACCEPTS_PER_LISTENER * 2
        + sends
        + specs.len() * 3;
    // The kernel refuses a ring with fewer completions than submissions.
    ((completions.next_power_of_two() as u32).max(config.submission_entries), datagram_buffers)
}

fn register(ring: &mut Ring, group: &mut BufferGroup, id: u16) -> Result<(), NetError> {
    let field = "net.receive_buffers";
    let request = RingRequest { step: "IORING_REGISTER_PBUF_RING", bytes: group.locked_bytes(), field };
    let registered = group.register(&ring.submitter(), id);
    registered.map_err(|error| NetError::ring(request, error, HostLimits::read()))
}
