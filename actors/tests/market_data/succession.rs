//! When the feed begins a new session, or begins again under the same name: what is followed, and what is not.

use crate::arbitration_harness::{Feed, MS, beat, config, end, honest, nobody, packet, packet_of, text};
use corelane_actors::market_data::{ArbitrationConfig, FeedCount, FeedLine, LineCount};

/// The text of a message of another run than the one that `text` belongs to.
fn other(sequence: u64) -> Vec<u8> {
    [b"other ", &text(sequence)[..]].concat()
}

fn other_packet(name: &str, first: u64, end: u64) -> Vec<u8> {
    packet_of(name, first, (first..end).map(other))
}

// M5
#[test]
fn a_run_that_begins_again_under_the_same_name_is_followed_from_its_first_message() {
    let mut feed = Feed::new(config());
    for first in (1..1001).step_by(100) {
        feed.line(FeedLine::A, &packet("DAY", first, first + 100));
    }
    feed.sink.allow_other_texts();
    assert!(!feed.arbiter.is_stale());
    feed.line(FeedLine::A, &other_packet("DAY", 1, 3));
    assert!(feed.arbiter.is_stale(), "another message under a known number");
    feed.line(FeedLine::A, &other_packet("DAY", 3, 6));
    feed.has_all_until(6);
    assert!(!feed.arbiter.is_stale());
    assert_eq!((feed.count(FeedCount::Restarts), feed.count(FeedCount::Lost)), (1, 0));
}

// M5
#[test]
fn a_run_that_begins_with_the_same_messages_is_told_by_the_first_that_differs() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 4));
    feed.sink.allow_other_texts();
    // The packet passes the highest number known.
    let texts = [text(1), other(2), other(3), other(4), other(5)];
    feed.line(FeedLine::A, &packet_of("DAY", 1, texts.into_iter()));
    assert!(feed.arbiter.is_stale());
    feed.has_all_until(4);
    feed.line(FeedLine::A, &other_packet("DAY", 6, 8));
    feed.has_all_until(8);
    assert_eq!((feed.arbiter.is_stale(), feed.sink.sessions), (false, 2));
}

// M5
#[test]
fn numbers_that_fall_back_are_stale_until_they_have_passed_what_is_known() {
    let mut feed = Feed::new(config());
    for first in (1..41).step_by(10) {
        feed.line(FeedLine::A, &packet("DAY", first, first + 10));
    }
    for second in 0..38 {
        feed.line(FeedLine::A, &packet("DAY", 1 + second, 2 + second));
        feed.line(FeedLine::A, &beat("DAY", 2 + second));
        feed.advance(1000 * MS, nobody);
        assert_eq!(feed.arbiter.is_stale(), second >= 2, "second {second}");
    }
    feed.has_all_until(41);
    feed.line(FeedLine::A, &packet("DAY", 39, 43));
    feed.has_all_until(43);
    assert_eq!((feed.arbiter.is_stale(), feed.sink.sessions), (false, 1));
}

// M5
#[test]
fn numbers_that_fall_back_and_cannot_be_compared_are_joined_anew_by_a_replay() {
    for has_server in [true, false] {
        let mut feed = Feed::new(config());
        for first in (1..6001).step_by(100) {
            feed.line(FeedLine::A, &packet("DAY", first, first + 100));
        }
        // The first messages of the new run are lost, and with them what would tell it from the old one.
        for first in (5000..5040).step_by(10) {
            feed.line(FeedLine::A, &packet("DAY", first, first + 10));
            feed.advance(1000 * MS, |asked| has_server.then(|| honest(asked)).flatten());
        }
        feed.advance(1500 * MS, |asked| has_server.then(|| honest(asked)).flatten());
        assert_eq!(feed.arbiter.is_stale(), !has_server);
        assert_eq!(feed.count(FeedCount::Restarts), 1);
        if has_server {
            feed.has_all_until(5040);
        }
    }
}

