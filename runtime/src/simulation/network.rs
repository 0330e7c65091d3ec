//! The network of a simulated shard.

use std::{cell::RefCell, collections::VecDeque, fmt, net::SocketAddr, rc::Rc};

use crate::{
    net::{CloseReason, ConnId, Datagram, EndpointId, Flow, Net, NetError, Owners, SendError},
    shard::transport::Transport,
};

/// A network that a test plays: it puts in what peers do, and reads what actors sent. Cloning gives another handle
/// to the same network.
#[derive(Clone, Default)]
pub struct SimNet(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    connections: Vec<Connection>,
    /// Endpoints closed for good, because their actor has failed.
    closed_endpoints: Vec<EndpointId>,
    /// Endpoints whose actor is suspended. Peers that connect wait, with all that they send.
    suspended_endpoints: Vec<EndpointId>,
    /// Outgoing connections that actors asked for, for the test to establish or refuse.
    reconnects: Vec<ConnId>,
    datagrams: Vec<SentDatagram>,
    /// Bytes that a connection's send buffer takes before it refuses.
    send_room: Option<usize>,
    /// Datagrams that wait to be taken before more are refused.
    datagram_room: Option<usize>,
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

struct Connection {
    endpoint: EndpointId,
    sent: Vec<u8>,
    open: bool,
    established: bool,
    /// The peer has ended its side.
    half_closed: bool,
    closed_by_actor: Option<CloseReason>,
    /// Its actor was replaced, and the next one does not know it.
    orphaned: bool,
}

impl Connection {
    fn takes_bytes(&self) -> bool {
        self.open && self.established && self.closed_by_actor.is_none()
    }
}

enum Event {
    Open(ConnId, SocketAddr),
    Frame(ConnId, Vec<u8>),
    Datagram { endpoint: EndpointId, from: SocketAddr, kernel_utc_ns: Option<u64>, payload: Vec<u8> },
    HalfClose(ConnId),
    Writable(ConnId),
    Close(ConnId, CloseReason),
}

impl fmt::Debug for SimNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let State { events, connections, datagrams, .. } = &*self.0.borrow();
        f.debug_struct("SimNet")
            .field("events_waiting", &events.len())
            .field("connections", &connections.len())
            .field("datagrams_sent", &datagrams.len())
            .finish_non_exhaustive()
    }
}

impl SimNet {
    /// A peer connects to an endpoint; returns the connection it will have.
    pub fn connect(&self, endpoint: EndpointId, peer: SocketAddr) -> ConnId {
        let mut state = self.0.borrow_mut();
        let conn = ConnId { slot: state.connections.len() as u32, generation: 1 };
        state.connections.push(Connection {
            endpoint,
            sent: Vec::new(),
            open: true,
            established: true,
            half_closed: false,
            closed_by_actor: None,
            orphaned: false,
        });
        state.events.push_back(Event::Open(conn, peer));
        conn
    }

    /// Takes the outgoing connections that actors asked for by [`Net::reconnect`]. The test lets each come about
    /// ([`SimNet::establish`]) or fail ([`SimNet::disconnect`]).
    pub fn take_reconnects(&self) -> Vec<ConnId> {
        std::mem::take(&mut self.0.borrow_mut().reconnects)
    }

    /// An outgoing connection that an actor asked for comes about.
    pub fn establish(&self, conn: ConnId, peer: SocketAddr) {
        let mut state = self.0.borrow_mut();
        state.connections[conn.slot as usize].established = true;
        state.events.push_back(Event::Open(conn, peer));
    }

    /// The peer sends one whole frame; nothing comes if it has ended its side.
    pub fn frame(&self, conn: ConnId, frame: &[u8]) {
        let mut state = self.0.borrow_mut();
        if !state.connections[conn.slot as usize].half_closed {
            state.events.push_back(Event::Frame(conn, frame.to_vec()));
        }
    }

    /// A datagram comes in.
    pub fn datagram(&self, endpoint: EndpointId, from: SocketAddr, payload: &[u8]) {
        self.datagram_at(endpoint, from, payload, None);
    }

    /// A datagram comes in that the kernel received at `kernel_utc_ns`; here UTC is the simulation's time.
    pub fn datagram_at(&self, endpoint: EndpointId, from: SocketAddr, payload: &[u8], kernel_utc_ns: Option<u64>) {
        let event = Event::Datagram { endpoint, from, kernel_utc_ns, payload: payload.to_vec() };
        self.0.borrow_mut().events.push_back(event);
    }

    /// The peer ends its side of the connection, and goes on reading.
    pub fn half_close(&self, conn: ConnId) {
        let mut state = self.0.borrow_mut();
        if !std::mem::replace(&mut state.connections[conn.slot as usize].half_closed, true) {
            state.events.push_back(Event::HalfClose(conn));
        }
    }

    /// The peer goes away.
    pub fn disconnect(&self, conn: ConnId, reason: CloseReason) {
        self.0.borrow_mut().events.push_back(Event::Close(conn, reason));
    }

