//! The network of a simulated shard.

use std::{
    cell::{Ref, RefCell, RefMut},
    collections::VecDeque,
    fmt,
    net::SocketAddr,
    rc::Rc,
};

use super::connection::{Connection, Ending, Phase};
use crate::net::{CloseReason, ConnId, DriverConfig, EndpointId, EndpointSpec, Framer, Net, NetError, SendError};

/// The sockets of a shard. A test plays the peers: it puts in what they do, and reads what actors sent. Bytes pass the
/// framers of the endpoints as they do in the real driver, in any pieces. Cloning gives another handle to the same
/// network.
#[derive(Clone)]
pub struct SimNet {
    pub(super) framers: Rc<Vec<Option<Box<dyn Framer>>>>,
    state: Rc<RefCell<State>>,
}

pub(super) struct State {
    /// All connections ever, in the order in which they began.
    pub connections: Vec<Connection>,
    /// By slot: the connections that had it, oldest first.
    slots: Vec<Vec<usize>>,
    /// Connections that have come about and whose actor does not know.
    pub opened: VecDeque<(usize, SocketAddr)>,
    /// Connections with input, or an end, to deliver.
    pub ready: VecDeque<usize>,
    pub datagrams_in: VecDeque<DatagramIn>,
    pub writable: VecDeque<usize>,
    /// Connections that their actor has closed.
    pub closing: Vec<usize>,
    /// Linked connections whose actor has sent or closed since the world last looked.
    touched: Vec<usize>,
    /// Endpoints closed for good, because their actor has failed.
    pub closed_endpoints: Vec<EndpointId>,
    /// Endpoints whose actor is suspended. Peers that connect wait, with all that they send.
    pub suspended_endpoints: Vec<EndpointId>,
    /// Endpoints that are outgoing connections.
    outgoing: Vec<EndpointId>,
    /// Those of them to be made anew for their next generation, once the last one's connection is closed.
    reopens: Vec<EndpointId>,
    /// Outgoing connections that were asked for, for the test to establish or refuse.
    reconnects: Vec<ConnId>,
    datagrams: Vec<SentDatagram>,
    /// Bytes that a connection's send buffer takes before it refuses.
    send_room: Option<usize>,
    /// Datagrams of each socket that wait to be taken before more are refused.
    datagram_room: Option<usize>,
    /// Its shard is gone, and nobody takes what comes.
    is_buried: bool,
    pub max_frame: usize,
    send_buffer: usize,
    connections_max: usize,
}

/// A datagram that has come and waits.
pub(super) struct DatagramIn {
    pub endpoint: EndpointId,
    pub from: SocketAddr,
    pub kernel_utc_ns: Option<u64>,
    pub payload: Vec<u8>,
}

/// A datagram that an actor sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentDatagram {
    /// The endpoint it left by.
    pub endpoint: EndpointId,
    /// Its destination; the endpoint's configured one if absent.
    pub to: Option<SocketAddr>,
    /// Its bytes.
    pub payload: Vec<u8>,
}

impl fmt::Debug for SimNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let State { ready, connections, datagrams, .. } = &*self.state.borrow();
        f.debug_struct("SimNet")
            .field("connections_ready", &ready.len())
            .field("connections", &connections.len())
            .field("datagrams_sent", &datagrams.len())
            .finish_non_exhaustive()
    }
}

/// What a test does in the place of peers.
impl SimNet {
    /// The network of a shard with these endpoints.
    pub(super) fn new(endpoints: Vec<EndpointSpec>, config: &DriverConfig) -> SimNet {
        let is_outgoing = |&(_, endpoint): &(usize, &EndpointSpec)| matches!(endpoint, EndpointSpec::Connect { .. });
        let outgoing = endpoints.iter().enumerate().filter(is_outgoing).map(|(id, _)| EndpointId(id as u32)).collect();
        let framer = |endpoint| match endpoint {
            EndpointSpec::Listen { framer, .. } | EndpointSpec::Connect { framer, .. } => Some(framer),
            EndpointSpec::Udp(_) => None,
        };
        let state = State {
            connections: Vec::new(),
            slots: Vec::new(),
            opened: VecDeque::new(),
            ready: VecDeque::new(),
            datagrams_in: VecDeque::new(),
            writable: VecDeque::new(),
            closing: Vec::new(),
            touched: Vec::new(),
            closed_endpoints: Vec::new(),
            suspended_endpoints: Vec::new(),
            outgoing,
            reopens: Vec::new(),
            reconnects: Vec::new(),
            datagrams: Vec::new(),
            send_room: None,
            datagram_room: None,
            is_buried: false,
            max_frame: config.max_frame_bytes as usize,
            send_buffer: config.send_buffer_bytes as usize,
            connections_max: config.connections_max as usize,
        };
        let framers = Rc::new(endpoints.into_iter().map(framer).collect());
        SimNet { framers, state: Rc::new(RefCell::new(state)) }
    }

