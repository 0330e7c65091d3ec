//! The proof that full edges cannot deadlock: who waits for whom has no circle.

use crate::{
    edge::overflow::Overflow,
    topology::graph::{EdgeDecl, End, Topology},
};

/// Why the producer of an edge never waits for it, if so.
pub(super) fn never_waits(edge: &EdgeDecl) -> Option<&'static str> {
    match edge.spec.overflow {
        _ if edge.from == End::Outside => Some("comes from outside"),
        Overflow::DropNewest => Some("drops its newest"),
        Overflow::Conflate => Some("keeps the newest of each key"),
        Overflow::Prioritize => Some("drops the newest of a full priority"),
        Overflow::Backpressure if edge.spec.admission => Some("admission: no answer is sent there"),
        Overflow::Backpressure if edge.spec.in_flight_max.is_some() => Some("what may be in flight fits"),
        Overflow::Backpressure => None,
    }
}

/// The actors in an order in which each comes after all it may wait for, or the edges of a circle.
pub(super) fn drain_order(topology: &Topology) -> Result<Vec<String>, Vec<String>> {
    let waits: Vec<(u32, u32, &str)> = topology
        .edges
        .iter()
        .filter(|edge| never_waits(edge).is_none())
        .filter_map(|edge| match (edge.from, edge.to) {
            // An actor that sends to itself is another fault, and reported as such.
            (End::Actor(from), End::Actor(to)) if from != to => Some((from, to, edge.name.as_str())),
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
            None => return Err(circle(&waits, &done)),
        }
    }
    Ok(order)
}

/// Follows edges among the actors that are not done, each of which has one, until one comes again.
fn circle(waits: &[(u32, u32, &str)], done: &[bool]) -> Vec<String> {
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
