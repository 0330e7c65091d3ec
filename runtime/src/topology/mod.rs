//! The topology: shards, actors, edges and groups, declared in code, checked as a whole, then started.
//!
//! Nothing is built while declaring: an actor's factory runs on its shard's thread, so that what it allocates is
//! local to it and need not be `Send`.

pub mod check;
pub(crate) mod plan;
pub(crate) mod site;

use std::{any::Any, marker::PhantomData, rc::Rc, sync::Arc};

use crate::{
    actor::{Actor, NetActor},
    edge::conflated::{TakeConflated, conflated_pair},
    edge::inlet::Inlet,
    edge::outlet::Outlet,
    edge::port::{AnyPort, Binding, EdgeIn, Notice, Outputs, Overflow, Port, StepState},
    message::{Envelope, Header, Keyed, Message},
    net::{DriverConfig, EndpointId, EndpointSpec},
    shard::cell::{ActorCell, Member, NetCell},
    shard::wake::Waker,
    topology::check::{Checked, TopologyErrors},
    topology::site::Site,
};

/// What a shard does when it has nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Polls on: the CPU is its own.
    Spin,
    /// Polls, then sleeps 50 µs at a time: spares the CPU, costs a sleep's length in latency.
    Backoff,
    /// Polls for a while, then sleeps until woken by a packet, a message, a timer or a task.
    Park,
}

/// A shard to be: one thread on one CPU.
#[derive(Clone, Debug)]
pub struct ShardSpec {
    /// Its name, in reports and as thread name (15 bytes of it).
    pub name: String,
    /// The CPU to pin to.
    pub cpu: usize,
    /// What it does when idle.
    pub idle: Idle,
    /// Sizes of its network driver; needed if an actor on it has endpoints.
    pub net: DriverConfig,
}

/// A declared shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardId(pub(crate) u32);

/// A declared actor, typed.
pub struct ActorId<A> {
    pub(crate) index: u32,
    actor: PhantomData<fn() -> A>,
}

impl<A> Clone for ActorId<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for ActorId<A> {}

impl<A> ActorId<A> {
    /// Its index in the order of declaration, as [`Down`](crate::actor::Down) names it.
    pub fn index(self) -> u32 {
        self.index
    }
}

/// An edge's declared bounds. There is no default: capacity and overflow are part of the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeSpec {
    pub(crate) capacity: usize,
    pub(crate) overflow: Overflow,
    pub(crate) admission: bool,
    pub(crate) per_input_max: Option<u32>,
    pub(crate) in_flight_max: Option<u32>,
}

impl EdgeSpec {
    /// An edge of `capacity` messages that holds its producer back when full.
    pub const fn backpressure(capacity: usize) -> Self {
        EdgeSpec {
            capacity,
            overflow: Overflow::Backpressure,
            admission: false,
            per_input_max: None,
            in_flight_max: None,
        }
    }

    /// An edge of `capacity` messages that drops the newest when full ([`Overflow::DropNewest`]). A step may send any
    /// number on it.
    pub const fn drop_newest(capacity: usize) -> Self {
        EdgeSpec {
            capacity,
            overflow: Overflow::DropNewest,
            admission: false,
            per_input_max: None,
            in_flight_max: None,
        }
    }

    /// Only network and timer callbacks send on this edge, never an answer to a message (enforced): a full edge then
    /// keeps requests out and nothing else.
    pub const fn admission(mut self) -> Self {
        self.admission = true;
        self
    }

    /// At most `messages` are sent on this edge for one sequenced input (enforced). Inside a group, which takes one
    /// input at a time, an edge with room for them can never fill.
    pub const fn per_input(mut self, messages: u32) -> Self {
        self.per_input_max = Some(messages);
        self
    }

    /// The two actors' protocol lets at most `messages` be on this edge at once, for example because each is sent in
    /// answer to one: an edge with room for them never fills. A producer that breaks its word fails.
    pub const fn in_flight(mut self, messages: u32) -> Self {
        self.in_flight_max = Some(messages);
        self
    }
}

/// Actors, shards, edges and groups before they run.
#[derive(Default)]
pub struct Topology {
    pub(crate) shards: Vec<ShardDecl>,
    pub(crate) actors: Vec<ActorDecl>,
    pub(crate) edges: Vec<EdgeDecl>,
    pub(crate) groups: Vec<GroupDecl>,
}

