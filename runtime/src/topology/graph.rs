//! The declarations of a topology, as its checks and its plans read them.

use std::{any::Any, fmt, sync::Arc};

use crate::{
    actor::Role,
    net::{EndpointId, EndpointSpec},
    shard::cell::Hosted,
    shard::wake::Waker,
    supervision::Tree,
    supervision::crew::BuildNext,
    telemetry::TimingSet,
    topology::outside::Gate,
    topology::site::Site,
    topology::spec::{EdgeSpec, ShardSpec},
};

/// Actors, shards and edges before they run.
#[derive(Default)]
pub struct Topology {
    pub(crate) shards: Vec<ShardDecl>,
    pub(crate) actors: Vec<ActorDecl>,
    pub(crate) edges: Vec<EdgeDecl>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) tree: Tree,
    /// By actor: how those are built anew that are restarted.
    pub(crate) builds_next: Vec<(u32, BuildNext)>,
}

impl fmt::Debug for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topology")
            .field("shards", &self.shards.iter().map(|shard| &shard.spec.name).collect::<Vec<_>>())
            .field("actors", &self.actors.iter().map(|actor| &actor.name).collect::<Vec<_>>())
            .field("edges", &self.edges.iter().map(|edge| &edge.name).collect::<Vec<_>>())
            .finish()
    }
}

pub(crate) struct ShardDecl {
    pub spec: ShardSpec,
    pub waker: Arc<Waker>,
}

pub(crate) struct ActorDecl {
    pub name: String,
    pub shard: u32,
    pub role: Role,
    pub outputs_max: usize,
    pub timings: TimingSet,
    pub endpoints: Vec<EndpointSpec>,
    pub ports: Vec<PortDecl>,
    pub plan: Box<dyn Plan>,
    pub is_supervised: bool,
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

impl EdgeDecl {
    /// Memory of its slots.
    pub(crate) fn bytes(&self) -> usize {
        bytes_of(self.spec.capacity, self.slot_bytes, self.crosses)
    }
}

/// The memory of an edge's slots: a queue within a shard has a power of two of them.
pub(crate) fn bytes_of(capacity: usize, slot_bytes: usize, crosses: bool) -> usize {
    let slots = if crosses { capacity } else { capacity.checked_next_power_of_two().unwrap_or(usize::MAX) };
    slots.saturating_mul(slot_bytes)
}

/// Builds one actor's cell on its shard's thread.
pub(crate) trait Plan: Send {
    fn build(self: Box<Self>, site: &mut Site, endpoints: &[EndpointId]) -> Box<dyn Hosted>;
    fn as_any(&mut self) -> &mut dyn Any;
}
