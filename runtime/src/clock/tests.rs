//! Tests of the clock with a simulated counter and wall clock.

use std::rc::Rc;

use proptest::prelude::*;

use super::*;

const MS_NS: u64 = 1_000_000;
const SECOND_NS: u64 = 1_000_000_000;
/// 2023-12-25 15:00:00 UTC.
const START_NS: u64 = 1_703_516_400 * SECOND_NS;
const NOMINAL_TICKS_PER_US: u64 = 2_600;

/// A host whose true time the test advances. Reading a clock takes time, and sometimes stalls.
#[derive(Clone, Debug)]
struct SimulatedTime(Rc<State>);

#[derive(Debug)]
struct State {
    true_ns: Cell<u64>,
    /// The counter's deviation from its nominal rate.
    drift_ppm: i64,
    /// The wall clock's offset from true time.
    wall_offset_ns: Cell<i64>,
    random: Cell<u64>,
}

impl SimulatedTime {
    fn new(drift_ppm: i64, seed: u64) -> Self {
        Self(Rc::new(State {
            true_ns: Cell::new(SECOND_NS),
            drift_ppm,
            wall_offset_ns: Cell::new(0),
            random: Cell::new(seed | 1),
        }))
    }

    fn advance(&self, by_ns: u64) {
        self.0.true_ns.set(self.0.true_ns.get() + by_ns);
    }

    fn set_wall(&self, by_ns: i64) {
        self.0.wall_offset_ns.set(self.0.wall_offset_ns.get() + by_ns);
    }

    /// A read takes 20 to 83 ns, and one in 32 up to 0.1 ms more.
    fn read(&self) -> u64 {
        let mut random = self.0.random.get();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.0.random.set(random);
        let stall_ns = if random.is_multiple_of(32) { (random >> 32) % 100_000 } else { 0 };
        self.advance(20 + (random >> 8) % 64 + stall_ns);
        self.0.true_ns.get()
    }

    fn ticks_at(&self, true_ns: u64) -> u64 {
        let per_ms = i128::from(NOMINAL_TICKS_PER_US) * i128::from(1_000_000 + self.0.drift_ppm);
        (i128::from(true_ns) * per_ms / 1_000_000_000) as u64
    }

    fn wall_at(&self, true_ns: u64) -> u64 {
        (START_NS + true_ns).saturating_add_signed(self.0.wall_offset_ns.get())
    }

    /// The error of the clock against the wall clock, without the time that reading takes.
    fn error_ns(&self, master: &ClockMaster<SimulatedTime>, clock: &Clock<SimulatedTime>) -> i64 {
        let true_ns = self.0.true_ns.get();
        let ours_ns = master.midnight_ns() + clock.time_of_day_ns(self.ticks_at(true_ns));
        ours_ns as i64 - self.wall_at(true_ns) as i64
    }
}

impl TimeSource for SimulatedTime {
    fn ticks(&self) -> u64 {
        self.ticks_at(self.read())
    }

    fn wall_ns(&self) -> u64 {
        self.wall_at(self.read())
    }

    fn rate(&self) -> Rate {
        Rate::from_measurement(1_000, NOMINAL_TICKS_PER_US).unwrap()
    }

    fn source(&self) -> ClockSource {
        ClockSource::Simulated
    }
}

