//! What a start needs of the host, tried without starting.

use glommio::{CpuSet, LocalExecutorBuilder, Placement};

use super::{
    GLOMMIO_IO_MEMORY,
    descriptors::{FILES_PER_EXECUTOR, require_files},
    error::StartError,
};
use crate::{
    net::{Driver, EndpointId, NetError, probe},
    topology::Topology,
    topology::graph::ShardDecl,
};

impl Topology {
    /// Finds out whether this host gives what a start needs: open files, an executor on the CPU of each shard, a ring for its
    /// network, and the addresses of its endpoints. Nothing stays open. An address that is in use is no error, since it may be this topology that runs already.
    ///
    /// # Errors
    /// The [`StartError`] that a start would end with.
    pub fn check_host(&self) -> Result<(), StartError> {
        require_files(FILES_PER_EXECUTOR * self.shards.len())?;
        require_cpus()?;
        for (index, shard) in self.shards.iter().enumerate() {
            let name = || shard.spec.name.clone();
            let executor = LocalExecutorBuilder::new(Placement::Fixed(shard.spec.cpu)).io_memory(GLOMMIO_IO_MEMORY);
            let started = executor.spawn(|| async {}).and_then(|thread| thread.join());
            started.map_err(|error| StartError::of_executor(name(), error.to_string()))?;
            self.probe_network(index).map_err(|source| StartError::Net { shard: name(), source })?;
        }
        Ok(())
    }

    fn probe_network(&self, shard: usize) -> Result<(), NetError> {
        let ShardDecl { spec, waker } = &self.shards[shard];
        let hosted = self.actors.iter().filter(|actor| actor.shard as usize == shard);
        let endpoints: Vec<_> = hosted.flat_map(|actor| &actor.endpoints).collect();
        let parks = waker.descriptor().map_err(|source| NetError::Eventfd { source })?.is_some();
        if parks || !endpoints.is_empty() {
            Driver::probe(&spec.net, &endpoints)?;
        }
        for (id, endpoint) in endpoints.into_iter().enumerate() {
            match probe(EndpointId(id as u32), endpoint) {
                Ok(()) | Err(NetError::AddressInUse { .. }) => {}
                Err(source) => return Err(source),
            }
        }
        Ok(())
    }
}

/// Makes sure that the executors find the host's CPUs; they would panic.
pub(super) fn require_cpus() -> Result<(), StartError> {
    CpuSet::online().map(drop).map_err(|error| StartError::Cpus { reason: error.to_string() })
}
