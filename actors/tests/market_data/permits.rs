//! Permits of retransmission requests: below, at and above the bound, and when they come back.

use crate::arbitration_harness::{Feed, MS, config, honest, nobody, packet};
use corelane_actors::market_data::{ArbitrationConfig, FeedCount, FeedLine};
use corelane_runtime::resilience::Permits;

/// Five ranges of eight messages are missing, of which four may be asked for at once.
fn feed_with_gap(permits: &Permits) -> Feed {
    let mut feed = Feed::new(ArbitrationConfig { permits: permits.clone(), ..config() });
    feed.line(FeedLine::A, &packet("DAY", 1, 3));
    feed.line(FeedLine::A, &packet("DAY", 43, 44));
    feed
}

/// The first numbers that are asked for in a time in which nobody answers.
fn asked(feed: &mut Feed, by_ns: u64) -> Vec<u64> {
    let mut asked = Vec::new();
    feed.advance(by_ns, |request| {
        asked.push(request.request.sequence);
        None
    });
    asked
}

#[test]
fn as_many_ranges_are_requested_at_once_as_there_are_permits() {
    let cases: [(u32, &[u64], u64); 4] =
        [(1, &[3], 1), (3, &[3, 11, 19], 1), (4, &[3, 11, 19, 27], 0), (5, &[3, 11, 19, 27], 0)];
    for (max, expected, refused) in cases {
        let permits = Permits::new(max);
        let mut feed = feed_with_gap(&permits);
        assert_eq!(asked(&mut feed, 5 * MS), expected, "{max} permits");
        assert_eq!((permits.in_use() as usize, permits.refused()), (expected.len(), refused), "{max} permits");
        // It goes on with those that come back, until all is there.
        feed.advance(500 * MS, honest);
        feed.has_all_until(44);
        assert!(!feed.arbiter.is_stale());
        assert_eq!(permits.in_use(), 0, "{max} permits");
    }
}

#[test]
fn a_request_without_a_permit_asks_again_after_the_time_of_an_answer() {
    let permits = Permits::new(3);
    let of_another = permits.try_acquire().unwrap();
    let mut feed = feed_with_gap(&permits);
    // At 6 ms, after the wait for the lines.
    assert_eq!(asked(&mut feed, 5 * MS), [3, 11]);
    assert_eq!((permits.in_use(), permits.refused()), (3, 1));
    // However often the arbiter is called, it is refused once, and takes none before its time.
    drop(of_another);
    feed.line(FeedLine::A, &packet("DAY", 44, 45));
    assert!(asked(&mut feed, 15 * MS).is_empty());
    assert_eq!((permits.in_use(), permits.refused()), (2, 1));
    assert_eq!(asked(&mut feed, 2 * MS), [3, 11, 19], "two repeats, and the one that got no permit");
    assert_eq!((permits.in_use(), permits.refused()), (3, 2));
}

#[test]
fn ranges_that_are_given_up_and_arbiters_that_end_give_their_permits_back() {
    let permits = Permits::new(4);
    let mut lost = feed_with_gap(&permits);
    lost.line(FeedLine::B, &packet("DAY", 43, 45));
    lost.advance(5 * MS, nobody);
    assert_eq!(permits.in_use(), 4);
    lost.advance(500 * MS, nobody);
    assert_eq!((lost.count(FeedCount::Lost), permits.in_use()), (40, 0));
    let mut ends = feed_with_gap(&permits);
    ends.advance(5 * MS, nobody);
    assert_eq!(permits.in_use(), 4);
    drop(ends);
    assert_eq!(permits.in_use(), 0);
}