// M5
#[test]
fn a_session_that_has_ended_may_begin_again_under_its_name() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 11));
    feed.line(FeedLine::A, &end("DAY", 11));
    // A late copy does not revive it.
    feed.advance(100 * MS, nobody);
    feed.line(FeedLine::A, &packet("DAY", 1, 11));
    assert_eq!((feed.arbiter.is_stale(), feed.sink.sessions), (true, 1));
    feed.advance(60_000 * MS, nobody);
    feed.line(FeedLine::A, &packet("DAY", 1, 11));
    feed.has_all_until(11);
    assert_eq!((feed.arbiter.is_stale(), feed.sink.sessions), (false, 2));
}

// M5
#[test]
fn a_copy_of_the_first_packet_begins_no_run_behind_a_forged_end() {
    let mut feed = Feed::new(config());
    FeedLine::BOTH.iter().for_each(|&line| feed.line(line, &packet("DAY", 1, 5)));
    feed.line(FeedLine::B, &end("DAY", 37));
    feed.advance(4000 * MS, nobody);
    for _ in 0..2 {
        feed.line(FeedLine::B, &packet("DAY", 1, 5));
        feed.advance(MS, nobody);
    }
    feed.line(FeedLine::A, &packet("DAY", 5, 8));
    feed.has_all_until(8);
    assert_eq!((feed.sink.sessions, feed.count(FeedCount::Lost), feed.arbiter.is_stale()), (1, 0, false));
}

// M5
#[test]
fn a_session_that_begins_again_right_behind_its_end_loses_nothing() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 11));
    feed.line(FeedLine::A, &end("DAY", 11));
    for first in 1..8 {
        feed.advance(500 * MS, nobody);
        feed.line(FeedLine::A, &packet("DAY", first, first + 1));
    }
    feed.has_all_until(8);
    assert_eq!((feed.arbiter.is_stale(), feed.sink.sessions), (false, 2));
}

// M5
#[test]
fn a_session_begins_again_behind_another_but_not_by_a_line_that_is_late() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 4));
    feed.line(FeedLine::A, &end("DAY", 4));
    feed.line(FeedLine::A, &packet("NEXT", 1, 3));
    feed.line(FeedLine::A, &end("NEXT", 3));
    feed.line(FeedLine::B, &packet("DAY", 1, 3));
    feed.line(FeedLine::B, &packet("DAY", 3, 4));
    feed.has_all_until(3);
    assert_eq!((feed.arbiter.is_stale(), feed.sink.sessions), (true, 2));
    feed.line(FeedLine::A, &packet("DAY", 1, 4));
    feed.has_all_until(4);
    assert_eq!((feed.arbiter.is_stale(), feed.sink.sessions), (false, 3));
}

// M5
#[test]
fn a_session_whose_messages_were_lost_is_followed_again_from_its_first_message() {
    let mut config = config();
    config.gap_fill.servers = 0;
    let mut feed = Feed::new(config);
    feed.line(FeedLine::A, &packet("DAY", 1, 4));
    feed.line(FeedLine::A, &packet("DAY", 9, 11));
    feed.line(FeedLine::A, &beat("DAY", 11));
    feed.advance(1000 * MS, nobody);
    assert!(feed.arbiter.is_stale());
    for first in [1, 4, 7] {
        feed.line(FeedLine::A, &packet("DAY", first, first + 3));
        feed.advance(20 * MS, nobody);
    }
    feed.has_all_until(10);
    assert!(!feed.arbiter.is_stale());
}

// M5
#[test]
fn a_line_that_begins_again_alone_is_not_followed_while_the_other_goes_on() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 101));
    feed.line(FeedLine::B, &packet("DAY", 1, 101));
    for step in 0..20 {
        feed.line(FeedLine::B, &other_packet("DAY", 1 + step, 2 + step));
        assert!(!feed.arbiter.is_stale());
        feed.line(FeedLine::A, &packet("DAY", 101 + step, 102 + step));
        feed.advance(500 * MS, nobody);
    }
    feed.has_all_until(121);
    assert_eq!((feed.arbiter.is_stale(), feed.sink.sessions), (false, 1));
    // The other line follows.
    feed.sink.allow_other_texts();
    feed.line(FeedLine::A, &other_packet("DAY", 1, 22));
    feed.line(FeedLine::A, &other_packet("DAY", 22, 23));
    feed.has_all_until(23);
    assert_eq!((feed.arbiter.is_stale(), feed.sink.sessions), (false, 2));
}

