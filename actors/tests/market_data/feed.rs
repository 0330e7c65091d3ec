//! The feed handler on a network that loses, repeats and truncates packets: the references that reach the sequencer, and
//! when they are stale.

use crate::harness::{Feed, MS, add, bid, both_lines, config, delete, directory, packet, symbol};
use corelane_actors::{
    market_data::{BookLimits, FeedCount, RecoveryCount},
    types::Locate,
};
use corelane_codecs::{
    itch::Side,
    mold::{self, Request},
    text::Alpha,
};
use corelane_runtime::{net::EndpointId, simulation::SentDatagram};

#[test]
fn the_best_prices_of_our_instruments_reach_the_sequencer_once_per_batch() {
    let mut feed = Feed::new(config());
    feed.packet(1, &[bid(1, 100), bid(2, 110), add(7, "AAPL", 3, Side::Sell, 120, 5)]);
    assert_eq!(feed.new_references(), [(1, 110, 120, false)]);
    assert_eq!(feed.known[&Locate(1)].feed_sequence.0, 3);
    feed.packet(4, &[bid(4, 105)]);
    assert_eq!(feed.new_references(), [], "the best did not change");
    feed.packet(5, &[delete(7, 2)]);
    assert_eq!(feed.new_references(), [(1, 105, 120, false)]);
    feed.packet(6, &[delete(7, 4), delete(7, 1), delete(7, 3)]);
    assert_eq!(feed.new_references(), [(1, 0, 0, false)]);
}

#[test]
fn the_feeds_locates_are_mapped_by_directory_or_by_adds_and_other_symbols_ignored() {
    let mut feed = Feed::new(config());
    feed.packet(1, &[directory(30, "MSFT"), directory(31, "IBM")]);
    let adds = [
        add(30, "MSFT", 1, Side::Buy, 10, 1),
        add(31, "IBM", 2, Side::Buy, 20, 1),
        add(40, "AAPL", 3, Side::Buy, 30, 1),
        add(41, "TSLA", 4, Side::Buy, 40, 1),
    ];
    feed.packet(3, &adds);
    assert_eq!(feed.new_references(), [(1, 30, 0, false), (2, 10, 0, false)]);
    // Orders of ignored symbols are not even looked up.
    feed.packet(7, &[delete(31, 2), delete(41, 4)]);
    assert_eq!(feed.count(FeedCount::UnknownOrders), 0);
    feed.packet(9, &[delete(30, 99), delete(77, 99)]);
    assert_eq!(feed.count(FeedCount::UnknownOrders), 2);
    assert_eq!(feed.new_references(), [(2, 10, 0, true)]);
}

#[test]
fn messages_seen_before_are_dropped_also_in_part() {
    let mut feed = Feed::new(config());
    let messages: Vec<_> = (1..=6).map(|order_ref| bid(order_ref, 100 + order_ref as u32)).collect();
    feed.packet(1, &messages[..3]);
    feed.packet(1, &messages[..3]);
    feed.packet(2, &messages[1..5]);
    feed.packet(3, &messages[2..3]);
    feed.packet(6, &messages[5..]);
    assert_eq!(feed.count(FeedCount::Messages), 6);
    assert_eq!(feed.count(FeedCount::Duplicates), 3 + 2 + 1);
    assert_eq!((feed.count(FeedCount::Gaps), feed.count(FeedCount::DuplicateOrders)), (0, 0));
    assert_eq!(feed.new_references().last(), Some(&(1, 106, 0, false)));
}

