//! Turns of shards: a seed decides which shard turns when, and which stall; the caller pauses and resumes them.

use std::mem;

use super::{
    super::{chance::Source, trace::hash_of, world::Socket},
    World,
    event::Event,
    plan::ShardPlan,
};
use crate::{shard::cell::Rest, topology::ShardId};

const TURN: Source = Source::new("shard.turn");
const STALL: Source = Source::new("shard.stall");

/// The time of a turn: the next one of the same shard begins this much later.
const TURN_NS: (u64, u64) = (200, 3_000);
/// How soon a shard that waits for room looks again.
const LOOK_AGAIN_NS: u64 = 20_000;
/// Whether a shard stalls is decided once in this time.
const STALL_SLOT_NS: u64 = 10_000_000;

/// A time that does not come.
const NEVER_NS: u64 = u64::MAX;

impl World {
    /// Lets a shard make no turn until it is [resumed](World::resume), as if its thread were stopped.
    pub fn pause(&mut self, shard: ShardId) {
        self.shards[shard.0 as usize].stalled_since_ns.get_or_insert(self.now_ns);
        self.hold_until(shard, NEVER_NS);
    }

    /// Lets a shard go on that is paused or stalls.
    pub fn resume(&mut self, shard: ShardId) {
        self.hold_until(shard, 0);
    }

    fn hold_until(&mut self, shard: ShardId, not_before_ns: u64) {
        let plan = &mut self.shards[shard.0 as usize];
        *plan = ShardPlan { turn_ns: None, not_before_ns, is_stirred: true, ..*plan };
    }

    pub(super) fn stir_all(&mut self) {
        self.shards.iter_mut().for_each(|shard| shard.is_stirred = true);
    }

    pub(super) fn stir(&mut self, shard: ShardId) {
        self.shards[shard.0 as usize].is_stirred = true;
    }

    /// Plans a turn of each stirred shard that has something to do, now or by a timer.
    pub(super) fn plan_turns(&mut self) {
        for index in 0..self.shards.len() {
            if !mem::take(&mut self.shards[index].is_stirred) {
                continue;
            }
            let plan = self.shards[index];
            if plan.not_before_ns == NEVER_NS {
                continue;
            }
            let shard_ns = self.simulation.shard_ns(self.now_ns);
            let shard = &mut self.simulation.shards[index];
            let pending = self.simulation.nets[index].has_work();
            let rest = if pending { Rest::Busy } else { shard.rest(shard_ns) };
            let wanted_ns = match rest {
                Rest::Busy => Some(self.now_ns),
                Rest::WaitsForRoom => Some(self.now_ns + LOOK_AGAIN_NS),
                Rest::Quiet => {
                    shard.next_timer_ns(0, false).map(|due_ns| self.simulation.due_in_world_ns(self.now_ns, due_ns))
                }
            };
            // Supervisors have their turns with shards.
            let restart_ns = if index == 0 { self.simulation.next_restart_ns() } else { None };
            let Some(wanted_ns) = wanted_ns.into_iter().chain(restart_ns).min() else { continue };
            let turn_ns = wanted_ns.max(plan.not_before_ns);
            if plan.turn_ns.is_none_or(|planned_ns| turn_ns < planned_ns) {
                self.shards[index].turn_ns = Some(turn_ns);
                self.schedule(turn_ns, turn_ns.wrapping_mul(31).wrapping_add(index as u64), Event::Turn(index));
            }
        }
    }

    pub(super) fn turn(&mut self, index: usize) {
        let now_ns = self.now_ns;
        let plan = &mut self.shards[index];
        if plan.turn_ns != Some(now_ns) {
            return;
        }
        plan.turn_ns = None;
        plan.is_stirred = true;
        let slot = now_ns / STALL_SLOT_NS;
        let key = slot << 8 | index as u64;
        if mem::replace(&mut self.shards[index].slot, slot) != slot
            && let Some(mut stall) = self.strikes(STALL, key, self.stalls.parts_per_million)
        {
            self.shards[index].not_before_ns = now_ns + stall.within(1, self.stalls.stall_ns_max.max(1));
            self.shards[index].stalled_since_ns.get_or_insert(now_ns);
            return;
        }
        let looked_ns = self.shards[index].stalled_since_ns.take().unwrap_or(now_ns);
        let looked_ns = self.simulation.shard_ns(looked_ns);
        self.simulation.shards[index].env.time.set_looked(looked_ns);
        self.simulation.set_time_ns(now_ns);
        let work = self.simulation.turn_shard(index) + self.simulation.turn_supervisors();
        if work > 0 || self.simulation.shards[index].called() {
            // It may have sent to others, or made room for them.
            self.stir_all();
        }
        self.trace.add(now_ns << 8 | index as u64);
        self.trace.add(work as u64);
        let took_ns = self.draw(TURN, now_ns << 8 | index as u64).within(TURN_NS.0, TURN_NS.1);
        self.shards[index].not_before_ns = now_ns + took_ns;
        self.carry_out(ShardId(index as u32));
    }

    /// Sends off what the actors of a shard have sent and closed.
    pub(super) fn carry_out(&mut self, shard: ShardId) {
        let mut touched = mem::take(&mut self.touched);
        self.net(shard).take_touched(&mut touched);
        for conn in touched.drain(..) {
            if let Some(&id) = self.link_of.get(&(shard.0, conn)) {
                self.pull(id);
            }
        }
        self.touched = touched;
        for datagram in self.net(shard).take_datagrams() {
            let socket = Socket { shard, endpoint: datagram.endpoint };
            let key = hash_of(&datagram.payload) ^ self.now_ns;
            let line = self.lines.get(&socket).cloned().unwrap_or_default();
            for time_ns in self.datagram_arrivals(key, &line).into_iter().flatten() {
                self.schedule(time_ns, key, Event::DatagramOut(socket, datagram.clone()));
            }
        }
    }
}
