//! The capacities of each shard's network driver, and the sockets of each actor.

use super::error::TopologyError;
use crate::{
    net::EndpointSpec,
    topology::{graph::Topology, spec::Idle},
};

pub(super) fn check_net(topology: &Topology, errors: &mut Vec<TopologyError>) {
    for (index, shard) in topology.shards.iter().enumerate() {
        let hosted = topology.actors.iter().filter(|actor| actor.shard as usize == index);
        let endpoints = hosted.map(|actor| actor.endpoints.len()).sum();
        // Without a driver, nobody looks at them.
        if endpoints > 0 || shard.spec.idle == Idle::Park {
            let refused = shard.spec.net.out_of_range(endpoints);
            let shard = &shard.spec.name;
            errors.extend(refused.map(|(field, value, must)| {
                let shard = shard.clone();
                TopologyError::NetBounds { shard, field, value, must }
            }));
        }
    }
    let endpoints =
        topology.actors.iter().flat_map(|actor| actor.endpoints.iter().enumerate().map(move |at| (actor, at)));
    let mut before: Vec<(&str, &EndpointSpec)> = Vec::new();
    for (actor, (index, endpoint)) in endpoints {
        let at = || (actor.name.clone(), index);
        if let Some(why) = endpoint.contradiction() {
            let (actor, endpoint) = at();
            errors.push(TopologyError::Endpoint { actor, endpoint, why });
        }
        if let Some((addr, (other, _))) =
            endpoint.bound().zip(before.iter().find(|(_, other)| endpoint.collides_with(other)))
        {
            let (actor, endpoint) = at();
            errors.push(TopologyError::AddressTaken { actor, endpoint, addr, other: (*other).to_owned() });
        }
        before.push((&actor.name, endpoint));
    }
}
