//! The capacities of each shard's network driver.

use super::error::TopologyError;
use crate::topology::{graph::Topology, spec::Idle};

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
}
