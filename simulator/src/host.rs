//! Faults of the host: shards that are paused and resumed, sockets that take no datagrams, a wall clock that is set.

use corelane_runtime::{
    clock::ClockFault,
    simulation::{Source, World},
    topology::ShardId,
};

use crate::profile::Rates;

/// Tokens of its wake-ups.
pub(crate) const HOST: u64 = 6 << 56;

pub(crate) const PAUSE: Source = Source::new("host.pause");
pub(crate) const NO_BUFFERS: Source = Source::new("host.no-buffers");
pub(crate) const CLOCK: Source = Source::new("host.clock");
/// What happens is decided once in this time.
const SLOT_NS: u64 = 10_000_000;
/// The longest pause of a shard: every ring before it is full by then.
const PAUSE_NS_MAX: u64 = 400_000_000;
/// The longest time in which sockets take no datagrams.
const NO_BUFFERS_NS_MAX: u64 = 60_000_000;
/// How far the wall clock is set, either way.
const CLOCK_STEP_NS: i64 = 3_600_000_000_000;
/// How long what goes through the venue takes at most, over stalled shards.
const IN_FLIGHT_NS_MAX: u64 = 300_000_000;
/// How far back a pause may still be felt.
const FELT_NS: u64 = 3_000_000_000;

/// The host of a venue.
#[derive(Debug)]
pub(crate) struct Host {
    shards: Vec<ShardId>,
    rates: Rates,
    slot: u64,
    held: Vec<Held>,
    /// Beginnings and ends.
    pauses: Vec<(u64, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    until_ns: u64,
    shard: ShardId,
    what: Source,
}

impl Host {
    pub(crate) fn new(shards: Vec<ShardId>, rates: Rates) -> Host {
        Host { shards, rates, slot: 0, held: Vec::new(), pauses: Vec::new() }
    }

    /// Begins what is drawn for this time, and ends what is over.
    pub(crate) fn operate(&mut self, world: &mut World) {
        let now_ns = world.now_ns();
        while let Some(at) = self.held.iter().position(|held| held.until_ns <= now_ns) {
            let over = self.held.swap_remove(at);
            release(world, over);
        }
        let slot = now_ns / SLOT_NS;
        if std::mem::replace(&mut self.slot, slot) == slot {
            return;
        }
        world.wake_at((slot + 1) * SLOT_NS, HOST);
        for (shard, key) in self.shards.clone().into_iter().zip(slot << 8..) {
            self.hold(world, shard, key, PAUSE, self.rates.pause, PAUSE_NS_MAX);
            self.hold(world, shard, key, NO_BUFFERS, self.rates.no_buffers, NO_BUFFERS_NS_MAX);
        }
        if let Some(mut draw) = world.strikes(CLOCK, slot, self.rates.clock) {
            let by_ns = if draw.happens(500_000) { CLOCK_STEP_NS } else { -CLOCK_STEP_NS };
            world.inject(ClockFault::WallClockSet { by_ns });
        }
    }

    fn hold(&mut self, world: &mut World, shard: ShardId, key: u64, what: Source, rate: u32, ns_max: u64) {
        if self.held.iter().any(|held| held.shard == shard && held.what == what) {
            return;
        }
        let Some(mut draw) = world.strikes(what, key, rate) else { return };
        let until_ns = world.now_ns() + draw.within(1, ns_max);
        self.held.push(Held { until_ns, shard, what });
        world.wake_at(until_ns, HOST);
        if what == PAUSE {
            self.pauses.push((world.now_ns(), until_ns));
            world.pause(shard);
        } else {
            world.simulation().net(shard).set_datagram_room(Some(0));
        }
    }

    /// Ends all that goes on.
    pub(crate) fn end_faults(&mut self, world: &mut World) {
        self.held.drain(..).for_each(|held| release(world, held));
    }

    /// Whether a shard was paused at some time since then.
    pub(crate) fn was_paused_since(&self, since_ns: u64) -> bool {
        self.pauses.iter().any(|(_, end_ns)| *end_ns > since_ns)
    }

    /// How long what is in flight now may have been so.
    pub(crate) fn in_flight_ns(&self, now_ns: u64) -> u64 {
        let felt = self.pauses.iter().rev().take_while(|(begin_ns, _)| begin_ns + FELT_NS > now_ns);
        IN_FLIGHT_NS_MAX + felt.map(|(begin_ns, end_ns)| end_ns - begin_ns).sum::<u64>()
    }
}

fn release(world: &mut World, held: Held) {
    if held.what == PAUSE {
        world.resume(held.shard);
    } else {
        world.simulation().net(held.shard).set_datagram_room(None);
    }
}
