//! Instruments that the feed has contradicted, and the replay that makes them fresh: what the lines brought damaged, the
//! servers have whole.

use crate::harness::{Feed, MS, add, bid, both_lines, config, delete, directory, packet, symbol};
use corelane_actors::{
    market_data::{FeedCount, MarketDataConfig, RecoveryCount},
    types::Locate,
};
use corelane_codecs::{
    IntoBytes,
    itch::{Header, Side, StockTradingAction},
    mold::Request,
    text::Alpha,
};

/// The endpoint of retransmission.
const REQUESTS: u32 = 2;
const AAPL: Locate = Locate(1);
const MSFT: Locate = Locate(2);

/// What the servers have: at the end, AAPL has bids at 110 and 120, MSFT at 50 and 60.
fn session() -> Vec<Vec<u8>> {
    vec![
        directory(7, "AAPL"),
        directory(8, "MSFT"),
        bid(1, 100),
        add(8, "MSFT", 5, Side::Buy, 50, 100),
        bid(2, 110),
        add(8, "MSFT", 6, Side::Buy, 60, 100),
        delete(7, 1),
        bid(3, 120),
    ]
}

/// The session as a line brings it whose message 5 is cut.
fn damaged() -> Vec<Vec<u8>> {
    let mut messages = session();
    messages[4].truncate(30);
    messages
}

fn trading(feed_locate: u16, stock: &str, trading_state: u8) -> Vec<u8> {
    let header = Header::new(feed_locate, 0, 0);
    let (stock, reason) = (symbol(stock), Alpha::BLANK);
    StockTradingAction { header, stock, trading_state, reserved: b' ', reason }.as_bytes().to_vec()
}

/// Answers what was asked, with at most `messages_max` of `served` each; returns how many requests there were.
fn serve(feed: &mut Feed, served: &[Vec<u8>], messages_max: usize) -> usize {
    let requests = feed.net.take_datagrams();
    for asked in &requests {
        let request = Request::decode(&asked.payload).unwrap();
        let first = request.sequence as usize - 1;
        let end = (first + messages_max.min(request.count.into())).min(served.len());
        let answer = packet(feed.session, request.sequence, &served[first.min(end)..end]);
        feed.datagram_on(REQUESTS, &asked.to.unwrap().to_string(), &answer);
    }
    feed.sim.run_until_idle();
    feed.new_references();
    requests.len()
}

/// Best bid of an instrument, and whether it is stale, as last told.
fn told(feed: &mut Feed, locate: Locate) -> (u64, bool) {
    feed.new_references();
    let reference = feed.known[&locate];
    (reference.bid.raw(), reference.stale == 1)
}

fn replayed(feed: &Feed) -> u64 {
    feed.stats.recovery.get(RecoveryCount::Replayed)
}

fn rejoined(feed: &Feed) -> [u64; 2] {
    [FeedCount::Rejoined, FeedCount::NotRejoined].map(|count| feed.count(count))
}

// M7
#[test]
fn a_contradicted_instrument_is_fresh_once_a_replay_has_reached_the_lines() {
    let mut feed = Feed::new(both_lines());
    let (served, sent) = (session(), damaged());
    feed.packet(1, &sent[..5]);
    assert_eq!(feed.new_references(), [(1, 100, 0, true), (2, 50, 0, false)]);
    // The lines go on while the session is replayed, and so do the books.
    serve(&mut feed, &served[..5], 3);
    feed.packet(6, &sent[5..7]);
    assert_eq!((told(&mut feed, AAPL), told(&mut feed, MSFT)), ((0, true), (60, false)));
    serve(&mut feed, &served[..7], 1);
    feed.packet(8, &sent[7..]);
    assert_eq!((told(&mut feed, AAPL), rejoined(&feed)), ((120, true), [0, 0]));
    while serve(&mut feed, &served, 3) > 0 {}
    assert_eq!((told(&mut feed, AAPL), told(&mut feed, MSFT)), ((120, false), (60, false)));
    assert_eq!((replayed(&feed), rejoined(&feed)), (8, [1, 0]));
    assert_eq!((feed.count(FeedCount::Messages), feed.count(FeedCount::UnreadableOrders)), (7, 1));
    // The order that the line had damaged is there.
    feed.packet(9, &[delete(7, 3)]);
    assert_eq!(told(&mut feed, AAPL), (110, false));
}

