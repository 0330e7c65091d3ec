//! The checks of a topology before it starts, with the proof that it cannot deadlock.
//!
//! # Why full edges cannot stand still
//!
//! A step runs only while every edge out of its actor has room, so an actor waits for the consumers of its full
//! edges and for nothing else. Take away the edges that an actor can never wait for:
//!
//! - edges that drop their newest message, or keep only the newest of each key;
//! - *admission* edges: only network and timer callbacks send there, and those leave room or do not run, so no
//!   answer ever waits for them;
//! - edges whose protocol bounds what is in flight, with room for that and two steps more;
//! - edges inside a group that carry at most *n* messages per input, with room for *n* and one step more: a group
//!   takes one input at a time and lets it settle.
//!
//! If what remains has no cycle, some actor with waiting inputs has only consumers that are not blocked; it runs, and
//! so does the next. The runtime enforces the declarations that this rests on.

use std::{collections::BTreeMap, fmt};

use crate::{
    cpu,
    edge::port::Overflow,
    topology::{EdgeDecl, End, Idle, Topology},
};

/// A fault in a topology.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopologyError {
    /// A shard's CPU is not one that this process may use.
    #[error(
        "shard {shard:?}: CPU {cpu} is not among those this process may run on ({allowed:?}); choose one of them, or widen the cpuset"
    )]
    CpuNotAllowed {
        /// The shard.
        shard: String,
        /// Its CPU.
        cpu: usize,
        /// The CPUs of the process's affinity mask.
        allowed: Vec<usize>,
    },
    /// Two shards that spin share a CPU: each would wait for the other's time slice.
    #[error(
        "shards {first:?} and {second:?} share CPU {cpu} and {first:?} spins; give each its own CPU or let both park"
    )]
    CpuShared {
        /// The shard that spins.
        first: String,
        /// The other one.
        second: String,
        /// The CPU.
        cpu: usize,
    },
    /// A port leads nowhere.
    #[error("port {actor}.{port} is not connected; connect it, or say leave_open")]
    PortOpen {
        /// The actor.
        actor: String,
        /// The port.
        port: &'static str,
    },
    /// A port was connected twice; edges have one producer and one consumer.
    #[error("port {actor}.{port} is connected {edges} times; an edge has one consumer: add a port for each")]
    PortShared {
        /// The actor.
        actor: String,
        /// The port.
        port: &'static str,
        /// How often.
        edges: usize,
    },
    /// An edge is so small that its producer's step never has room.
    #[error("edge {edge}: capacity {capacity} is below {least}, the least that lets its producer run a step")]
    CapacityTooSmall {
        /// The edge.
        edge: String,
        /// Declared capacity.
        capacity: usize,
        /// Least capacity.
        least: usize,
    },
    /// An edge from an actor to itself.
    #[error("edge {edge}: an actor cannot send to itself; return Step::More and go on in on_more")]
    SelfEdge {
        /// The edge.
        edge: String,
    },
    /// A group's members are on different shards.
    #[error("group {group:?}: {actor:?} is on another shard than the first member; a group is one shard's")]
    GroupSplit {
        /// The group.
        group: String,
        /// The member elsewhere.
        actor: String,
    },
    /// An actor is a member of two groups.
    #[error("group {group:?}: {actor:?} is a member of another group too; an actor has one")]
    GroupShared {
        /// The group declared first.
        group: String,
        /// The member of both.
        actor: String,
    },
    /// A member of a group has endpoints.
    #[error(
        "group {group:?}: {actor:?} has endpoints; the network is for actors before the sequencer and behind the group"
    )]
    GroupEndpoints {
        /// The group.
        group: String,
        /// The member.
        actor: String,
    },
    /// Something other than the sequenced input comes into a group.
    #[error(
        "group {group:?}: edge {edge} comes in from outside; all input passes the sequencer, on one edge to the first member"
    )]
    GroupInput {
        /// The group.
        group: String,
        /// The edge.
        edge: String,
    },
    /// A sequenced actor would see what depends on when it looks.
    #[error(
        "group {group:?}: edge {edge} keeps only the newest message of each key, and which that is depends on time; give it a queue, or lead it to the sequencer"
    )]
    GroupConflated {
        /// The group.
        group: String,
        /// The edge.
        edge: String,
    },
    /// A group has no input.
    #[error("group {group:?} has no input; connect a sequencer to its first member")]
    GroupWithoutInput {
        /// The group.
        group: String,
    },
    /// A cycle of edges may fill up and stand still.
    #[error(
        "deadlock possible: {} can each wait for the next; make one an admission edge, or bound it per input inside a group",
        .edges.join(" -> ")
    )]
    Deadlock {
        /// The edges of the cycle.
        edges: Vec<String>,
    },
}

/// All faults of a topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopologyErrors(pub Vec<TopologyError>);

impl fmt::Display for TopologyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for TopologyErrors {}