    /// Takes what was sent on a connection.
    pub fn take_sent(&self, conn: ConnId) -> Vec<u8> {
        std::mem::take(&mut self.0.borrow_mut().connections[conn.slot as usize].sent)
    }

    /// Takes the datagrams sent, in order.
    pub fn take_datagrams(&self) -> Vec<SentDatagram> {
        std::mem::take(&mut self.0.borrow_mut().datagrams)
    }

    /// Datagrams that may wait to be taken from now on; more are refused.
    pub fn set_datagram_room(&self, datagrams: Option<usize>) {
        self.0.borrow_mut().datagram_room = datagrams;
    }

    /// Whether a connection is open, and if an actor closed it, why.
    #[must_use]
    pub fn closed_by_actor(&self, conn: ConnId) -> Option<CloseReason> {
        self.0.borrow().connections[conn.slot as usize].closed_by_actor
    }

    /// Sets the bytes that may wait unread on each connection. Connections that have room again are notified.
    pub fn set_send_room(&self, bytes: Option<usize>) {
        let mut state = self.0.borrow_mut();
        state.send_room = bytes;
        for slot in 0..state.connections.len() as u32 {
            if state.connections[slot as usize].open {
                state.events.push_back(Event::Writable(ConnId { slot, generation: 1 }));
            }
        }
    }
}

impl Event {
    fn endpoint(&self, connections: &[Connection]) -> EndpointId {
        match *self {
            Event::Datagram { endpoint, .. } => endpoint,
            Event::Open(conn, _)
            | Event::Frame(conn, _)
            | Event::HalfClose(conn)
            | Event::Writable(conn)
            | Event::Close(conn, _) => connections[conn.slot as usize].endpoint,
        }
    }
}

impl State {
    /// Whether the event is of a connection that waits for the next generation of a suspended actor.
    fn waits_for_actor(&self, event: &Event) -> bool {
        !matches!(event, Event::Datagram { .. })
            && self.suspended_endpoints.contains(&event.endpoint(&self.connections))
    }

    fn queue_datagram(
        &mut self,
        endpoint: EndpointId,
        to: Option<SocketAddr>,
        payload: &[u8],
    ) -> Result<(), SendError> {
        if self.datagram_room.is_some_and(|room| self.datagrams.len() >= room) {
            return Err(SendError::Full);
        }
        self.datagrams.push(SentDatagram { endpoint, to, payload: payload.to_vec() });
        Ok(())
    }
}

impl Net for SimNet {
    fn send(&mut self, conn: ConnId, bytes: &[u8]) -> Result<(), SendError> {
        let mut state = self.0.borrow_mut();
        let room = state.send_room.unwrap_or(usize::MAX);
        let connection = &mut state.connections[conn.slot as usize];
        if !connection.takes_bytes() {
            return Err(SendError::Closed);
        }
        if connection.sent.len().saturating_add(bytes.len()) > room {
            return Err(SendError::Full);
        }
        connection.sent.extend_from_slice(bytes);
        Ok(())
    }

    fn send_room(&self, conn: ConnId) -> usize {
        let state = self.0.borrow();
        let connection = &state.connections[conn.slot as usize];
        if !connection.takes_bytes() {
            return 0;
        }
        state.send_room.unwrap_or(usize::MAX).saturating_sub(connection.sent.len())
    }

    fn send_datagram(&mut self, endpoint: EndpointId, payload: &[u8]) -> Result<(), SendError> {
        self.0.borrow_mut().queue_datagram(endpoint, None, payload)
    }

    fn send_datagram_to(&mut self, endpoint: EndpointId, to: SocketAddr, payload: &[u8]) -> Result<(), SendError> {
        self.0.borrow_mut().queue_datagram(endpoint, Some(to), payload)
    }

    fn close(&mut self, conn: ConnId, reason: CloseReason) {
        let mut state = self.0.borrow_mut();
        let connection = &mut state.connections[conn.slot as usize];
        if connection.open && connection.closed_by_actor.is_none() {
            connection.closed_by_actor = Some(reason);
            state.events.push_back(Event::Close(conn, reason));
        }
    }

    fn end_input(&mut self, conn: ConnId) {
        self.half_close(conn);
    }

    fn reconnect(&mut self, endpoint: EndpointId) -> Result<ConnId, NetError> {
        let mut state = self.0.borrow_mut();
        if state.closed_endpoints.contains(&endpoint) {
            return Err(NetError::Reconnect { endpoint: endpoint.0, why: "it was closed for good" });
        }
        if state.connections.iter().any(|connection| connection.endpoint == endpoint && connection.open) {
            let why = "its connection is not closed yet; wait for on_close";
            return Err(NetError::Reconnect { endpoint: endpoint.0, why });
        }
        let conn = ConnId { slot: state.connections.len() as u32, generation: 1 };
        state.connections.push(Connection {
            endpoint,
            sent: Vec::new(),
            open: true,
            established: false,
            half_closed: false,
            closed_by_actor: None,
            orphaned: false,
        });
        state.reconnects.push(conn);
        Ok(conn)
    }

    fn local_addr(&self, _endpoint: EndpointId) -> Option<SocketAddr> {
        None
    }
}