#[test]
fn a_gap_makes_every_reference_stale_until_the_feed_begins_a_new_session() {
    let heartbeat = |session: &str, next| {
        let mut bytes = [0; mold::HEADER_LEN];
        mold::heartbeat(&mut bytes, Alpha::new(session).unwrap(), next).unwrap();
        bytes.to_vec()
    };
    let gaps: [(&str, Vec<Vec<u8>>); 3] = [
        ("a message is missing", vec![packet("FEED", 3, &[bid(2, 90)]), heartbeat("FEED", 4)]),
        ("two heartbeats are ahead", vec![heartbeat("FEED", 3), heartbeat("FEED", 3)]),
        ("two packets were cut", vec![packet("FEED", 4, &[]), packet("FEED", 4, &[])]),
    ];
    for (name, gap) in gaps {
        let mut feed = Feed::new(config());
        feed.packet(1, &[bid(1, 100)]);
        assert_eq!(feed.new_references(), [(1, 100, 0, false)]);
        gap.iter().for_each(|packet| feed.datagram(packet));
        feed.sim.run_until_idle();
        assert_eq!(feed.new_references(), [], "{name}: what is missing may only be late");
        feed.advance(2 * MS);
        assert!(
            feed.new_references().iter().all(|reference| reference.3) && feed.known.len() == 2,
            "{name}: {:?}",
            feed.known
        );
        assert_eq!(feed.count(FeedCount::Gaps), 1, "{name}");
        assert!(feed.count(FeedCount::Lost) > 0, "{name}");
        // The session goes on, still stale.
        feed.packet(5, &[bid(5, 200)]);
        feed.packet(6, &[]);
        feed.advance(2 * MS);
        assert_eq!(feed.new_references(), [(1, 200, 0, true)], "{name}");
        // Another session is ignored while this one is alive.
        feed.session = "NEXT";
        feed.packet(1, &[bid(1, 50)]);
        assert_eq!((feed.new_references(), feed.count(FeedCount::ForeignSession)), (vec![], 1), "{name}");
        let mut end = [0; mold::HEADER_LEN];
        mold::end_of_session(&mut end, Alpha::new("FEED").unwrap(), 6).unwrap();
        feed.datagram(&end);
        feed.packet(1, &[bid(1, 50)]);
        assert_eq!(feed.new_references(), [(1, 50, 0, false), (2, 0, 0, false)], "{name}");
    }
}

#[test]
fn a_late_start_is_a_gap() {
    let mut feed = Feed::new(config());
    feed.packet(100, &[bid(1, 100)]);
    assert_eq!(feed.new_references(), [(1, 0, 0, true), (2, 0, 0, true)]);
    assert_eq!(feed.count(FeedCount::Lost), 0, "a single packet may be a stray");
    feed.packet(101, &[bid(2, 90)]);
    assert_eq!(feed.new_references(), [(1, 90, 0, true)]);
    assert_eq!(feed.count(FeedCount::Lost), 100);
}

#[test]
fn silence_is_stale_and_any_packet_of_the_session_ends_it() {
    let mut feed = Feed::new(config());
    feed.packet(1, &[bid(1, 100)]);
    assert_eq!(feed.new_references(), [(1, 100, 0, false)]);
    for _ in 0..5 {
        feed.advance(2000 * MS);
        feed.packet(2, &[]);
        assert_eq!(feed.new_references(), [], "heartbeats keep it fresh");
    }
    // Packets of other sessions do not.
    feed.advance(2900 * MS);
    feed.session = "OTHER";
    feed.packet(2, &[]);
    feed.session = "FEED";
    assert_eq!(feed.new_references(), []);
    feed.advance(200 * MS);
    assert_eq!(feed.new_references(), [(1, 100, 0, true), (2, 0, 0, true)]);
    feed.packet(2, &[]);
    assert_eq!(feed.new_references(), [(1, 100, 0, false), (2, 0, 0, false)]);
    feed.advance(3100 * MS);
    assert_eq!(feed.new_references(), [(1, 100, 0, true), (2, 0, 0, true)]);
    assert_eq!(feed.count(FeedCount::Silences), 2);
    // If a feed restarts without ending its session, the new session is followed once the old one has been silent, and
    // a second packet shows that the first was no stray.
    feed.session = "AGAIN";
    feed.packet(1, &[bid(1, 7)]);
    assert_eq!(feed.new_references(), []);
    feed.packet(2, &[]);
    assert_eq!(feed.new_references(), [(1, 7, 0, false), (2, 0, 0, false)]);
}

#[test]
fn a_configured_session_is_the_only_one() {
    let mut only = config();
    only.arbitration.session = Some(Alpha::new("FEED").unwrap());
    let mut feed = Feed::new(only);
    feed.session = "OTHER";
    feed.packet(1, &[bid(1, 100)]);
    feed.advance(10_000 * MS);
    feed.packet(1, &[bid(1, 100)]);
    assert_eq!(feed.new_references(), []);
    feed.session = "FEED";
    feed.packet(1, &[bid(1, 100)]);
    assert_eq!(feed.new_references(), [(1, 100, 0, false)]);
}

#[test]
fn a_book_without_place_for_an_order_is_stale_and_its_neighbours_are_not() {
    let by_levels = |limits: &mut BookLimits| limits.levels_max = 3;
    let by_orders = |limits: &mut BookLimits| limits.orders_max = 3;
    for shrink in [by_levels, by_orders] as [fn(&mut BookLimits); 2] {
        let mut config = config();
        shrink(&mut config.limits);
        let mut feed = Feed::new(config);
        feed.packet(1, &[bid(1, 101), bid(2, 102), bid(3, 103)]);
        assert_eq!(feed.new_references(), [(1, 103, 0, false)]);
        feed.packet(4, &[bid(4, 104)]);
        assert_eq!(feed.new_references(), [(1, 103, 0, true)]);
        assert_eq!(feed.count(FeedCount::Overflows), 1);
        feed.packet(5, &[delete(7, 4), delete(7, 3), add(8, "MSFT", 9, Side::Sell, 50, 1)]);
        assert_eq!(feed.new_references(), [(1, 102, 0, true), (2, 0, 50, false)]);
        assert_eq!(feed.count(FeedCount::UnknownOrders), 1);
    }
}

