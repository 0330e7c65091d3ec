//! Messages that arrive on neither line: requested from servers that work, are dead or lie; then recovered or lost.

use crate::arbitration_harness::{Feed, MS, beat, config, end, honest, nobody, packet, session};
use corelane_actors::market_data::{
    Arbiter, ArbitrationConfig, FeedCount, FeedCounters, FeedLine, MessageSink, RecoveryCount,
};
use corelane_codecs::mold::{Packet, PacketBuilder};
use corelane_runtime::{message::SequenceNumber, resilience::RetryPolicy};

#[test]
fn messages_missing_on_both_lines_are_requested_in_small_parts() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 3));
    feed.line(FeedLine::B, &packet("DAY", 23, 25));
    feed.line(FeedLine::A, &packet("DAY", 10, 12));
    let mut ranges = Vec::new();
    feed.advance(5 * MS, |asked| {
        ranges.push((asked.request.sequence, asked.request.count, asked.server, asked.is_repeat));
        honest(asked)
    });
    feed.has_all_until(25);
    // The first request is for 3..10. An answer brings three messages, and the rest is requested again.
    assert_eq!(ranges[0], (3, 7, 0, false));
    assert!(ranges.iter().all(|&(first, count, ..)| count <= 8 && !(first..first + u64::from(count)).contains(&10)));
    assert_eq!((feed.recovery(RecoveryCount::Recovered), feed.count(FeedCount::Gaps)), (7 + 11, 0));
    assert!(!feed.arbiter.is_stale());
}

#[test]
fn a_dead_server_is_skipped() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 3));
    feed.line(FeedLine::A, &packet("DAY", 60, 61));
    let mut asked_of = [0, 0];
    feed.advance(200 * MS, |asked| {
        asked_of[asked.server] += 1;
        if asked.server == 0 { None } else { honest(asked) }
    });
    feed.has_all_until(61);
    assert!(!feed.arbiter.is_stale());
    assert_eq!(asked_of[0], 4, "as many as may be in flight, once");
    assert_eq!(feed.recovery(RecoveryCount::Repeats), 4);
    // The feed was stale meanwhile.
    assert_eq!(feed.recovery(RecoveryCount::TimesBehind), 1);
}

#[test]
fn each_further_request_waits_as_its_policy_says_and_the_last_one_too() {
    let mut config = config();
    config.gap_fill.retry = RetryPolicy { step_ns: 10 * MS, max_ns: 35 * MS, ..RetryPolicy::constant(4, 20 * MS) };
    let mut feed = Feed::new(config);
    feed.line(FeedLine::A, &packet("DAY", 1, 3));
    feed.line(FeedLine::A, &packet("DAY", 8, 9));
    feed.line(FeedLine::B, &packet("DAY", 8, 10));
    let (mut requests_ms, mut lost_ms) = (Vec::new(), 0);
    for ms in 5..200 {
        let mut is_asked = false;
        feed.advance(MS, |_| {
            is_asked = true;
            None
        });
        requests_ms.extend(is_asked.then_some(ms + 1));
        lost_ms += u64::from(feed.count(FeedCount::Lost) == 0);
    }
    // The lines have a millisecond, from the fifth on.
    assert_eq!(requests_ms, [6, 6 + 20, 6 + 20 + 30, 6 + 20 + 30 + 35]);
    assert_eq!(5 + lost_ms + 1, 6 + 20 + 30 + 35 + 35);
    assert_eq!(feed.sink.numbers, [1, 2, 8, 9]);
}