    /// A peer connects to a listener, or the first connection of an outgoing endpoint comes about; returns the connection it will
    /// have.
    pub fn connect(&self, endpoint: EndpointId, peer: SocketAddr) -> ConnId {
        let mut state = self.borrow_mut();
        let index = state.add(endpoint, Phase::Open);
        state.opened.push_back((index, peer));
        state.connections[index].id
    }

    /// Takes the outgoing connections that actors asked for by [`Net::reconnect`], and those that are made anew for restarted
    /// ones. The test lets each come about ([`SimNet::establish`]) or fail ([`SimNet::disconnect`]).
    pub fn take_reconnects(&self) -> Vec<ConnId> {
        std::mem::take(&mut self.borrow_mut().reconnects)
    }

    /// An outgoing connection that an actor asked for comes about.
    pub fn establish(&self, conn: ConnId, peer: SocketAddr) {
        let mut state = self.borrow_mut();
        let index = state.index(conn);
        state.connections[index].phase = Phase::Open;
        state.opened.push_back((index, peer));
    }

    /// The peer sends bytes, which the framer of the endpoint cuts into frames; nothing comes if it has ended its side.
    pub fn bytes(&self, conn: ConnId, bytes: &[u8]) {
        let mut state = self.borrow_mut();
        let index = state.index(conn);
        let connection = &mut state.connections[index];
        if connection.ending.is_none() && connection.phase == Phase::Open {
            connection.input.extend_from_slice(bytes);
            state.mark_ready(index);
        }
    }

    /// A datagram comes in.
    pub fn datagram(&self, endpoint: EndpointId, from: SocketAddr, payload: &[u8]) {
        self.datagram_at(endpoint, from, payload, None);
    }

    /// A datagram comes in that the kernel received at `kernel_utc_ns`; here UTC is the simulation's time.
    pub fn datagram_at(&self, endpoint: EndpointId, from: SocketAddr, payload: &[u8], kernel_utc_ns: Option<u64>) {
        let payload = payload.to_vec();
        if self.borrow().is_buried {
            return;
        }
        self.borrow_mut().datagrams_in.push_back(DatagramIn { endpoint, from, kernel_utc_ns, payload });
    }

    /// The peer ends its side of the connection, and goes on reading.
    pub fn half_close(&self, conn: ConnId) {
        self.borrow_mut().end(conn, Ending::HalfClose);
    }

    /// The peer goes away.
    pub fn disconnect(&self, conn: ConnId, reason: CloseReason) {
        self.borrow_mut().end(conn, Ending::Gone(reason));
    }

    /// Takes what was sent on a connection.
    pub fn take_sent(&self, conn: ConnId) -> Vec<u8> {
        let mut state = self.borrow_mut();
        let index = state.index(conn);
        std::mem::take(&mut state.connections[index].sent)
    }

    /// Takes the datagrams sent, in order.
    pub fn take_datagrams(&self) -> Vec<SentDatagram> {
        std::mem::take(&mut self.borrow_mut().datagrams)
    }

    /// Datagrams of each socket that may wait to be taken from now on; more are refused.
    pub fn set_datagram_room(&self, datagrams: Option<usize>) {
        self.borrow_mut().datagram_room = datagrams;
    }

    /// Whether a connection is open, and if an actor closed it, why.
    #[must_use]
    pub fn closed_by_actor(&self, conn: ConnId) -> Option<CloseReason> {
        let state = self.borrow();
        state.connections[state.index(conn)].closed_by_actor
    }

