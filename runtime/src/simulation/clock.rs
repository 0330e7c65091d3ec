//! The clock of a simulated host: that of a running topology, which counts the world's time.

use std::{cell::Cell, fmt, rc::Rc};

use crate::clock::{Clock, ClockFault, ClockMaster, ClockSource, Rate, SLEW_PPM_MAX, TimeSource, UtcOffset};

/// How often housekeeping compares the clock with the wall clock.
const RECALIBRATION_NS: u64 = 20_000_000;

/// The world's time, as counter and as wall clock.
#[derive(Clone, Debug)]
struct WorldTime(Rc<Cell<u64>>);

impl TimeSource for WorldTime {
    fn ticks(&self) -> u64 {
        self.0.get()
    }

    fn wall_ns(&self) -> u64 {
        self.0.get()
    }

    fn rate(&self) -> Rate {
        Rate::NANOSECONDS
    }

    fn source(&self) -> ClockSource {
        ClockSource::Simulated
    }
}

/// The clock of a host that was set.
pub(super) struct HostClock {
    world: WorldTime,
    master: ClockMaster<WorldTime>,
    clock: Clock<WorldTime>,
    calibrated_ns: u64,
    /// What has been added to the wall clock.
    wall_shift_ns: i64,
}

impl fmt::Debug for HostClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostClock").field("wall_shift_ns", &self.wall_shift_ns).finish_non_exhaustive()
    }
}

impl HostClock {
    pub(super) fn new(now_ns: u64) -> HostClock {
        let world = WorldTime(Rc::new(Cell::new(now_ns)));
        let master = ClockMaster::new(world.clone(), UtcOffset::UTC);
        HostClock { clock: master.clock(), master, world, calibrated_ns: now_ns, wall_shift_ns: 0 }
    }

    pub(super) fn inject(&mut self, fault: ClockFault) {
        self.wall_shift_ns = match fault {
            ClockFault::WallClockSet { by_ns } => self.wall_shift_ns.saturating_add(by_ns),
            ClockFault::TimePasses { ns } => self.wall_shift_ns.saturating_add_unsigned(ns),
        };
        self.master.inject(fault);
        self.master.recalibrate();
    }

    /// The world's time goes to `now_ns`; returns that of the shards.
    pub(super) fn set(&mut self, now_ns: u64) -> u64 {
        self.world.0.set(now_ns);
        if now_ns - self.calibrated_ns >= RECALIBRATION_NS {
            self.calibrated_ns = now_ns;
            self.master.recalibrate();
        }
        self.at(now_ns)
    }

    /// The shards' time at a time of the world.
    pub(super) fn at(&self, now_ns: u64) -> u64 {
        self.clock.midnight_ns() + self.clock.time_of_day_ns(now_ns)
    }

    /// The earliest time of the world, from `now_ns` on, at which it may be `due_ns` on the shards.
    pub(super) fn due_ns(&self, now_ns: u64, due_ns: u64) -> u64 {
        let left_ns = due_ns.saturating_sub(self.at(now_ns));
        now_ns + left_ns - left_ns * SLEW_PPM_MAX / (1_000_000 + SLEW_PPM_MAX)
    }

    /// The wall clock, as the kernel stamps datagrams by it.
    pub(super) fn utc_ns(&self, now_ns: u64) -> u64 {
        now_ns.saturating_add_signed(self.wall_shift_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_NS: i64 = 3_600_000_000_000;

    #[test]
    fn a_wall_clock_that_is_set_bends_the_shards_time_and_never_steps_it() {
        for by_ns in [HOUR_NS, -HOUR_NS] {
            let start_ns = 9 * 3_600_000_000_000;
            let mut clock = HostClock::new(start_ns);
            clock.inject(ClockFault::WallClockSet { by_ns });
            assert_eq!(clock.utc_ns(start_ns), start_ns.saturating_add_signed(by_ns));
            let mut last_ns = start_ns;
            for now_ns in (start_ns..start_ns + 10_000_000_000).step_by(1_000_000) {
                let shard_ns = clock.set(now_ns);
                assert!((0..=1_001_000).contains(&(shard_ns - last_ns)), "{last_ns} {shard_ns}");
                assert!(clock.due_ns(now_ns, shard_ns + 5_000) <= now_ns + 5_000);
                last_ns = shard_ns;
            }
            let bent_ns = last_ns as i64 - (start_ns as i64 + 9_999_000_000);
            assert!((4_900_000..5_100_000).contains(&(bent_ns * by_ns.signum())), "{bent_ns}");
        }
    }
}
