//! Each port's edge, and each edge's capacity.

use super::error::TopologyError;
use crate::{
    edge::overflow::Overflow,
    topology::graph::{EdgeDecl, End, Topology},
    topology::spec::EdgeSpec,
};

pub(super) fn check_ports(topology: &Topology, errors: &mut Vec<TopologyError>) {
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

pub(super) fn check_edges(topology: &Topology, errors: &mut Vec<TopologyError>) {
    for edge in &topology.edges {
        if let Some(spec) = edge.spec.mailbox
            && !spec.is_within_bounds()
        {
            let (edge, length, time_to_live) = (edge.name.clone(), spec.length, spec.time_to_live);
            errors.push(TopologyError::MailboxBounds { edge, length, time_to_live });
            continue;
        }
        if edge.from == edge.to {
            errors.push(TopologyError::SelfEdge { edge: edge.name.clone() });
        }
        if let Some(why) = contradiction(edge) {
            errors.push(TopologyError::EdgeContradiction { edge: edge.name.clone(), why });
        }
        let in_flight = edge.spec.in_flight_max.unwrap_or(0) as usize;
        let least = match edge.from {
            End::Outside => 1,
            // No step waits for room there.
            End::Actor(_) if edge.spec.overflow != Overflow::Backpressure => in_flight.max(1),
            // A network callback leaves room for another step.
            End::Actor(from) => topology.actors[from as usize].outputs_max.saturating_mul(2).saturating_add(in_flight),
        };
        if edge.spec.capacity < least {
            let (edge, capacity) = (edge.name.clone(), edge.spec.capacity);
            errors.push(TopologyError::CapacityTooSmall { edge, capacity, least });
        }
        if edge.bytes() > EdgeSpec::BYTES_MAX {
            let (edge, capacity, slot_bytes) = (edge.name.clone(), edge.spec.capacity, edge.slot_bytes);
            errors.push(TopologyError::CapacityTooLarge { edge, capacity, slot_bytes });
        }
    }
}

/// What an edge asks for that has no effect, or another one than it seems, and what to do about it.
fn contradiction(edge: &EdgeDecl) -> Option<&'static str> {
    let EdgeSpec { overflow, admission, in_flight_max, .. } = edge.spec;
    let waits = overflow == Overflow::Backpressure;
    match (edge.from, admission, in_flight_max) {
        (End::Outside, true, _) => Some(
            "it comes from outside, where no callback is told from an answer, so that admission has no effect; leave \
             EdgeSpec::admission out",
        ),
        (End::Outside, _, Some(_)) => Some(
            "it comes from outside, where nobody counts what is in flight, so that a bound on it has no effect; leave \
             EdgeSpec::in_flight out",
        ),
        (End::Actor(_), true, _) if !waits => Some(
            "it drops when it is full, and keeps no requests out, so that admission would only fail an actor that answers on it; \
             leave EdgeSpec::admission out",
        ),
        (End::Actor(_), _, Some(_)) if !waits => Some(
            "it drops when it is full, but with a bound on what is in flight it would fail its actor instead; leave \
             EdgeSpec::in_flight out",
        ),
        _ => None,
    }
}