pub(crate) struct ShardDecl {
    pub spec: ShardSpec,
    pub waker: Arc<Waker>,
}

pub(crate) struct ActorDecl {
    pub name: String,
    pub shard: u32,
    pub group: Option<u32>,
    pub outputs_max: usize,
    pub endpoints: Vec<EndpointSpec>,
    pub ports: Vec<PortDecl>,
    pub plan: Box<dyn Plan>,
}

pub(crate) struct PortDecl {
    pub name: &'static str,
    pub edges: usize,
    pub left_open: bool,
}

/// One end of an edge: an actor, or code outside the topology.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Actor(u32),
    Outside,
}

pub(crate) struct EdgeDecl {
    pub name: String,
    pub from: End,
    pub to: End,
    pub spec: EdgeSpec,
    pub slot_bytes: usize,
    pub crosses: bool,
}

pub(crate) struct GroupDecl {
    pub name: String,
    pub members: Vec<u32>,
}

/// Builds one actor's cell on its shard's thread.
pub(crate) trait Plan: Send {
    fn build(self: Box<Self>, site: &mut Site, endpoints: &[EndpointId], sequenced: bool) -> Box<dyn Member>;
    fn as_any(&mut self) -> &mut dyn Any;
}

type Factory<A> = Box<dyn FnOnce(&[EndpointId]) -> A + Send>;
type BindPort<A> = Box<dyn FnOnce(&mut <A as Actor>::Out, &mut Site, &Rc<StepState>) + Send>;
type OpenInlet<A> = Box<dyn FnOnce(&mut Site) -> Inlet<<A as Actor>::In> + Send>;

struct TypedPlan<A: Actor> {
    factory: Factory<A>,
    ports: Vec<BindPort<A>>,
    inlets: Vec<OpenInlet<A>>,
    host: fn(ActorCell<A>) -> Box<dyn Member>,
}