// M7
#[test]
fn an_instrument_that_the_replay_contradicts_too_stays_stale() {
    let mut feed = Feed::new(both_lines());
    let mut sent = session();
    sent[4] = delete(7, 99);
    feed.packet(1, &sent);
    while serve(&mut feed, &sent, 3) > 0 {}
    assert_eq!((told(&mut feed, AAPL), told(&mut feed, MSFT)), ((120, true), (60, false)));
    assert_eq!((replayed(&feed), rejoined(&feed)), (8, [0, 1]));
    // What the replay contradicts is not counted twice.
    assert_eq!(feed.count(FeedCount::UnknownOrders), 1);
}

// M7
#[test]
fn one_replay_serves_all_that_is_contradicted_before_its_end() {
    let mut feed = Feed::new(both_lines());
    let mut served = session();
    served.push(add(8, "MSFT", 7, Side::Buy, 70, 100));
    let mut sent = damaged();
    sent.push(served[8][..30].to_vec());
    feed.packet(1, &sent[..5]);
    serve(&mut feed, &served[..5], 2);
    feed.packet(6, &sent[5..]);
    assert_eq!(told(&mut feed, MSFT), (60, true));
    while serve(&mut feed, &served, 2) > 0 {}
    assert_eq!((told(&mut feed, AAPL), told(&mut feed, MSFT)), ((120, false), (70, false)));
    assert_eq!((replayed(&feed), rejoined(&feed)), (9, [2, 0]));
}

#[test]
fn a_replay_that_differs_in_any_level_of_a_fresh_instrument_is_not_taken() {
    // MSFT has bids at 50 and 60 by the lines.
    let other = [
        ("another price", add(8, "MSFT", 5, Side::Buy, 49, 100)),
        ("other shares", add(8, "MSFT", 5, Side::Buy, 50, 99)),
        ("another side", add(8, "MSFT", 5, Side::Sell, 90, 100)),
        ("the best price", add(8, "MSFT", 5, Side::Buy, 61, 100)),
    ];
    for (name, message) in other {
        let mut feed = Feed::new(both_lines());
        let mut served = session();
        served[3] = message;
        feed.packet(1, &damaged());
        while serve(&mut feed, &served, 8) > 0 {}
        assert_eq!((told(&mut feed, AAPL).1, told(&mut feed, MSFT)), (true, (60, false)), "{name}");
        assert_eq!((replayed(&feed), rejoined(&feed)), (8, [0, 1]), "{name}");
    }
}

/// Books with the session's two instruments and `more` others.
fn many(more: usize) -> MarketDataConfig {
    let mut config = both_lines();
    config.symbols.extend((0..more).map(|index| symbol(&format!("S{index}"))));
    config
}

/// Lets the books be compared; returns how many batches it took.
fn compare(feed: &mut Feed) -> usize {
    let mut batches = 0;
    while rejoined(feed) == [0, 0] {
        assert!(batches < 10, "it does not end");
        feed.advance(2 * MS);
        batches += 1;
    }
    batches
}

/// M7: order entry stands on the same shard.
#[test]
fn a_batch_compares_a_few_instruments_with_the_replay() {
    let mut feed = Feed::new(many(38));
    feed.packet(1, &damaged());
    while serve(&mut feed, &session(), 8) > 0 {}
    assert_eq!((replayed(&feed), told(&mut feed, AAPL).1), (8, true));
    assert_eq!(compare(&mut feed), 2, "16 of 40 were compared before");
    assert_eq!((told(&mut feed, AAPL), rejoined(&feed)), ((120, false), [1, 0]));
    // Both sets of books have followed the lines.
    feed.packet(9, &[delete(7, 3)]);
    assert_eq!(told(&mut feed, AAPL), (110, false));
}

