//! Connects actors by edges, and lets code outside the topology send and receive.

use crate::{
    actor::Actor,
    edge::bind::{Binding, EdgeIn, Notice},
    edge::conflated::{self, conflated_pair},
    edge::inlet::Inlet,
    edge::mailbox::{MailboxReader, MailboxWriter, mailbox_rings},
    edge::outlet::Outlet,
    edge::port::{AnyPort, Outputs, Port},
    message::{Envelope, Keyed, Message, Prioritized},
    telemetry::{Counters, EdgeCount},
    topology::declare::TypedPlan,
    topology::graph::{ActorDecl, EdgeDecl, End, Topology},
    topology::ids::ActorId,
    topology::outside::{ConflatedReceiver, ExternalReceiver, ExternalSender},
    topology::site::Site,
    topology::spec::{EdgeSpec, MailboxSpec},
};

const FOREIGN_ACTOR: &str = "an ActorId of another topology: use the one that this topology returned";

impl Topology {
    /// Connects a port of one actor to another actor, whose input type the port must have.
    #[track_caller]
    pub fn connect<A: Actor, B: Actor>(
        &mut self,
        from: ActorId<A>,
        port: fn(&mut A::Out) -> &mut Port<B::In>,
        to: ActorId<B>,
        spec: EdgeSpec,
    ) {
        let crosses = self.declared(from).shard != self.declared(to).shard;
        let edge = self.edge::<B::In>(
            self.port_name(from, port),
            End::Actor(from.index()),
            End::Actor(to.index()),
            spec,
            crosses,
        );
        if crosses {
            let (producer, consumer) = rtrb::RingBuffer::new(self.slots(edge));
            let to_shard = self.declared(to).shard;
            self.bind(from, port, edge, move |site| EdgeIn::Ring {
                outlet: Outlet::new(producer),
                touched: site.touched(to_shard),
            });
            self.open(to, move |_| Inlet::Ring { consumer, is_external: false });
        } else {
            self.bind(from, port, edge, move |site| EdgeIn::Local(site.local_queue(edge, spec.capacity)));
            self.open(to, move |site| Inlet::Local(site.local_queue(edge, spec.capacity)));
        }
    }

    /// Connects a port to another actor by an edge that keeps only the newest message of each of `keys` keys
    /// ([`Overflow::Conflate`](crate::edge::port::Overflow::Conflate)): the producer never waits, and the consumer, on whatever shard, sees what has changed
    /// since it last looked. For what is replaced rather than queued, such as best prices.
    #[track_caller]
    pub fn conflate<A: Actor, B: Actor<In: Keyed>>(
        &mut self,
        from: ActorId<A>,
        port: fn(&mut A::Out) -> &mut Port<B::In>,
        to: ActorId<B>,
        keys: usize,
    ) {
        let newest = self.newest(from, port, End::Actor(to.index()), keys, self.other_shard(from, to));
        self.open(to, move |_| Inlet::Other(Box::new(newest)));
    }

    /// Connects a port to another actor by a mailbox: the consumer, on whatever shard, takes messages by their priority, and
    /// none that has waited for longer than it lives. For work that no sequencer numbers and that may be lost or overtaken, such
    /// as queries and reports; [`check`](Self::check) refuses a mailbox to a sequencer or a sequenced actor.
    ///
    /// The producer never waits. A message whose priority is full is dropped and counted
    /// ([`ShardCount::Dropped`](crate::telemetry::ShardCount::Dropped)), one that is too old is counted as
    /// [`Expired`](crate::telemetry::ShardCount::Expired). No priority starves:
    /// [`Priority::others_max`](crate::message::Priority::others_max) is the bound.
    #[track_caller]
    pub fn mailbox<A: Actor, B: Actor<In: Prioritized>>(
        &mut self,
        from: ActorId<A>,
        port: fn(&mut A::Out) -> &mut Port<B::In>,
        to: ActorId<B>,
        spec: MailboxSpec,
    ) {
        let wakes = self.other_shard(from, to);
        let ends = (End::Actor(from.index()), End::Actor(to.index()));
        let name = self.port_name(from, port);
        let edge = self.edge::<B::In>(name, ends.0, ends.1, EdgeSpec::mailbox(spec), wakes.is_some());
        // A message has its time beside it, which takes it to one cache line more.
        self.edges[edge as usize].slot_bytes += 64;
        let (producers, consumers) = mailbox_rings(spec.length.clamp(1, MailboxSpec::LENGTH_MAX));
        self.bind(from, port, edge, move |site| {
            let env = site.env.clone();
            let end = Box::new(MailboxWriter { producers, ticks: move || env.time.ticks() });
            EdgeIn::Other { end, touched: wakes.and_then(|shard| site.touched(shard)) }
        });
        self.open(to, move |site| {
            let env = site.env.clone();
            let time_to_live_ticks = env.time.ticks_of(spec.time_to_live.as_nanos() as u64);
            Inlet::Other(Box::new(MailboxReader::new(consumers, move || env.time.ticks(), time_to_live_ticks)))
        });
    }