#[derive(Clone, Debug)]
enum Event {
    Advance {
        ns: u64,
    },
    Recalibrate,
    SetWall {
        by_ns: i64,
    },
    Read,
    /// Takes a reading now and converts it after later events.
    Keep,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => prop_oneof![0..1000_u64, 0..200 * MS_NS].prop_map(|ns| Event::Advance { ns }),
        3 => Just(Event::Recalibrate),
        1 => prop_oneof![-1000..1000_i64, -5_000_000_000..5_000_000_000_i64].prop_map(|by_ns| Event::SetWall { by_ns }),
        5 => Just(Event::Read),
        1 => Just(Event::Keep),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn time_never_goes_back_or_jumps_whatever_the_wall_clock_does(
        drift_ppm in -150..150_i64,
        seed: u64,
        events in prop::collection::vec(event(), 1..200),
    ) {
        let time = SimulatedTime::new(drift_ppm, seed);
        let mut master = ClockMaster::new(time.clone(), UtcOffset::UTC);
        let clock = master.clock();
        let mut last_ns = clock.time_of_day_ns(clock.ticks());
        let mut last_true_ns = time.0.true_ns.get();
        let mut kept = None;
        for event in events {
            match event {
                Event::Advance { ns } => time.advance(ns),
                Event::Recalibrate => _ = master.recalibrate(),
                Event::SetWall { by_ns } => time.set_wall(by_ns),
                Event::Keep => kept = Some(time.ticks()),
                Event::Read => {
                    let ns = clock.time_of_day_ns(clock.ticks());
                    let true_ns = time.0.true_ns.get();
                    let passed_ns = true_ns - last_true_ns;
                    prop_assert!(ns >= last_ns, "back from {last_ns} to {ns}");
                    // The slew, plus at worst twice the drift, plus a few nanoseconds of rounding.
                    let bound_ns = passed_ns * (SLEW_PPM_MAX + 2 * RATE_PPM_MAX) / 1_000_000 + 3;
                    prop_assert!((ns - last_ns).abs_diff(passed_ns) <= bound_ns, "{} in {passed_ns}", ns - last_ns);
                    (last_ns, last_true_ns) = (ns, true_ns);
                    if let Some(ticks) = kept.take() {
                        prop_assert!(clock.time_of_day_ns(ticks) <= ns, "an earlier reading gave a later time");
                    }
                }
            }
        }
    }
}

#[test]
fn a_regularly_recalibrated_clock_stays_within_a_bracket_of_the_wall_clock() {
    for drift_ppm in [-150, -20, -1, 0, 3, 90, 150] {
        let time = SimulatedTime::new(drift_ppm, 42);
        let mut master = ClockMaster::new(time.clone(), UtcOffset::UTC);
        let clock = master.clock();
        let mut worst_ns = 0;
        for round in 0..300 {
            master.recalibrate();
            time.advance(RECALIBRATION_NS_MAX);
            // Until the rate is known, 150 ppm are 15 µs in 100 ms, which are corrected within seconds.
            let error_ns = time.error_ns(&master, &clock).unsigned_abs();
            assert!(error_ns < 20_000, "{drift_ppm} ppm, round {round}: {error_ns} ns");
            if round >= 100 {
                worst_ns = worst_ns.max(error_ns);
            }
        }
        assert!(worst_ns <= 150, "{drift_ppm} ppm: {worst_ns} ns");
    }
}

#[test]
fn the_clock_follows_a_set_wall_clock_at_the_slew_limit() {
    for by_ns in [-20_000_000, -30_000, 30_000, 20_000_000] {
        let time = SimulatedTime::new(10, 7);
        let mut master = ClockMaster::new(time.clone(), UtcOffset::UTC);
        let clock = master.clock();
        for _ in 0..50 {
            time.advance(RECALIBRATION_NS_MAX);
            master.recalibrate();
        }
        time.set_wall(by_ns);
        let found = master.recalibrate();
        assert!(found.offset_ns.abs_diff(by_ns) < 200, "{found:?}");
        assert!(found.slew_ppb.unsigned_abs() <= SLEW_PPM_MAX * 1000, "{found:?}");
        let full_slew = SLEW_PPM_MAX * 1000 <= by_ns.unsigned_abs();
        assert_eq!(found.slew_ppb.unsigned_abs() == SLEW_PPM_MAX * 1000, full_slew, "{found:?}");
        // 20 ms at 500 ppm are 40 s; the last part decays by a tenth each time.
        let mut error_ns = time.error_ns(&master, &clock);
        for round in 0..600 {
            time.advance(RECALIBRATION_NS_MAX);
            master.recalibrate();
            let next_ns = time.error_ns(&master, &clock);
            assert!(next_ns.abs() <= error_ns.abs().max(200), "{by_ns} ns, round {round}: {error_ns} to {next_ns}");
            error_ns = next_ns;
        }
        assert!(error_ns.abs() <= 150, "{by_ns} ns: {error_ns} ns left");
    }
}

