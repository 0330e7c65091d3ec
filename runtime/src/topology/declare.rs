//! Declares shards and actors.

use std::{any::Any, rc::Rc, sync::Arc};

use crate::{
    actor::{Actor, NetActor, Role, SequencedActor},
    edge::inlet::Inlet,
    edge::port::Outputs,
    edge::step::StepState,
    net::{EndpointId, EndpointSpec},
    shard::cell::{ActorCell, Hosted, NetCell, SequencedCell},
    shard::wake::Waker,
    topology::graph::{ActorDecl, Plan, PortDecl, ShardDecl, Topology},
    topology::ids::{ActorId, ShardId},
    topology::site::Site,
    topology::spec::{Idle, ShardSpec},
};

/// The most messages that a step of any actor may send on a port: each port keeps places for a batch of such steps.
const OUTPUTS_MAX: usize = 1 << 16;

/// The most timers of any actor, for which it has 40 bytes each from its start on.
const TIMERS_MAX: usize = 1 << 24;

type Factory<A> = Box<dyn FnOnce(&[EndpointId]) -> A + Send>;
type BindPort<A> = Box<dyn FnOnce(&mut <A as Actor>::Out, &mut Site, &Rc<StepState>) + Send>;
type OpenInlet<A> = Box<dyn FnOnce(&mut Site) -> Inlet<<A as Actor>::In> + Send>;

/// What an actor's cell is made of: its factory, and its ends of edges in the order in which these were declared.
pub(crate) struct TypedPlan<A: Actor> {
    factory: Factory<A>,
    pub ports: Vec<BindPort<A>>,
    pub inlets: Vec<OpenInlet<A>>,
    pub is_supervised: bool,
    host: fn(ActorCell<A>) -> Box<dyn Hosted>,
}

