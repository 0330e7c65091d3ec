//! Arbitration of two lines: the messages 1, 2, 3 … are delivered from the line that brings them first.

use crate::arbitration_harness::{Feed, MS, beat, config, end, honest, nobody, packet};
use corelane_actors::market_data::{ArbitrationConfig, FeedCount, FeedLine, LineCount, MessageSink, RecoveryCount};
use corelane_codecs::mold::Packet;
use corelane_runtime::message::SequenceNumber;

#[test]
fn the_first_copy_wins_whichever_line_brings_it() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 4));
    feed.line(FeedLine::B, &packet("DAY", 1, 6));
    feed.line(FeedLine::A, &packet("DAY", 4, 5));
    feed.line(FeedLine::A, &packet("DAY", 3, 8));
    feed.line(FeedLine::B, &packet("DAY", 6, 8));
    feed.has_all_until(8);
    let counts = |line| {
        [LineCount::Packets, LineCount::FirstCopies, LineCount::Duplicates].map(|count| feed.line_count(line, count))
    };
    assert_eq!(counts(FeedLine::A), [3, 3 + 2, 1 + 3]);
    assert_eq!(counts(FeedLine::B), [2, 2, 3 + 2]);
    assert_eq!(feed.line_count(FeedLine::A, LineCount::Gaps) + feed.line_count(FeedLine::B, LineCount::Gaps), 0);
    assert!(!feed.arbiter.is_stale());
}

#[test]
fn the_other_line_fills_a_gap_before_a_server_is_asked() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 3));
    feed.line(FeedLine::A, &packet("DAY", 5, 9));
    feed.has_all_until(3);
    feed.advance(MS / 2, nobody);
    feed.line(FeedLine::B, &packet("DAY", 1, 6));
    feed.has_all_until(9);
    feed.advance(100 * MS, |asked| panic!("{asked:?}"));
    assert!(!feed.arbiter.is_stale());
    assert_eq!(
        (feed.line_count(FeedLine::A, LineCount::Gaps), feed.line_count(FeedLine::A, LineCount::Missed)),
        (1, 2)
    );
    assert_eq!((feed.count(FeedCount::Gaps), feed.recovery(RecoveryCount::Requests)), (0, 0));
}

#[test]
fn a_heartbeat_shows_what_was_lost_last() {
    for last in [beat("DAY", 6), end("DAY", 6)] {
        let mut feed = Feed::new(config());
        feed.line(FeedLine::A, &packet("DAY", 1, 3));
        feed.line(FeedLine::B, &last);
        feed.advance(5 * MS, honest);
        feed.has_all_until(6);
    }
}

#[test]
fn one_dead_line_costs_nothing_and_both_are_silence() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::B, &packet("DAY", 1, 2));
    for first in 1..8 {
        feed.line(FeedLine::A, &packet("DAY", first, first + 1));
        feed.advance(1000 * MS, nobody);
        assert!(!feed.arbiter.is_stale());
    }
    assert_eq!([FeedLine::A, FeedLine::B].map(|line| feed.line_count(line, LineCount::Silences)), [0, 1]);
    feed.advance(2500 * MS, nobody);
    assert!(feed.arbiter.is_stale());
    assert_eq!((feed.line_count(FeedLine::A, LineCount::Silences), feed.count(FeedCount::Silences)), (1, 1));
    // The lines come back; the messages sent meanwhile are recovered.
    feed.line(FeedLine::B, &packet("DAY", 100, 101));
    feed.advance(MS / 2, nobody);
    assert!(!feed.arbiter.is_stale(), "the gap may still be filled in time");
    feed.advance(5 * MS, honest);
    feed.has_all_until(101);
    assert!(!feed.arbiter.is_stale());
}

