//! The input of each sequenced actor, and of sequencers.

use super::error::TopologyError;
use crate::{
    actor::Role,
    edge::overflow::Overflow,
    topology::graph::{EdgeDecl, End, Topology},
};

pub(super) fn check_sequenced(topology: &Topology, errors: &mut Vec<TopologyError>) {
    for edge in topology.edges.iter().filter(|edge| edge.spec.overflow == Overflow::Prioritize) {
        if let End::Actor(to) = edge.to
            && topology.actors[to as usize].role == Role::Sequencer
        {
            let (sequencer, edge) = (topology.actors[to as usize].name.clone(), edge.name.clone());
            errors.push(TopologyError::MailboxSequenced { sequencer, edge });
        }
    }
    let is_sequenced = |&index: &usize| topology.actors[index].role == Role::Sequenced;
    for index in (0..topology.actors.len()).filter(is_sequenced) {
        let actor = || topology.actors[index].name.clone();
        let mut inputs = topology.edges.iter().filter(|edge| edge.to == End::Actor(index as u32));
        let Some(input) = inputs.next() else {
            errors.push(TopologyError::SequencedWithoutInput { actor: actor() });
            continue;
        };
        check_input(topology, input, &actor, errors);
        errors.extend(inputs.map(|edge| TopologyError::SequencedInputs { actor: actor(), edge: edge.name.clone() }));
    }
}

fn check_input(topology: &Topology, input: &EdgeDecl, actor: &dyn Fn() -> String, errors: &mut Vec<TopologyError>) {
    let edge = || input.name.clone();
    if input.spec.overflow != Overflow::Backpressure {
        errors.push(TopologyError::SequencedLossy { actor: actor(), edge: edge() });
    }
    if let End::Actor(from) = input.from
        && topology.actors[from as usize].role != Role::Sequencer
    {
        errors.push(TopologyError::SequencedFrom { actor: actor(), edge: edge() });
    }
}