impl<A: Actor> Plan for TypedPlan<A> {
    fn build(self: Box<Self>, site: &mut Site, endpoints: &[EndpointId], sequenced: bool) -> Box<dyn Member> {
        let step = Rc::new(StepState::default());
        let mut out = A::Out::default();
        for bind in self.ports {
            bind(&mut out, site, &step);
        }
        let inlets = self.inlets.into_iter().map(|open| open(site)).collect();
        let timers_max = if sequenced { 0 } else { A::TIMERS_MAX };
        let actor = (self.factory)(endpoints);
        (self.host)(ActorCell::new(actor, out, inlets, step, site.env.clone(), timers_max))
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl Topology {
    /// A topology with nothing in it.
    pub fn new() -> Self {
        Topology::default()
    }

    /// Declares a shard.
    pub fn shard(&mut self, spec: ShardSpec) -> ShardId {
        let waker = Arc::new(Waker::new(spec.idle == Idle::Park));
        self.shards.push(ShardDecl { spec, waker });
        ShardId(self.shards.len() as u32 - 1)
    }

    /// Declares an actor on a shard; `factory` runs on the shard's thread at start. Actors of a shard are polled in
    /// the order of declaration.
    pub fn actor<A: Actor>(
        &mut self,
        shard: ShardId,
        name: impl Into<String>,
        factory: impl FnOnce() -> A + Send + 'static,
    ) -> ActorId<A> {
        self.declare(shard, name.into(), Vec::new(), Box::new(|_| factory()), |cell| Box::new(cell))
    }

    /// Declares an actor that owns endpoints; the factory is given their ids in the same order.
    pub fn net_actor<A: NetActor>(
        &mut self,
        shard: ShardId,
        name: impl Into<String>,
        endpoints: Vec<EndpointSpec>,
        factory: impl FnOnce(&[EndpointId]) -> A + Send + 'static,
    ) -> ActorId<A> {
        self.declare(shard, name.into(), endpoints, Box::new(factory), |cell| Box::new(NetCell(cell)))
    }

    fn declare<A: Actor>(
        &mut self,
        shard: ShardId,
        name: String,
        endpoints: Vec<EndpointSpec>,
        factory: Factory<A>,
        host: fn(ActorCell<A>) -> Box<dyn Member>,
    ) -> ActorId<A> {
        let mut ports = Vec::new();
        A::Out::default().visit(&mut |name, _| ports.push(PortDecl { name, edges: 0, left_open: false }));
        let plan = Box::new(TypedPlan { factory, ports: Vec::new(), inlets: Vec::new(), host });
        let outputs_max = A::OUTPUTS_MAX;
        self.actors.push(ActorDecl { name, shard: shard.0, group: None, outputs_max, endpoints, ports, plan });
        ActorId { index: self.actors.len() as u32 - 1, actor: PhantomData }
    }

    /// Makes a group of actors that are already declared (by their [`ActorId::index`]), all on one shard. They are
    /// one unit to the shard, take their messages in the order in which they were sent, and the first declared takes the
    /// sequenced input.
    pub fn group(&mut self, name: impl Into<String>, members: &[u32]) {
        let group = self.groups.len() as u32;
        let mut members = members.to_vec();
        members.sort_unstable();
        members.dedup();
        for &member in &members {
            self.actors[member as usize].group = Some(group);
        }
        self.groups.push(GroupDecl { name: name.into(), members });
    }

    /// Connects a port of one actor to another actor, whose input type the port must have.
    pub fn connect<A: Actor, B: Actor>(
        &mut self,
        from: ActorId<A>,
        port: fn(&mut A::Out) -> &mut Port<B::In>,
        to: ActorId<B>,
        spec: EdgeSpec,
    ) {
        let crosses = self.actors[from.index as usize].shard != self.actors[to.index as usize].shard;
        let edge =
            self.edge::<B::In>(self.port_name(from, port), End::Actor(from.index), End::Actor(to.index), spec, crosses);
        if crosses {
            let (producer, consumer) = rtrb::RingBuffer::new(spec.capacity.max(1));
            let to_shard = self.actors[to.index as usize].shard;
            self.bind(from, port, edge, move |site| EdgeIn::Ring {
                outlet: Outlet::new(producer),
                touched: site.touched(to_shard),
            });
            self.open(to, move |_| Inlet::Ring(consumer));
        } else {
            self.bind(from, port, edge, move |site| EdgeIn::Local(site.local_queue(edge, spec.capacity)));
            self.open(to, move |site| Inlet::Local(site.local_queue(edge, spec.capacity)));
        }
    }

    /// Connects a port to another actor by an edge that keeps only the newest message of each of `keys` keys
    /// ([`Overflow::Conflate`]): the producer never waits, and the consumer, on whatever shard, sees what has changed
    /// since it last looked. For what is replaced rather than queued, such as best prices.
    pub fn conflate<A: Actor, B: Actor<In: Keyed>>(
        &mut self,
        from: ActorId<A>,
        port: fn(&mut A::Out) -> &mut Port<B::In>,
        to: ActorId<B>,
        keys: usize,
    ) {
        let from_shard = self.actors[from.index as usize].shard;
        let to_shard = Some(self.actors[to.index as usize].shard).filter(|shard| *shard != from_shard);
        let (_, newest) = self.newest(from, port, End::Actor(to.index), keys, to_shard);
        self.open(to, move |_| Inlet::Conflated(newest));
    }

    /// Lets code outside the topology read the newest message of each of `keys` keys that a port sends, as
    /// [`Topology::conflate`] does for an actor. The producer never waits for the reader.
    pub fn conflated_receiver<A: Actor, M: Keyed>(
        &mut self,
        from: ActorId<A>,
        port: fn(&mut A::Out) -> &mut Port<M>,
        keys: usize,
    ) -> ConflatedReceiver<M> {
        let (_, newest) = self.newest(from, port, End::Outside, keys, None);
        ConflatedReceiver { newest }
    }

    /// An edge that keeps the newest, bound to its producer; `wakes` is the other shard that its consumer is on.
    fn newest<A: Actor, M: Keyed>(
        &mut self,
        from: ActorId<A>,
        port: fn(&mut A::Out) -> &mut Port<M>,
        to: End,
        keys: usize,
        wakes: Option<u32>,
    ) -> (u32, Box<dyn TakeConflated<M>>) {
        let spec = EdgeSpec { overflow: Overflow::Conflate, ..EdgeSpec::backpressure(keys) };
        let crosses = to == End::Outside || wakes.is_some();
        let edge = self.edge::<M>(self.port_name(from, port), End::Actor(from.index), to, spec, crosses);
        // A value has a sequence beside it, which takes it to one cache line more.
        self.edges[edge as usize].slot_bytes += 64;
        let (values, newest) = conflated_pair(keys.max(1));
        self.bind(from, port, edge, move |site| {
            let touched = wakes.and_then(|shard| site.touched(shard));
            EdgeIn::Conflated { values, touched }
        });
        (edge, newest)
    }

    /// Gives code outside the topology a way to send to an actor. The sender may be used from any one thread.
    pub fn external_sender<B: Actor>(&mut self, name: &str, to: ActorId<B>, spec: EdgeSpec) -> ExternalSender<B::In> {
        self.edge::<B::In>(name.to_owned(), End::Outside, End::Actor(to.index), spec, true);
        let (producer, consumer) = rtrb::RingBuffer::new(spec.capacity.max(1));
        self.open(to, move |_| Inlet::Ring(consumer));
        let shard = self.actors[to.index as usize].shard;
        ExternalSender { producer, waker: self.shards[shard as usize].waker.clone() }
    }

    /// Lets code outside the topology read what a port sends. With an edge that holds, the reader must keep up.
    pub fn external_receiver<A: Actor, M: Message>(
        &mut self,
        from: ActorId<A>,
        port: fn(&mut A::Out) -> &mut Port<M>,
        spec: EdgeSpec,
    ) -> ExternalReceiver<M> {
        let edge = self.edge::<M>(self.port_name(from, port), End::Actor(from.index), End::Outside, spec, true);
        let (producer, consumer) = rtrb::RingBuffer::new(spec.capacity.max(1));
        self.bind(from, port, edge, move |_| EdgeIn::Ring { outlet: Outlet::new(producer), touched: None });
        ExternalReceiver { consumer }
    }

    /// Says that a port is meant to go nowhere; any other open port is an error.
    pub fn leave_open<A: Actor, M: Message>(&mut self, from: ActorId<A>, port: fn(&mut A::Out) -> &mut Port<M>) {
        let index = port_index::<A, M>(port);
        self.actors[from.index as usize].ports[index].left_open = true;
    }

    /// Checks the whole: CPUs, ports, capacities, groups, and that no cycle of full edges can stand still.
    ///
    /// # Errors
    /// Every fault found, each with its remedy.
    pub fn check(&self) -> Result<Checked, TopologyErrors> {
        check::check(self)
    }

    fn port_name<A: Actor, M: Message>(&self, from: ActorId<A>, port: fn(&mut A::Out) -> &mut Port<M>) -> String {
        let actor = &self.actors[from.index as usize];
        format!("{}.{}", actor.name, actor.ports[port_index::<A, M>(port)].name)
    }

    fn edge<M: Message>(&mut self, name: String, from: End, to: End, spec: EdgeSpec, crosses: bool) -> u32 {
        self.edges.push(EdgeDecl { name, from, to, spec, slot_bytes: Envelope::<M>::SLOT_BYTES, crosses });
        self.edges.len() as u32 - 1
    }

    fn bind<A: Actor, M: Message>(
        &mut self,
        from: ActorId<A>,
        port: fn(&mut A::Out) -> &mut Port<M>,
        edge: u32,
        edge_in: impl FnOnce(&mut Site) -> EdgeIn<M> + Send + 'static,
    ) {
        let declared = &mut self.actors[from.index as usize].ports[port_index::<A, M>(port)];
        declared.edges += 1;
        let EdgeDecl { to, spec, .. } = self.edges[edge as usize];
        let EdgeSpec { capacity, overflow, admission, per_input_max, in_flight_max } = spec;
        self.plan(from).ports.push(Box::new(move |out, site, step| {
            let (internal, always_fits) = (site.is_internal(edge), in_flight_max.is_some());
            let (edge, notice) = match (edge_in(site), to) {
                (local @ EdgeIn::Local(_), End::Actor(to)) => (local, site.notice(edge, to)),
                (other, _) => (other, Notice::Flush),
            };
            let binding = Binding { edge, notice, capacity, overflow, admission, internal, always_fits, per_input_max };
            port(out).bind(binding, step.clone(), A::OUTPUTS_MAX);
        }));
    }

    fn open<B: Actor>(&mut self, to: ActorId<B>, inlet: impl FnOnce(&mut Site) -> Inlet<B::In> + Send + 'static) {
        self.plan(to).inlets.push(Box::new(inlet));
    }

    fn plan<A: Actor>(&mut self, actor: ActorId<A>) -> &mut TypedPlan<A> {
        let plan = self.actors[actor.index as usize].plan.as_any().downcast_mut();
        plan.expect("an ActorId is used only with the topology that made it")
    }
}

/// Which of an actor's ports a selector picks.
fn port_index<A: Actor, M: Message>(port: fn(&mut A::Out) -> &mut Port<M>) -> usize {
    let mut out = A::Out::default();
    let picked = std::ptr::from_mut(port(&mut out)).cast::<()>();
    let (mut index, mut found) = (0, None);
    out.visit(&mut |_, any: &mut dyn AnyPort| {
        if std::ptr::from_mut(any).cast::<()>() == picked {
            found = Some(index);
        }
        index += 1;
    });
    found.expect("Outputs::visit shows every port")
}

/// Sends to an actor from outside the topology.
pub struct ExternalSender<M> {
    producer: rtrb::Producer<Envelope<M>>,
    waker: Arc<Waker>,
}

impl<M: Message> ExternalSender<M> {
    /// Sends `body`; hands it back when the edge is full.
    ///
    /// # Errors
    /// The message, when there is no room for it now.
    pub fn send(&mut self, body: M) -> Result<(), M> {
        self.batch().send(body)
    }

    /// For several messages at once: the actor's shard is woken when the batch is dropped, once.
    #[inline]
    pub fn batch(&mut self) -> SenderBatch<'_, M> {
        SenderBatch { sender: self, is_empty: true }
    }
}

/// See [`ExternalSender::batch`].
pub struct SenderBatch<'a, M: Message> {
    sender: &'a mut ExternalSender<M>,
    is_empty: bool,
}

