//! A world around a simulated topology: time, links with faults, and a scheduler that a seed decides.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BinaryHeap, HashMap, VecDeque},
    fmt, mem,
    net::SocketAddr,
};

use super::{
    chance::{Chance, Draw, Fault, FaultName, Source},
    links::{DELAY, DOUBLED, LATE, LOST, LineSpec, Link, LinkId, LinkSpec, REORDERED, RESET, SPLIT},
    network::SentDatagram,
    trace::{Trace, hash_of},
    world::{Simulation, Socket},
};
use crate::{
    net::{CloseReason, ConnId},
    shard::cell::Rest,
    topology::ShardId,
};

const TURN: Source = Source::new("shard.turn");
const STALL: Source = Source::new("shard.stall");
const TIE: Source = Source::new("world.tie");

/// The time of a turn: the next one of the same shard begins this much later.
const TURN_NS: (u64, u64) = (200, 3_000);
/// How soon a shard that waits for room looks again.
const LOOK_AGAIN_NS: u64 = 20_000;
/// How soon bytes that find a full socket are tried again.
const RETRY_NS: u64 = 20_000;
/// The longest that a socket waits for its peer's end when its actor has closed it, as in the real driver.
const CLOSE_LIMIT_NS: u64 = 2_000_000_000;
/// Whether a shard stalls is decided once in this time.
const STALL_SLOT_NS: u64 = 10_000_000;

/// What happens outside of the topology, for the caller to react to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The time that was asked for by [`World::wake_at`], with its token.
    Wake(u64),
    /// Bytes have come to a peer.
    Readable(LinkId),
    /// The topology's side of a link has ended, and all its bytes have come.
    Ended(LinkId),
    /// A datagram that an actor sent has come to where it was sent to.
    Datagram(Socket, SentDatagram),
}

/// How often shards stall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stalls {
    /// The rate in parts per million of each shard's slots of 10 ms.
    pub parts_per_million: u32,
    /// The longest, in nanoseconds.
    pub stall_ns_max: u64,
}

/// A topology in a world of its own. Time goes from one event to the next: a turn of a shard, an arrival, a wake-up. A seed
/// decides which shard turns when, how long bytes are under way and what goes wrong, so that a run can be repeated.
///
/// The caller plays the peers: [`World::next`] runs the world until something concerns them. The topology is the same as the
/// live one; what is beyond a simulation is said in the [module](super).
pub struct World {
    simulation: Simulation,
    now_ns: u64,
    queue: BinaryHeap<Reverse<Scheduled>>,
    /// Events scheduled so far, the last word on which comes first.
    scheduled: u64,
    shards: Vec<ShardPlan>,
    links: Vec<Link>,
    /// By shard and connection.
    link_of: HashMap<(u32, ConnId), LinkId>,
    lines: HashMap<Socket, LineSpec>,
    happened: VecDeque<Happening>,
    touched: Vec<ConnId>,
    stalls: Stalls,
    chance: Chance,
    trace: Trace,
}

/// When a shard turns next.
#[derive(Clone, Copy, Debug, Default)]
struct ShardPlan {
    turn_ns: Option<u64>,
    not_before_ns: u64,
    /// When it was to turn, if it has stalled since.
    stalled_since_ns: Option<u64>,
    /// The last slot in which it was decided whether it stalls.
    slot: u64,
    /// Something has happened since its turn was planned that may give it something to do.
    is_stirred: bool,
}

struct Scheduled {
    time_ns: u64,
    tie: u64,
    number: u64,
    event: Event,
}

enum Event {
    Turn(usize),
    Wake(u64),
    Connect(LinkId),
    /// So many bytes come to the socket.
    ToSocket(LinkId, usize),
    ToPeer(LinkId, usize),
    /// The peer ends its side.
    Finish(LinkId),
    /// The socket ends its side.
    End(LinkId),
    /// Both sides learn that the connection is lost.
    Reset(LinkId),
    /// The socket waits for its peer no longer.
    CloseLimit(LinkId),
    DatagramIn(Socket, SocketAddr, Vec<u8>),
    DatagramOut(Socket, SentDatagram),
}

impl Scheduled {
    fn order(&self) -> (u64, u64, u64) {
        (self.time_ns, self.tie, self.number)
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("now_ns", &self.now_ns)
            .field("simulation", &self.simulation)
            .field("links", &self.links.len())
            .field("faults", &self.chance.faults().len())
            .finish_non_exhaustive()
    }
}