/// M7: the feed may be so busy that each batch changes more instruments than it compares.
#[test]
fn a_comparison_ends_however_many_instruments_change() {
    let symbols: Vec<_> = (0..20).map(|index| (20 + index, format!("S{index}"))).collect();
    let directories: Vec<_> = symbols.iter().map(|(locate, name)| directory(*locate, name)).collect();
    let (sent, served) = ([damaged(), directories.clone()].concat(), [session(), directories].concat());
    let mut feed = Feed::new(many(38));
    feed.packet(1, &sent);
    while serve(&mut feed, &served, 28) > 0 {}
    assert_eq!((replayed(&feed), rejoined(&feed)), (28, [0, 0]));
    for batch in 0..5 {
        let first = batch * 20;
        let orders =
            symbols.iter().zip(first..).map(|((locate, name), n)| add(*locate, name, 100 + n, Side::Buy, 10, 1));
        feed.packet(29 + first, &orders.collect::<Vec<_>>());
    }
    assert_eq!((told(&mut feed, AAPL), rejoined(&feed)), ((120, false), [1, 0]));
}

/// M7
#[test]
fn an_instrument_that_changes_while_others_are_compared_is_compared_again() {
    // The levels of MSFT are the same, but not the orders behind them.
    let sent = [damaged(), vec![add(8, "MSFT", 7, Side::Buy, 60, 50)]].concat();
    let mut served = [session(), vec![add(8, "MSFT", 7, Side::Buy, 60, 100)]].concat();
    served[5] = add(8, "MSFT", 6, Side::Buy, 60, 50);
    let mut feed = Feed::new(many(38));
    feed.packet(1, &sent);
    while serve(&mut feed, &served, 9) > 0 {}
    assert_eq!((replayed(&feed), rejoined(&feed)), (9, [0, 0]));
    feed.packet(10, &[delete(8, 7)]);
    compare(&mut feed);
    assert_eq!((told(&mut feed, AAPL).1, told(&mut feed, MSFT)), (true, (60, false)));
    assert_eq!(rejoined(&feed), [0, 1]);
}

// M7
#[test]
fn a_run_of_the_feed_is_replayed_once() {
    let mut feed = Feed::new(both_lines());
    for (runs, name) in (1..).zip(["FEED", "NEXT"]) {
        feed.session = name;
        feed.packet(1, &damaged());
        // In a silence, it takes two packets to follow another session.
        feed.packet(9, &[]);
        while serve(&mut feed, &session(), 8) > 0 {}
        assert_eq!((told(&mut feed, AAPL), rejoined(&feed)), ((120, false), [runs, 0]), "{name}");
        feed.packet(9, &[delete(7, 99)]);
        assert_eq!((told(&mut feed, AAPL), serve(&mut feed, &session(), 8)), ((120, true), 0), "{name}");
        feed.advance(4000 * MS);
    }
    assert_eq!(replayed(&feed), 16);
}

// M7
#[test]
fn a_replay_that_nobody_answers_leaves_the_instrument_stale() {
    let mut feed = Feed::new(both_lines());
    feed.packet(1, &damaged()[..5]);
    let mut requests = 0;
    for _ in 0..20 {
        feed.advance(20 * MS);
        requests += feed.net.take_datagrams().len();
    }
    assert_eq!((requests, told(&mut feed, AAPL), rejoined(&feed)), (3, (100, true), [0, 1]));
    feed.packet(6, &[delete(7, 1), delete(7, 99)]);
    assert_eq!((told(&mut feed, AAPL), feed.net.take_datagrams().len()), ((0, true), 0));
}