impl<M: Message> SenderBatch<'_, M> {
    /// As [`ExternalSender::send`]. The actor may see the message before the batch is dropped.
    ///
    /// # Errors
    /// The message, when there is no room for it now.
    // Always in line: then the message is made in its place, as in `Port::send`.
    #[inline(always)]
    pub fn send(&mut self, body: M) -> Result<(), M> {
        self.send_as(Header::default(), body)
    }

    /// The same with the header that a sequencer gave the message: for a group whose sequencer is elsewhere, or whose
    /// inputs were recorded. Its kind is the body's in any case.
    ///
    /// # Errors
    /// The message, when there is no room for it now.
    #[inline(always)]
    pub fn send_as(&mut self, header: Header, body: M) -> Result<(), M> {
        let envelope = Envelope { header: Header { kind: body.kind(), ..header }, body };
        self.sender.producer.push(envelope).map_err(|rtrb::PushError::Full(envelope)| envelope.body)?;
        self.is_empty = false;
        Ok(())
    }
}

impl<M: Message> Drop for SenderBatch<'_, M> {
    fn drop(&mut self) {
        if !self.is_empty {
            self.sender.waker.wake_after_push();
        }
    }
}

/// Reads what a port sends, outside the topology.
pub struct ExternalReceiver<M> {
    consumer: rtrb::Consumer<Envelope<M>>,
}

impl<M: Message> ExternalReceiver<M> {
    /// The oldest message not yet read.
    pub fn receive(&mut self) -> Option<Envelope<M>> {
        self.consumer.pop().ok()
    }
}

/// Reads the newest message of each key that a port sends, outside the topology.
pub struct ConflatedReceiver<M> {
    newest: Box<dyn TakeConflated<M>>,
}

impl<M: Keyed> ConflatedReceiver<M> {
    /// The newest message of a key whose message was replaced since it was last read; `None` when there is no such key.
    /// Keys have their turn round and round.
    pub fn receive(&mut self) -> Option<Envelope<M>> {
        self.newest.take()
    }

    /// Messages that a newer one replaced before they were read, as far as the newer ones have been read.
    pub fn conflated(&self) -> u64 {
        self.newest.overwritten()
    }
}
