//! A shard's time: read at most once per turn, shared by all that it hosts.

use std::{
    cell::{Cell, RefCell},
    fmt,
};

use crate::{
    clock::Clock,
    message::Header,
    telemetry::{Metric, ShardTelemetry, TIMING_NS_MAX, TimingSlots},
};

/// State that a shard shares with its cells.
pub(crate) struct ShardEnv {
    pub time: ShardTime,
    pub telemetry: RefCell<ShardTelemetry>,
    /// Set when an actor fails; the shard looks for it at the end of the turn.
    pub alarm: Cell<bool>,
    /// Timers fired since the shard last looked.
    pub timers_fired: Cell<usize>,
}

impl ShardEnv {
    /// The sequenced time of an input, or the shard's time where no sequencer has numbered it.
    #[inline]
    pub(crate) fn time_ns(&self, input: Header) -> u64 {
        if input.sequence.is_none() { self.time.wall_ns() } else { input.time_ns }
    }

    /// Records the time from `ticks` until now, read anew.
    pub(crate) fn record_since<T: Metric>(&self, slots: TimingSlots, timing: T, ticks: u64) {
        let nanos = self.time.nanos_since(ticks);
        self.telemetry.borrow_mut().record(slots, timing, nanos);
    }

    /// Records the time from `time_ns` of the wall clock until now, read anew; false if it is not within the bounds of
    /// what is recorded.
    pub(crate) fn record_since_time<T: Metric>(&self, slots: TimingSlots, timing: T, time_ns: u64) -> bool {
        let nanos = self.time.wall_ns_anew().checked_sub(time_ns).filter(|nanos| *nanos <= TIMING_NS_MAX);
        nanos.inspect(|&nanos| self.telemetry.borrow_mut().record(slots, timing, nanos)).is_some()
    }

    /// The same from `utc_ns` since 1970 UTC.
    pub(crate) fn record_since_utc<T: Metric>(&self, slots: TimingSlots, timing: T, utc_ns: u64) -> bool {
        let time_ns = utc_ns.checked_sub(self.time.midnight_ns());
        time_ns.is_some_and(|time_ns| self.record_since_time(slots, timing, time_ns))
    }
}

/// The clock of a shard, or a clock that is set by hand in a simulation.
pub struct ShardTime {
    clock: Option<Clock>,
    fresh: Cell<bool>,
    ticks: Cell<u64>,
    wall_ns: Cell<u64>,
    /// When the shard last looked at the network, or woke up; the largest number while nobody says it.
    looked_ticks: Cell<u64>,
    /// The stamp of what the network brings in this turn.
    arrival_ticks: Cell<u64>,
    /// [`STALL_NS`] in ticks.
    stall_ticks: u64,
}

/// A shard that has not looked at the network for so long has stood still. What it finds then may have waited as long; below, the
/// time of a turn is near enough.
const STALL_NS: u64 = 1_000_000;

impl fmt::Debug for ShardTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ShardTime { clock, ticks, wall_ns, .. } = self;
        f.debug_struct("ShardTime")
            .field("is_simulated", &clock.is_none())
            .field("ticks", &ticks.get())
            .field("wall_ns", &wall_ns.get())
            .finish_non_exhaustive()
    }
}

impl ShardTime {
    pub(crate) fn real(clock: Clock) -> Self {
        let time = ShardTime { clock: Some(clock), fresh: Cell::new(false), ..ShardTime::simulated() };
        let stall_ticks = time.ticks_of(STALL_NS);
        ShardTime { stall_ticks, ..time }
    }

    pub(crate) fn simulated() -> Self {
        ShardTime {
            clock: None,
            fresh: Cell::new(true),
            ticks: Cell::new(0),
            wall_ns: Cell::new(0),
            looked_ticks: Cell::new(u64::MAX),
            arrival_ticks: Cell::new(0),
            stall_ticks: STALL_NS,
        }
    }

    /// Simulated time goes to `wall_ns`; ticks are nanoseconds.
    pub(crate) fn set(&self, wall_ns: u64) {
        self.note_ticks(wall_ns);
        self.wall_ns.set(wall_ns);
    }

    #[inline]
    fn note_ticks(&self, ticks: u64) {
        self.ticks.set(ticks);
        let looked = self.looked_ticks.get();
        let has_stood = ticks.saturating_sub(looked) > self.stall_ticks;
        self.arrival_ticks.set(if has_stood { looked } else { ticks });
    }

    /// Says when the shard last looked at the network before the turn that begins.
    #[inline]
    pub(crate) fn set_looked(&self, ticks: u64) {
        self.looked_ticks.set(ticks);
    }

    /// The next reading looks at the clock again.
    #[inline]
    pub(crate) fn begin_turn(&self) {
        self.fresh.set(self.clock.is_none());
    }

    /// Clock ticks of this turn.
    #[inline]
    pub fn ticks(&self) -> u64 {
        self.refresh();
        self.ticks.get()
    }

