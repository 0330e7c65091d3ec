//! What housekeeping would know of a simulated topology, and its clock.

use super::{clock::HostClock, world::Simulation};
use crate::{clock::ClockFault, lifecycle::Status};

impl Simulation {
    /// What housekeeping would know now, without the shards' figures: failures, dead letters and restarts, whether the topology is
    /// about to stop by itself, and the shards' time. A running topology gives it to its program's chore.
    #[must_use]
    pub fn status(&self) -> Status {
        let mut status = self.known.clone();
        status.is_halting = self.escalation().is_some();
        status.clock.time_of_day_ns = self.shard_ns(self.now_ns);
        status
    }

    pub(super) fn inject(&mut self, fault: ClockFault) {
        self.clock.get_or_insert_with(|| HostClock::new(self.now_ns)).inject(fault);
    }

    /// The shards' time at a time of the world.
    pub(super) fn shard_ns(&self, now_ns: u64) -> u64 {
        self.clock.as_ref().map_or(now_ns, |clock| clock.at(now_ns))
    }

    /// The earliest time of the world, from `now_ns` on, at which it may be `due_ns` on the shards.
    pub(super) fn due_in_world_ns(&self, now_ns: u64, due_ns: u64) -> u64 {
        self.clock.as_ref().map_or(due_ns, |clock| clock.due_ns(now_ns, due_ns))
    }

    /// The wall clock of the host.
    pub(super) fn utc_ns(&self, now_ns: u64) -> u64 {
        self.clock.as_ref().map_or(now_ns, |clock| clock.utc_ns(now_ns))
    }
}
