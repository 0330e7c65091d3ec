//! A topology made by numbers, and its run: actors that pass messages on by a rule which the messages' numbers decide.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytemuck::{Pod, Zeroable};
use corelane_runtime::{
    actor::{Actor, Context, Step},
    edge::port::Port,
    message::{Keyed, Message, Prioritized, Priority},
    ports,
    simulation::Simulation,
    topology::{
        ActorId, EdgeSpec, ExternalReceiver, ExternalSender, Idle, MailboxSpec, ShardId, Topology,
        check::TopologyErrors,
    },
};

use crate::support;

/// Ports of each actor that lead to others.
pub(crate) const PORTS: usize = 3;
/// Most external senders.
pub(crate) const INPUTS_MAX: usize = 3;
/// Most messages of a step on one port.
const OUTPUTS_MAX: usize = 2;
/// Keys of an edge that conflates.
const KEYS: usize = 4;
/// How long after its input a timer fires, and how far time goes on with each round.
const TIMER_NS: u64 = 2_000_000;
const ROUND_NS: u64 = 1_000_000;
/// Rounds without work after which nothing will happen any more: all timers have fired.
const QUIET_ROUNDS: usize = 32;
/// More than any load here takes.
const ROUNDS_MAX: usize = 200_000;
/// Times that an actor sends something at the end of a batch, whether or not there is room.
const ENDS_OF_BATCH: u64 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Backpressure,
    Admission,
    InFlight(u32),
    DropNewest,
    Conflate,
    Mailbox,
}

impl Kind {
    fn is_lossless(self) -> bool {
        !matches!(self, Kind::DropNewest | Kind::Conflate | Kind::Mailbox)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub from: usize,
    pub to: usize,
    pub kind: Kind,
    pub capacity: usize,
}

/// Messages from outside, each passed on `hops` times at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input {
    pub to: usize,
    pub capacity: usize,
    pub messages: u64,
    pub hops: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub shards: usize,
    /// The shard of each actor.
    pub actors: Vec<usize>,
    /// Those that find no free port of their producer do not count.
    pub edges: Vec<Edge>,
    pub inputs: Vec<Input>,
    /// Messages that a reader outside takes per round.
    pub take: usize,
    /// Decides, with a message's number, what an actor does about it.
    pub salt: u64,
}

impl Plan {
    /// The edges with the ports that they have.
    fn placed(&self) -> Vec<(usize, Edge)> {
        let mut taken = vec![0; self.actors.len()];
        let place = |edge: &Edge| {
            let port = taken[edge.from];
            taken[edge.from] += 1;
            (port < PORTS).then_some((port, *edge))
        };
        self.edges.iter().filter_map(place).collect()
    }

    /// Whether some message may come back to an actor that has had it.
    pub(crate) fn has_circle(&self) -> bool {
        let edges = self.placed();
        let reaches = |from: usize, to: usize| {
            let mut seen = vec![false; self.actors.len()];
            let mut open = vec![from];
            while let Some(at) = open.pop() {
                for (_, edge) in edges.iter().filter(|(_, edge)| edge.from == at) {
                    if !std::mem::replace(&mut seen[edge.to], true) {
                        open.push(edge.to);
                    }
                }
            }
            seen[to]
        };
        (0..self.actors.len()).any(|actor| reaches(actor, actor))
    }
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Ball {
    id: u64,
    /// Its number on its edge, from 0.
    number: u64,
    /// Index of its edge; beyond them for one from outside.
    via: u32,
    hops: u32,
    filler: u64,
}

impl Message for Ball {}

impl Keyed for Ball {
    fn key(&self) -> usize {
        self.id as usize % KEYS
    }
}

impl Prioritized for Ball {
    fn priority(&self) -> Priority {
        Priority::ALL[self.id as usize % Priority::ALL.len()]
    }
}

ports! {
    struct Out {
        a: Ball,
        b: Ball,
        c: Ball,
        outside: Ball,
    }
}

type Select = fn(&mut Out) -> &mut Port<Ball>;

const SELECT: [Select; PORTS + 1] = [|out| &mut out.a, |out| &mut out.b, |out| &mut out.c, |out| &mut out.outside];

/// What has passed on one edge.
#[derive(Debug)]
struct Wire {
    kind: Kind,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Wire {
    fn new(kind: Kind) -> Wire {
        Wire { kind, sent: AtomicU64::new(0), received: AtomicU64::new(0) }
    }

    fn in_flight(&self) -> u64 {
        self.sent.load(Relaxed) - self.received.load(Relaxed)
    }
}

fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 31).wrapping_mul(0x7fb5_d329_728e_a185);
    (number ^ number >> 27).wrapping_mul(0x81da_def4_bc2d_d44d) ^ number >> 33
}

