//! Checks the whole, and reports what was found about each part.

use super::cpus::check_cpus;
use super::deadlock::{drain_order, never_waits};
use super::edges::{check_edges, check_ports};
use super::error::{TopologyError, TopologyErrors};
use super::names::check_names;
use super::net::check_net;
use super::sequenced::check_sequenced;
use super::supervision::check_supervision;
use crate::{
    edge::overflow::Overflow,
    supervision::{Restart, SupervisorSpec},
    topology::graph::{End, Topology, bytes_of},
    topology::ids::ActorIndex,
    topology::spec::Idle,
};

/// A topology that passed, with the proof of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Checked {
    /// One per shard.
    pub shards: Vec<CheckedShard>,
    /// One per edge, in the order of declaration.
    pub edges: Vec<CheckedEdge>,
    /// The actors, each after all that it may wait for.
    pub drain_order: Vec<String>,
    /// The supervisors, in the order of declaration.
    pub supervisors: Vec<CheckedSupervisor>,
}

/// A supervisor with its children.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CheckedSupervisor {
    /// What it was declared to do.
    pub spec: SupervisorSpec,
    /// The supervisor above it.
    pub above: Option<String>,
    /// Its actors, and whether they are restarted, in the order of declaration.
    pub actors: Vec<(String, Restart)>,
}

/// A shard with what it hosts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CheckedShard {
    /// Its name.
    pub name: String,
    /// Its CPU.
    pub cpu: usize,
    /// What it does when idle.
    pub idle: Idle,
    /// Its actors in polling order.
    pub actors: Vec<String>,
    /// Its endpoints.
    pub endpoints: usize,
}

/// An edge with what was found about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CheckedEdge {
    /// Producer and port.
    pub from: String,
    /// Consumer.
    pub to: String,
    /// Messages.
    pub capacity: usize,
    /// Bytes of a slot.
    pub slot_bytes: usize,
    /// True if it is a ring between shards, false if a queue within one.
    pub crosses: bool,
    /// What happens when it is full.
    pub overflow: Overflow,
    /// Why its producer never waits for it, if so.
    pub never_waits: Option<&'static str>,
}

impl CheckedEdge {
    /// Memory of its slots.
    #[must_use]
    pub fn bytes(&self) -> usize {
        bytes_of(self.capacity, self.slot_bytes, self.crosses)
    }
}

impl Topology {
    /// Checks the whole: names, CPUs, ports, capacities of edges and of network drivers, sequenced actors, and that full edges cannot deadlock it (the
    /// [proof](crate::topology::check)).
    ///
    /// # Errors
    /// Every fault found, each with its remedy.
    pub fn check(&self) -> Result<Checked, TopologyErrors> {
        let mut errors = Vec::new();
        check_names(self, &mut errors);
        check_cpus(self, &mut errors);
        check_net(self, &mut errors);
        check_ports(self, &mut errors);
        check_edges(self, &mut errors);
        check_sequenced(self, &mut errors);
        check_supervision(self, &mut errors);
        let drain_order = drain_order(self).unwrap_or_else(|circle| {
            errors.push(TopologyError::Deadlock { edges: circle });
            Vec::new()
        });
        if errors.is_empty() { Ok(report(self, drain_order)) } else { Err(TopologyErrors(errors)) }
    }
}

fn report(topology: &Topology, drain_order: Vec<String>) -> Checked {
    let shards = topology.shards.iter().enumerate().map(|(index, shard)| {
        let hosted = || topology.actors.iter().filter(move |actor| actor.shard as usize == index);
        CheckedShard {
            name: shard.spec.name.clone(),
            cpu: shard.spec.cpu,
            idle: shard.spec.idle,
            actors: hosted().map(|actor| actor.name.clone()).collect(),
            endpoints: hosted().map(|actor| actor.endpoints.len()).sum(),
        }
    });
    let edges = topology.edges.iter().map(|edge| CheckedEdge {
        from: if edge.from == End::Outside { format!("(outside) {}", edge.name) } else { edge.name.clone() },
        to: end_name(topology, edge.to),
        capacity: edge.spec.capacity,
        slot_bytes: edge.slot_bytes,
        crosses: edge.crosses,
        overflow: edge.spec.overflow,
        never_waits: never_waits(edge),
    });
    let tree = &topology.tree;
    let supervisors = tree.supervisors().map(|(supervisor, above, spec)| {
        let below = tree.actors().filter(|&(_, by, _)| by == supervisor);
        let name = |actor: ActorIndex| topology.actors[actor.position()].name.clone();
        CheckedSupervisor {
            spec: spec.clone(),
            above: above.map(|above| tree.spec(above).name.clone()),
            actors: below.map(|(actor, _, restart)| (name(actor), restart)).collect(),
        }
    });
    let supervisors = supervisors.collect();
    Checked { shards: shards.collect(), edges: edges.collect(), drain_order, supervisors }
}

fn end_name(topology: &Topology, end: End) -> String {
    match end {
        End::Actor(actor) => topology.actors[actor as usize].name.clone(),
        End::Outside => "(outside)".to_owned(),
    }
}