// M5
#[test]
fn one_forged_packet_makes_prices_stale_until_the_feed_goes_on() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 11));
    feed.line(FeedLine::A, &other_packet("DAY", 1, 4));
    assert!(feed.arbiter.is_stale());
    feed.line(FeedLine::A, &packet("DAY", 11, 12));
    feed.has_all_until(12);
    assert_eq!((feed.arbiter.is_stale(), feed.sink.sessions), (false, 1));
}

// M5
#[test]
fn a_forged_message_that_was_not_kept_makes_no_copy_another_run() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 11));
    // Too far ahead to be kept.
    feed.line(FeedLine::A, &other_packet("DAY", 141, 145));
    for first in (11..151).step_by(10) {
        feed.line(FeedLine::A, &packet("DAY", first, first + 10));
    }
    // The network doubles the true ones.
    feed.line(FeedLine::A, &packet("DAY", 141, 143));
    feed.line(FeedLine::A, &packet("DAY", 143, 145));
    feed.has_all_until(151);
    assert_eq!((feed.arbiter.is_stale(), feed.sink.sessions), (false, 1));
}

// M5
#[test]
fn copies_that_differ_from_a_forged_message_join_the_feed_anew_in_a_silence() {
    let mut feed = Feed::new(config());
    feed.sink.allow_other_texts();
    feed.line(FeedLine::A, &packet("DAY", 1, 5));
    feed.line(FeedLine::B, &other_packet("DAY", 7, 8));
    FeedLine::BOTH.iter().for_each(|&line| feed.line(line, &packet("DAY", 5, 9)));
    feed.advance(4000 * MS, nobody);
    for first in [1, 6] {
        feed.line(FeedLine::B, &packet("DAY", first, first + 3));
    }
    feed.line(FeedLine::A, &packet("DAY", 9, 11));
    feed.advance(100 * MS, honest);
    feed.has_all_until(11);
    assert_eq!((feed.arbiter.is_stale(), feed.sink.sessions, feed.count(FeedCount::Lost)), (false, 2, 0));
}

// M6
#[test]
fn a_session_that_begins_before_the_old_one_is_silent_loses_nothing() {
    for old_goes_on_ns in [0, 500 * MS] {
        let mut feed = Feed::new(config());
        feed.line(FeedLine::A, &packet("DAY", 1, 11));
        feed.line(FeedLine::B, &packet("DAY", 1, 6));
        feed.line(FeedLine::A, &packet("NEXT", 1, 4));
        feed.advance(old_goes_on_ns, nobody);
        // The late line still brings the old session.
        feed.line(FeedLine::B, &packet("DAY", 6, 11));
        for second in 0..4 {
            feed.line(FeedLine::A, &packet("NEXT", 4 + second, 5 + second));
            feed.line(FeedLine::B, &packet("NEXT", 1 + second, 3 + second));
            feed.advance(1000 * MS, nobody);
        }
        feed.has_all_until(8);
        assert_eq!((feed.arbiter.is_stale(), feed.sink.sessions, feed.count(FeedCount::Lost)), (false, 2, 0));
        // The old session does not come back.
        feed.line(FeedLine::B, &packet("DAY", 11, 12));
        feed.has_all_until(8);
    }
}

// M6
#[test]
fn a_session_longer_than_the_buffer_is_followed_all_the_same() {
    let mut feed = Feed::new(ArbitrationConfig { reorder_messages_max: 64, ..config() });
    feed.line(FeedLine::A, &packet("DAY", 1, 11));
    for first in (1..201).step_by(10) {
        feed.line(FeedLine::A, &packet("NEXT", first, first + 10));
        feed.advance(100 * MS, nobody);
    }
    let next = |asked: corelane_actors::market_data::DueRequest| {
        let first = asked.request.sequence;
        Some((asked.server, packet("NEXT", first, first + u64::from(asked.request.count))))
    };
    for _ in 0..20 {
        feed.line(FeedLine::A, &beat("NEXT", 201));
        feed.advance(100 * MS, next);
    }
    feed.has_all_until(201);
    assert!(!feed.arbiter.is_stale());
}