impl Simulation {
    /// Puts the topology into a world in which it is `start_ns` after midnight, and in which this seed decides.
    #[must_use]
    pub fn into_world(mut self, seed: u64, start_ns: u64) -> World {
        self.set_time_ns(start_ns);
        World {
            now_ns: start_ns,
            queue: BinaryHeap::new(),
            scheduled: 0,
            shards: vec![ShardPlan::default(); self.shards.len()],
            links: Vec::new(),
            link_of: HashMap::new(),
            lines: HashMap::new(),
            happened: VecDeque::new(),
            touched: Vec::new(),
            stalls: Stalls::default(),
            chance: Chance::new(seed),
            trace: Trace::new(seed),
            simulation: self,
        }
    }
}

/// Time, chance and what is known of a run.
impl World {
    /// The time, in nanoseconds since midnight.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// The topology.
    #[must_use]
    pub fn simulation(&self) -> &Simulation {
        &self.simulation
    }

    /// A hash of all that has happened so far. Runs of the same seed, and the same peers, have the same.
    #[must_use]
    pub fn trace(&self) -> u64 {
        self.trace.value()
    }

    /// Adds to the hash something that the caller knows of the run.
    pub fn note(&mut self, number: u64) {
        self.trace.add(number);
    }

    /// The faults so far.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        self.chance.faults()
    }

    /// From now on, only these faults happen, at the places where they would happen anyway.
    pub fn allow_only(&mut self, faults: &[FaultName]) {
        self.chance.allow_only(faults);
    }

    /// From now on, no fault happens, and no shard stalls any more.
    pub fn end_faults(&mut self) {
        self.chance.allow_nothing();
        self.shards.iter_mut().for_each(|shard| shard.not_before_ns = 0);
    }

    /// Numbers for a decision that is no fault.
    #[must_use]
    pub fn draw(&self, source: Source, key: u64) -> Draw {
        self.chance.draw(source, key)
    }

    /// Decides whether a fault happens that has this rate; if so, it is recorded, and the draw decides the rest of it.
    pub fn strikes(&mut self, source: Source, key: u64, parts_per_million: u32) -> Option<Draw> {
        let struck = self.chance.strikes(self.now_ns, source, key, parts_per_million);
        if struck.is_some() {
            self.trace.add(key);
        }
        struck
    }

    /// Lets shards stall.
    pub fn set_stalls(&mut self, stalls: Stalls) {
        self.stalls = stalls;
    }

    /// Lets [`World::next`] return [`Happening::Wake`] with this token at a time, at the earliest now.
    pub fn wake_at(&mut self, time_ns: u64, token: u64) {
        self.schedule(time_ns, token, Event::Wake(token));
    }

    /// Calls every actor's stop hook, last declared first, and sends off what they say.
    pub fn stop(&mut self) {
        self.simulation.set_time_ns(self.now_ns);
        self.simulation.stop();
        (0..self.shards.len() as u32).for_each(|shard| self.carry_out(ShardId(shard)));
    }

    /// Runs the world until something happens that concerns the caller, or until a time.
    pub fn next(&mut self, until_ns: u64) -> Option<Happening> {
        // The caller may have sent something, or made room.
        self.stir_all();
        loop {
            if let Some(happening) = self.happened.pop_front() {
                return Some(happening);
            }
            self.plan_turns();
            match self.queue.peek() {
                Some(Reverse(first)) if first.time_ns <= until_ns => {}
                _ => {
                    self.now_ns = self.now_ns.max(until_ns);
                    return None;
                }
            }
            let Reverse(Scheduled { time_ns, event, .. }) = self.queue.pop()?;
            self.now_ns = time_ns;
            self.run(event);
        }
    }
}

/// What peers do.
impl World {
    /// A peer connects. What it writes at once arrives behind its connection. The key names the connection in draws: it is
    /// not used for another.
    pub fn connect(&mut self, socket: Socket, from: SocketAddr, key: u64, spec: LinkSpec) -> LinkId {
        let id = LinkId(self.links.len());
        self.links.push(Link::new(socket, from, key, spec));
        let time_ns = self.arrival_ns(id, true);
        self.schedule(time_ns, key, Event::Connect(id));
        id
    }

