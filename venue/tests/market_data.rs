//! What a venue's market data tells those who embed it: best levels, depth on request, events.

mod support;

use std::{collections::BTreeMap, net::UdpSocket};

use corelane_actors::{
    market_data::{
        DepthAnswer, DepthPart, DepthRefusal, DepthRequest, FeedCount, Level, MarketData, MarketDataIn, TopOfBook,
    },
    types::Locate,
};
use corelane_codecs::itch::Message;
use corelane_config::Config;
use corelane_runtime::{actor::Actor, cpu, telemetry::ShardCount};
use corelane_venue::{self as venue, Declared};
use support::{SYMBOLS, add, delete, directory, mold, price_of, until};

/// The least that may wait.
const EVENTS: usize = 2 * MarketData::OUTPUTS_MAX;

fn declare(config: &Config) -> Declared {
    venue::declare(config, &cpu::allowed_cpus()).unwrap()
}

fn level(price: u64, orders: u32) -> Level {
    Level { price: u32::try_from(price).unwrap(), orders, quantity: 100 * u64::from(orders) }
}

#[test]
fn best_levels_depth_and_events_of_the_incoming_feed_can_be_read() {
    let mut config = support::config();
    // A test thread that waits long for a CPU is no silence of the feed.
    config.feeds.inbound.iter_mut().for_each(|feed| feed.stale_after_ms = 60_000);
    let mut declared = declare(&config);
    let mut tops = declared.tops().expect("there is a feed");
    let (mut requests, mut answers) = declared.depth(4).expect("there is a feed");
    let mut events = declared.events(EVENTS).expect("there is a feed");
    let venue = declared.start(&config).unwrap_or_else(|error| panic!("{error}"));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(venue.feed_in().expect("it listens")).unwrap();

    // Each symbol gets two bids at one price and one below, and an ask that goes again.
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let mut changes = Vec::new();
    for (symbol, locate) in SYMBOLS.iter().zip(1_u16..) {
        let (reference, price) = (10 * u64::from(locate), price_of(symbol));
        messages.push(directory(locate, symbol));
        let orders = [
            add(locate, reference, b'B', symbol, price - 100),
            add(locate, reference + 1, b'B', symbol, price - 100),
            add(locate, reference + 2, b'B', symbol, price - 200),
            add(locate, reference + 3, b'S', symbol, price + 100),
            delete(locate, reference + 3),
        ];
        for order in orders {
            messages.push(order.clone());
            changes.push((messages.len() as u64, locate, order));
        }
    }
    // In two packets, as one would be longer than a frame on the wire.
    let (first, second) = messages.split_at(24);
    socket.send(&mold("MARKET", 1, first)).unwrap();
    socket.send(&mold("MARKET", 25, second)).unwrap();
    let feed = &venue.counters().feed_in.feed;
    until("all is taken", || feed.get(FeedCount::Messages) == messages.len() as u64);

    let mut told = Vec::new();
    until("all events are told", || {
        told.extend(std::iter::from_fn(|| events.receive()).map(|envelope| envelope.body));
        told.len() == changes.len()
    });
    for (number, (event, (sequence, locate, order))) in (1..).zip(told.iter().zip(&changes)) {
        assert_eq!((event.number.0, event.feed_sequence.0, event.locate.0), (number, *sequence, *locate));
        assert_eq!(event.message(), order);
        assert!(Message::decode(event.message()).is_ok());
    }

    let mut newest = BTreeMap::<Locate, TopOfBook>::new();
    until("all best levels are told", || {
        newest.extend(std::iter::from_fn(|| tops.receive()).map(|envelope| (envelope.body.locate, envelope.body)));
        // What is told before the first packet, also of the symbols without orders, is stale.
        Locate::first(SYMBOLS.len())
            .all(|locate| newest.get(&locate).is_some_and(|top| top.bid.orders == 2 && top.ask.orders == 0))
    });
    for (symbol, locate) in SYMBOLS.iter().zip(Locate::first(SYMBOLS.len())) {
        assert_eq!(newest[&locate].bid, level(price_of(symbol) - 100, 2));
        assert_eq!((newest[&locate].locate, newest[&locate].stale), (locate, 0));
    }

    let mut ask = |locate: Locate, levels| {
        let request = MarketDataIn::Depth(DepthRequest { request: locate.0.into(), locate, levels });
        requests.send(request).unwrap_or_else(|_| panic!("the venue takes requests"));
    };
    Locate::first(3).for_each(|locate| ask(locate, 12));
    ask(Locate(99), 12);
    let mut parts = Vec::new();
    until("all requests are answered", || {
        parts.extend(std::iter::from_fn(|| answers.receive()).map(|envelope| envelope.body));
        parts.len() == 7
    });
    for (locate, answer) in Locate::first(3).zip(parts[..6].chunks(2)) {
        let price = price_of(SYMBOLS[locate.index()]);
        let [DepthAnswer::Levels(bids), DepthAnswer::Levels(asks)] = answer else { panic!("{answer:?}") };
        let head = |part: &DepthPart| (part.request, part.locate, part.is_bid, part.is_last);
        assert_eq!(
            (head(bids), head(asks)),
            ((locate.0.into(), locate, true, false), (locate.0.into(), locate, false, true))
        );
        assert_eq!(bids.levels(), [level(price - 100, 2), level(price - 200, 1)]);
        assert_eq!(asks.levels(), []);
        assert_eq!(bids.feed_sequence.0, messages.len() as u64);
    }
    assert_eq!(parts[6], DepthAnswer::Refused { request: 99, reason: DepthRefusal::UnknownLocate });
    assert_eq!((feed.get(FeedCount::Depths), feed.get(FeedCount::Lost)), (3, 0));
    support::stop(venue);
}

