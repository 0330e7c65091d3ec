//! A topology on one thread, with time set by hand and a network that a test plays: the same actors, cells and
//! edges, without threads, sockets or a clock.

use std::{cell::RefCell, collections::VecDeque, fmt, net::SocketAddr, rc::Rc};

use crate::{
    net::{CloseReason, ConnId, Datagram, EndpointId, Flow, Net, Owners, SendError},
    shard::time::ShardTime,
    shard::transport::Transport,
    shard::{Failure, Shard},
    telemetry::Collector,
    topology::check::TopologyErrors,
    topology::{ShardId, Topology},
};

/// Turns that [`Simulation::run_until_idle`] makes at most before it says that the topology does not come to rest.
const SETTLE_CYCLES_MAX: usize = 1_000_000;

impl Topology {
    /// Builds the whole topology on this thread, for simulation and tests.
    ///
    /// # Errors
    /// The faults that [`Topology::check`] finds.
    pub fn simulate(self) -> Result<Simulation, TopologyErrors> {
        self.check()?;
        let mut collector = Collector::new();
        let mut nets = Vec::new();
        let build = |mut plan: crate::topology::plan::ShardPlan| {
            let counts = plan.endpoint_counts();
            plan.take_endpoints();
            let net = SimNet::default();
            nets.push(net.clone());
            let telemetry = plan.register(&mut collector);
            plan.build(ShardTime::simulated(), telemetry, Box::new(net), &counts)
        };
        let mut shards: Vec<Shard> = self.into_plans().into_iter().map(build).collect();
        shards.iter_mut().for_each(Shard::start);
        Ok(Simulation { shards, nets, failures: Vec::new() })
    }
}

/// A running simulation.
pub struct Simulation {
    shards: Vec<Shard>,
    nets: Vec<SimNet>,
    failures: Vec<Failure>,
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation")
            .field("shards", &self.shards.len())
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}

impl Simulation {
    /// Sets the time of all shards, in nanoseconds since midnight. It should not go backwards.
    pub fn set_time_ns(&mut self, wall_ns: u64) {
        self.shards.iter().for_each(|shard| shard.env.time.set(wall_ns));
    }

    /// One turn of every shard, in order; returns how much was done.
    pub fn turn(&mut self) -> usize {
        let mut work = 0;
        for index in 0..self.shards.len() {
            let known = self.failures.len();
            work += self.shards[index].turn(&mut self.failures);
            for &failure in &self.failures[known..] {
                let others = self.shards.iter_mut().enumerate().filter(|(other, _)| *other != index);
                others.for_each(|(_, shard)| shard.announce_down(failure));
            }
        }
        work
    }

    /// Turns until nothing is done any more.
    ///
    /// # Panics
    /// When a million turns did not suffice: some actors keep each other busy.
    pub fn run_until_idle(&mut self) {
        for _ in 0..SETTLE_CYCLES_MAX {
            if self.turn() == 0 {
                return;
            }
        }
        panic!("the topology does not come to rest");
    }

    /// Calls every actor's stop hook, last declared first.
    pub fn stop(&mut self) {
        self.shards.iter_mut().rev().for_each(Shard::stop_actors);
    }

    /// The network of a shard, to play its peers.
    pub fn net(&self, shard: ShardId) -> SimNet {
        self.nets[shard.0 as usize].clone()
    }

    /// The failures so far.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }
}

/// A network that a test plays: it puts in what peers do, and reads what actors sent. Cloning gives another handle
/// to the same network.
#[derive(Clone, Default)]
pub struct SimNet(Rc<RefCell<State>>);

impl fmt::Debug for SimNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimNet")
            .field("connections", &self.0.borrow().connections.len())
            .field("datagrams", &self.0.borrow().datagrams.len())
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    connections: Vec<Connection>,
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
    closed_by_actor: Option<CloseReason>,
}