    /// A peer writes.
    pub fn write(&mut self, id: LinkId, bytes: &[u8]) {
        let link = &self.links[id.0];
        if link.is_finished || link.is_gone || bytes.is_empty() {
            return;
        }
        let key = link.key.wrapping_add(link.to_socket.position);
        let (split_ppm, late_ppm, late_ns_max) = (link.spec.split_ppm, link.spec.late_ppm, link.spec.late_ns_max);
        let reset_ppm = link.spec.reset_ppm;
        let mut split = self.draw(SPLIT, key);
        let pieces = match split.happens(split_ppm) && bytes.len() > 1 {
            true => bytes.split_at(split.within(1, bytes.len() as u64 - 1) as usize),
            false => (bytes, &bytes[..0]),
        };
        if let Some(mut late) = self.strikes(LATE, key, late_ppm) {
            let by_ns = late.within(1, late_ns_max.max(1));
            let last_ns = &mut self.links[id.0].to_socket.last_arrival_ns;
            *last_ns = (*last_ns).max(self.now_ns) + by_ns;
        }
        for piece in [pieces.0, pieces.1] {
            if piece.is_empty() {
                continue;
            }
            self.links[id.0].to_socket.flying.extend(piece);
            self.links[id.0].to_socket.position += piece.len() as u64;
            let time_ns = self.arrival_ns(id, true);
            self.schedule(time_ns, key, Event::ToSocket(id, piece.len()));
        }
        if self.strikes(RESET, key, reset_ppm).is_some() {
            self.reset(id);
        }
    }

    /// Moves what has come to a peer to the end of `into`; returns how many bytes.
    pub fn read(&mut self, id: LinkId, into: &mut Vec<u8>) -> usize {
        let link = &mut self.links[id.0];
        let bytes = link.arrived.len();
        into.append(&mut link.arrived);
        if bytes > 0 {
            self.pull(id);
        }
        bytes
    }

    /// A peer reads no more, or again. What comes meanwhile waits in the window, and then in the socket.
    pub fn set_reading(&mut self, id: LinkId, reads: bool) {
        self.links[id.0].reads = reads;
        if reads && !self.links[id.0].arrived.is_empty() {
            self.happened.push_back(Happening::Readable(id));
        }
    }

    /// A peer ends its side, and goes on reading.
    pub fn finish(&mut self, id: LinkId) {
        if !mem::replace(&mut self.links[id.0].is_finished, true) {
            let (time_ns, key) = (self.arrival_ns(id, true), self.links[id.0].key);
            self.schedule(time_ns, key, Event::Finish(id));
        }
    }

    /// A peer closes its socket: it ends its side, and what still comes resets the connection.
    pub fn close(&mut self, id: LinkId) {
        self.finish(id);
        let link = &mut self.links[id.0];
        link.is_gone = true;
        link.arrived.clear();
    }

    /// The connection is lost; both sides learn it a little later, behind what is under way.
    pub fn reset(&mut self, id: LinkId) {
        let (time_ns, key) = (self.arrival_ns(id, true), self.links[id.0].key);
        self.schedule(time_ns, key, Event::Reset(id));
    }

    /// Whether the connection was lost.
    #[must_use]
    pub fn was_reset(&self, id: LinkId) -> bool {
        self.links[id.0].was_reset
    }

    /// From now on nothing passes, and neither side is told.
    pub fn vanish(&mut self, id: LinkId) {
        self.links[id.0].is_dead = true;
    }

    /// A peer sends a datagram on a line. The key names the datagram in draws.
    pub fn send_datagram(&mut self, socket: Socket, from: SocketAddr, key: u64, payload: &[u8], line: &LineSpec) {
        for time_ns in self.datagram_arrivals(key, line).into_iter().flatten() {
            self.schedule(time_ns, key, Event::DatagramIn(socket, from, payload.to_vec()));
        }
    }

    /// Sets the line that carries what is sent by a datagram endpoint. Without it, it is a sound one.
    pub fn set_line(&mut self, socket: Socket, line: LineSpec) {
        self.lines.insert(socket, line);
    }
}