#[test]
fn events_that_nobody_reads_are_dropped_and_counted_and_the_venue_goes_on() {
    let config = support::config();
    let mut declared = declare(&config);
    let mut events = declared.events(EVENTS).expect("there is a feed");
    let venue = declared.start(&config).unwrap_or_else(|error| panic!("{error}"));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(venue.feed_in().expect("it listens")).unwrap();
    let price = price_of(SYMBOLS[0]);
    for from in (0..5).map(|packet| 1 + 40 * packet) {
        let orders: Vec<_> = (from..from + 40).map(|n| add(1, n, b'B', SYMBOLS[0], price - n)).collect();
        socket.send(&mold("MARKET", from, &orders)).unwrap();
    }
    let feed = &venue.counters().feed_in.feed;
    until("all is taken", || feed.get(FeedCount::Messages) == 200);
    let stopped = venue.stop();
    assert!(stopped.problems().is_empty());
    let numbers: Vec<u64> = std::iter::from_fn(|| events.receive()).map(|envelope| envelope.body.number.0).collect();
    assert!(numbers.into_iter().eq(1..=EVENTS as u64));
    assert_eq!(stopped.outcome.status.shards[0].count(ShardCount::Dropped), 200 - EVENTS as u64);
}

#[test]
fn without_an_incoming_feed_there_is_nothing_to_read() {
    let mut config = support::config();
    config.feeds.inbound = None;
    let mut declared = declare(&config);
    assert!(declared.tops().is_none() && declared.depth(4).is_none() && declared.events(4).is_none());
    support::stop(declared.start(&config).unwrap_or_else(|error| panic!("{error}")));
}

#[test]
fn a_feed_that_the_kernel_refuses_to_send_is_told() {
    let mut config = support::config();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    support::publish_to(&mut config, &socket);
    let feed = config.feeds.outbound.as_mut().expect("it publishes");
    // The kernel answers EINVAL, as EPERM by a firewall or ENETUNREACH without a route. No file may have such an address.
    feed.to = "127.0.0.1:0".parse().unwrap();
    feed.retransmission = None;
    let venue = support::start(&config);
    until("the first loss is counted", || venue.status().count(ShardCount::NetDatagramsLost) > 0);
    let stopped = venue.stop();
    assert!(stopped.lost_feed_packets > 0);
    let [problem] = &stopped.problems()[..] else { panic!("{:?}", stopped.problems()) };
    let expected = format!("{} packets of the feed were refused by the kernel", stopped.lost_feed_packets);
    assert!(problem.starts_with(&expected), "{problem}");
}