impl<A: Actor> Plan for TypedPlan<A> {
    fn build(self: Box<Self>, site: &mut Site, endpoints: &[EndpointId]) -> Box<dyn Hosted> {
        let step = Rc::new(StepState { timings: site.timings, ..StepState::default() });
        let mut out = A::Out::default();
        for bind in self.ports {
            bind(&mut out, site, &step);
        }
        let inlets = self.inlets.into_iter().map(|open| open(site)).collect();
        let actor = (self.factory)(endpoints);
        (self.host)(ActorCell::new(actor, out, inlets, step, site.env.clone(), self.is_supervised))
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl Topology {
    /// A topology with nothing in it.
    #[must_use]
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
    ///
    /// A [`SequencedActor`] does not compile here: declare it with [`Topology::sequenced`].
    ///
    /// ```compile_fail,E0080
    /// # use corelane_runtime::{actor::{SequencedActor, SequencedContext, Step}, message::Message};
    /// # use corelane_runtime::topology::{ShardId, Topology};
    /// # #[derive(Clone, Copy)]
    /// # struct Nothing([u64; 4]);
    /// # impl Message for Nothing {}
    /// # struct Replayable;
    /// # impl SequencedActor for Replayable {
    /// #     type In = Nothing;
    /// #     type Out = ();
    /// #     const OUTPUTS_MAX: usize = 0;
    /// #     fn on_message(&mut self, _: &mut SequencedContext<'_, ()>, _: &Nothing) -> Step {
    /// #         Step::Done
    /// #     }
    /// # }
    /// fn declare(topology: &mut Topology, shard: ShardId) {
    ///     topology.actor(shard, "replayable", || Replayable);
    /// }
    /// # fn main() {
    /// #     let declare: fn(&mut Topology, ShardId) = declare;
    /// #     std::hint::black_box(declare);
    /// # }
    /// ```
    #[track_caller]
    pub fn actor<A: Actor>(
        &mut self,
        shard: ShardId,
        name: impl Into<String>,
        factory: impl FnOnce() -> A + Send + 'static,
    ) -> ActorId<A> {
        const { assert!(!matches!(A::ROLE, Role::Sequenced), "declare a SequencedActor with Topology::sequenced") };
        self.declare(shard, name.into(), Vec::new(), Box::new(|_| factory()), |cell| Box::new(cell))
    }

    /// Declares an actor that owns endpoints; the factory is given their ids in the same order.
    #[track_caller]
    pub fn net_actor<A: NetActor>(
        &mut self,
        shard: ShardId,
        name: impl Into<String>,
        endpoints: Vec<EndpointSpec>,
        factory: impl FnOnce(&[EndpointId]) -> A + Send + 'static,
    ) -> ActorId<A> {
        const { assert!(!matches!(A::ROLE, Role::Sequenced), "a SequencedActor has no network") };
        self.declare(shard, name.into(), endpoints, Box::new(factory), |cell| Box::new(NetCell(cell)))
    }

    /// Declares a sequenced actor: its outputs depend on its input stream alone, so that a replica and a replay give the
    /// same bytes.
    ///
    /// [`Topology::check`] refuses it unless it has exactly one input edge, with backpressure, from a
    /// [`Sequencer`](crate::sequencer::Sequencer) or, for a replay, from an
    /// [`ExternalSender`](crate::topology::ExternalSender).
    ///
    /// # Examples
    /// ```
    /// use corelane_runtime::prelude::*;
    ///
    /// #[derive(Clone, Copy)]
    /// struct Trade {
    ///     quantity: u64,
    /// }
    /// impl Message for Trade {}
    ///
    /// /// Sends each trade on with the quantity traded so far.
    /// #[derive(Default)]
    /// struct Volume(u64);
    ///
    /// impl SequencedActor for Volume {
    ///     type In = Trade;
    ///     type Out = Port<Trade>;
    ///     const OUTPUTS_MAX: usize = 1;
    ///
    ///     fn on_message(&mut self, ctx: &mut SequencedContext<'_, Port<Trade>>, trade: &Trade) -> Step {
    ///         self.0 += trade.quantity;
    ///         ctx.out.send(Trade { quantity: self.0 });
    ///         Step::Done
    ///     }
    /// }
    ///
    /// let mut topology = Topology::new();
    /// let shard = topology.shard(ShardSpec::new("shard", allowed_cpus()[0]));
    /// let volume = topology.sequenced(shard, "volume", Volume::default);
    /// let mut recorded = topology.external_sender("recorded", volume, EdgeSpec::backpressure(8));
    /// let mut outputs = topology.external_receiver(volume, |out| out, EdgeSpec::backpressure(8));
    /// let mut simulation = topology.simulate()?;
    /// for number in 1..=3 {
    ///     let header = Header { sequence: SequenceNumber(number), ..Header::default() };
    ///     assert!(recorded.batch().send_as(header, Trade { quantity: 100 }).is_ok());
    /// }
    /// simulation.run_until_idle();
    /// let volumes: Vec<_> = std::iter::from_fn(|| outputs.receive()).map(|sent| sent.body.quantity).collect();
    /// assert_eq!(volumes, [100, 200, 300]);
    /// # Ok::<(), corelane_runtime::topology::check::TopologyErrors>(())
    /// ```
    #[track_caller]
    pub fn sequenced<A: SequencedActor>(
        &mut self,
        shard: ShardId,
        name: impl Into<String>,
        factory: impl FnOnce() -> A + Send + 'static,
    ) -> ActorId<A> {
        self.declare(shard, name.into(), Vec::new(), Box::new(|_| factory()), |cell| Box::new(SequencedCell(cell)))
    }

    #[track_caller]
    fn declare<A: Actor>(
        &mut self,
        shard: ShardId,
        name: String,
        endpoints: Vec<EndpointSpec>,
        factory: Factory<A>,
        host: fn(ActorCell<A>) -> Box<dyn Hosted>,
    ) -> ActorId<A> {
        const { assert!(<A as Actor>::OUTPUTS_MAX <= OUTPUTS_MAX, "an actor's OUTPUTS_MAX is at most 65,536") };
        const { assert!(A::TIMERS_MAX <= TIMERS_MAX, "an actor's TIMERS_MAX is at most 16,777,216") };
        let known = (shard.0 as usize) < self.shards.len();
        assert!(known, "actor {name:?}: a ShardId of another topology: use one that this topology returned");
        let mut ports = Vec::new();
        <A as Actor>::Out::default().visit(&mut |name, _| ports.push(PortDecl { name, edges: 0, left_open: false }));
        let plan = Box::new(TypedPlan { factory, ports: Vec::new(), inlets: Vec::new(), is_supervised: false, host });
        let (role, outputs_max, timings) = (A::ROLE, <A as Actor>::OUTPUTS_MAX, A::TIMINGS);
        let is_supervised = false;
        let shard = shard.0;
        self.actors.push(ActorDecl { name, shard, role, outputs_max, timings, endpoints, ports, plan, is_supervised });
        ActorId::new(self.actors.len() as u32 - 1)
    }
}