enum Event {
    Open(ConnId, SocketAddr),
    Frame(ConnId, Vec<u8>),
    Datagram { endpoint: EndpointId, from: SocketAddr, kernel_utc_ns: Option<u64>, payload: Vec<u8> },
    Writable(ConnId),
    Close(ConnId, CloseReason),
}

impl SimNet {
    /// A peer connects to an endpoint; returns the connection it will have.
    pub fn connect(&self, endpoint: EndpointId, peer: SocketAddr) -> ConnId {
        let mut state = self.0.borrow_mut();
        let conn = ConnId { slot: state.connections.len() as u32, generation: 1 };
        state.connections.push(Connection { endpoint, sent: Vec::new(), open: true, closed_by_actor: None });
        state.events.push_back(Event::Open(conn, peer));
        conn
    }

    /// The peer sends one whole frame.
    pub fn frame(&self, conn: ConnId, frame: &[u8]) {
        self.0.borrow_mut().events.push_back(Event::Frame(conn, frame.to_vec()));
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
    pub fn closed_by_actor(&self, conn: ConnId) -> Option<CloseReason> {
        self.0.borrow().connections[conn.slot as usize].closed_by_actor
    }

    /// Bytes that may wait unread on each connection from now on; those that have room again are told so.
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

impl State {
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
        if !connection.open || connection.closed_by_actor.is_some() {
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
        if !connection.open || connection.closed_by_actor.is_some() {
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

    fn local_addr(&self, _endpoint: EndpointId) -> Option<SocketAddr> {
        None
    }
}

impl Transport for SimNet {
    fn poll(&mut self, _now_ns: u64, owners: &mut dyn Owners) -> usize {
        let waiting = self.0.borrow().events.len();
        let mut done = 0;
        for _ in 0..waiting {
            let Some(event) = self.0.borrow_mut().events.pop_front() else { break };
            let endpoint_of = |conn: ConnId| self.0.borrow().connections[conn.slot as usize].endpoint;
            match event {
                Event::Open(conn, peer) => {
                    let endpoint = endpoint_of(conn);
                    owners.handler(endpoint).on_open(&mut self.clone(), endpoint, conn, peer);
                }
                Event::Frame(conn, frame) => {
                    let endpoint = endpoint_of(conn);
                    if !self.0.borrow().connections[conn.slot as usize].open {
                        continue;
                    }
                    if owners.handler(endpoint).on_frame(&mut self.clone(), conn, &frame) == Flow::Hold {
                        self.0.borrow_mut().events.push_front(Event::Frame(conn, frame));
                        return done;
                    }
                }
                Event::Datagram { endpoint, from, kernel_utc_ns, payload } => {
                    let datagram = Datagram { from, kernel_utc_ns, payload: &payload };
                    owners.handler(endpoint).on_datagram(&mut self.clone(), endpoint, &datagram);
                }
                Event::Writable(conn) => {
                    let endpoint = endpoint_of(conn);
                    owners.handler(endpoint).on_writable(&mut self.clone(), conn);
                }
                Event::Close(conn, reason) => {
                    let endpoint = endpoint_of(conn);
                    let was_open = std::mem::take(&mut self.0.borrow_mut().connections[conn.slot as usize].open);
                    if was_open {
                        owners.handler(endpoint).on_close(&mut self.clone(), endpoint, conn, reason);
                    }
                }
            }
            done += 1;
        }
        done
    }
    fn flush(&mut self) {}
    fn has_pending(&self) -> bool {
        !self.0.borrow().events.is_empty()
    }
    fn stop_input(&mut self) {}
    fn close_all(&mut self) {
        let open = self.0.borrow().connections.len() as u32;
        (0..open).for_each(|slot| self.close(ConnId { slot, generation: 1 }, CloseReason::Shutdown));
    }
    fn open_connections(&self) -> usize {
        self.0.borrow().connections.iter().filter(|connection| connection.open).count()
    }
}