// M6
#[test]
fn a_stray_packet_does_not_lock_the_feed_out() {
    let strays = [beat("STRAY", 1), packet("STRAY", 1, 3), packet("STRAY", 57, 60), end("STRAY", 1), end("STRAY", 9)];
    for (index, stray) in strays.iter().enumerate() {
        for silence_ns in [0, 4000 * MS] {
            let mut feed = Feed::new(config());
            feed.line(FeedLine::A, &packet("DAY", 1, 11));
            feed.advance(silence_ns, nobody);
            assert_eq!(feed.arbiter.is_stale(), silence_ns > 0);
            // It comes on both lines.
            feed.line(FeedLine::A, stray);
            feed.line(FeedLine::B, stray);
            for second in 0..10 {
                feed.line(FeedLine::A, &packet("DAY", 11 + second, 12 + second));
                assert!(!feed.arbiter.is_stale());
                feed.advance(1000 * MS, nobody);
            }
            feed.has_all_until(21);
            assert_eq!((feed.sink.sessions, feed.count(FeedCount::ForeignSession)), (1, 2), "stray {index}");
        }
    }
}

// M6
#[test]
fn a_stray_that_was_followed_gives_way_to_the_feed() {
    // The stray is the first packet of all, or comes behind the end of a session.
    for has_ended in [false, true] {
        let mut feed = Feed::new(config());
        if has_ended {
            feed.line(FeedLine::A, &packet("BEFORE", 1, 3));
            feed.line(FeedLine::A, &end("BEFORE", 3));
        }
        feed.line(FeedLine::A, &packet("STRAY", 1, 3));
        for second in 0..5 {
            feed.line(FeedLine::A, &packet("DAY", 1 + second, 2 + second));
            feed.advance(1000 * MS, nobody);
        }
        feed.has_all_until(6);
        assert!(!feed.arbiter.is_stale());
    }
}

// M6
#[test]
fn a_stray_does_not_displace_a_session_that_has_begun() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 11));
    feed.line(FeedLine::A, &packet("NEXT", 1, 4));
    feed.line(FeedLine::A, &packet("STRAY", 40, 41));
    for second in 0..4 {
        feed.line(FeedLine::A, &packet("NEXT", 4 + second, 5 + second));
        feed.line(FeedLine::A, &packet("STRAY", 1, 2));
        feed.advance(1000 * MS, nobody);
    }
    feed.has_all_until(8);
    assert!(!feed.arbiter.is_stale());
}

// M6
#[test]
fn a_false_end_is_forgotten_when_the_session_goes_on() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 11));
    feed.line(FeedLine::A, &end("DAY", 5));
    assert!(!feed.arbiter.is_stale(), "an end below what has come");
    feed.line(FeedLine::A, &end("DAY", 11));
    assert!(feed.arbiter.is_stale());
    feed.line(FeedLine::A, &packet("DAY", 11, 12));
    feed.has_all_until(12);
    assert!(!feed.arbiter.is_stale());
}

#[test]
fn a_range_that_is_given_up_takes_no_others_with_it() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 2));
    feed.line(FeedLine::A, &packet("DAY", 101, 102));
    // The numbers 10 to 17 are nowhere, all others are there.
    feed.advance(2000 * MS, |asked| {
        let first = asked.request.sequence;
        let end = first + u64::from(asked.request.count);
        let end = if first < 10 { end.min(10) } else { end };
        (!(10..18).contains(&first)).then(|| (asked.server, packet("DAY", first, end)))
    });
    assert_eq!((feed.sink.numbers.len(), feed.count(FeedCount::Lost)), (101 - 8, 8));
}

