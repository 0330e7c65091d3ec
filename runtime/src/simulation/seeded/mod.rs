//! A world around a simulated topology: time, links with faults, and a scheduler that a seed decides.

mod arrivals;
mod event;
mod peers;
mod plan;
mod schedule;
mod turns;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    fmt,
};

use self::{
    event::{Event, Scheduled},
    plan::ShardPlan,
};
use super::{
    chance::{Chance, Draw, Fault, FaultName, Source},
    links::{LineSpec, Link, LinkId},
    network::SentDatagram,
    trace::Trace,
    world::{Simulation, Socket},
};
use crate::{clock::ClockFault, net::ConnId, topology::ShardId};

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
/// live one; what is beyond a simulation is said in the [module](super). Outgoing connections are not played here: those that an
/// actor asks for by [`Net::reconnect`](crate::net::Net::reconnect) never come about. Use a [`Simulation`].
///
/// ```
/// use corelane_runtime::{prelude::*, simulation::{Happening, LinkSpec}};
///
/// /// Each frame is one byte.
/// struct OneByte;
/// impl Framer for OneByte {
///     fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
///         Ok((!bytes.is_empty()).then_some(1))
///     }
/// }
///
/// struct Echo;
/// impl Actor for Echo {
///     type In = ();
///     type Out = ();
///     const OUTPUTS_MAX: usize = 0;
///     fn on_message(&mut self, _: &mut Context<'_, ()>, (): &()) -> Step {
///         Step::Done
///     }
/// }
/// impl NetActor for Echo {
///     fn on_frame(&mut self, ctx: &mut Context<'_, ()>, conn: ConnId, frame: &[u8]) -> Flow {
///         ctx.net.send(conn, frame).map_or(Flow::Hold, |()| Flow::Taken)
///     }
/// }
///
/// let mut topology = Topology::new();
/// let shard = topology.shard(ShardSpec::new("shard", 0));
/// let listen = EndpointSpec::Listen { addr: "192.0.2.1:7".parse()?, framer: Box::new(OneByte), backlog: 16 };
/// let echo = topology.net_actor(shard, "echo", vec![listen], |_| Echo);
/// let simulation = topology.simulate()?;
/// let socket = simulation.sockets(echo)[0];
/// let mut world = simulation.into_world(7, 0);
/// // A link on which each write is late by up to a millisecond.
/// let late = LinkSpec { late_ppm: 1_000_000, late_ns_max: 1_000_000, ..LinkSpec::default() };
/// let link = world.connect(socket, "192.0.2.7:4000".parse()?, 1, late);
/// world.write(link, b"hello");
/// let mut answer = Vec::new();
/// while answer.len() < 5 {
///     match world.next(1_000_000_000) {
///         Some(Happening::Readable(link)) => _ = world.read(link, &mut answer),
///         other => panic!("no answer within a second: {other:?}, {:?}", world.simulation().failures()),
///     }
/// }
/// assert_eq!((answer.as_slice(), world.faults().len()), (b"hello".as_slice(), 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

    /// From now on, no fault happens, and no shard stalls or is paused any more.
    pub fn end_faults(&mut self) {
        self.chance.allow_nothing();
        (0..self.shards.len() as u32).for_each(|shard| self.resume(ShardId(shard)));
    }

    /// Lets the host's clock fail, as [`Running::inject`](crate::lifecycle::Running::inject) does for a running topology: the
    /// shards' time is slewed, and never steps. A host that is set still has the world's time for everybody else.
    pub fn inject(&mut self, fault: ClockFault) {
        self.simulation.inject(fault);
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