    /// Sets the bytes that may wait unread on each connection. Connections that have room again are notified.
    pub fn set_send_room(&self, bytes: Option<usize>) {
        let mut state = self.borrow_mut();
        state.send_room = bytes;
        for index in 0..state.connections.len() {
            if state.connections[index].phase == Phase::Open {
                state.writable.push_back(index);
            }
        }
    }
}

/// What a [`World`](super::World) does with the connections that its links carry.
impl SimNet {
    /// Accepts a connection; none if as many are open as the shard accepts.
    pub(super) fn accept(&self, endpoint: EndpointId, peer: SocketAddr) -> Option<ConnId> {
        let mut state = self.borrow_mut();
        let is_taken = |connection: &&Connection| connection.is_accepted && connection.phase != Phase::Closed;
        let accepted = state.slots.iter().filter_map(|slot| slot.last()).map(|&last| &state.connections[last]);
        let is_full = accepted.filter(is_taken).count() >= state.connections_max;
        if is_full || state.is_buried || state.closed_endpoints.contains(&endpoint) {
            return None;
        }
        let index = state.add_in_free(endpoint, Phase::Open);
        let connection = &mut state.connections[index];
        (connection.is_linked, connection.is_accepted) = (true, true);
        let id = connection.id;
        state.opened.push_back((index, peer));
        Some(id)
    }

    /// Its shard is gone: its sockets close, and nobody hears of it here.
    pub(super) fn bury(&self) {
        let mut state = self.borrow_mut();
        state.is_buried = true;
        for index in 0..state.connections.len() {
            state.close(index, CloseReason::Socket);
            state.connections[index].phase = Phase::Closed;
        }
        state.opened.clear();
        state.ready.clear();
        state.datagrams_in.clear();
        state.writable.clear();
        state.closing.clear();
    }

    /// Whether the next turn has something to deliver.
    pub(super) fn has_work(&self) -> bool {
        crate::shard::transport::Transport::has_pending(self)
    }

    /// Bytes received and not taken.
    pub(super) fn unread_bytes(&self, conn: ConnId) -> usize {
        let state = self.borrow();
        state.connections[state.index(conn)].unread_bytes()
    }

    /// Whether a connection takes bytes of its peer.
    pub(super) fn is_open(&self, conn: ConnId) -> bool {
        let state = self.borrow();
        state.connections[state.index(conn)].phase == Phase::Open
    }

    /// Moves up to `bytes_max` bytes that were sent to the end of `to`; returns how many. The actor is told of room once half
    /// of the send buffer is free.
    pub(super) fn move_sent(&self, conn: ConnId, bytes_max: usize, to: &mut VecDeque<u8>) -> usize {
        let mut state = self.borrow_mut();
        let (index, room) = (state.index(conn), state.send_buffer / 2);
        let connection = &mut state.connections[index];
        let bytes = connection.sent.len().min(bytes_max);
        to.extend(&connection.sent[..bytes]);
        connection.sent.drain(..bytes);
        if connection.is_refused && connection.sent.len() <= room {
            connection.is_refused = false;
            state.writable.push_back(index);
        }
        bytes
    }

    /// Takes the linked connections whose actor has sent or closed.
    pub(super) fn take_touched(&self, into: &mut Vec<ConnId>) {
        let mut state = self.borrow_mut();
        let State { touched, connections, .. } = &mut *state;
        for index in touched.drain(..) {
            connections[index].is_touched = false;
            into.push(connections[index].id);
        }
    }

    /// Whether the actor has closed the connection, and waits until it is drained.
    pub(super) fn waits_for_drain(&self, conn: ConnId) -> bool {
        let state = self.borrow();
        let connection = &state.connections[state.index(conn)];
        connection.phase == Phase::Closing && !connection.close_is_due
    }

    /// Whether the peer has ended its side.
    pub(super) fn peer_has_ended(&self, conn: ConnId) -> bool {
        let state = self.borrow();
        state.connections[state.index(conn)].ending.is_some()
    }

    /// Whether bytes wait that were sent.
    pub(super) fn has_sent(&self, conn: ConnId) -> bool {
        let state = self.borrow();
        !state.connections[state.index(conn)].sent.is_empty()
    }