// M7
#[test]
fn a_replay_that_would_change_a_fresh_instrument_is_not_taken() {
    let another_price = add(8, "MSFT", 6, Side::Buy, 61, 100);
    for wrong in [another_price, delete(8, 98)] {
        let mut feed = Feed::new(both_lines());
        let mut served = session();
        served[5] = wrong;
        feed.packet(1, &damaged());
        while serve(&mut feed, &served, 8) > 0 {}
        assert_eq!((told(&mut feed, AAPL), told(&mut feed, MSFT)), ((120, true), (60, false)));
        assert_eq!((replayed(&feed), rejoined(&feed)), (8, [0, 1]));
    }
    // Its state counts, too.
    for (served, expected) in [(b'T', [1, 0]), (b'H', [0, 1])] {
        let mut feed = Feed::new(both_lines());
        feed.packet(1, &[damaged(), vec![trading(8, "MSFT", b'T')]].concat());
        while serve(&mut feed, &[session(), vec![trading(8, "MSFT", served)]].concat(), 9) > 0 {}
        assert_eq!((replayed(&feed), rejoined(&feed)), (9, expected));
    }
}

// M7
#[test]
fn nobody_is_asked_for_a_replay_without_servers_or_for_lack_of_room() {
    let mut without = Feed::new(config());
    without.packet(1, &damaged());
    assert_eq!((told(&mut without, AAPL), without.net.take_datagrams().len()), ((120, true), 0));

    let mut full = both_lines();
    full.limits.orders_max = 64;
    let mut feed = Feed::new(full);
    let bids: Vec<_> = (1..300).map(|order_ref| bid(order_ref, 100)).collect();
    for (first, bids) in (1..).step_by(30).zip(bids.chunks(30)) {
        feed.packet(first, bids);
    }
    assert!(feed.count(FeedCount::Overflows) > 0);
    assert_eq!((told(&mut feed, AAPL), feed.net.take_datagrams().len()), ((100, true), 0));
}

// M7
#[test]
fn a_replay_beside_lines_that_go_on_misses_and_doubles_nothing() {
    for seed in 1..=200_u64 {
        let mut random = seed;
        let mut random = |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % below as u64) as usize
        };
        let (mut served, mut gone) = (session(), Vec::new());
        for order_ref in 100..300 {
            served.push(bid(order_ref, 50 + order_ref as u32 % 40));
            if random(2) == 0 && order_ref > 120 {
                gone.push(order_ref - 20);
                served.push(delete(7, order_ref - 20));
            }
        }
        let mut sent = served.clone();
        sent[4].truncate(30);
        let mut config = both_lines();
        config.limits.orders_max = 1000;
        config.arbitration.gap_fill.retry.attempts_max = 1000;
        let mut feed = Feed::new(config);
        let mut next = 0;
        // Answers are lost, repeated, short and late, while the lines go on.
        while next < sent.len() || rejoined(&feed) == [0, 0] {
            let end = (next + random(9)).min(sent.len());
            if next < end {
                feed.packet(next as u64 + 1, &sent[next..end]);
                next = end;
            }
            match random(4) {
                0 => drop(feed.net.take_datagrams()),
                1 => feed.advance(20 * MS),
                _ => {
                    serve(&mut feed, &served[..next], 1 + random(8));
                }
            }
        }
        // Every order goes once, so the books hold each once and no other.
        let rest = (100..300).filter(|order_ref| !gone.contains(order_ref)).chain([2, 3]);
        let deletes: Vec<_> = rest.map(|order_ref| delete(7, order_ref)).collect();
        for deletes in deletes.chunks(30) {
            feed.packet(next as u64 + 1, deletes);
            next += deletes.len();
        }
        assert_eq!((told(&mut feed, AAPL), rejoined(&feed)), ((0, false), [1, 0]), "seed {seed}");
        assert_eq!(told(&mut feed, MSFT), (60, false), "seed {seed}");
    }
}
