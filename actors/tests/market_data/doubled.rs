//! Packets that the network doubles, and a feed that begins again behind them.

use crate::arbitration_harness::{Feed, MS, config, end, nobody, packet, packet_of};
use corelane_actors::market_data::{FeedCount, FeedLine};

// M5
#[test]
fn a_run_that_begins_again_behind_copies_of_the_last_one_reaches_no_further_than_it_does() {
    for (first_copy, copies) in [(5801, 2), (5901, 1), (1001, 3)] {
        let mut feed = Feed::new(config());
        for first in (1..6001).step_by(100) {
            feed.line(FeedLine::A, &packet("DAY", first, first + 100));
        }
        for copy in 0..copies {
            let first = first_copy + 100 * copy;
            feed.line(FeedLine::A, &packet("DAY", first, first + 100));
        }
        feed.sink.allow_other_texts();
        for first in [1, 3] {
            feed.advance(100 * MS, nobody);
            let texts = (first..first + 2).map(|number| format!("other {number}").into_bytes());
            feed.line(FeedLine::A, &packet_of("DAY", first, texts));
        }
        feed.advance(1000 * MS, nobody);
        assert_eq!(feed.arbiter.expected().0, 5, "{copies} copies from {first_copy}");
        feed.has_all_until(5);
        let counts = [FeedCount::Restarts, FeedCount::Lost].map(|count| feed.count(count));
        assert_eq!((feed.arbiter.is_stale(), counts), (false, [1, 0]), "{copies} copies from {first_copy}");
    }
}

// M5
#[test]
fn copies_that_nothing_tells_from_another_run_are_none_in_a_silence_behind_them() {
    for begins_again in [false, true] {
        let mut feed = Feed::new(config());
        for first in (1..6001).step_by(100) {
            feed.line(FeedLine::A, &packet("DAY", first, first + 100));
        }
        // Two in a row, of numbers whose texts nobody remembers.
        for first in [5801, 5901] {
            feed.advance(MS, nobody);
            feed.line(FeedLine::A, &packet("DAY", first, first + 100));
        }
        feed.advance(4000 * MS, nobody);
        assert_eq!((feed.arbiter.expected().0, feed.count(FeedCount::Restarts)), (6001, 0));
        let until = match begins_again {
            false => {
                feed.line(FeedLine::A, &packet("DAY", 6001, 6101));
                6101
            }
            true => {
                feed.sink.allow_other_texts();
                for first in [1, 3] {
                    feed.advance(100 * MS, nobody);
                    let texts = (first..first + 2).map(|number| format!("other {number}").into_bytes());
                    feed.line(FeedLine::A, &packet_of("DAY", first, texts));
                }
                5
            }
        };
        feed.advance(1000 * MS, nobody);
        feed.has_all_until(until);
        let counts = [FeedCount::Restarts, FeedCount::Lost].map(|count| feed.count(count));
        assert_eq!((feed.arbiter.is_stale(), counts), (false, [u64::from(begins_again), 0]), "{begins_again}");
    }
}

// M5
#[test]
fn copies_behind_the_end_of_a_session_do_not_begin_it_again() {
    let mut feed = Feed::new(config());
    for first in (1..3001).step_by(100) {
        feed.line(FeedLine::A, &packet("DAY", first, first + 100));
        feed.line(FeedLine::B, &packet("DAY", first, first + 100));
    }
    FeedLine::BOTH.into_iter().for_each(|line| feed.line(line, &end("DAY", 3001)));
    for first in [2801, 2901] {
        feed.advance(MS, nobody);
        feed.line(FeedLine::B, &packet("DAY", first, first + 100));
    }
    feed.advance(4000 * MS, nobody);
    assert_eq!((feed.arbiter.expected().0, feed.count(FeedCount::Restarts)), (3001, 0));
}