/// Passes messages on, over one step or several, and some later by a timer.
struct Bouncer {
    salt: u64,
    wires: Arc<Vec<Wire>>,
    /// Those of all actors that are set.
    timers: Arc<AtomicU64>,
    /// The edge of each port.
    ports: [Option<u32>; PORTS + 1],
    /// The message that is being passed on, and the port that is next.
    ball: Ball,
    next: usize,
    ends_of_batch: u64,
}

impl Bouncer {
    fn arrive(&self, ball: &Ball) {
        let Some(wire) = self.wires.get(ball.via as usize) else { return };
        let number = wire.received.fetch_add(1, Relaxed);
        assert!(!wire.kind.is_lossless() || number == ball.number, "lost or out of order: {ball:?} for {number}");
    }

    /// Sends what the ball leads to on one port.
    fn pass_on(&self, out: &mut Out, ball: &Ball, port: usize, is_callback: bool) {
        let Some(via) = self.ports[port].filter(|_| ball.hops > 0) else { return };
        let wire = &self.wires[via as usize];
        let decided = mix(ball.id ^ self.salt ^ port as u64);
        for copy in 0..decided % (OUTPUTS_MAX as u64 + 1) {
            let may_send = match wire.kind {
                Kind::Admission => is_callback,
                Kind::InFlight(most) => wire.in_flight() < u64::from(most),
                Kind::Backpressure | Kind::DropNewest | Kind::Conflate | Kind::Mailbox => true,
            };
            if may_send {
                let number = wire.sent.fetch_add(1, Relaxed);
                let id = mix(decided.wrapping_add(copy));
                SELECT[port](out).send(Ball { id, number, via, hops: ball.hops - 1, filler: 0 });
            }
        }
    }

    fn go_on(&mut self, ctx: &mut Context<'_, Out>) -> Step {
        self.pass_on(ctx.out, &self.ball, self.next, false);
        self.next += 1;
        if self.next < SELECT.len() { Step::More } else { Step::Done }
    }

    fn pass_on_everywhere(&self, out: &mut Out, ball: &Ball, is_callback: bool) {
        (0..SELECT.len()).for_each(|port| self.pass_on(out, ball, port, is_callback));
    }
}

impl Actor for Bouncer {
    type In = Ball;
    type Out = Out;
    const OUTPUTS_MAX: usize = OUTPUTS_MAX;
    const TIMERS_MAX: usize = 4;

    fn on_message(&mut self, ctx: &mut Context<'_, Out>, ball: &Ball) -> Step {
        self.arrive(ball);
        match mix(ball.id ^ self.salt) % 4 {
            // Later, if there is a timer for it.
            0 if ctx.set_timer(TIMER_NS, ball.id << 8 | u64::from(ball.hops)).is_ok() => {
                self.timers.fetch_add(1, Relaxed);
                Step::Done
            }
            1 => {
                (self.ball, self.next) = (*ball, 0);
                self.go_on(ctx)
            }
            _ => {
                self.pass_on_everywhere(ctx.out, ball, false);
                Step::Done
            }
        }
    }

    fn on_more(&mut self, ctx: &mut Context<'_, Out>) -> Step {
        self.go_on(ctx)
    }

    fn on_timer(&mut self, ctx: &mut Context<'_, Out>, token: u64) {
        self.timers.fetch_sub(1, Relaxed);
        let ball = Ball { id: token >> 8, hops: u32::from(token as u8), ..Ball::zeroed() };
        self.pass_on_everywhere(ctx.out, &ball, true);
    }

    fn on_batch_end(&mut self, ctx: &mut Context<'_, Out>) {
        if self.ends_of_batch < ENDS_OF_BATCH {
            self.ends_of_batch += 1;
            let ball = Ball { id: self.ends_of_batch, hops: 2, ..Ball::zeroed() };
            self.pass_on_everywhere(ctx.out, &ball, true);
        }
    }
}

/// A topology that was accepted, and its load.
pub(crate) struct Run {
    simulation: Simulation,
    wires: Arc<Vec<Wire>>,
    timers: Arc<AtomicU64>,
    senders: Vec<(ExternalSender<Ball>, Input)>,
    /// Each with its edge.
    receivers: Vec<(ExternalReceiver<Ball>, usize)>,
    take: usize,
}

