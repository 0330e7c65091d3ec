//! Supervisors: names that tell them apart, and no restart of what cannot be restarted, or would not know what is in flight.

use std::collections::BTreeSet;

use super::error::TopologyError;
use crate::{
    supervision::{Escalation, Restart, Strategy, SupervisorId},
    topology::graph::{EdgeDecl, End, Topology},
};

pub(super) fn check_supervision(topology: &Topology, errors: &mut Vec<TopologyError>) {
    let tree = &topology.tree;
    let mut names = BTreeSet::new();
    for (_, above, spec) in tree.supervisors() {
        if !names.insert(&spec.name) {
            errors.push(TopologyError::SupervisorNameTaken { name: spec.name.clone() });
        }
        if above.is_none() && spec.escalation == Escalation::Parent {
            errors.push(TopologyError::NobodyAbove { supervisor: spec.name.clone() });
        }
        if spec.deadline.is_zero() {
            errors.push(TopologyError::NoTimeToRestart { supervisor: spec.name.clone() });
        }
    }
    let mut supervised = BTreeSet::new();
    for (actor, supervisor, restart) in tree.actors() {
        let actor = topology.actors[actor.position()].name.clone();
        if !supervised.insert(actor.clone()) {
            errors.push(TopologyError::SupervisedTwice { actor });
        } else if let Some(by) = (restart == Restart::Significant).then(|| restarts(topology, supervisor)).flatten() {
            errors.push(TopologyError::SignificantRestarted { actor, supervisor: by });
        }
    }
    let restarted = tree.actors().filter(|(.., restart)| *restart == Restart::Permanent);
    for (actor, ..) in restarted {
        let its_own = |edge: &&EdgeDecl| edge.from == End::Actor(actor.position() as u32);
        for edge in topology.edges.iter().filter(its_own).filter(|edge| edge.spec.in_flight_max.is_some()) {
            let actor = topology.actors[actor.position()].name.clone();
            errors.push(TopologyError::InFlightRestarted { actor, edge: edge.name.clone() });
        }
    }
}

/// The supervisor that may stop and restart all children of `supervisor`, if there is one.
fn restarts(topology: &Topology, supervisor: SupervisorId) -> Option<String> {
    let above =
        |of: SupervisorId| topology.tree.supervisors().find(|&(it, ..)| it == of).and_then(|(_, above, _)| above);
    let mut line = std::iter::successors(Some(supervisor), |&of| above(of));
    let may = |of: &SupervisorId| {
        let spec = topology.tree.spec(*of);
        spec.strategy != Strategy::OneForOne || spec.escalation == Escalation::Parent
    };
    line.find(may).map(|of| topology.tree.spec(of).name.clone())
}
