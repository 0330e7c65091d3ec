//! What a topology becomes when it starts: one plan per shard, sent to its thread and built there.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::Arc,
};

use crate::{
    actor::Role,
    net::{EndpointId, EndpointSpec},
    shard::flight::LastCalled,
    shard::panics::{self, PanicLocation, PanicMessage},
    shard::time::{ShardEnv, ShardTime},
    shard::transport::Transport,
    shard::wake::Waker,
    shard::{Peer, Shard, Unit, Units},
    telemetry::{Collector, ShardTelemetry, TimingSlots},
    topology::graph::{ActorDecl, End, Topology},
    topology::ids::ActorIndex,
    topology::site::Site,
    topology::spec::{Idle, ShardSpec},
};

pub(crate) struct ShardPlan {
    pub spec: ShardSpec,
    pub waker: Arc<Waker>,
    /// Its actors with their indices in the topology.
    actors: Vec<(u32, ActorDecl)>,
    /// By actor, once registered.
    timings: Vec<TimingSlots>,
    wakers: Vec<Arc<Waker>>,
    parks: Vec<bool>,
    /// By actor: whether it runs last, because it sends nothing to any other.
    sinks: Vec<bool>,
    /// By actor: who exchanges messages with it.
    neighbours: Arc<Vec<Vec<u32>>>,
}

impl Topology {
    pub(crate) fn into_plans(self) -> Vec<ShardPlan> {
        let neighbours = Arc::new(self.neighbours());
        let sinks = self.sinks();
        let parks: Vec<bool> = self.shards.iter().map(|shard| shard.spec.idle == Idle::Park).collect();
        let wakers: Vec<Arc<Waker>> = self.shards.iter().map(|shard| shard.waker.clone()).collect();
        let mut plans: Vec<ShardPlan> = self
            .shards
            .into_iter()
            .map(|shard| ShardPlan {
                spec: shard.spec,
                waker: shard.waker,
                actors: Vec::new(),
                timings: Vec::new(),
                wakers: wakers.clone(),
                parks: parks.clone(),
                sinks: sinks.clone(),
                neighbours: neighbours.clone(),
            })
            .collect();
        for (index, actor) in self.actors.into_iter().enumerate() {
            plans[actor.shard as usize].actors.push((index as u32, actor));
        }
        plans
    }

    /// By actor: whether nothing waits for what it sends. A sequenced actor is none, though its ports be open.
    fn sinks(&self) -> Vec<bool> {
        let mut sinks: Vec<bool> = self.actors.iter().map(|actor| actor.role != Role::Sequenced).collect();
        for edge in &self.edges {
            if let End::Actor(from) = edge.from {
                sinks[from as usize] = false;
            }
        }
        sinks
    }

    fn neighbours(&self) -> Vec<Vec<u32>> {
        let mut neighbours = vec![Vec::new(); self.actors.len()];
        for edge in &self.edges {
            if let (End::Actor(from), End::Actor(to)) = (edge.from, edge.to) {
                neighbours[from as usize].push(to);
                neighbours[to as usize].push(from);
            }
        }
        for near in &mut neighbours {
            near.sort_unstable();
            near.dedup();
        }
        neighbours
    }
}

impl ShardPlan {
    /// The endpoints of all its actors, in the order of their ids. Taken out once, for the network that serves them.
    pub(crate) fn take_endpoints(&mut self) -> Vec<EndpointSpec> {
        self.actors.iter_mut().flat_map(|(_, actor)| std::mem::take(&mut actor.endpoints)).collect()
    }

    /// Its actors' indices in the topology.
    pub(crate) fn actor_indices(&self) -> Vec<u32> {
        self.actors.iter().map(|&(index, _)| index).collect()
    }

    /// Registers the shard and the timings of its actors; to be called once, before it is built.
    pub(crate) fn register(&mut self, collector: &mut Collector) -> ShardTelemetry {
        let actors = self.actors.iter().map(|(_, actor)| (actor.name.clone(), actor.timings));
        let (telemetry, timings) = collector.register(self.spec.name.clone(), actors);
        self.timings = timings;
        telemetry
    }

    /// How many endpoints each actor has; to be asked before they are taken.
    pub(crate) fn endpoint_counts(&self) -> Vec<usize> {
        self.actors.iter().map(|(_, actor)| actor.endpoints.len()).collect()
    }

    /// Builds the shard on the calling thread.
    ///
    /// # Errors
    /// Where the factory of an actor panicked, and what it said. What was built before is dropped then, each by itself: a drop that
    /// panics while the factory's panic unwinds would end the process.
    pub(crate) fn build(
        self,
        time: ShardTime,
        telemetry: ShardTelemetry,
        transport: Box<dyn Transport>,
        endpoint_counts: &[usize],
        last_called: LastCalled,
    ) -> Result<Shard, Box<(PanicLocation, PanicMessage)>> {
        let env = Rc::new(ShardEnv {
            time,
            telemetry: RefCell::new(telemetry),
            alarm: Cell::new(false),
            timers_fired: Cell::new(0),
        });
        let mut site = Site::new(env.clone(), &self.parks);
        let mut endpoint_owner = Vec::new();
        let mut units: Vec<Unit> = Vec::new();
        let mut unit_of_actor = HashMap::new();
        let mut panicked = None;
        let mut actors = self.actors.into_iter().zip(endpoint_counts).zip(self.timings);
        for (((index, actor), &count), timings) in actors.by_ref() {
            site.timings = timings;
            let first = endpoint_owner.len() as u32;
            let ids: Vec<EndpointId> = (first..first + count as u32).map(EndpointId).collect();
            let is_supervised = actor.is_supervised;
            let built = panics::catch(|| actor.plan.build(&mut site, &ids));
            let Ok(hosted) = built else {
                panicked = Some(Box::new(panics::take()));
                break;
            };
            endpoint_owner.extend(ids.iter().map(|_| units.len()));
            unit_of_actor.insert(index, units.len());
            let (waiting, is_sink) = (site.waiting(index), self.sinks[index as usize]);
            let actor = ActorIndex::new(index);
            units.push(Unit { hosted, actor, waiting, is_sink, is_supervised, generation: 0, is_up: true });
        }
        let here = |near: &Vec<u32>| near.iter().filter_map(|actor| unit_of_actor.get(actor).copied()).collect();
        let neighbours = self.neighbours.iter().map(here).collect();
        let peers = self
            .wakers
            .iter()
            .enumerate()
            .filter_map(|(shard, waker)| Some(Peer { touched: site.touched(shard as u32)?, waker: waker.clone() }))
            .collect();
        let mut shard =
            Shard::new(Units::new(units, endpoint_owner, env.clone(), last_called), transport, env, peers, neighbours);
        match panicked {
            None => Ok(shard),
            Some(panicked) => {
                let _ = shard.dispose(&mut Vec::new());
                actors.for_each(|unbuilt| _ = panics::catch(|| drop(unbuilt)));
                Err(panicked)
            }
        }
    }
}