    /// Lets code outside the topology read the newest message of each of `keys` keys that a port sends, as
    /// [`Topology::conflate`] does for an actor. The producer never waits for the reader.
    #[track_caller]
    pub fn conflated_receiver<A: Actor, M: Keyed>(
        &mut self,
        from: ActorId<A>,
        port: fn(&mut A::Out) -> &mut Port<M>,
        keys: usize,
    ) -> ConflatedReceiver<M> {
        ConflatedReceiver { newest: self.newest(from, port, End::Outside, keys, None) }
    }

    /// A conflated edge, bound to its producer; `wakes` is its consumer's shard, if that is another one.
    #[track_caller]
    fn newest<A: Actor, M: Keyed>(
        &mut self,
        from: ActorId<A>,
        port: fn(&mut A::Out) -> &mut Port<M>,
        to: End,
        keys: usize,
        wakes: Option<u32>,
    ) -> conflated::Reader<M> {
        let spec = EdgeSpec::conflate(keys);
        let crosses = to == End::Outside || wakes.is_some();
        let edge = self.edge::<M>(self.port_name(from, port), End::Actor(from.index()), to, spec, crosses);
        // A value has a sequence beside it, which takes it to one cache line more.
        self.edges[edge as usize].slot_bytes += 64;
        let (values, newest) = conflated_pair(self.slots(edge));
        self.bind(from, port, edge, move |site| {
            let touched = wakes.and_then(|shard| site.touched(shard));
            EdgeIn::Other { end: Box::new(values), touched }
        });
        newest
    }

    /// Gives code outside the topology a way to send to an actor. The sender may be used from any one thread.
    #[track_caller]
    pub fn external_sender<B: Actor>(&mut self, name: &str, to: ActorId<B>, spec: EdgeSpec) -> ExternalSender<B::In> {
        let edge = self.edge::<B::In>(name.to_owned(), End::Outside, End::Actor(to.index()), spec, true);
        let (producer, consumer) = rtrb::RingBuffer::new(self.slots(edge));
        self.open(to, move |_| Inlet::Ring { consumer, is_external: true });
        let waker = self.shards[self.declared(to).shard as usize].waker.clone();
        ExternalSender { producer, waker, gate: self.gate.clone() }
    }

    /// Lets code outside the topology read what a port sends. On an edge with backpressure, a reader that does not keep up
    /// holds the actor back. One that is dropped does not: once the edge is full, what is on it and what follows is dropped,
    /// counted ([`ShardCount::ReadersGone`](crate::telemetry::ShardCount::ReadersGone)) and warned of.
    #[track_caller]
    pub fn external_receiver<A: Actor, M: Message>(
        &mut self,
        from: ActorId<A>,
        port: fn(&mut A::Out) -> &mut Port<M>,
        spec: EdgeSpec,
    ) -> ExternalReceiver<M> {
        let edge = self.edge::<M>(self.port_name(from, port), End::Actor(from.index()), End::Outside, spec, true);
        let (producer, consumer) = rtrb::RingBuffer::new(self.slots(edge));
        self.bind(from, port, edge, move |_| EdgeIn::Ring { outlet: Outlet::new(producer), touched: None });
        ExternalReceiver { consumer }
    }

