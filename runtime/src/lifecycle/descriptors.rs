//! The file descriptors that a topology needs.

use std::{fs::File, io};

use super::error::StartError;
use crate::{
    net,
    topology::{Idle, Topology},
};

/// Files that a shard's executor opens: rings, eventfds, and what it reads of the host's CPUs. Without them it may panic
/// where it should return an error.
pub(super) const FILES_PER_EXECUTOR: usize = 10;

impl Topology {
    /// The file descriptors that the topology may open from its start on and have open at once, by purpose. Compare them with
    /// the process's limit before the start: connections may otherwise take those that the rest of the program needs.
    ///
    /// The eventfd that wakes a shard which parks is open since the shard's declaration, and is not among them.
    #[must_use]
    pub fn descriptors(&self) -> Vec<(&'static str, usize)> {
        let mut sum: Vec<(&'static str, usize)> = Vec::new();
        for (index, shard) in self.shards.iter().enumerate() {
            let hosted = self.actors.iter().filter(|actor| actor.shard as usize == index);
            let endpoints: Vec<_> = hosted.flat_map(|actor| &actor.endpoints).collect();
            let parks = shard.spec.idle == Idle::Park;
            let mut parts =
                vec![("executors of the shards", FILES_PER_EXECUTOR), ("eventfds to sleep on", usize::from(parks))];
            if parks || !endpoints.is_empty() {
                parts.extend(net::descriptors(&shard.spec.net, &endpoints));
            }
            for (purpose, count) in parts {
                match sum.iter_mut().find(|(known, _)| *known == purpose) {
                    Some((_, total)) => *total += count,
                    None => sum.push((purpose, count)),
                }
            }
        }
        sum
    }
}

/// Makes sure that the process may open so many files.
pub(super) fn require_files(count: usize) -> Result<(), StartError> {
    let files: Result<Vec<File>, io::Error> = (0..count).map(|_| File::open("/dev/null")).collect();
    files.map(drop).map_err(|source| StartError::OpenFiles { count, source })
}
