//! The market-data actor's outputs besides references: best levels, depth on request, and the messages themselves.

use std::iter::from_fn;

use crate::harness::{EVENTS, Feed, MS, add, bid, config, delete, packet, symbol};
use corelane_actors::{
    market_data::{
        BookLimits, Books, DEPTH_LEVELS_MAX, DepthAnswer, DepthPart, DepthRefusal, DepthRequest, FeedCount, Level,
        MarketDataIn, TopOfBook,
    },
    types::{Locate, SequenceNumber},
};
use corelane_codecs::{
    IntoBytes,
    itch::{Header, Message, OrderCancel, Side, StockTradingAction},
    text::Alpha,
};
use corelane_runtime::{net::EndpointId, telemetry::Counters};

fn level(price: u32, quantity: u64, orders: u32) -> Level {
    Level { price, orders, quantity }
}

/// The best levels that changed since the last call, by locate.
/// A feed that has begun, and whose fresh prices were read.
fn begun() -> Feed {
    let mut feed = Feed::new(config());
    feed.packet(1, &[]);
    assert_eq!(tops(&mut feed).len(), config().symbols.len());
    feed
}

fn tops(feed: &mut Feed) -> Vec<TopOfBook> {
    let mut tops: Vec<_> = from_fn(|| feed.tops.receive()).map(|envelope| envelope.body).collect();
    tops.sort_unstable_by_key(|top| top.locate);
    tops
}

fn halted(feed_locate: u16, stock: &str, at_ns: u64) -> Vec<u8> {
    let action = StockTradingAction {
        header: Header::new(feed_locate, 0, at_ns),
        stock: symbol(stock),
        trading_state: b'H',
        reserved: b' ',
        reason: Alpha::BLANK,
    };
    action.as_bytes().to_vec()
}

#[test]
fn best_levels_are_published_when_any_part_of_them_changes() {
    let mut feed = begun();
    let before = feed.count(FeedCount::Tops);
    feed.packet(1, &[bid(1, 100), bid(2, 110), add(7, "AAPL", 3, Side::Sell, 120, 5)]);
    let first = TopOfBook {
        bid: level(110, 100, 1),
        ask: level(120, 5, 1),
        feed_sequence: SequenceNumber(3),
        locate: Locate(1),
        ..TopOfBook::default()
    };
    assert_eq!(tops(&mut feed), [first]);
    feed.packet(4, &[bid(4, 105)]);
    assert_eq!(tops(&mut feed), [], "not the best");
    feed.packet(5, &[bid(5, 110)]);
    let second = TopOfBook { bid: level(110, 200, 2), feed_sequence: SequenceNumber(5), ..first };
    assert_eq!(tops(&mut feed), [second], "the same price, another quantity");
    let cancel = OrderCancel { header: Header::new(7, 0, 77), order_ref: 3.into(), cancelled_shares: 1.into() };
    feed.packet(6, &[cancel.as_bytes().to_vec(), halted(7, "AAPL", 88)]);
    let third = TopOfBook {
        ask: level(120, 4, 1),
        feed_sequence: SequenceNumber(7),
        exchange_ns: 88,
        trading_state: b'H',
        ..second
    };
    assert_eq!(tops(&mut feed), [third]);
    feed.packet(8, &[delete(7, 3)]);
    assert_eq!(
        tops(&mut feed),
        [TopOfBook { ask: Level::default(), feed_sequence: SequenceNumber(8), exchange_ns: 0, ..third }]
    );
    assert_eq!(feed.count(FeedCount::Tops) - before, 4);
}