/// A topology that passed: prints its graph and the proof.
#[derive(Clone, Debug)]
pub struct Checked {
    /// One per shard.
    pub shards: Vec<CheckedShard>,
    /// One per edge, in the order of declaration.
    pub edges: Vec<CheckedEdge>,
    /// The actors, each after all that it may wait for.
    pub drain_order: Vec<String>,
}

/// A shard with what it hosts.
#[derive(Clone, Debug)]
pub struct CheckedShard {
    /// Its name.
    pub name: String,
    /// Its CPU.
    pub cpu: usize,
    /// What it does when idle.
    pub idle: Idle,
    /// Its actors in polling order; a group's members as `group/actor`.
    pub actors: Vec<String>,
    /// Its endpoints.
    pub endpoints: usize,
}

/// An edge with what was found about it.
#[derive(Clone, Debug)]
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
    pub fn bytes(&self) -> usize {
        let slots = if self.crosses { self.capacity } else { self.capacity.next_power_of_two() };
        slots * self.slot_bytes
    }
}

pub(crate) fn check(topology: &Topology) -> Result<Checked, TopologyErrors> {
    let mut errors = Vec::new();
    check_cpus(topology, &mut errors);
    check_ports(topology, &mut errors);
    check_edges(topology, &mut errors);
    check_groups(topology, &mut errors);
    let drain_order = drain_order(topology).unwrap_or_else(|cycle| {
        errors.push(TopologyError::Deadlock { edges: cycle });
        Vec::new()
    });
    if errors.is_empty() { Ok(report(topology, drain_order)) } else { Err(TopologyErrors(errors)) }
}

fn check_cpus(topology: &Topology, errors: &mut Vec<TopologyError>) {
    let allowed = cpu::allowed_cpus();
    let mut by_cpu: BTreeMap<usize, Vec<_>> = BTreeMap::new();
    for shard in topology.shards.iter().map(|shard| &shard.spec) {
        if !allowed.contains(&shard.cpu) {
            let (shard, cpu) = (shard.name.clone(), shard.cpu);
            errors.push(TopologyError::CpuNotAllowed { shard, cpu, allowed: allowed.clone() });
        }
        by_cpu.entry(shard.cpu).or_default().push(shard);
    }
    for (cpu, shards) in by_cpu {
        let Some(spinning) = shards.iter().position(|shard| shard.idle == Idle::Spin) else { continue };
        if shards.len() > 1 {
            let other = usize::from(spinning == 0);
            let (first, second) = (shards[spinning].name.clone(), shards[other].name.clone());
            errors.push(TopologyError::CpuShared { first, second, cpu });
        }
    }
}

fn check_ports(topology: &Topology, errors: &mut Vec<TopologyError>) {
    for actor in &topology.actors {
        for port in &actor.ports {
            let (actor, name) = (actor.name.clone(), port.name);
            match port.edges {
                0 if !port.left_open => errors.push(TopologyError::PortOpen { actor, port: name }),
                0 | 1 => {}
                edges => errors.push(TopologyError::PortShared { actor, port: name, edges }),
            }
        }
    }
}

fn check_edges(topology: &Topology, errors: &mut Vec<TopologyError>) {
    for edge in &topology.edges {
        if edge.from == edge.to {
            errors.push(TopologyError::SelfEdge { edge: edge.name.clone() });
        }
        let in_flight = edge.spec.in_flight_max.unwrap_or(0) as usize;
        let least = match edge.from {
            End::Outside => 1,
            // A place for each key.
            End::Actor(_) if edge.spec.overflow == Overflow::Conflate => 1,
            // A network callback leaves room for one step more.
            End::Actor(from) => in_flight + 2 * topology.actors[from as usize].outputs_max,
        };
        if edge.spec.capacity < least {
            let (edge, capacity) = (edge.name.clone(), edge.spec.capacity);
            errors.push(TopologyError::CapacityTooSmall { edge, capacity, least });
        }
    }
}

fn check_groups(topology: &Topology, errors: &mut Vec<TopologyError>) {
    for (index, group) in topology.groups.iter().enumerate() {
        let Some(&first) = group.members.first() else {
            errors.push(TopologyError::GroupWithoutInput { group: group.name.clone() });
            continue;
        };
        let shard = topology.actors[first as usize].shard;
        for &member in &group.members {
            let member = &topology.actors[member as usize];
            if member.group != Some(index as u32) {
                errors.push(TopologyError::GroupShared { group: group.name.clone(), actor: member.name.clone() });
            }
            if !member.endpoints.is_empty() {
                errors.push(TopologyError::GroupEndpoints { group: group.name.clone(), actor: member.name.clone() });
            }
            if member.shard != shard {
                errors.push(TopologyError::GroupSplit { group: group.name.clone(), actor: member.name.clone() });
            }
        }
        let mut inputs = 0;
        for edge in &topology.edges {
            let End::Actor(to) = edge.to else { continue };
            if topology.actors[to as usize].group != Some(index as u32) {
                continue;
            }
            if edge.spec.overflow == Overflow::Conflate {
                errors.push(TopologyError::GroupConflated { group: group.name.clone(), edge: edge.name.clone() });
            }
            if topology.is_internal(edge) {
                continue;
            }
            inputs += 1;
            if to != first || inputs > 1 {
                errors.push(TopologyError::GroupInput { group: group.name.clone(), edge: edge.name.clone() });
            }
        }
        if inputs == 0 {
            errors.push(TopologyError::GroupWithoutInput { group: group.name.clone() });
        }
    }
}