#[test]
fn a_late_recalibration_does_not_overshoot() {
    let time = SimulatedTime::new(0, 11);
    let mut master = ClockMaster::new(time.clone(), UtcOffset::UTC);
    for _ in 0..20 {
        time.advance(30 * SECOND_NS);
        master.recalibrate();
    }
    time.set_wall(50 * MS_NS as i64);
    let mut offset_ns = i64::MAX;
    for _ in 0..20 {
        time.advance(30 * SECOND_NS);
        let found = master.recalibrate();
        assert!((-200..offset_ns.max(200)).contains(&found.offset_ns), "{offset_ns} to {found:?}");
        offset_ns = found.offset_ns;
    }
}

#[test]
fn times_from_the_old_line_still_bound_those_from_the_new_one() {
    let time = SimulatedTime::new(0, 9);
    let mut master = ClockMaster::new(time.clone(), UtcOffset::UTC);
    time.set_wall(20 * MS_NS as i64);
    assert!(master.recalibrate().slew_ppb > 0);
    // Housekeeping stalls between measuring and publishing. One reader converts a reading in that time. Another
    // converts one just before, and a still earlier one afterwards.
    let now_ticks = time.ticks_at(time.0.true_ns.get());
    let (before, after) = (now_ticks, now_ticks + 10_000 * NOMINAL_TICKS_PER_US);
    let (reader_before, reader_after) = (master.clock(), master.clock());
    let before_ns = reader_before.time_of_day_ns(before);
    let after_ns = reader_after.time_of_day_ns(after);
    time.advance(5 * MS_NS);
    time.set_wall(-40 * MS_NS as i64);
    assert!(master.recalibrate().slew_ppb < 0);

    let new_line = |ticks| Calibration::from_words(master.reader.read()).time_of_day_ns(ticks);
    assert!(new_line(after + 1) < after_ns && new_line(before - 1) > before_ns, "nothing to hold against");
    assert_eq!(reader_after.time_of_day_ns(after + 1), after_ns);
    assert!(reader_after.time_of_day_ns(before) < after_ns);
    assert_eq!(reader_after.time_of_day_ns(after + 1), after_ns, "an earlier reading between changes nothing");
    assert_eq!(reader_before.time_of_day_ns(before - 1), before_ns);
}

#[test]
fn time_of_day_begins_at_the_venues_midnight_and_does_not_wrap_at_the_next() {
    let time = SimulatedTime::new(0, 3);
    let new_york = UtcOffset::from_seconds(-5 * 3600).unwrap();
    let mut master = ClockMaster::new(time.clone(), new_york);
    let clock = master.clock();
    let near = |expected_ns: u64| {
        let ns = clock.time_of_day_ns(clock.ticks());
        assert!(ns.abs_diff(expected_ns) < 2 * MS_NS, "{ns} is not {expected_ns}");
    };
    near((10 * 3600 + 1) * SECOND_NS);
    time.advance(20 * 3600 * SECOND_NS);
    master.recalibrate();
    near((30 * 3600 + 1) * SECOND_NS);
}

#[test]
fn intervals_and_rates_are_exact_where_they_can_be() {
    let rate = Rate::from_measurement(1_000, NOMINAL_TICKS_PER_US).unwrap();
    for (ticks, ns) in [(0, 0), (26, 9), (27, 10), (2_600_000_000_000, 1_000_000_000_000)] {
        assert!(rate.nanos(ticks).abs_diff(ns) <= 1, "{ticks} ticks are {} ns", rate.nanos(ticks));
    }
    assert_eq!(Rate::NANOSECONDS.nanos(u64::MAX), u64::MAX);
    assert_eq!(Rate::from_measurement(u64::MAX, 1), None);
    assert_eq!(Rate::from_measurement(1, 0), None);
    let clock = ClockMaster::new(SimulatedTime::new(0, 5), UtcOffset::UTC).clock();
    assert_eq!(clock.nanos_between(7, 7 + 2 * NOMINAL_TICKS_PER_US), 1_999);
    assert_eq!(clock.nanos_between(8, 7), 0);
}

#[test]
fn the_hosts_clock_agrees_with_its_wall_clock() {
    let mut master = ClockMaster::new(HostTime::new(), UtcOffset::UTC);
    let clock = master.clock();
    assert_eq!(clock.source(), master.source());
    for _ in 0..20 {
        master.recalibrate();
        let wall_ns = || HostTime::wall_ns(&master.source) - master.midnight_ns();
        let (before_ns, ours_ns, after_ns) = (wall_ns(), clock.time_of_day_ns(clock.ticks()), wall_ns());
        // A tenth of a millisecond, because the rate is not yet known precisely and the brackets may be wide.
        let tolerance_ns = 100_000;
        let expected = before_ns - tolerance_ns..=after_ns + tolerance_ns;
        assert!(expected.contains(&ours_ns), "{ours_ns} is not within {expected:?}");
    }
}