    /// The actor's close is drained, or no longer waited for.
    pub(super) fn finish_close(&self, conn: ConnId) {
        let mut state = self.borrow_mut();
        let index = state.index(conn);
        state.connections[index].close_is_due = true;
    }
}

impl SimNet {
    pub(super) fn borrow(&self) -> Ref<'_, State> {
        self.state.borrow()
    }

    pub(super) fn borrow_mut(&self) -> RefMut<'_, State> {
        self.state.borrow_mut()
    }
}

impl State {
    /// Whether nothing waits to be delivered, held frames included.
    pub(super) fn is_idle(&self) -> bool {
        self.ready.is_empty()
            && self.opened.is_empty()
            && self.datagrams_in.is_empty()
            && self.writable.is_empty()
            && self.closing.is_empty()
    }

    /// The place of a connection.
    pub(super) fn index(&self, conn: ConnId) -> usize {
        self.slots[conn.slot as usize][conn.generation as usize - 1]
    }

    /// Adds a connection in a new slot.
    fn add(&mut self, endpoint: EndpointId, phase: Phase) -> usize {
        self.slots.push(Vec::new());
        self.add_in(self.slots.len() - 1, endpoint, phase)
    }

    /// Adds a connection in the first slot that is free again, as the real driver reuses them.
    fn add_in_free(&mut self, endpoint: EndpointId, phase: Phase) -> usize {
        let is_free = |slot: &Vec<usize>| slot.last().is_none_or(|&last| self.connections[last].phase == Phase::Closed);
        match self.slots.iter().position(is_free) {
            Some(slot) => self.add_in(slot, endpoint, phase),
            None => self.add(endpoint, phase),
        }
    }

    fn add_in(&mut self, slot: usize, endpoint: EndpointId, phase: Phase) -> usize {
        let index = self.connections.len();
        self.slots[slot].push(index);
        let id = ConnId { slot: slot as u32, generation: self.slots[slot].len() as u32 };
        self.connections.push(Connection::new(id, endpoint, phase));
        index
    }

    /// Serves a suspended endpoint again.
    pub(super) fn resume(&mut self, endpoint: EndpointId) {
        self.suspended_endpoints.retain(|&suspended| suspended != endpoint);
        if self.outgoing.contains(&endpoint) {
            self.reopens.push(endpoint);
        }
        self.reopen();
    }

    /// Asks for the outgoing connections that are to be made anew and whose last one is closed. If an actor has made one itself,
    /// that one counts.
    pub(super) fn reopen(&mut self) {
        for endpoint in std::mem::take(&mut self.reopens) {
            let is_last =
                |connection: &&Connection| connection.endpoint == endpoint && connection.phase != Phase::Closed;
            match self.connections.iter().find(is_last).map(|last| last.is_orphaned) {
                Some(true) => self.reopens.push(endpoint),
                Some(false) => {}
                None => {
                    let index = self.add(endpoint, Phase::Connecting);
                    self.reconnects.push(self.connections[index].id);
                }
            }
        }
    }

    /// Keeps an outgoing connection from being made anew.
    pub(super) fn keep_closed(&mut self, endpoint: EndpointId) {
        self.reopens.retain(|&reopens| reopens != endpoint);
    }

    /// Whether the connection's actor is suspended: what comes waits for the next one. What is closing waits for nobody.
    pub(super) fn is_suspended(&self, index: usize) -> bool {
        let connection = &self.connections[index];
        connection.phase == Phase::Open && self.suspended_endpoints.contains(&connection.endpoint)
    }

    pub(super) fn mark_ready(&mut self, index: usize) {
        if !std::mem::replace(&mut self.connections[index].is_ready, true) {
            self.ready.push_back(index);
        }
    }

    fn touch(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        if connection.is_linked && !std::mem::replace(&mut connection.is_touched, true) {
            self.touched.push(index);
        }
    }

    fn end(&mut self, conn: ConnId, ending: Ending) {
        let index = self.index(conn);
        let connection = &mut self.connections[index];
        if connection.phase == Phase::Closed {
            return;
        }
        if !matches!(connection.ending, Some(Ending::Gone(_))) {
            connection.ending = Some(ending);
        }
        // Nobody reads what is still to be sent.
        connection.close_is_due |= connection.phase == Phase::Closing && matches!(ending, Ending::Gone(_));
        self.mark_ready(index);
    }