#[test]
fn a_slow_reader_sees_the_newest_levels_and_the_stale_mark() {
    let mut feed = begun();
    let before = feed.tops.conflated();
    for round in 0..50 {
        feed.packet(1 + round, &[bid(1 + round, 100 + round as u32)]);
    }
    let seen = tops(&mut feed);
    assert_eq!(seen.iter().map(|top| (top.bid, top.stale)).collect::<Vec<_>>(), [(level(149, 100, 1), 0)]);
    assert_eq!(feed.tops.conflated() - before, 49);
    // The feed is silent.
    feed.advance(3500 * MS);
    let stale = |tops: Vec<TopOfBook>| tops.iter().map(|top| (top.locate.0, top.bid, top.stale)).collect::<Vec<_>>();
    assert_eq!(stale(tops(&mut feed)), [(1, level(149, 100, 1), 1), (2, Level::default(), 1)]);
    feed.packet(51, &[]);
    assert_eq!(stale(tops(&mut feed)), [(1, level(149, 100, 1), 0), (2, Level::default(), 0)]);
}

#[test]
fn an_unusable_kernel_time_is_counted_and_harmless() {
    const MINUTE: u64 = 60_000 * MS;
    let mut feed = Feed::new(config());
    feed.advance(MINUTE);
    feed.packet(1, &[]);
    tops(&mut feed);
    let now_ns = 1000 * MS + MINUTE;
    // No timestamp requested; within a minute; ahead of now, as after the wall clock was set back; long ago.
    let cases = [
        (None, 0),
        (Some(now_ns), 0),
        (Some(now_ns - MINUTE), 0),
        (Some(now_ns + 1), 1),
        (Some(u64::MAX), 1),
        (Some(now_ns - MINUTE - 1), 1),
        (Some(0), 1),
    ];
    let mut expected = 0;
    for (number, (kernel_utc_ns, foreign)) in (1..).zip(cases) {
        let bytes = packet(feed.session, number, &[bid(number, 100 + number as u32)]);
        feed.net.datagram_at(EndpointId(0), "127.0.0.1:5000".parse().unwrap(), &bytes, kernel_utc_ns);
        feed.sim.run_until_idle();
        expected += foreign;
        assert_eq!(feed.count(FeedCount::ForeignKernelTimes), expected, "{kernel_utc_ns:?}");
        assert_eq!(tops(&mut feed).len(), 1, "the level is published all the same");
    }
    assert!(feed.sim.failures().is_empty());
}

/// The parts of the answer to a request.
fn ask(feed: &mut Feed, locate: u16, levels: u16) -> Vec<DepthAnswer> {
    feed.requests.send(MarketDataIn::Depth(DepthRequest { request: 42, locate: Locate(locate), levels })).unwrap();
    feed.sim.run_until_idle();
    from_fn(|| feed.depth.receive()).map(|envelope| envelope.body).collect()
}

/// Bids and asks of an answer whose parts are in order.
fn sides(answers: &[DepthAnswer]) -> (Vec<Level>, Vec<Level>) {
    let parts: Vec<DepthPart> = answers
        .iter()
        .map(|answer| match answer {
            DepthAnswer::Levels(part) => *part,
            refused => panic!("{refused:?}"),
        })
        .collect();
    assert!(parts.iter().all(|part| part.request == 42 && part.feed_sequence == parts[0].feed_sequence));
    assert!(parts.is_sorted_by_key(|part| (!part.is_bid, part.is_last)) && parts.last().unwrap().is_last);
    assert_eq!(parts.iter().filter(|part| part.is_last).count(), 1);
    let side = |is_bid| {
        let parts = parts.iter().filter(|part| part.is_bid == is_bid);
        parts.flat_map(|part| part.levels().to_vec()).collect()
    };
    (side(true), side(false))
}