/// Takes `stray`, and then the feed on one line or on both; returns seconds of 60 with stale prices.
fn stale_after(stray: &[u8], has_both: bool, servers: usize) -> u32 {
    let mut config = config();
    config.gap_fill.servers = servers;
    let mut feed = Feed::new(config);
    FeedLine::BOTH.iter().for_each(|&line| feed.line(line, &packet("DAY", 1, 11)));
    feed.line(FeedLine::A, stray);
    let mut stale = 0;
    for second in 0..60 {
        // Each second, before the feed, time for the requests of what the stray has claimed to be given up.
        feed.advance(
            1000 * MS,
            |asked| if asked.request.sequence < 11 + second { honest(asked) } else { nobody(asked) },
        );
        for line in FeedLine::BOTH.into_iter().take(1 + usize::from(has_both)) {
            feed.line(line, &packet("DAY", 11 + second, 12 + second));
            feed.line(line, &beat("DAY", 12 + second));
        }
        stale += u32::from(feed.arbiter.is_stale());
    }
    feed.has_all_until(71);
    assert_eq!((feed.count(FeedCount::Lost), feed.count(FeedCount::Restarts), feed.sink.sessions), (0, 0, 1));
    stale
}

#[test]
fn a_forged_number_is_forgotten_when_the_feed_goes_on() {
    let heartbeats = [16, 61, 200_011, u64::MAX].map(|number| [beat("DAY", number), end("DAY", number)]);
    // Too far ahead to be kept.
    let messages = [200, 200_011, u64::MAX - 3].map(|number| packet("DAY", number, number + 3));
    for stray in heartbeats.iter().flatten().chain(&messages) {
        for has_both in [false, true] {
            for servers in [0, 2] {
                assert_eq!(stale_after(stray, has_both, servers), 0, "{stray:?} {has_both} {servers}");
            }
        }
    }
}

#[test]
fn a_forged_message_that_is_kept_makes_prices_stale_until_the_feed_has_passed_it() {
    for has_both in [false, true] {
        for servers in [0, 2] {
            // The messages from 11 to 39 come one in each second.
            assert_eq!(stale_after(&packet("DAY", 40, 42), has_both, servers), 28, "{has_both} {servers}");
        }
    }
}

#[test]
fn messages_that_are_lost_below_a_forged_one_are_requested_again() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 11));
    feed.line(FeedLine::A, &packet("DAY", 40, 41));
    feed.advance(1000 * MS, nobody);
    feed.line(FeedLine::A, &packet("DAY", 14, 16));
    feed.advance(1000 * MS, |asked| if asked.request.sequence < 16 { honest(asked) } else { nobody(asked) });
    feed.has_all_until(16);
    assert_eq!(feed.count(FeedCount::Lost), 0);
}

#[test]
fn a_heartbeat_that_a_second_one_confirms_gives_up_what_is_missing() {
    for second in FeedLine::BOTH {
        for number in [16, 200_011] {
            let mut feed = Feed::new(config());
            feed.line(FeedLine::A, &packet("DAY", 1, 11));
            feed.line(FeedLine::B, &packet("DAY", 1, 11));
            // A forged one, higher than both, changes nothing.
            feed.line(FeedLine::A, &beat("DAY", u64::MAX));
            feed.line(FeedLine::A, &beat("DAY", 11));
            assert!(!feed.arbiter.is_stale());
            feed.line(FeedLine::A, &beat("DAY", number));
            feed.advance(1500 * MS, nobody);
            assert_eq!((feed.arbiter.is_stale(), feed.count(FeedCount::Lost)), (true, 0), "it is late, not lost");
            feed.line(second, &beat("DAY", number));
            feed.advance(1500 * MS, nobody);
            assert_eq!((feed.arbiter.expected().0, feed.count(FeedCount::Lost)), (number, number - 11));
        }
    }
}

// M6
#[test]
fn a_forged_heartbeat_of_a_session_that_is_not_followed_yet_loses_nothing() {
    for stray in [beat("NEXT", 200_011), end("NEXT", 200_011), packet("NEXT", 200_011, 200_013)] {
        for servers in [0, 2] {
            let mut config = config();
            config.gap_fill.servers = servers;
            let mut feed = Feed::new(config);
            feed.line(FeedLine::A, &packet("DAY", 1, 11));
            feed.line(FeedLine::A, &packet("NEXT", 1, 4));
            feed.advance(2000 * MS, nobody);
            feed.line(FeedLine::A, &stray);
            feed.advance(1000 * MS, nobody);
            // The session is followed, since the old one is silent, and goes on below the number.
            feed.line(FeedLine::A, &packet("NEXT", 4, 6));
            feed.line(FeedLine::A, &beat("NEXT", 6));
            feed.has_all_until(6);
            feed.advance(1000 * MS, nobody);
            assert_eq!((feed.arbiter.is_stale(), feed.count(FeedCount::Lost)), (false, 0), "{stray:?} {servers}");
            // Its line is where it was.
            feed.line(FeedLine::A, &packet("NEXT", 6, 8));
            let gaps = feed.line_count(FeedLine::A, LineCount::Gaps);
            assert_eq!((feed.sink.numbers.len(), gaps, feed.count(FeedCount::Duplicates)), (7, 0, 0));
        }
    }
}