impl World {
    fn schedule(&mut self, time_ns: u64, key: u64, event: Event) {
        self.scheduled += 1;
        let tie = self.draw(TIE, key).below(1 << 20);
        let time_ns = time_ns.max(self.now_ns);
        self.queue.push(Reverse(Scheduled { time_ns, tie, number: self.scheduled, event }));
    }

    /// When what sets out now arrives: behind all that set out before.
    fn arrival_ns(&mut self, id: LinkId, to_socket: bool) -> u64 {
        let now_ns = self.now_ns;
        let link = &self.links[id.0];
        let direction = if to_socket { &link.to_socket } else { &link.to_peer };
        let key = link.key.wrapping_mul(2).wrapping_add(direction.position << 1 | u64::from(to_socket));
        let (least, most) = (*link.spec.delay_ns.start(), *link.spec.delay_ns.end());
        let delay_ns = self.draw(DELAY, key).within(least, most);
        let link = &mut self.links[id.0];
        let direction = if to_socket { &mut link.to_socket } else { &mut link.to_peer };
        direction.last_arrival_ns = (now_ns + delay_ns).max(direction.last_arrival_ns + 1);
        direction.last_arrival_ns
    }

    /// When the copies of a datagram arrive.
    fn datagram_arrivals(&mut self, key: u64, line: &LineSpec) -> [Option<u64>; 2] {
        if self.strikes(LOST, key, line.loss_ppm).is_some() {
            return [None, None];
        }
        let mut draw = self.draw(DELAY, key);
        let mut arrival_ns = || draw.within(*line.delay_ns.start(), *line.delay_ns.end());
        let (first_ns, second_ns) = (self.now_ns + arrival_ns(), self.now_ns + arrival_ns());
        let late_ns = self
            .strikes(REORDERED, key, line.reorder_ppm)
            .map_or(0, |mut late| late.within(1, line.reorder_ns_max.max(1)));
        let doubled = self.strikes(DOUBLED, key, line.duplicate_ppm);
        [Some(first_ns + late_ns), doubled.map(|_| second_ns)]
    }

    fn run(&mut self, event: Event) {
        match &event {
            Event::Connect(id)
            | Event::ToSocket(id, _)
            | Event::Finish(id)
            | Event::Reset(id)
            | Event::CloseLimit(id) => {
                self.stir(self.links[id.0].socket.shard);
            }
            Event::DatagramIn(socket, ..) => self.stir(socket.shard),
            Event::Turn(_) | Event::Wake(_) | Event::ToPeer(..) | Event::End(_) | Event::DatagramOut(..) => {}
        }
        match event {
            Event::Turn(shard) => self.turn(shard),
            Event::Wake(token) => self.happened.push_back(Happening::Wake(token)),
            Event::Connect(id) => self.connect_now(id),
            Event::ToSocket(id, bytes) => self.bring_to_socket(id, bytes),
            Event::ToPeer(id, bytes) => self.bring_to_peer(id, bytes),
            Event::Finish(id) => self.finish_now(id),
            Event::End(id) => self.end_now(id),
            Event::Reset(id) => self.reset_now(id),
            Event::CloseLimit(id) => self.with_conn(id, |net, conn| {
                if net.waits_for_drain(conn) {
                    net.finish_close(conn);
                }
            }),
            Event::DatagramIn(socket, from, payload) => {
                self.trace.add(hash_of(&payload));
                let now_ns = self.now_ns;
                self.net(socket.shard).datagram_at(socket.endpoint, from, &payload, Some(now_ns));
            }
            Event::DatagramOut(socket, datagram) => {
                self.trace.add(hash_of(&datagram.payload));
                self.happened.push_back(Happening::Datagram(socket, datagram));
            }
        }
    }

    fn net(&self, shard: ShardId) -> &super::SimNet {
        &self.simulation.nets[shard.0 as usize]
    }

    fn with_conn(&mut self, id: LinkId, act: impl FnOnce(&super::SimNet, ConnId)) {
        let link = &self.links[id.0];
        if let Some(conn) = link.conn {
            act(self.net(link.socket.shard), conn);
        }
    }
}

/// Turns of shards.
impl World {
    fn stir_all(&mut self) {
        self.shards.iter_mut().for_each(|shard| shard.is_stirred = true);
    }

    fn stir(&mut self, shard: ShardId) {
        self.shards[shard.0 as usize].is_stirred = true;
    }