#[test]
fn depth_on_request_equals_the_books() {
    let mut config = config();
    config.limits = BookLimits { orders_max: 2000, levels_max: 1000 };
    let (mut feed, mut books) = (Feed::new(config.clone()), Books::new(&config.symbols, config.limits));
    let counters = Counters::default();
    let mut sequence = 1;
    for chunk in (1..=600_u32).collect::<Vec<_>>().chunks(30) {
        let order = |&number: &u32| {
            let (side, price) = if number % 2 == 0 { (Side::Buy, 5000 - number) } else { (Side::Sell, 6000 + number) };
            add(7, "AAPL", number.into(), side, price / 2, number)
        };
        let messages: Vec<_> = chunk.iter().map(order).collect();
        feed.packet(sequence, &messages);
        sequence += messages.len() as u64;
        for message in &messages {
            books.apply(&Message::decode(message).unwrap(), &counters);
        }
        for levels in [1, 11, 12, 13, 24, DEPTH_LEVELS_MAX] {
            let answer = ask(&mut feed, 1, levels);
            let (bids, asks) = books.levels(Locate(1));
            let expected = (bids.take(levels.into()).collect(), asks.take(levels.into()).collect());
            assert_eq!(sides(&answer), expected, "{levels} levels after {sequence}");
            let DepthAnswer::Levels(part) = answer[0] else { panic!("levels") };
            assert_eq!((part.feed_sequence.0, part.is_stale), (sequence - 1, false));
        }
    }
    assert_eq!(sides(&ask(&mut feed, 1, DEPTH_LEVELS_MAX)).0.len(), usize::from(DEPTH_LEVELS_MAX), "the bound is met");
    assert_eq!(sides(&ask(&mut feed, 2, 5)), (vec![], vec![]));
    assert!(feed.sim.failures().is_empty());
}

#[test]
fn a_request_that_cannot_be_answered_is_refused_with_its_reason() {
    let mut feed = Feed::new(config());
    let cases = [
        (0, 1, DepthRefusal::UnknownLocate),
        (3, 1, DepthRefusal::UnknownLocate),
        (u16::MAX, 1, DepthRefusal::UnknownLocate),
        (1, 0, DepthRefusal::LevelsOutOfRange),
        (1, DEPTH_LEVELS_MAX + 1, DepthRefusal::LevelsOutOfRange),
    ];
    for (locate, levels, reason) in cases {
        assert_eq!(ask(&mut feed, locate, levels), [DepthAnswer::Refused { request: 42, reason }]);
    }
    assert_eq!(feed.count(FeedCount::Depths), 0);
}

#[test]
fn every_message_that_changed_a_book_is_published_unchanged() {
    let mut roomy = config();
    roomy.arbitration.reorder_messages_max = 256;
    let mut feed = Feed::new(roomy);
    let messages: Vec<_> = (1..=66).map(|number| bid(number, 100)).collect();
    // Messages that wait behind a gap are released together when it is filled: more than a step sends on other outputs.
    feed.packet(1, &messages[..1]);
    feed.packet(37, &messages[36..]);
    feed.packet(2, &messages[1..36]);
    feed.packet(67, &[halted(7, "AAPL", 1), delete(7, 1), delete(7, 999)]);
    let events: Vec<_> = from_fn(|| feed.events.receive()).map(|envelope| envelope.body).collect();
    let expected = (1..).zip(messages.iter().cloned());
    let expected: Vec<_> = expected.chain([(68, delete(7, 1))]).collect();
    let published: Vec<_> = events.iter().map(|event| (event.feed_sequence.0, event.message().to_vec())).collect();
    assert_eq!(published, expected);
    assert!(
        events.iter().map(|event| event.number.0).eq(1..=67) && events.iter().all(|event| event.locate == Locate(1))
    );
}

#[test]
fn a_reader_of_events_that_is_too_slow_finds_a_hole_in_the_numbers() {
    let mut many = config();
    many.limits.orders_max = 10_000;
    let mut feed = Feed::new(many);
    let mut next = 1;
    let mut bids = |feed: &mut Feed, packets: u64| {
        for _ in 0..packets {
            let messages: Vec<_> = (next..next + 30).map(|number| bid(number, 100)).collect();
            feed.packet(next, &messages);
            next += 30;
        }
    };
    let numbers =
        |feed: &mut Feed| from_fn(|| feed.events.receive()).map(|event| event.body.number.0).collect::<Vec<_>>();
    bids(&mut feed, 40);
    assert!(numbers(&mut feed).into_iter().eq(1..=EVENTS as u64));
    bids(&mut feed, 1);
    assert!(numbers(&mut feed).into_iter().eq(1201..=1230));
    assert!(feed.sim.failures().is_empty());
}