// M6
#[test]
fn a_false_end_and_a_stray_do_not_lock_the_feed_out() {
    // The false end is where the feed is, or one packet alone speaks for it.
    for (number, sessions) in [(11, 3), (16, 1), (200_011, 1)] {
        let mut feed = Feed::new(config());
        FeedLine::BOTH.iter().for_each(|&line| feed.line(line, &packet("DAY", 1, 11)));
        feed.line(FeedLine::A, &end("DAY", number));
        feed.line(FeedLine::A, &packet("STRAY", 1, 3));
        for second in 0..20 {
            FeedLine::BOTH.iter().for_each(|&line| feed.line(line, &packet("DAY", 11 + second, 12 + second)));
            feed.advance(1000 * MS, honest);
        }
        let stale = feed.arbiter.is_stale();
        assert_eq!((stale, feed.arbiter.expected().0, feed.sink.sessions), (false, 31, sessions), "{number}");
    }
}

/// A packet that is cut off: its header promises more messages than it has.
fn cut_off(name: &str, first: u64, end: u64, promised: u16) -> Vec<u8> {
    let mut bytes = packet(name, first, end);
    bytes[18..20].copy_from_slice(&promised.to_be_bytes());
    bytes
}

#[test]
fn a_packet_that_is_cut_off_speaks_for_no_number_that_it_does_not_bring() {
    for (first, end) in [(1, 1), (5, 7), (11, 11), (11, 12)] {
        for servers in [0, 2] {
            let mut config = config();
            config.gap_fill.servers = servers;
            let mut feed = Feed::new(config);
            feed.line(FeedLine::A, &packet("DAY", 1, 11));
            feed.line(FeedLine::A, &cut_off("DAY", first, end, 65_534));
            let next = end.max(11);
            // The feed has nothing to say but that it is there.
            for _ in 0..20 {
                feed.line(FeedLine::A, &beat("DAY", next));
                feed.advance(1000 * MS, nobody);
                assert!(!feed.arbiter.is_stale(), "{first} {end} {servers}");
            }
            feed.line(FeedLine::A, &packet("DAY", next, 15));
            feed.has_all_until(15);
            assert_eq!((feed.sink.sessions, feed.count(FeedCount::Restarts)), (1, 0), "{first} {end} {servers}");
        }
    }
}

#[test]
fn an_answer_that_is_cut_off_confirms_no_number_that_it_does_not_bring() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 11));
    // A forged number, for which the servers have nothing.
    feed.line(FeedLine::A, &beat("DAY", 19));
    feed.advance(1000 * MS, |asked| {
        let first = asked.request.sequence;
        Some((asked.server, cut_off("DAY", first, first, asked.request.count)))
    });
    assert_eq!((feed.arbiter.expected().0, feed.count(FeedCount::Lost)), (11, 0));
    feed.line(FeedLine::A, &packet("DAY", 11, 15));
    feed.has_all_until(15);
    assert!(!feed.arbiter.is_stale());
}

// M6
#[test]
fn a_session_that_follows_is_confirmed_behind_a_packet_that_is_cut_off() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 11));
    feed.line(FeedLine::A, &cut_off("NEXT", 1, 4, 65_534));
    for second in 0..5 {
        feed.line(FeedLine::A, &packet("NEXT", 4 + second, 5 + second));
        feed.advance(1000 * MS, nobody);
    }
    feed.has_all_until(9);
    assert!(!feed.arbiter.is_stale());
}
