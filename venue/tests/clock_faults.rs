//! A venue whose clock is not as it should be, by faults of the clock; the host's own is never set.

mod support;

use std::time::SystemTime;

use corelane_codecs::itch::Timestamp;
use corelane_config::{Config, VENUE_TOML};
use corelane_runtime::{
    clock::{ClockFault, ClockMaster, HostTime, UtcOffset},
    cpu::allowed_cpus,
    lifecycle::RuntimeFault,
};
use corelane_venue::{Request, Venue, declare};
use support::until;

const HOUR_NS: u64 = 3_600_000_000_000;

// R16
#[test]
fn a_venue_goes_on_past_midnight_and_stops_before_the_feeds_times_wrap() {
    let venue = Venue::start(&support::config()).unwrap_or_else(|error| panic!("{error}"));
    venue.inject(ClockFault::TimePasses { ns: 24 * HOUR_NS });
    until("midnight has passed", || venue.status().clock.time_of_day_ns > 24 * HOUR_NS);
    assert!(venue.is_running());
    // Times of that day and the two after it still fit.
    venue.inject(ClockFault::TimePasses { ns: 24 * HOUR_NS });
    until("another has passed", || venue.status().clock.time_of_day_ns > 48 * HOUR_NS);
    assert!(venue.is_running());
    let left_ns = Timestamp::MAX_NS - venue.status().clock.time_of_day_ns;
    venue.inject(ClockFault::TimePasses { ns: left_ns - 30_000_000_000 });
    until("it ends by itself", || !venue.is_running());
    let stopped = venue.stop();
    assert!(stopped.day_ended, "the group has ended the day: {:?}", stopped.problems());
    let outcome = stopped.outcome;
    assert!(outcome.drained);
    assert!(matches!(outcome.status.faults[..], [RuntimeFault::DayWithoutEnd { .. }]), "{:?}", outcome.status.faults);
}

// R16
#[test]
fn a_venue_tells_that_the_wall_clock_was_set_by_an_hour() {
    for by_ns in [HOUR_NS as i64, -(HOUR_NS as i64)] {
        let venue = Venue::start(&support::config()).unwrap_or_else(|error| panic!("{error}"));
        venue.inject(ClockFault::WallClockSet { by_ns });
        let is_told = || venue.status().clock.offset_ns.abs_diff(by_ns) < 1_000_000_000;
        until("the divergence is told", is_told);
        assert!(venue.is_running());
        assert!(venue.stop().outcome.is_clean());
    }
}

/// A venue at noon of its own zone, with market hours from the start to 18:00.
fn venue_at_noon() -> Venue {
    let venue = Venue::start(&at_noon("18:00")).unwrap_or_else(|error| panic!("{error}"));
    until("the group has opened the day", || phase(&venue).starts_with("market hours"));
    venue
}

fn at_noon(end_of_market_hours: &str) -> Config {
    let text = format!("{VENUE_TOML}\n[day]\nend_of_market_hours = \"{end_of_market_hours}\"\n");
    let mut config = support::config();
    config.day = Config::parse("venue.toml", &text).unwrap_or_else(|errors| panic!("{errors:?}")).day;
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    config.venue.utc_offset_minutes = 720 - i32::try_from(since_1970.as_secs() / 60 % 1440).unwrap();
    config
}

/// Midnight may pass between two readings of the clock: by the first, market hours have ended; by the second, they come yet.
#[test]
fn a_start_decides_what_is_due_by_the_clock_that_the_shards_go_by() {
    let config = at_noon("06:00");
    // The clock that the venue gets is at five, in another zone.
    let at_noon = config.venue.utc_offset_minutes;
    let at_five = if at_noon < -300 { at_noon + 17 * 60 } else { at_noon - 7 * 60 };
    let clock = ClockMaster::new(HostTime::new(), UtcOffset::from_seconds(at_five * 60).unwrap());
    let declared = declare(&config, &allowed_cpus()).unwrap_or_else(|error| panic!("{error}"));
    let venue = declared.start_with_clock(&config, None, clock).unwrap_or_else(|error| panic!("{error}"));
    until("the group has opened the day", || phase(&venue).starts_with("market hours"));
    assert_eq!(venue.status().clock.time_of_day_ns / HOUR_NS, 5);
    venue.inject(ClockFault::TimePasses { ns: HOUR_NS });
    until("market hours end", || phase(&venue).starts_with("after market hours"));
    assert!(venue.stop().outcome.is_clean());
}

fn phase(venue: &Venue) -> String {
    let status = venue.ask(Request::Status).unwrap();
    status.lines().find_map(|line| line.strip_prefix("phase: ")).expect("it says the phase").to_owned()
}

#[test]
fn the_day_goes_by_the_clock_that_stamps_it() {
    let venue = venue_at_noon();
    venue.inject(ClockFault::TimePasses { ns: 7 * HOUR_NS });
    until("market hours end", || phase(&venue).starts_with("after market hours"));
    assert!(venue.status().clock.time_of_day_ns > 18 * HOUR_NS);
    assert!(venue.stop().outcome.is_clean());
}

#[test]
fn a_wall_clock_set_forward_ends_no_day() {
    let venue = venue_at_noon();
    let by_ns = 7 * HOUR_NS as i64;
    venue.inject(ClockFault::WallClockSet { by_ns });
    until("the divergence is told", || venue.status().clock.offset_ns.abs_diff(by_ns) < 1_000_000_000);
    // Two turns of the desk at least, with the new wall clock.
    let seen_ns = venue.status().clock.time_of_day_ns;
    until("the desk has had its turns", || venue.status().clock.time_of_day_ns > seen_ns + 100_000_000);
    assert!(phase(&venue).starts_with("market hours"), "{}", phase(&venue));
    assert!(venue.stop().outcome.is_clean());
}