#[test]
fn false_answers_are_ignored_and_the_other_server_is_asked() {
    let lies: [fn(u64) -> Vec<u8>; 6] = [
        |first| packet("OTHER", first, first + 3),
        |first| packet("DAY", first + 1000, first + 1003),
        |_| packet("DAY", 1, 3),
        |first| beat("DAY", first),
        |_| beat("DAY", u64::MAX),
        |_| end("DAY", 5),
    ];
    for (index, lie) in lies.iter().enumerate() {
        let mut feed = Feed::new(config());
        feed.line(FeedLine::A, &packet("DAY", 1, 3));
        feed.line(FeedLine::A, &packet("DAY", 8, 9));
        feed.advance(
            200 * MS,
            |asked| {
                if asked.server == 0 { Some((0, lie(asked.request.sequence))) } else { honest(asked) }
            },
        );
        feed.has_all_until(9);
        assert!(!feed.arbiter.is_stale(), "lie {index}");
        let refused = feed.recovery(RecoveryCount::Refused) + feed.recovery(RecoveryCount::Late);
        assert_eq!((refused, feed.count(FeedCount::Lost)), (1, 0), "lie {index}");
        // An answer that nobody requested is ignored too.
        feed.answer(0, &packet("DAY", 9, 20));
        feed.has_all_until(9);
        assert_eq!(feed.recovery(RecoveryCount::Refused) + feed.recovery(RecoveryCount::Late), 2, "lie {index}");
    }
}

#[test]
fn an_answer_with_more_messages_than_requested_is_used_up_to_the_requested_ones() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 1, 3));
    feed.line(FeedLine::A, &packet("DAY", 5, 6));
    feed.advance(2 * MS, |asked| Some((0, packet("DAY", asked.request.sequence, 50))));
    feed.has_all_until(6);
}

#[test]
fn a_gap_that_no_server_can_fill_is_lost_and_prices_stay_stale_until_the_next_session() {
    for servers in [0, 1, 2] {
        let mut config = config();
        config.gap_fill.servers = servers;
        let mut feed = Feed::new(config);
        feed.line(FeedLine::A, &packet("DAY", 1, 3));
        feed.line(FeedLine::A, &packet("DAY", 40, 41));
        feed.line(FeedLine::B, &packet("DAY", 50, 52));
        feed.line(FeedLine::B, &beat("DAY", 52));
        feed.advance(500 * MS, nobody);
        assert_eq!(feed.sink.numbers, [1, 2, 40, 50, 51], "{servers} servers");
        assert_eq!((feed.count(FeedCount::Gaps), feed.count(FeedCount::Lost)), (2, 37 + 9));
        assert!(feed.arbiter.is_stale());
        // Requests are bounded: so many per range, and so many in flight.
        assert!(feed.recovery(RecoveryCount::Requests) <= 2 * 4 * 5, "{}", feed.recovery(RecoveryCount::Requests));
        assert_eq!(feed.recovery(RecoveryCount::Requests) == 0, servers == 0);
        // The session goes on, and messages declared lost are not accepted later.
        feed.line(FeedLine::B, &packet("DAY", 30, 53));
        assert_eq!(feed.sink.numbers.last(), Some(&52));
        assert!(feed.arbiter.is_stale());
        feed.line(FeedLine::A, &end("DAY", 53));
        feed.line(FeedLine::A, &packet("NEXT", 1, 3));
        feed.has_all_until(3);
        assert!(!feed.arbiter.is_stale(), "the next session puts it right");
    }
}

#[test]
fn a_session_that_is_joined_late_is_replayed_from_its_first_message() {
    let mut feed = Feed::new(config());
    feed.line(FeedLine::A, &packet("DAY", 5001, 5004));
    assert!(feed.arbiter.is_stale());
    feed.advance(50 * MS, honest);
    feed.has_all_until(5004);
    assert!(!feed.arbiter.is_stale(), "it has caught up");
    // Live messages that found no room meanwhile were requested too.
    assert!(feed.recovery(RecoveryCount::Unbuffered) > 0);
    assert_eq!(feed.count(FeedCount::Lost), 0);

    // A gap longer than may be requested is lost with the second packet that speaks for it.
    let mut feed = Feed::new(ArbitrationConfig { gap_messages_max: 5000 - 1, ..config() });
    feed.line(FeedLine::A, &packet("DAY", 5001, 5004));
    assert!(feed.arbiter.is_stale());
    feed.line(FeedLine::B, &packet("DAY", 5001, 5004));
    feed.advance(50 * MS, |asked| panic!("{asked:?}"));
    assert_eq!(feed.sink.numbers, [5001, 5002, 5003]);
    assert_eq!(feed.count(FeedCount::Lost), 5000);
    assert!(feed.arbiter.is_stale());
}

