//! What a topology becomes when it starts: one plan per shard, sent to its thread and built there.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::Arc,
};

use crate::{
    net::{EndpointId, EndpointSpec},
    shard::agenda::Agendas,
    shard::cell::Member,
    shard::group::{self, Group},
    shard::time::{ShardEnv, ShardTime},
    shard::transport::Transport,
    shard::wake::Waker,
    shard::{Peer, Shard, Unit, Units},
    telemetry::ShardTelemetry,
    topology::site::Site,
    topology::{ActorDecl, End, Idle, ShardSpec, Topology},
};

pub(crate) struct ShardPlan {
    pub spec: ShardSpec,
    pub waker: Arc<Waker>,
    /// Its actors with their indices in the topology.
    actors: Vec<(u32, ActorDecl)>,
    wakers: Vec<Arc<Waker>>,
    parks: Vec<bool>,
    agendas: Agendas,
    /// By actor: whether it sends nothing to any other, and the group it is in.
    sinks: Vec<bool>,
    groups: Vec<Option<u32>>,
    /// By actor: who exchanges messages with it or with its group.
    neighbours: Arc<Vec<Vec<u32>>>,
}

impl Topology {
    pub(crate) fn into_plans(self) -> Vec<ShardPlan> {
        let agendas = self.agendas();
        let neighbours = Arc::new(self.neighbours());
        let mut sinks: Vec<bool> = self.actors.iter().map(|actor| actor.group.is_none()).collect();
        for edge in &self.edges {
            if let End::Actor(from) = edge.from {
                sinks[from as usize] = false;
            }
        }
        let groups: Vec<Option<u32>> = self.actors.iter().map(|actor| actor.group).collect();
        let parks: Vec<bool> = self.shards.iter().map(|shard| shard.spec.idle == Idle::Park).collect();
        let wakers: Vec<Arc<Waker>> = self.shards.iter().map(|shard| shard.waker.clone()).collect();
        let mut plans: Vec<ShardPlan> = self
            .shards
            .into_iter()
            .map(|shard| ShardPlan {
                spec: shard.spec,
                waker: shard.waker,
                actors: Vec::new(),
                wakers: wakers.clone(),
                parks: parks.clone(),
                agendas: agendas.clone(),
                sinks: sinks.clone(),
                groups: groups.clone(),
                neighbours: neighbours.clone(),
            })
            .collect();
        for (index, actor) in self.actors.into_iter().enumerate() {
            plans[actor.shard as usize].actors.push((index as u32, actor));
        }
        plans
    }

    fn neighbours(&self) -> Vec<Vec<u32>> {
        let unit_of = |actor: u32| match self.actors[actor as usize].group {
            Some(group) => (true, group),
            None => (false, actor),
        };
        let actors = 0..self.actors.len() as u32;
        let of = |failed: u32| {
            let ends = self.edges.iter().filter_map(|edge| match (edge.from, edge.to) {
                (End::Actor(from), End::Actor(to)) => Some((from, to)),
                _ => None,
            });
            let mut near: Vec<u32> = ends
                .filter_map(|(from, to)| match (unit_of(from) == unit_of(failed), unit_of(to) == unit_of(failed)) {
                    (true, false) => Some(to),
                    (false, true) => Some(from),
                    _ => None,
                })
                .collect();
            near.sort_unstable();
            near.dedup();
            near
        };
        actors.map(of).collect()
    }
}

impl ShardPlan {
    /// The endpoints of all its actors, in the order of their ids. Taken out once, for the network that serves them.
    pub fn take_endpoints(&mut self) -> Vec<EndpointSpec> {
        self.actors.iter_mut().flat_map(|(_, actor)| std::mem::take(&mut actor.endpoints)).collect()
    }

    /// Its actors' indices in the topology.
    pub fn actor_indices(&self) -> Vec<u32> {
        self.actors.iter().map(|&(index, _)| index).collect()
    }

    /// How many endpoints each actor has; to be asked before they are taken.
    pub fn endpoint_counts(&self) -> Vec<usize> {
        self.actors.iter().map(|(_, actor)| actor.endpoints.len()).collect()
    }

    /// Builds the shard on the calling thread.
    pub fn build(
        self,
        time: ShardTime,
        telemetry: ShardTelemetry,
        transport: Box<dyn Transport>,
        endpoint_counts: &[usize],
    ) -> Shard {
        let env = Rc::new(ShardEnv { time, telemetry: RefCell::new(telemetry), alarm: Cell::new(false) });
        let mut site = Site::new(env.clone(), &self.parks, self.groups, &self.agendas);
        let mut endpoint_owner = Vec::new();
        let mut units: Vec<Unit> = Vec::new();
        let mut unit_of_actor = HashMap::new();
        let mut groups: HashMap<u32, (usize, Vec<Box<dyn Member>>)> = HashMap::new();
        for ((index, actor), &count) in self.actors.into_iter().zip(endpoint_counts) {
            let first = endpoint_owner.len() as u32;
            let ids: Vec<EndpointId> = (first..first + count as u32).map(EndpointId).collect();
            let cell = actor.plan.build(&mut site, &ids, actor.group.is_some());
            let (waiting, is_sink) = (site.waiting(index), self.sinks[index as usize]);
            match actor.group {
                // A group is polled where its first member stands; it is put there when all members are built.
                Some(group) => {
                    let (unit, members) = groups.entry(group).or_insert_with(|| (units.len(), Vec::new()));
                    if members.is_empty() {
                        let input = self.agendas.inputs[group as usize];
                        let hosted = Box::new(Group::new(Vec::new(), site.agenda(group), input, env.clone()));
                        units.push(Unit { hosted, actors: Vec::new(), waiting, is_sink });
                    }
                    members.push(cell);
                    units[*unit].actors.push(index);
                    unit_of_actor.insert(index, *unit);
                }
                None => {
                    unit_of_actor.insert(index, units.len());
                    units.push(Unit { hosted: cell, actors: vec![index], waiting, is_sink });
                }
            }
            endpoint_owner.extend(ids.iter().map(|_| unit_of_actor[&index]));
        }
        for (group, (unit, members)) in groups {
            let input = self.agendas.inputs[group as usize];
            units[unit].hosted = group::hosted(members, site.agenda(group), input, env.clone());
        }
        let here = |near: &Vec<u32>| {
            let mut units: Vec<usize> = near.iter().filter_map(|actor| unit_of_actor.get(actor).copied()).collect();
            units.sort_unstable();
            units.dedup();
            units
        };
        let neighbours = self.neighbours.iter().map(here).collect();
        let peers = self
            .wakers
            .iter()
            .enumerate()
            .filter_map(|(shard, waker)| Some(Peer { touched: site.touched(shard as u32)?, waker: waker.clone() }))
            .collect();
        Shard::new(Units::new(units, endpoint_owner), transport, env, peers, neighbours)
    }
}