impl Topology {
    /// Whether an edge runs between two members of one group.
    pub(crate) fn is_internal(&self, edge: &EdgeDecl) -> bool {
        let group_of = |end| match end {
            End::Actor(actor) => self.actors[actor as usize].group,
            End::Outside => None,
        };
        group_of(edge.from).is_some() && group_of(edge.from) == group_of(edge.to)
    }

    fn never_waits(&self, edge: &EdgeDecl) -> Option<&'static str> {
        let End::Actor(from) = edge.from else { return Some("comes from outside") };
        let outputs_max = self.actors[from as usize].outputs_max;
        match edge.spec.per_input_max {
            _ if edge.spec.overflow == Overflow::DropNewest => Some("drops its newest"),
            _ if edge.spec.overflow == Overflow::Conflate => Some("keeps the newest of each key"),
            _ if edge.spec.admission => Some("admission: no answer is sent there"),
            _ if edge.spec.in_flight_max.is_some() => Some("what may be in flight fits"),
            Some(most) if self.is_internal(edge) && edge.spec.capacity >= most as usize + outputs_max => {
                Some("one input at a time fits")
            }
            _ => None,
        }
    }

    fn end_name(&self, end: End) -> String {
        match end {
            End::Actor(actor) => self.actors[actor as usize].name.clone(),
            End::Outside => "(outside)".to_owned(),
        }
    }
}

/// The actors in an order in which each comes after all it may wait for, or the edges of a cycle.
fn drain_order(topology: &Topology) -> Result<Vec<String>, Vec<String>> {
    let waits: Vec<(u32, u32, &str)> = topology
        .edges
        .iter()
        .filter(|edge| topology.never_waits(edge).is_none())
        .filter_map(|edge| match (edge.from, edge.to) {
            (End::Actor(from), End::Actor(to)) => Some((from, to, edge.name.as_str())),
            _ => None,
        })
        .collect();
    let mut order = Vec::new();
    let mut done = vec![false; topology.actors.len()];
    while order.len() < topology.actors.len() {
        let ready = (0..topology.actors.len() as u32).find(|&actor| {
            !done[actor as usize] && waits.iter().all(|&(from, to, _)| from != actor || done[to as usize])
        });
        match ready {
            Some(actor) => {
                done[actor as usize] = true;
                order.push(topology.actors[actor as usize].name.clone());
            }
            None => return Err(cycle(&waits, &done)),
        }
    }
    Ok(order)
}

/// Follows edges among the actors that are not done, each of which has one, until one comes again.
fn cycle(waits: &[(u32, u32, &str)], done: &[bool]) -> Vec<String> {
    let next = |actor: u32| waits.iter().find(|&&(from, to, _)| from == actor && !done[to as usize]);
    let mut path: Vec<(u32, String)> = Vec::new();
    let mut actor = done.iter().position(|done| !done).unwrap_or_default() as u32;
    while let Some(&(from, to, name)) = next(actor) {
        if let Some(start) = path.iter().position(|&(seen, _)| seen == from) {
            return path.drain(start..).map(|(_, name)| name).collect();
        }
        path.push((from, name.to_owned()));
        actor = to;
    }
    path.into_iter().map(|(_, name)| name).collect()
}

fn report(topology: &Topology, drain_order: Vec<String>) -> Checked {
    let shards = topology.shards.iter().enumerate().map(|(index, shard)| {
        let hosted = || topology.actors.iter().filter(move |actor| actor.shard as usize == index);
        CheckedShard {
            name: shard.spec.name.clone(),
            cpu: shard.spec.cpu,
            idle: shard.spec.idle,
            actors: hosted()
                .map(|actor| match actor.group {
                    Some(group) => format!("{}/{}", topology.groups[group as usize].name, actor.name),
                    None => actor.name.clone(),
                })
                .collect(),
            endpoints: hosted().map(|actor| actor.endpoints.len()).sum(),
        }
    });
    let edges = topology.edges.iter().map(|edge| CheckedEdge {
        from: if edge.from == End::Outside { format!("(outside) {}", edge.name) } else { edge.name.clone() },
        to: topology.end_name(edge.to),
        capacity: edge.spec.capacity,
        slot_bytes: edge.slot_bytes,
        crosses: edge.crosses,
        overflow: edge.spec.overflow,
        never_waits: topology.never_waits(edge),
    });
    Checked { shards: shards.collect(), edges: edges.collect(), drain_order }
}