    /// Plans a turn of each stirred shard that has something to do, now or by a timer.
    fn plan_turns(&mut self) {
        for index in 0..self.shards.len() {
            if !mem::take(&mut self.shards[index].is_stirred) {
                continue;
            }
            let shard = &mut self.simulation.shards[index];
            let pending = self.simulation.nets[index].has_work();
            let rest = if pending { Rest::Busy } else { shard.rest(self.now_ns) };
            let wanted_ns = match rest {
                Rest::Busy => Some(self.now_ns),
                Rest::WaitsForRoom => Some(self.now_ns + LOOK_AGAIN_NS),
                Rest::Quiet => shard.next_timer_ns(0, false),
            };
            // Supervisors have their turns with shards.
            let restart_ns = if index == 0 { self.simulation.next_restart_ns() } else { None };
            let Some(wanted_ns) = wanted_ns.into_iter().chain(restart_ns).min() else { continue };
            let plan = self.shards[index];
            let turn_ns = wanted_ns.max(plan.not_before_ns);
            if plan.turn_ns.is_none_or(|planned_ns| turn_ns < planned_ns) {
                self.shards[index].turn_ns = Some(turn_ns);
                self.schedule(turn_ns, turn_ns.wrapping_mul(31).wrapping_add(index as u64), Event::Turn(index));
            }
        }
    }

    fn turn(&mut self, index: usize) {
        let now_ns = self.now_ns;
        let plan = &mut self.shards[index];
        if plan.turn_ns != Some(now_ns) {
            return;
        }
        plan.turn_ns = None;
        plan.is_stirred = true;
        let slot = now_ns / STALL_SLOT_NS;
        let key = slot << 8 | index as u64;
        if mem::replace(&mut self.shards[index].slot, slot) != slot
            && let Some(mut stall) = self.strikes(STALL, key, self.stalls.parts_per_million)
        {
            self.shards[index].not_before_ns = now_ns + stall.within(1, self.stalls.stall_ns_max.max(1));
            self.shards[index].stalled_since_ns.get_or_insert(now_ns);
            return;
        }
        let looked_ns = self.shards[index].stalled_since_ns.take().unwrap_or(now_ns);
        self.simulation.shards[index].env.time.set_looked(looked_ns);
        self.simulation.set_time_ns(now_ns);
        let work = self.simulation.turn_shard(index) + self.simulation.turn_supervisors();
        if work > 0 || self.simulation.shards[index].called() {
            // It may have sent to others, or made room for them.
            self.stir_all();
        }
        self.trace.add(now_ns << 8 | index as u64);
        self.trace.add(work as u64);
        let took_ns = self.draw(TURN, now_ns << 8 | index as u64).within(TURN_NS.0, TURN_NS.1);
        self.shards[index].not_before_ns = now_ns + took_ns;
        self.carry_out(ShardId(index as u32));
    }

    /// Sends off what the actors of a shard have sent and closed.
    fn carry_out(&mut self, shard: ShardId) {
        let mut touched = mem::take(&mut self.touched);
        self.net(shard).take_touched(&mut touched);
        for conn in touched.drain(..) {
            if let Some(&id) = self.link_of.get(&(shard.0, conn)) {
                self.pull(id);
            }
        }
        self.touched = touched;
        for datagram in self.net(shard).take_datagrams() {
            let socket = Socket { shard, endpoint: datagram.endpoint };
            let key = hash_of(&datagram.payload) ^ self.now_ns;
            let line = self.lines.get(&socket).cloned().unwrap_or_default();
            for time_ns in self.datagram_arrivals(key, &line).into_iter().flatten() {
                self.schedule(time_ns, key, Event::DatagramOut(socket, datagram.clone()));
            }
        }
    }
}

/// Links.
impl World {
    fn connect_now(&mut self, id: LinkId) {
        let Link { socket, from, .. } = self.links[id.0];
        match self.net(socket.shard).accept(socket.endpoint, from) {
            Some(conn) => {
                self.links[id.0].conn = Some(conn);
                self.link_of.insert((socket.shard.0, conn), id);
            }
            None => self.end_to_peer(id),
        }
    }