impl Run {
    /// # Errors
    /// Why the topology is refused.
    pub(crate) fn new(plan: &Plan) -> Result<Run, TopologyErrors> {
        let mut topology = Topology::new();
        let cpu = support::two_cpus()[0];
        let shards: Vec<ShardId> = (0..plan.shards)
            .map(|shard| support::shard(&mut topology, &format!("shard {shard}"), cpu, Idle::Park))
            .collect();
        let placed = plan.placed();
        // Behind the edges between actors, one per actor that leads outside.
        let outside = plan.actors.iter().map(|_| Kind::Backpressure);
        let wires = placed.iter().map(|(_, edge)| edge.kind).chain(outside).map(Wire::new);
        let wires: Arc<Vec<Wire>> = Arc::new(wires.collect());
        let timers = Arc::<AtomicU64>::default();
        let mut ports = vec![[None; PORTS + 1]; plan.actors.len()];
        for (via, (port, edge)) in placed.iter().enumerate() {
            ports[edge.from][*port] = Some(via as u32);
        }
        for (actor, ports) in ports.iter_mut().enumerate() {
            ports[PORTS] = Some((placed.len() + actor) as u32);
        }
        let declare = |(actor, &shard): (usize, &usize)| {
            let (wires, timers, ports, salt) = (wires.clone(), timers.clone(), ports[actor], plan.salt ^ actor as u64);
            topology.actor(shards[shard], format!("actor {actor}"), move || Bouncer {
                salt,
                wires,
                timers,
                ports,
                ball: Ball::zeroed(),
                next: 0,
                ends_of_batch: 0,
            })
        };
        let actors: Vec<ActorId<Bouncer>> = plan.actors.iter().enumerate().map(declare).collect();
        for &(port, edge) in &placed {
            let (from, to) = (actors[edge.from], actors[edge.to]);
            let spec = EdgeSpec::backpressure(edge.capacity);
            match edge.kind {
                Kind::Backpressure => topology.connect(from, SELECT[port], to, spec),
                Kind::Admission => topology.connect(from, SELECT[port], to, spec.admission()),
                Kind::InFlight(most) => topology.connect(from, SELECT[port], to, spec.in_flight(most)),
                Kind::DropNewest => topology.connect(from, SELECT[port], to, EdgeSpec::drop_newest(edge.capacity)),
                Kind::Conflate => topology.conflate(from, SELECT[port], to, KEYS),
                Kind::Mailbox => {
                    let spec = MailboxSpec::new(edge.capacity, Duration::from_nanos(ROUND_NS));
                    topology.mailbox(from, SELECT[port], to, spec);
                }
            }
        }
        for (ports, &actor) in ports.iter().zip(&actors) {
            let open = (0..PORTS).filter(|&port| ports[port].is_none());
            open.for_each(|port| topology.leave_open(actor, SELECT[port]));
        }
        let receiver = |(index, &actor): (usize, &ActorId<Bouncer>)| {
            let spec = EdgeSpec::backpressure(2 * OUTPUTS_MAX);
            (topology.external_receiver(actor, SELECT[PORTS], spec), placed.len() + index)
        };
        let receivers = actors.iter().enumerate().map(receiver).collect();
        let sender = |&input: &Input| {
            (topology.external_sender("load", actors[input.to], EdgeSpec::backpressure(input.capacity)), input)
        };
        let senders = plan.inputs.iter().map(sender).collect();
        Ok(Run { simulation: topology.simulate()?, wires, timers, senders, receivers, take: plan.take })
    }

    /// Sends the load and runs until nothing moves; returns how many messages passed.
    ///
    /// # Errors
    /// What is wrong then.
    pub(crate) fn finish(mut self) -> Result<u64, String> {
        let mut quiet = 0;
        for round in 0..ROUNDS_MAX as u64 {
            self.simulation.set_time_ns(round * ROUND_NS);
            let mut work = self.send() + self.simulation.turn();
            work += self.receive();
            quiet = if work > 0 { 0 } else { quiet + 1 };
            if quiet > QUIET_ROUNDS {
                return self.judge();
            }
        }
        Err("it never comes to rest".to_owned())
    }

    fn send(&mut self) -> usize {
        let mut sent = 0;
        for (number, (sender, input)) in self.senders.iter_mut().enumerate() {
            while input.messages > 0 {
                let id = mix(input.messages << 8 | number as u64);
                let ball = Ball { id, hops: input.hops, via: u32::MAX, ..Ball::zeroed() };
                if sender.send(ball).is_err() {
                    break;
                }
                input.messages -= 1;
                sent += 1;
            }
        }
        sent
    }

    fn receive(&mut self) -> usize {
        let mut received = 0;
        for (receiver, via) in &mut self.receivers {
            let taken = (0..self.take).map_while(|_| receiver.receive()).count();
            self.wires[*via].received.fetch_add(taken as u64, Relaxed);
            received += taken;
        }
        received
    }

    fn judge(&self) -> Result<u64, String> {
        if let Some(failure) = self.simulation.failures().first() {
            return Err(format!("an actor failed: {failure:?}"));
        }
        if let Some((_, input)) = self.senders.iter().find(|(_, input)| input.messages > 0) {
            return Err(format!("it stands still before {} messages from outside: {input:?}", input.messages));
        }
        let lossless = self.wires.iter().filter(|wire| wire.kind.is_lossless());
        if let Some(wire) = lossless.clone().find(|wire| wire.in_flight() > 0) {
            return Err(format!("it stands still with {} messages on an edge: {wire:?}", wire.in_flight()));
        }
        if self.timers.load(Relaxed) > 0 {
            return Err("a timer never fires".to_owned());
        }
        Ok(lossless.map(|wire| wire.received.load(Relaxed)).sum())
    }
}