    /// Counts how often the actor of a connected port was held for want of room in its edge; any thread can read the counter. Only
    /// an edge with backpressure holds anybody.
    #[track_caller]
    pub fn watch<A: Actor, M: Message>(
        &mut self,
        from: ActorId<A>,
        port: fn(&mut A::Out) -> &mut Port<M>,
    ) -> Counters<EdgeCount> {
        let counters = Counters::default();
        let watched = counters.clone();
        self.plan(from).ports.push(Box::new(move |out, _, _| port(out).watch(watched)));
        counters
    }

    /// Declares that a port is meant to lead nowhere; any other open port is an error.
    #[track_caller]
    pub fn leave_open<A: Actor, M: Message>(&mut self, from: ActorId<A>, port: fn(&mut A::Out) -> &mut Port<M>) {
        let index = port_index::<A, M>(port);
        self.declared_mut(from).ports.get_mut(index).expect(FOREIGN_ACTOR).left_open = true;
    }

    /// The shard of a consumer, if it is another one than its producer's.
    #[track_caller]
    fn other_shard<A: Actor, B: Actor>(&self, from: ActorId<A>, to: ActorId<B>) -> Option<u32> {
        let to_shard = self.declared(to).shard;
        (to_shard != self.declared(from).shard).then_some(to_shard)
    }

    #[track_caller]
    fn port_name<A: Actor, M: Message>(&self, from: ActorId<A>, port: fn(&mut A::Out) -> &mut Port<M>) -> String {
        let actor = self.declared(from);
        let port = actor.ports.get(port_index::<A, M>(port)).expect(FOREIGN_ACTOR);
        format!("{}.{}", actor.name, port.name)
    }

    fn edge<M: Message>(&mut self, name: String, from: End, to: End, spec: EdgeSpec, crosses: bool) -> u32 {
        self.edges.push(EdgeDecl { name, from, to, spec, slot_bytes: Envelope::<M>::SLOT_BYTES, crosses });
        self.edges.len() as u32 - 1
    }

    /// The slots to allocate for an edge. One is enough if check refuses its capacity.
    fn slots(&self, edge: u32) -> usize {
        let edge = &self.edges[edge as usize];
        if edge.bytes() > EdgeSpec::BYTES_MAX { 1 } else { edge.spec.capacity.max(1) }
    }

    #[track_caller]
    fn bind<A: Actor, M: Message>(
        &mut self,
        from: ActorId<A>,
        port: fn(&mut A::Out) -> &mut Port<M>,
        edge: u32,
        edge_in: impl FnOnce(&mut Site) -> EdgeIn<M> + Send + 'static,
    ) {
        let declared = &mut self.declared_mut(from).ports[port_index::<A, M>(port)];
        declared.edges += 1;
        let EdgeDecl { to, spec, .. } = self.edges[edge as usize];
        let EdgeSpec { capacity, overflow, admission, in_flight_max, mailbox: _ } = spec;
        self.plan(from).ports.push(Box::new(move |out, site, step| {
            let (edge, notice) = match (edge_in(site), to) {
                (local @ EdgeIn::Local(_), End::Actor(to)) => (local, Notice::Consumer(site.waiting(to))),
                (other, _) => (other, Notice::Flush),
            };
            let (always_fits, is_external) = (in_flight_max.is_some(), to == End::Outside);
            let binding = Binding { edge, notice, capacity, overflow, admission, always_fits, is_external };
            port(out).bind(binding, step.clone(), A::OUTPUTS_MAX);
        }));
    }

    #[track_caller]
    fn open<B: Actor>(&mut self, to: ActorId<B>, inlet: impl FnOnce(&mut Site) -> Inlet<B::In> + Send + 'static) {
        self.plan(to).inlets.push(Box::new(inlet));
    }

    #[track_caller]
    fn declared<A: Actor>(&self, actor: ActorId<A>) -> &ActorDecl {
        self.actors.get(actor.index() as usize).expect(FOREIGN_ACTOR)
    }

    #[track_caller]
    pub(crate) fn declared_mut<A: Actor>(&mut self, actor: ActorId<A>) -> &mut ActorDecl {
        self.actors.get_mut(actor.index() as usize).expect(FOREIGN_ACTOR)
    }

    #[track_caller]
    pub(crate) fn plan<A: Actor>(&mut self, actor: ActorId<A>) -> &mut TypedPlan<A> {
        let plan = self.declared_mut(actor).plan.as_any().downcast_mut();
        plan.expect(FOREIGN_ACTOR)
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