#[test]
fn shards_read_a_monotone_clock_while_housekeeping_recalibrates() {
    let mut master = ClockMaster::new(HostTime::new(), UtcOffset::UTC);
    let shards = [master.clock(), master.clock()].map(|clock| {
        std::thread::spawn(move || {
            let mut last_ns = 0;
            for _ in 0..50_000 {
                let ns = clock.time_of_day_ns(clock.ticks());
                assert!(ns >= last_ns, "back from {last_ns} to {ns}");
                last_ns = ns;
            }
        })
    });
    while !shards.iter().all(std::thread::JoinHandle::is_finished) {
        master.recalibrate();
    }
    shards.into_iter().for_each(|shard| shard.join().unwrap());
}

// R16
#[test]
fn a_wall_clock_that_is_set_by_an_hour_is_followed_for_weeks_and_the_offset_is_told() {
    for by_ns in [3600 * SECOND_NS as i64, -3600 * SECOND_NS as i64] {
        let time = SimulatedTime::new(10, 5);
        let mut master = ClockMaster::new(time.clone(), UtcOffset::UTC);
        let clock = master.clock();
        for _ in 0..50 {
            time.advance(RECALIBRATION_NS_MAX);
            master.recalibrate();
        }
        let before_ns = clock.time_of_day_ns(clock.ticks());
        master.inject(ClockFault::WallClockSet { by_ns });
        let found = master.recalibrate();
        assert!(found.offset_ns.abs_diff(by_ns) < 1_000, "{found:?}");
        assert_eq!(found.slew_ppb, by_ns.signum() * (SLEW_PPM_MAX * 1000) as i64);
        assert!(clock.time_of_day_ns(clock.ticks()) - before_ns < MS_NS, "time does not step");
        // In a day it has followed by 43.2 s.
        for _ in 0..24 * 60 {
            time.advance(60 * SECOND_NS);
            master.recalibrate();
        }
        let left_ns = by_ns - by_ns.signum() * 43_200_000_000;
        let found = master.recalibrate();
        assert!(found.offset_ns.abs_diff(left_ns) < SECOND_NS, "{found:?}, and not {left_ns}");
    }
}

// R16
#[test]
fn time_of_day_runs_on_past_midnights_without_a_jump() {
    let time = SimulatedTime::new(-30, 3);
    // It is 15:00.
    let mut master = ClockMaster::new(time.clone(), UtcOffset::UTC);
    let clock = master.clock();
    let mut last_ns = clock.time_of_day_ns(clock.ticks());
    for minute in 0..(78 - 15) * 60 + 30 {
        time.advance(60 * SECOND_NS);
        let found = master.recalibrate();
        let now_ns = clock.time_of_day_ns(clock.ticks());
        let passed_ns = now_ns - last_ns;
        assert!(passed_ns.abs_diff(60 * SECOND_NS) < 60 * MS_NS, "minute {minute}: {passed_ns} ns");
        assert!(found.offset_ns.unsigned_abs() < 20 * MS_NS, "minute {minute}: {found:?}");
        last_ns = now_ns;
    }
    assert!(last_ns > 78 * 3600 * SECOND_NS && last_ns.abs_diff(master.time_of_day_ns()) < MS_NS);
}

// R16
#[test]
fn time_that_passes_at_once_passes_on_all_clocks() {
    let time = SimulatedTime::new(0, 8);
    let mut master = ClockMaster::new(time.clone(), UtcOffset::UTC);
    let clock = master.clock();
    let mut last_ns = clock.time_of_day_ns(clock.ticks());
    for hours in [24, 78] {
        let ns = hours * 3600 * SECOND_NS;
        master.inject(ClockFault::TimePasses { ns });
        let now_ns = clock.time_of_day_ns(clock.ticks());
        assert!((now_ns - last_ns).abs_diff(ns) < MS_NS, "{last_ns} to {now_ns}");
        assert!(master.recalibrate().offset_ns.unsigned_abs() < 1_000);
        last_ns = now_ns;
    }
}
