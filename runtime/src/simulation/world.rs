//! A topology whose shards take turns on the calling thread.

use std::fmt;

use super::network::SimNet;
use crate::{
    shard::cell::Rest,
    shard::time::ShardTime,
    shard::{Failure, Shard},
    telemetry::Collector,
    topology::check::TopologyErrors,
    topology::plan::ShardPlan,
    topology::{ShardId, Topology},
};

/// The most turns of [`Simulation::run_until_idle`]; it panics if the topology is not at rest by then.
const IDLE_TURNS_MAX: usize = 1_000_000;

impl Topology {
    /// Builds the whole topology on this thread, for simulation and tests.
    ///
    /// # Errors
    /// The faults that [`Topology::check`] finds.
    pub fn simulate(self) -> Result<Simulation, TopologyErrors> {
        self.check()?;
        let mut collector = Collector::new();
        let mut nets = Vec::new();
        let build = |mut plan: ShardPlan| {
            let counts = plan.endpoint_counts();
            plan.take_endpoints();
            let net = SimNet::default();
            nets.push(net.clone());
            let telemetry = plan.register(&mut collector);
            plan.build(ShardTime::simulated(), telemetry, Box::new(net), &counts)
        };
        let mut shards: Vec<Shard> = self.into_plans().into_iter().map(build).collect();
        shards.iter_mut().for_each(Shard::start);
        Ok(Simulation { shards, nets, failures: Vec::new() })
    }
}

/// A running simulation.
pub struct Simulation {
    shards: Vec<Shard>,
    nets: Vec<SimNet>,
    failures: Vec<Failure>,
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation")
            .field("shards", &self.shards.len())
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}

impl Simulation {
    /// Sets the time of all shards, in nanoseconds since midnight. It should not go backwards.
    pub fn set_time_ns(&mut self, wall_ns: u64) {
        self.shards.iter().for_each(|shard| shard.env.time.set(wall_ns));
    }

    /// Makes one turn of every shard, in order; returns the work done.
    pub fn turn(&mut self) -> usize {
        let mut work = 0;
        for index in 0..self.shards.len() {
            let known = self.failures.len();
            work += self.shards[index].turn(&mut self.failures);
            for &failure in &self.failures[known..] {
                let others = self.shards.iter_mut().enumerate().filter(|(other, _)| *other != index);
                others.for_each(|(_, shard)| shard.announce_down(failure));
            }
        }
        work
    }

    /// Makes turns until one does nothing and left nothing to do.
    ///
    /// # Panics
    /// When a million turns did not suffice: some actors keep each other busy.
    pub fn run_until_idle(&mut self) {
        for _ in 0..IDLE_TURNS_MAX {
            if self.turn() == 0 && self.is_at_rest() {
                return;
            }
        }
        panic!("the topology does not come to rest");
    }

    /// Whether no actor has anything to do. A callback that holds its frame is no work, but it may have sent to a shard that
    /// had its turn before.
    fn is_at_rest(&mut self) -> bool {
        self.shards.iter_mut().all(|shard| {
            let now_ns = shard.env.time.wall_ns();
            shard.rest(now_ns) != Rest::Busy
        })
    }

    /// Calls every actor's stop hook, last declared first.
    pub fn stop(&mut self) {
        self.shards.iter_mut().rev().for_each(Shard::stop_actors);
    }

    /// The network of a shard, to play its peers.
    #[must_use]
    pub fn net(&self, shard: ShardId) -> SimNet {
        self.nets[shard.0 as usize].clone()
    }

    /// The failures so far.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }
}