    /// Closes a connection for its actor.
    pub(super) fn close(&mut self, index: usize, reason: CloseReason) {
        let is_graceful = matches!(reason, CloseReason::Local | CloseReason::Shutdown | CloseReason::Peer);
        let connection = &mut self.connections[index];
        match connection.phase {
            Phase::Closed => return,
            Phase::Closing if is_graceful || connection.close_is_due => return,
            Phase::Closing => {}
            Phase::Open | Phase::Connecting => {
                connection.phase = Phase::Closing;
                connection.closed_by_actor = Some(reason);
                connection.close_is_due = !connection.is_linked;
                self.closing.push(index);
            }
        }
        let connection = &mut self.connections[index];
        connection.close_is_due |= !is_graceful || matches!(connection.ending, Some(Ending::Gone(_)));
        self.touch(index);
    }

    fn queue_datagram(
        &mut self,
        endpoint: EndpointId,
        to: Option<SocketAddr>,
        payload: &[u8],
    ) -> Result<(), SendError> {
        let waiting = || self.datagrams.iter().filter(|datagram| datagram.endpoint == endpoint).count();
        if self.datagram_room.is_some_and(|room| waiting() >= room) {
            return Err(SendError::Full);
        }
        self.datagrams.push(SentDatagram { endpoint, to, payload: payload.to_vec() });
        Ok(())
    }

    fn room(&self, connection: &Connection) -> usize {
        if !connection.takes_bytes() {
            return 0;
        }
        let linked = connection.is_linked.then_some(self.send_buffer);
        let room = linked.into_iter().chain(self.send_room).min().unwrap_or(usize::MAX);
        room.saturating_sub(connection.sent.len())
    }
}

impl Net for SimNet {
    fn send(&mut self, conn: ConnId, bytes: &[u8]) -> Result<(), SendError> {
        let mut state = self.borrow_mut();
        let index = state.index(conn);
        let room = state.room(&state.connections[index]);
        let connection = &mut state.connections[index];
        if !connection.takes_bytes() {
            return Err(SendError::Closed);
        }
        if bytes.len() > room {
            connection.is_refused = true;
            return Err(SendError::Full);
        }
        connection.sent.extend_from_slice(bytes);
        state.touch(index);
        Ok(())
    }

    fn send_room(&self, conn: ConnId) -> usize {
        let state = self.borrow();
        state.room(&state.connections[state.index(conn)])
    }

    fn send_datagram(&mut self, endpoint: EndpointId, payload: &[u8]) -> Result<(), SendError> {
        self.borrow_mut().queue_datagram(endpoint, None, payload)
    }

    fn send_datagram_to(&mut self, endpoint: EndpointId, to: SocketAddr, payload: &[u8]) -> Result<(), SendError> {
        self.borrow_mut().queue_datagram(endpoint, Some(to), payload)
    }

    fn close(&mut self, conn: ConnId, reason: CloseReason) {
        let mut state = self.borrow_mut();
        let index = state.index(conn);
        state.close(index, reason);
    }

    fn end_input(&mut self, conn: ConnId) {
        self.half_close(conn);
    }

    fn reconnect(&mut self, endpoint: EndpointId) -> Result<ConnId, NetError> {
        let mut state = self.borrow_mut();
        if state.closed_endpoints.contains(&endpoint) {
            return Err(NetError::Reconnect { endpoint: endpoint.0, why: "it was closed for good" });
        }
        let is_open = |connection: &Connection| connection.endpoint == endpoint && connection.phase != Phase::Closed;
        if state.connections.iter().any(is_open) {
            let why = "its connection is not closed yet; wait for on_close";
            return Err(NetError::Reconnect { endpoint: endpoint.0, why });
        }
        let index = state.add(endpoint, Phase::Connecting);
        let conn = state.connections[index].id;
        state.reconnects.push(conn);
        Ok(conn)
    }

    fn local_addr(&self, _endpoint: EndpointId) -> Option<SocketAddr> {
        None
    }
}
