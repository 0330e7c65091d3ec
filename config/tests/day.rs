//! The hours of the trading day: within one day, in their order, and with market hours.

mod mistakes;

use corelane_config::Config;
use mistakes::{VALID, lines_of};

/// What is said of these hours.
fn problems(hours: &str) -> Vec<String> {
    match Config::parse("test.toml", &format!("{VALID}\n[day]\n{hours}\n")) {
        Ok(_) => Vec::new(),
        Err(errors) => lines_of(&errors),
    }
}

#[test]
fn hours_follow_each_other_within_one_day() {
    let accepted = [
        "",
        "start_of_market_hours = \"09:30\"\nend_of_market_hours = \"16:00\"",
        "start_of_market_hours = \"09:30\"\nend_of_market_hours = \"09:30:01\"",
        "start_of_messages = \"03:00\"\nstart_of_system_hours = \"03:00\"\nend_of_system_hours = \"20:00\"\nend_of_messages = \"20:00\"",
        "end_of_market_hours = \"00:00:01\"",
        "start_of_market_hours = \"00:00\"\nend_of_messages = \"23:59:59\"",
    ];
    for hours in accepted {
        assert_eq!(problems(hours), Vec::<String>::new(), "{hours}");
    }
    let refused = [
        // Across midnight.
        (
            "start_of_market_hours = \"22:00\"\nend_of_market_hours = \"05:00\"",
            "61:23 Conflict: `day.end_of_market_hours` (05:00:00) is before `day.start_of_market_hours` (22:00:00); write 22:00:00 or later; a day ends before midnight",
        ),
        (
            "end_of_system_hours = \"20:00\"\nend_of_messages = \"19:59:59\"",
            "61:19 Conflict: `day.end_of_messages` (19:59:59) is before `day.end_of_system_hours` (20:00:00); write 20:00:00 or later; a day ends before midnight",
        ),
    ];
    for (hours, problem) in refused {
        assert_eq!(problems(hours), [problem], "{hours}");
    }
}

/// What is due at once is made up for by its last event, so a market that closes as it opens would never open.
#[test]
fn a_market_that_closes_as_it_opens_is_refused() {
    let refused = [
        (
            "start_of_market_hours = \"09:30\"\nend_of_market_hours = \"09:30\"",
            "61:23",
            "end_of_market_hours",
            "09:30:00",
        ),
        ("start_of_messages = \"09:30\"\nend_of_system_hours = \"09:30\"", "61:23", "end_of_system_hours", "09:30:00"),
        ("end_of_messages = \"00:00\"", "60:19", "end_of_messages", "00:00:00"),
    ];
    for (hours, place, key, time) in refused {
        let problem = format!(
            "{place} Conflict: `day.{key}` ({time}) is not after the time at which the market opens; write a later time, or no day order is ever accepted"
        );
        assert_eq!(problems(hours), [problem], "{hours}");
    }
}
