//! Shards, networks and run options of tests.

use std::time::Duration;

use corelane_runtime::{
    cpu,
    lifecycle::RunOptions,
    net::DriverConfig,
    topology::{Idle, ShardId, ShardSpec, Topology},
};

/// How long a stop may take that should take milliseconds.
const DRAIN_DEADLINE: Duration = Duration::from_secs(20);

/// A shard for a simulation, where CPU and idle strategy have no effect.
pub fn simulated(topology: &mut Topology, name: &str) -> ShardId {
    let cpu = cpu::allowed_cpus()[0];
    topology.shard(ShardSpec::new(name, cpu).idle(Idle::Spin))
}

/// A shard on this CPU that sleeps when idle, with a network of the default sizes.
pub fn parking(topology: &mut Topology, name: &str, cpu: usize) -> ShardId {
    topology.shard(ShardSpec::new(name, cpu))
}

/// Two CPUs that this process may use; the same one twice where there is only one.
pub fn two_cpus() -> [usize; 2] {
    let cpus = cpu::allowed_cpus();
    [cpus[0], *cpus.get(1).unwrap_or(&cpus[0])]
}

/// A network of small sizes, so that its bounds are reached.
pub fn small_net() -> DriverConfig {
    DriverConfig {
        receive_buffers: 16,
        receive_buffer_bytes: 256,
        send_buffer_bytes: 4096,
        connections_max: 8,
        submission_entries: 32,
        max_frame_bytes: 128,
        sends_by_call: 2,
    }
}

/// Housekeeping where it likes, UTC, and a stop that waits as long as a busy machine may need.
pub fn options() -> RunOptions {
    RunOptions::default().drain_deadline(DRAIN_DEADLINE)
}