    /// The stamp of what the network brings in this turn: its ticks. After a stall, the ticks when the shard looked before it:
    /// nobody knows when in between it has come.
    #[inline]
    pub(crate) fn arrival_ticks(&self) -> u64 {
        self.refresh();
        self.arrival_ticks.get()
    }

    /// Nanoseconds since midnight of the venue's zone, of this turn.
    #[inline]
    pub fn wall_ns(&self) -> u64 {
        self.refresh();
        self.wall_ns.get()
    }

    /// Clock ticks, read now and not once per turn.
    #[inline]
    pub(crate) fn ticks_anew(&self) -> u64 {
        self.clock.as_ref().map_or(self.ticks.get(), Clock::ticks)
    }

    /// Converts ticks to nanoseconds.
    pub(crate) fn nanos_of(&self, ticks: u64) -> u64 {
        self.clock.as_ref().map_or(ticks, |clock| clock.nanos_between(0, ticks))
    }

    /// Converts ticks to nanoseconds since midnight.
    pub(crate) fn time_of_day_ns(&self, ticks: u64) -> u64 {
        self.clock.as_ref().map_or(ticks, |clock| clock.time_of_day_ns(ticks))
    }

    /// Converts nanoseconds to ticks, about: for intervals that need no precision.
    pub(crate) fn ticks_of(&self, nanos: u64) -> u64 {
        const TICKS: u64 = 1 << 20;
        (u128::from(nanos) * u128::from(TICKS) / u128::from(self.nanos_of(TICKS).max(1))) as u64
    }

    /// Nanoseconds from `ticks` until now; in a simulation, until the time that was set.
    fn nanos_since(&self, ticks: u64) -> u64 {
        match &self.clock {
            Some(clock) => clock.nanos_between(ticks, clock.ticks()),
            None => self.ticks.get().saturating_sub(ticks),
        }
    }

    /// Wall time, read now and not once per turn; in a simulation the time that was set.
    pub(crate) fn wall_ns_anew(&self) -> u64 {
        self.clock.as_ref().map_or(self.wall_ns.get(), |clock| clock.time_of_day_ns(clock.ticks()))
    }

    /// The midnight that wall time counts from, since 1970 UTC; in a simulation that is the same.
    fn midnight_ns(&self) -> u64 {
        self.clock.as_ref().map_or(0, Clock::midnight_ns)
    }

    #[inline]
    fn refresh(&self) {
        if !self.fresh.get()
            && let Some(clock) = &self.clock
        {
            let ticks = clock.ticks();
            self.note_ticks(ticks);
            self.wall_ns.set(clock.time_of_day_ns(ticks));
            self.fresh.set(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::{ClockMaster, HostTime, UtcOffset},
        telemetry::{Collector, TimingSet},
    };

    crate::metrics! {
        enum Probe { Age = "age_ns" }
    }

    #[test]
    fn what_comes_after_a_stall_has_come_since_the_last_look() {
        let master = ClockMaster::new(HostTime::new(), UtcOffset::UTC);
        let time = ShardTime::real(master.clock());
        assert_eq!(time.arrival_ticks(), time.ticks(), "nobody says when it looked");
        for ago_ns in [0, 2 * STALL_NS, 1_000 * STALL_NS] {
            let looked = time.ticks_anew() - time.ticks_of(ago_ns);
            time.set_looked(looked);
            time.begin_turn();
            let (arrival, now) = (time.arrival_ticks(), time.ticks());
            // The host may let this thread stand still too.
            let has_stood = now - looked > time.ticks_of(STALL_NS);
            assert!(has_stood || ago_ns == 0);
            assert_eq!(arrival, if has_stood { looked } else { now });
        }
    }

    #[test]
    fn only_times_of_the_wall_clocks_last_minute_are_recorded() {
        let master = ClockMaster::new(HostTime::new(), UtcOffset::UTC);
        let time = ShardTime::real(master.clock());
        let mut collector = Collector::new();
        let (telemetry, slots) = collector.register("shard", [("actor".to_owned(), TimingSet::of::<Probe>())]);
        let (slots, telemetry) = (slots[0], RefCell::new(telemetry));
        let env = ShardEnv { time, telemetry, alarm: Cell::new(false), timers_fired: Cell::new(0) };
        let midnight_ns = master.midnight_ns();
        let now_ns = midnight_ns + env.time.wall_ns_anew();
        let record = |utc_ns| env.record_since_utc(slots, Probe::Age, utc_ns);
        assert!(record(now_ns));
        for not_ours_ns in [0, midnight_ns - 1, now_ns + TIMING_NS_MAX, u64::MAX] {
            assert!(!record(not_ours_ns), "{not_ours_ns} at {now_ns}");
        }
        drop(env);
        collector.collect();
        assert_eq!(collector.shards()[0].timings()[0].histogram.len(), 1);
    }
}
