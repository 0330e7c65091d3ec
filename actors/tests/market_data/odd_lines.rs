//! Lines that were never heard, that lag, or that bring another run: what they may not pass for.

use crate::arbitration_harness::{Feed, MS, config, end, honest, nobody, packet, packet_of, text};
use corelane_actors::market_data::{FeedCount, FeedLine};

/// The text of a message of another run than the one that `text` belongs to.
fn other(sequence: u64) -> Vec<u8> {
    [b"other ", &text(sequence)[..]].concat()
}

fn other_packet(name: &str, first: u64, end: u64) -> Vec<u8> {
    packet_of(name, first, (first..end).map(other))
}

// M5
#[test]
fn a_run_that_begins_again_on_a_line_never_heard_before_is_followed() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 101));
    feed.advance(1000 * MS, nobody);
    feed.sink.allow_other_texts();
    // Line A is dead.
    feed.line(FeedLine::B, &other_packet("DAY", 1, 3));
    for second in 0..10 {
        feed.line(FeedLine::B, &other_packet("DAY", 3 + second, 4 + second));
        feed.advance(1000 * MS, nobody);
    }
    feed.has_all_until(13);
    assert_eq!((feed.arbiter.is_stale(), feed.sink.sessions, feed.count(FeedCount::Restarts)), (false, 2, 1));
}

// M5
#[test]
fn a_run_that_begins_again_on_a_line_that_was_silent_is_followed() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::B, &packet("DAY", 1, 21));
    feed.line(FeedLine::A, &packet("DAY", 1, 101));
    feed.advance(4000 * MS, nobody);
    feed.sink.allow_other_texts();
    // Line A is dead, and line B missed the beginning.
    for second in 0..10 {
        feed.line(FeedLine::B, &other_packet("DAY", 31 + second, 32 + second));
        feed.advance(1000 * MS, nobody);
        assert!(feed.arbiter.is_stale());
    }
    assert_eq!(feed.sink.sessions, 2);
}

#[test]
fn a_copy_does_not_put_off_the_silence() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 2, 5));
    feed.advance(1000 * MS, honest);
    feed.line(FeedLine::A, &packet("DAY", 2, 4));
    feed.advance(1900 * MS, nobody);
    assert!(!feed.arbiter.is_stale());
    feed.advance(100 * MS, nobody);
    assert!(feed.arbiter.is_stale(), "three seconds after the last message");
}

// M5
#[test]
fn a_forged_message_that_waits_makes_a_line_that_was_silent_no_other_run() {
    let mut feed = Feed::new(config());
    feed.sink.allow_other_texts();
    feed.line(FeedLine::A, &packet("DAY", 1, 5));
    feed.line(FeedLine::A, &other_packet("DAY", 6, 9));
    feed.advance(4000 * MS, nobody);
    feed.line(FeedLine::A, &packet("DAY", 5, 8));
    feed.line(FeedLine::A, &packet("DAY", 8, 11));
    feed.has_all_until(11);
    assert_eq!((feed.arbiter.is_stale(), feed.sink.sessions), (false, 1));
}

// M5
#[test]
fn an_end_below_what_has_come_does_not_revive_a_session() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 11));
    feed.line(FeedLine::B, &packet("DAY", 1, 5));
    feed.line(FeedLine::A, &end("DAY", 11));
    assert!(feed.arbiter.is_stale());
    feed.line(FeedLine::B, &end("DAY", 5));
    assert!(feed.arbiter.is_stale());
}

#[test]
fn a_line_that_lags_behind_a_dead_one_does_not_keep_prices_fresh() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::B, &packet("DAY", 1, 11));
    feed.line(FeedLine::A, &packet("DAY", 1, 101));
    for second in 0..10 {
        feed.line(FeedLine::B, &packet("DAY", 11 + second, 12 + second));
        feed.advance(1000 * MS, nobody);
        assert_eq!(feed.arbiter.is_stale(), second >= 2, "second {second}");
    }
    feed.line(FeedLine::B, &packet("DAY", 99, 102));
    assert!(!feed.arbiter.is_stale());
}