#[test]
fn a_message_too_long_for_the_buffer_is_delivered_in_order() {
    let long = vec![7; 1000];
    let mut buffer = vec![0; 2000];
    let mut builder = PacketBuilder::new(&mut buffer, session("DAY"), 3, 2000).unwrap();
    assert!(builder.push(&long) && builder.push(b"4"));
    let bytes = builder.finish().to_vec();
    struct Lengths(Vec<usize>);
    impl MessageSink for Lengths {
        fn begin(&mut self) {}
        fn message(&mut self, _: SequenceNumber, message: &[u8]) {
            self.0.push(message.len());
        }
    }
    let mut lengths = Lengths(Vec::new());
    let counters = FeedCounters::default();
    let mut arbiter = Arbiter::new(config(), counters.clone());
    arbiter.on_line(FeedLine::A, &Packet::decode(&packet("DAY", 1, 2)).unwrap(), MS, &mut lengths);
    arbiter.on_line(FeedLine::A, &Packet::decode(&bytes).unwrap(), MS, &mut lengths);
    assert_eq!(counters.recovery.get(RecoveryCount::Unbuffered), 1);
    arbiter.on_time(3 * MS, &mut lengths);
    while let Some(asked) = arbiter.next_request(3 * MS) {
        let answer = if asked.request.sequence == 3 { bytes.clone() } else { packet("DAY", 2, 3) };
        arbiter.on_answer(0, &Packet::decode(&answer).unwrap(), 3 * MS, &mut lengths);
    }
    assert_eq!(lengths.0, [9, 9, 1000, 1]);
}

/// Behind a gap, or of a session that may follow, a whole buffer of messages may wait, and the shard may serve order entry, too.
#[test]
fn messages_that_have_waited_are_released_a_few_at_a_time() {
    let mut feed = Feed::new(ArbitrationConfig { reorder_messages_max: 8192, ..config() });
    feed.line(FeedLine::A, &packet("DAY", 1, 3));
    let mut next = 4;
    let mut go_on = |feed: &mut Feed, line, name: &str| {
        feed.line(line, &packet(name, next, next + 20));
        next += 20;
        next
    };
    for _ in 0..150 {
        go_on(&mut feed, FeedLine::A, "DAY");
    }
    assert_eq!(feed.sink.numbers, [1, 2]);
    feed.line(FeedLine::B, &packet("DAY", 3, 4));
    assert_eq!(feed.sink.numbers.len(), 2 + 1 + 256);
    // More than comes is released.
    let mut steps = 0;
    let mut end = 0;
    while feed.arbiter.expected().0 != end {
        let before = feed.sink.numbers.len();
        end = go_on(&mut feed, FeedLine::A, "DAY");
        feed.line(FeedLine::B, &packet("DAY", end - 20, end));
        assert_eq!(feed.arbiter.deadline_ns() == Some(0), feed.arbiter.expected().0 < end);
        feed.arbiter.on_time(feed.now_ns, &mut feed.sink);
        assert!(feed.sink.numbers.len() - before <= 256 + 4 * 20);
        steps += 1;
        assert!(steps < 20);
    }
    feed.has_all_until(end);
    assert!(!feed.arbiter.is_stale());
    assert_eq!((feed.count(FeedCount::Lost), feed.count(FeedCount::Gaps)), (0, 0));

    feed.now_ns += 2000 * MS;
    for first in (1..3001).step_by(20) {
        feed.line(FeedLine::B, &packet("NEXT", first, first + 20));
    }
    feed.now_ns += 1500 * MS;
    feed.arbiter.on_time(feed.now_ns, &mut feed.sink);
    assert_eq!((feed.sink.sessions, feed.sink.numbers.len()), (2, 256));
    assert!(feed.arbiter.is_stale(), "its books are not built yet");
    feed.advance(0, nobody);
    feed.has_all_until(3001);
    assert!(!feed.arbiter.is_stale());
    assert_eq!(feed.count(FeedCount::Lost), 0);
}