    fn bring_to_socket(&mut self, id: LinkId, bytes: usize) {
        let Link { socket, conn, is_dead, .. } = self.links[id.0];
        let net = self.net(socket.shard).clone();
        let open = conn.filter(|&conn| !is_dead && net.is_open(conn));
        // A reset has taken those that were under way.
        let bytes = bytes.min(self.links[id.0].to_socket.flying.len());
        let Some(conn) = open else {
            self.links[id.0].to_socket.flying.drain(..bytes);
            return;
        };
        if net.unread_bytes(conn) >= self.links[id.0].spec.window_bytes {
            // Bytes are taken in their order, whichever event brings them.
            return self.schedule(self.now_ns + RETRY_NS, self.links[id.0].key, Event::ToSocket(id, bytes));
        }
        let flying = &mut self.links[id.0].to_socket.flying;
        let front = &flying.make_contiguous()[..bytes];
        net.bytes(conn, front);
        self.trace.add_bytes(front);
        flying.drain(..bytes);
    }

    /// Lets set out to the peer what the socket has sent, as far as the window is open, and the end of it.
    fn pull(&mut self, id: LinkId) {
        let link = &mut self.links[id.0];
        let Some(conn) = link.conn else { return };
        let window = link.window();
        let net = &self.simulation.nets[link.socket.shard.0 as usize];
        let bytes = net.move_sent(conn, window, &mut link.to_peer.flying);
        let (key, is_dead) = (link.key, link.is_dead);
        // Who has nothing more to say, and has heard all, is not waited for.
        if net.waits_for_drain(conn) && !net.has_sent(conn) && net.peer_has_ended(conn) {
            net.finish_close(conn);
        }
        let ends = !net.is_open(conn) && (!net.has_sent(conn) || !net.waits_for_drain(conn)) && !link.end_is_sent;
        if bytes > 0 {
            let time_ns = self.arrival_ns(id, false);
            self.links[id.0].to_peer.position += bytes as u64;
            self.schedule(time_ns, key, Event::ToPeer(id, bytes));
        }
        if ends {
            self.links[id.0].end_is_sent = true;
            if !is_dead {
                self.end_to_peer(id);
            }
            self.schedule(self.now_ns + CLOSE_LIMIT_NS, key, Event::CloseLimit(id));
        }
    }

    fn end_to_peer(&mut self, id: LinkId) {
        let (time_ns, key) = (self.arrival_ns(id, false), self.links[id.0].key);
        self.schedule(time_ns, key, Event::End(id));
    }

    fn bring_to_peer(&mut self, id: LinkId, bytes: usize) {
        let link = &mut self.links[id.0];
        let front = &link.to_peer.flying.make_contiguous()[..bytes];
        if !link.is_dead && !link.is_gone {
            link.arrived.extend_from_slice(front);
            self.trace.add_bytes(front);
        }
        link.to_peer.flying.drain(..bytes);
        if link.is_dead {
            return;
        }
        if link.is_gone {
            // Nobody has this connection any more.
            return self.reset(id);
        }
        if link.reads {
            self.happened.push_back(Happening::Readable(id));
        }
    }

    fn finish_now(&mut self, id: LinkId) {
        let link = &self.links[id.0];
        if link.is_dead {
            return;
        }
        if !link.to_socket.flying.is_empty() {
            return self.schedule(self.now_ns + RETRY_NS, link.key, Event::Finish(id));
        }
        self.trace.add(id.0 as u64);
        self.with_conn(id, |net, conn| match net.waits_for_drain(conn) {
            true if !net.has_sent(conn) => net.finish_close(conn),
            _ => net.half_close(conn),
        });
    }

    fn end_now(&mut self, id: LinkId) {
        let link = &mut self.links[id.0];
        if !link.is_dead && !mem::replace(&mut link.has_ended, true) {
            self.trace.add(!(id.0 as u64));
            self.happened.push_back(Happening::Ended(id));
        }
    }

    fn reset_now(&mut self, id: LinkId) {
        let link = &mut self.links[id.0];
        if mem::replace(&mut link.is_dead, true) {
            return;
        }
        link.was_reset = true;
        link.to_socket.flying.clear();
        self.trace.add(id.0 as u64 ^ u64::MAX << 32);
        if !mem::replace(&mut link.has_ended, true) {
            self.happened.push_back(Happening::Ended(id));
        }
        self.with_conn(id, |net, conn| net.disconnect(conn, CloseReason::Socket));
    }
}
