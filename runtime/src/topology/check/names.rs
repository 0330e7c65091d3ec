//! Names, by which reports and failures tell parts apart.

use std::collections::BTreeSet;

use super::error::TopologyError;
use crate::topology::graph::Topology;

pub(super) fn check_names(topology: &Topology, errors: &mut Vec<TopologyError>) {
    let shards = topology.shards.iter().map(|shard| &shard.spec.name);
    errors.extend(repeated(shards).into_iter().map(|name| TopologyError::ShardNameTaken { name }));
    let actors = topology.actors.iter().map(|actor| &actor.name);
    errors.extend(repeated(actors).into_iter().map(|name| TopologyError::ActorNameTaken { name }));
}

/// The names that come more than once.
fn repeated<'a>(names: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    names.filter(|&name| !seen.insert(name)).cloned().collect()
}
