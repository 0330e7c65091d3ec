//! Each shard's CPU.

use std::collections::BTreeMap;

use super::error::TopologyError;
use crate::{cpu, topology::graph::Topology, topology::spec::Idle};

pub(super) fn check_cpus(topology: &Topology, errors: &mut Vec<TopologyError>) {
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