impl Transport for SimNet {
    fn poll(&mut self, owners: &mut dyn Owners) -> usize {
        let coming = self.0.borrow().events.len();
        let (mut done, mut held, mut waiting) = (0, Vec::new(), Vec::new());
        for _ in 0..coming {
            let Some(event) = self.0.borrow_mut().events.pop_front() else { break };
            if self.0.borrow().waits_for_actor(&event) {
                waiting.push(event);
                continue;
            }
            // What follows a held frame on its connection waits for it.
            if let Event::Frame(conn, _) | Event::HalfClose(conn) | Event::Close(conn, _) = &event
                && held.contains(conn)
            {
                waiting.push(event);
                continue;
            }
            let endpoint_of = |conn: ConnId| self.0.borrow().connections[conn.slot as usize].endpoint;
            match event {
                Event::Open(conn, peer) => {
                    let endpoint = endpoint_of(conn);
                    let mut state = self.0.borrow_mut();
                    if state.closed_endpoints.contains(&endpoint) {
                        state.connections[conn.slot as usize].open = false;
                        continue;
                    }
                    drop(state);
                    owners.handler(endpoint).on_open(&mut self.clone(), endpoint, conn, peer);
                }
                Event::Frame(conn, frame) => {
                    let endpoint = endpoint_of(conn);
                    if !self.0.borrow().connections[conn.slot as usize].open {
                        continue;
                    }
                    if owners.handler(endpoint).on_frame(&mut self.clone(), conn, &frame) == Flow::Hold {
                        held.push(conn);
                        waiting.push(Event::Frame(conn, frame));
                        continue;
                    }
                }
                Event::Datagram { endpoint, from, kernel_utc_ns, payload } => {
                    let datagram = Datagram { from, kernel_utc_ns, payload: &payload };
                    owners.handler(endpoint).on_datagram(&mut self.clone(), endpoint, &datagram);
                }
                Event::HalfClose(conn) => {
                    let endpoint = endpoint_of(conn);
                    if self.0.borrow().connections[conn.slot as usize].open {
                        owners.handler(endpoint).on_half_close(&mut self.clone(), conn);
                    }
                }
                Event::Writable(conn) => {
                    let endpoint = endpoint_of(conn);
                    if !self.0.borrow().connections[conn.slot as usize].open {
                        continue;
                    }
                    owners.handler(endpoint).on_writable(&mut self.clone(), conn);
                }
                Event::Close(conn, reason) => {
                    let endpoint = endpoint_of(conn);
                    let mut state = self.0.borrow_mut();
                    let connection = &mut state.connections[conn.slot as usize];
                    let (was_open, orphaned) = (std::mem::take(&mut connection.open), connection.orphaned);
                    drop(state);
                    if was_open && !orphaned {
                        owners.handler(endpoint).on_close(&mut self.clone(), endpoint, conn, reason);
                    }
                }
            }
            done += 1;
        }
        // What callbacks have caused is work, even if they held their frames.
        let mut state = self.0.borrow_mut();
        done += state.events.len();
        waiting.into_iter().rev().for_each(|event| state.events.push_front(event));
        done
    }
    fn flush(&mut self) {}
    fn has_pending(&self) -> bool {
        !self.0.borrow().events.is_empty()
    }
    fn stop_input(&mut self) {}
    fn close_endpoint(&mut self, endpoint: EndpointId) {
        self.0.borrow_mut().closed_endpoints.push(endpoint);
        let slots = 0..self.0.borrow().connections.len() as u32;
        for slot in slots {
            if self.0.borrow().connections[slot as usize].endpoint == endpoint {
                self.close(ConnId { slot, generation: 1 }, CloseReason::Local);
            }
        }
    }
    fn suspend_endpoint(&mut self, endpoint: EndpointId) {
        let mut state = self.0.borrow_mut();
        let State { events, connections, suspended_endpoints, .. } = &mut *state;
        if suspended_endpoints.contains(&endpoint) {
            return;
        }
        suspended_endpoints.push(endpoint);
        // Those that its actor has not seen yet wait for the next one.
        let unseen: Vec<u32> = events
            .iter()
            .filter_map(|event| if let Event::Open(conn, _) = event { Some(conn.slot) } else { None })
            .collect();
        for (slot, connection) in connections.iter_mut().enumerate() {
            if connection.endpoint == endpoint && connection.open && !unseen.contains(&(slot as u32)) {
                connection.open = false;
                connection.orphaned = true;
                connection.closed_by_actor.get_or_insert(CloseReason::Local);
            }
        }
    }
    fn resume_endpoint(&mut self, endpoint: EndpointId) {
        self.0.borrow_mut().suspended_endpoints.retain(|&suspended| suspended != endpoint);
    }
    fn close_all(&mut self) {
        let open = self.0.borrow().connections.len() as u32;
        (0..open).for_each(|slot| self.close(ConnId { slot, generation: 1 }, CloseReason::Shutdown));
    }
    fn open_connections(&self) -> usize {
        self.0.borrow().connections.iter().filter(|connection| connection.open).count()
    }
}