#[test]
fn a_line_that_lags_brings_duplicates_also_across_a_new_session() {
    let mut feed = Feed::new(config());
    for first in 1..200 {
        feed.line(FeedLine::A, &packet("DAY", first, first + 1));
        if first > 50 {
            feed.line(FeedLine::B, &packet("DAY", first - 50, first - 49));
        }
        feed.advance(MS, |asked| panic!("{asked:?}"));
    }
    assert_eq!(feed.line_count(FeedLine::B, LineCount::Duplicates), 149);
    assert_eq!(feed.line_count(FeedLine::B, LineCount::FirstCopies), 0);
    feed.line(FeedLine::A, &end("DAY", 200));
    assert!(feed.arbiter.is_stale(), "prices of a session that is over");
    feed.line(FeedLine::A, &packet("NEXT", 1, 4));
    assert!(!feed.arbiter.is_stale());
    // The lagging line still ends the old session. That must not bring it back, even once the new one is over.
    feed.line(FeedLine::B, &packet("DAY", 150, 200));
    feed.line(FeedLine::B, &end("DAY", 200));
    feed.line(FeedLine::A, &end("NEXT", 4));
    feed.line(FeedLine::B, &packet("DAY", 150, 200));
    feed.has_all_until(4);
    assert_eq!((feed.sink.sessions, feed.count(FeedCount::ForeignSession)), (2, 3));
    feed.line(FeedLine::B, &packet("NEXT", 1, 4));
    feed.line(FeedLine::B, &packet("THIRD", 1, 2));
    assert_eq!(feed.sink.sessions, 3);
}

#[test]
fn what_is_missing_when_a_session_ends_is_lost_with_it() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 3));
    feed.line(FeedLine::A, &packet("DAY", 5, 6));
    feed.line(FeedLine::A, &end("DAY", 8));
    feed.line(FeedLine::A, &packet("NEXT", 1, 2));
    assert_eq!((feed.sink.sessions, feed.count(FeedCount::Lost)), (1, 0), "one packet alone speaks for the end");
    feed.line(FeedLine::A, &end("DAY", 8));
    feed.line(FeedLine::A, &packet("NEXT", 2, 3));
    feed.has_all_until(3);
    assert_eq!((feed.count(FeedCount::Gaps), feed.count(FeedCount::Lost)), (1, 4));
    assert!(!feed.arbiter.is_stale());
}

#[test]
fn sequence_numbers_are_good_to_their_last_one() {
    // A session whose last number is the last there is; its next would overflow, which the codec refuses.
    const LAST: u64 = u64::MAX - 1;
    let mut feed = Feed::new(ArbitrationConfig { gap_messages_max: u64::MAX, ..config() });
    feed.line(FeedLine::A, &packet("DAY", 1, 2));
    assert!(Packet::decode(&packet("DAY", u64::MAX, u64::MAX)).is_ok(), "a heartbeat");
    // All messages are missing, and even eight servers would not have enough time.
    feed.line(FeedLine::A, &packet("DAY", LAST - 2, LAST));
    feed.line(FeedLine::B, &packet("DAY", LAST, u64::MAX));
    feed.advance(500 * MS, nobody);
    assert_eq!(feed.arbiter.expected(), SequenceNumber::MAX);
    feed.line(FeedLine::A, &beat("DAY", u64::MAX));
    feed.line(FeedLine::A, &end("DAY", u64::MAX));
    feed.advance(500 * MS, nobody);
    // Messages too far ahead of the gap for the buffer were lost with it.
    assert_eq!(feed.sink.numbers, [1]);
    assert_eq!(feed.count(FeedCount::Lost), LAST - 1);

    // Joined near the end, so the gap is longer than may be requested.
    let mut feed = Feed::new(config());
    FeedLine::BOTH.iter().for_each(|&line| feed.line(line, &packet("DAY", LAST - 20, LAST - 10)));
    feed.line(FeedLine::B, &packet("DAY", LAST - 5, u64::MAX));
    feed.advance(50 * MS, honest);
    assert_eq!(feed.arbiter.expected(), SequenceNumber::MAX);
    assert_eq!(feed.sink.numbers, (LAST - 20..=LAST).collect::<Vec<_>>());

    // A full packet: 65,534 messages of no bytes, and one more is the end of the session.
    let mut feed = Feed::new(config());
    let mut full = beat("DAY", 1);
    full[18..].copy_from_slice(&0xfffe_u16.to_be_bytes());
    full.extend(vec![0; 2 * 0xfffe]);
    struct Count(u64);
    impl MessageSink for Count {
        fn begin(&mut self) {}
        fn message(&mut self, _: SequenceNumber, message: &[u8]) {
            assert!(message.is_empty());
            self.0 += 1;
        }
    }
    let mut count = Count(0);
    feed.arbiter.on_line(FeedLine::A, &Packet::decode(&full).unwrap(), MS, &mut count);
    assert_eq!((count.0, feed.arbiter.expected().0), (0xfffe, 0xffff));
}
