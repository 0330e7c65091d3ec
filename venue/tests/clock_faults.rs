//! A venue whose clock is not as it should be, by faults of the clock; the host's own is never set.

mod support;

use corelane_codecs::itch::Timestamp;
use corelane_runtime::{clock::ClockFault, lifecycle::RuntimeFault};
use corelane_venue::Venue;
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
    let outcome = venue.stop().outcome;
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