#[test]
fn references_that_find_no_room_wait_and_the_newest_is_sent() {
    let mut many = config();
    let names: Vec<String> = (0..300).map(|number| format!("S{number}")).collect();
    many.symbols = names.iter().map(|name| symbol(name)).collect();
    many.limits.orders_max = 1000;
    let mut feed = Feed::with_edge(many, 128);
    let mut sequence = 1;
    for price in [10, 20] {
        for chunk in (0_u16..300).collect::<Vec<_>>().chunks(30) {
            let order = |&number: &u16| {
                let order_ref = u64::from(number) + 1000 * u64::from(price);
                add(number + 1, &names[usize::from(number)], order_ref, Side::Buy, price, 1)
            };
            let messages: Vec<_> = chunk.iter().map(order).collect();
            feed.packet(sequence, &messages);
            sequence += messages.len() as u64;
        }
    }
    for _ in 0..50 {
        feed.new_references();
        feed.advance(2 * MS);
    }
    let bids: Vec<_> = feed.known.values().map(|reference| reference.bid.raw()).collect();
    assert_eq!(bids, vec![20; 300]);
    assert!(feed.count(FeedCount::References) < 600, "old prices were passed over");
}

#[test]
fn a_gap_is_requested_and_prices_are_stale_only_while_it_stays_open() {
    const LINE_B: u32 = 1;
    const REQUESTS: u32 = 2;
    let mut feed = Feed::new(both_lines());
    feed.packet(1, &[bid(1, 100)]);
    assert_eq!(feed.new_references(), [(1, 100, 0, false)]);
    feed.datagram_on(LINE_B, "127.0.0.1:5000", &packet("FEED", 3, &[bid(3, 300)]));
    feed.sim.run_until_idle();
    feed.advance(2 * MS);
    let request = Request { session: Alpha::new("FEED").unwrap(), sequence: 2, count: 1 };
    let asked = |feed: &Feed| {
        let read = |datagram: SentDatagram| {
            assert_eq!(datagram.endpoint, EndpointId(REQUESTS));
            assert_eq!(Request::decode(&datagram.payload), Ok(request));
            datagram.to.unwrap().to_string()
        };
        feed.net.take_datagrams().into_iter().map(read).collect::<Vec<_>>()
    };
    assert_eq!((asked(&feed), feed.new_references()), (vec!["10.0.0.1:1".to_owned()], vec![]));
    feed.advance(15 * MS);
    assert_eq!(feed.new_references(), [(1, 100, 0, true), (2, 0, 0, true)]);
    feed.advance(10 * MS);
    assert_eq!(asked(&feed), ["10.0.0.2:1"], "the first server has not answered, so the second is asked");
    // Answers from another address, or on a line's port, are ignored.
    let answer = packet("FEED", 2, &[bid(2, 200)]);
    feed.datagram_on(REQUESTS, "10.0.0.3:1", &answer);
    feed.datagram_on(REQUESTS, "10.0.0.1:2", &answer);
    feed.datagram_on(REQUESTS, "10.0.0.2:1", &answer[..19]);
    feed.sim.run_until_idle();
    assert_eq!((feed.new_references(), feed.stats.recovery.get(RecoveryCount::Refused)), (vec![], 3));
    // The first server answers after all.
    feed.datagram_on(REQUESTS, "10.0.0.1:1", &answer);
    feed.sim.run_until_idle();
    assert_eq!(feed.new_references(), [(1, 300, 0, false), (2, 0, 0, false)]);
    assert_eq!(feed.known[&Locate(1)].feed_sequence.0, 3);
    feed.advance(1000 * MS);
    assert_eq!((asked(&feed), feed.count(FeedCount::Gaps)), (vec![], 0));
}

#[test]
fn requests_that_the_network_refuses_are_repeated() {
    let mut feed = Feed::new(both_lines());
    feed.packet(1, &[bid(1, 100)]);
    feed.net.set_datagram_room(Some(0));
    feed.packet(3, &[bid(3, 300)]);
    feed.advance(5 * MS);
    assert!(feed.net.take_datagrams().is_empty());
    feed.net.set_datagram_room(None);
    feed.advance(20 * MS);
    assert_eq!(feed.net.take_datagrams().len(), 1);
}
