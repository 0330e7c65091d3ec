//! What a start needs of the host, tried without starting.

use glommio::{CpuSet, LocalExecutorBuilder, Placement};

use super::{GLOMMIO_IO_MEMORY, error::StartError};
use crate::{
    net::{EndpointId, NetError, probe},
    topology::Topology,
};

impl Topology {
    /// Finds out whether this host gives what a start needs: an executor on the CPU of each shard, and the addresses of its
    /// endpoints. Nothing stays open. An address that is in use is no error, since it may be this topology that runs already.
    ///
    /// # Errors
    /// The [`StartError`] that a start would end with.
    pub fn check_host(&self) -> Result<(), StartError> {
        require_cpus()?;
        for (index, shard) in self.shards.iter().enumerate() {
            let name = || shard.spec.name.clone();
            let executor = LocalExecutorBuilder::new(Placement::Fixed(shard.spec.cpu)).io_memory(GLOMMIO_IO_MEMORY);
            let started = executor.spawn(|| async {}).and_then(|thread| thread.join());
            started.map_err(|error| StartError::of_executor(name(), error.to_string()))?;
            let hosted = self.actors.iter().filter(|actor| actor.shard as usize == index);
            for (id, endpoint) in hosted.flat_map(|actor| &actor.endpoints).enumerate() {
                match probe(EndpointId(id as u32), endpoint) {
                    Ok(()) | Err(NetError::AddressInUse { .. }) => {}
                    Err(source) => return Err(StartError::Net { shard: name(), source }),
                }
            }
        }
        Ok(())
    }
}

/// Makes sure that the executors find the host's CPUs; they would panic.
pub(super) fn require_cpus() -> Result<(), StartError> {
    CpuSet::online().map(drop).map_err(|error| StartError::Cpus { reason: error.to_string() })
}
