//! Books that the feed contradicts: which instruments are stale from then on, until when, and why.

use crate::harness::{Feed, MS, add, bid, config, delete, directory, symbol};
use corelane_actors::market_data::FeedCount;
use corelane_codecs::{
    IntoBytes,
    itch::{Header, OrderCancel, OrderExecuted, OrderReplace, Side},
    price::Price4,
};

fn executed(feed_locate: u16, order_ref: u64, shares: u32) -> Vec<u8> {
    let (order_ref, executed_shares) = (order_ref.into(), shares.into());
    OrderExecuted { header: Header::new(feed_locate, 0, 0), order_ref, executed_shares, match_number: 1.into() }
        .as_bytes()
        .to_vec()
}

fn canceled(feed_locate: u16, order_ref: u64, shares: u32) -> Vec<u8> {
    let (order_ref, cancelled_shares) = (order_ref.into(), shares.into());
    OrderCancel { header: Header::new(feed_locate, 0, 0), order_ref, cancelled_shares }.as_bytes().to_vec()
}

fn replaced(feed_locate: u16, original: u64, new: u64, shares: u32, price: u32) -> Vec<u8> {
    let replace = OrderReplace {
        header: Header::new(feed_locate, 0, 0),
        original_order_ref: original.into(),
        new_order_ref: new.into(),
        shares: shares.into(),
        price: Price4::from_raw(price).into(),
    };
    replace.as_bytes().to_vec()
}

fn with_side(mut add: Vec<u8>, side: u8) -> Vec<u8> {
    add[19] = side;
    add
}

/// AAPL has a bid of 100 shares at 100 (order 1), MSFT one at 50 (order 5).
fn sound() -> Feed {
    let mut feed = Feed::new(config());
    feed.packet(1, &[directory(7, "AAPL"), directory(8, "MSFT"), bid(1, 100), add(8, "MSFT", 5, Side::Buy, 50, 100)]);
    assert_eq!(feed.new_references(), [(1, 100, 0, false), (2, 50, 0, false)]);
    feed
}

// M7
#[test]
fn a_message_that_contradicts_a_book_makes_its_instrument_stale() {
    use FeedCount::{DuplicateOrders, Excess, ForeignOrders, UnknownOrders, UnreadableOrders};
    let long = [&bid(2, 90)[..], &[0]].concat();
    // The message, the count of its reason, and which of the two are stale.
    let cases: [(&str, Vec<u8>, FeedCount, [bool; 2]); 17] = [
        ("an add that is a byte too long", long, UnreadableOrders, [true, false]),
        ("an add that is cut", bid(2, 90)[..30].to_vec(), UnreadableOrders, [true, false]),
        ("an add without a side", with_side(bid(2, 90), b'Z'), UnreadableOrders, [true, false]),
        ("an execution that is cut", executed(7, 1, 1)[..20].to_vec(), UnreadableOrders, [true, false]),
        ("an add too short to name an instrument", b"A\x00".to_vec(), UnreadableOrders, [true, true]),
        ("an execution of an unknown order", executed(7, 99, 1), UnknownOrders, [true, false]),
        ("a cancel of an unknown order", canceled(7, 99, 1), UnknownOrders, [true, false]),
        ("a delete of an unknown order", delete(7, 99), UnknownOrders, [true, false]),
        ("a replace of an unknown order", replaced(7, 99, 100, 5, 90), UnknownOrders, [true, false]),
        ("a delete of another instrument's order", delete(7, 5), ForeignOrders, [true, true]),
        ("an execution of another instrument's order", executed(7, 5, 1), ForeignOrders, [true, true]),
        ("an add of an order that rests", bid(1, 90), DuplicateOrders, [true, false]),
        ("an add of an order that rests elsewhere", bid(5, 90), DuplicateOrders, [true, true]),
        (
            "an add without shares of an order that rests",
            add(7, "AAPL", 1, Side::Buy, 90, 0),
            DuplicateOrders,
            [true, false],
        ),
        ("a replace by an order that rests", replaced(7, 1, 5, 100, 100), DuplicateOrders, [true, true]),
        ("an execution of more shares than rest", executed(7, 1, 101), Excess, [true, false]),
        ("a cancel of more shares than rest", canceled(7, 1, 101), Excess, [true, false]),
    ];
    for (name, message, reason, stale) in cases {
        let mut feed = sound();
        feed.packet(5, &[message]);
        let told = feed.new_references();
        let told = [1, 2].map(|locate| told.iter().any(|reference| reference.0 == locate && reference.3));
        assert_eq!((told, feed.count(reason)), (stale, 1), "{name}");
        // It stays so, whatever the session brings, until the next one begins.
        feed.packet(6, &[bid(20, 120), delete(7, 20), bid(21, 130)]);
        feed.advance(20 * MS);
        assert!(
            feed.new_references().iter().all(|reference| reference.3 == stale[usize::from(reference.0) - 1]),
            "{name}"
        );
        feed.advance(4000 * MS);
        feed.new_references();
        feed.session = "NEXT";
        feed.packet(1, &[bid(1, 70)]);
        feed.packet(2, &[]);
        assert_eq!(feed.new_references(), [(1, 70, 0, false), (2, 0, 0, false)], "{name}");
    }
}

// M7
#[test]
fn messages_that_concern_no_order_are_no_evidence() {
    let mut feed = sound();
    let cut = directory(7, "AAPL")[..20].to_vec();
    feed.packet(5, &[vec![], b"?".to_vec(), vec![0xff; 40], cut, delete(31, 3)]);
    assert_eq!(feed.new_references(), []);
    assert_eq!([FeedCount::BadMessages, FeedCount::UnreadableOrders].map(|count| feed.count(count)), [4, 0]);
}

// M7
#[test]
fn an_instrument_that_was_contradicted_before_the_feed_named_it_is_stale() {
    let unreadable = [&bid(1, 100)[..], &[0]].concat();
    for evidence in [unreadable, delete(7, 99)] {
        for name in [vec![], vec![directory(7, "AAPL")]] {
            let mut feed = Feed::new(config());
            feed.packet(
                1,
                &[vec![evidence.clone()], name, vec![bid(2, 90), add(8, "MSFT", 5, Side::Buy, 50, 1)]].concat(),
            );
            assert_eq!(feed.new_references(), [(1, 90, 0, true), (2, 50, 0, false)]);
        }
    }
}

// M8
#[test]
fn an_order_without_shares_or_price_is_in_no_book_and_no_evidence() {
    // Follow-ups of order 9, which the first message adds without shares or without a price, or replaces by such a one.
    let void: [(&str, Vec<u8>); 4] = [
        ("a sell without shares", add(7, "AAPL", 9, Side::Sell, 1, 0)),
        ("a buy without shares", add(7, "AAPL", 9, Side::Buy, 999_999, 0)),
        ("a sell at no price", add(7, "AAPL", 9, Side::Sell, 0, 100)),
        ("a replace by no shares", replaced(7, 2, 9, 0, 999_999)),
    ];
    for (name, void) in void {
        let mut feed = sound();
        feed.packet(5, &[bid(2, 90), void]);
        feed.packet(7, &[executed(7, 9, 1), canceled(7, 9, 1), delete(7, 9)]);
        assert_eq!(feed.new_references(), [], "{name}");
        assert_eq!(feed.count(FeedCount::VoidOrders), 1, "{name}");
        assert_eq!(feed.count(FeedCount::UnknownOrders), 0, "{name}");
        // With the delete, it is forgotten.
        feed.packet(10, &[delete(7, 9)]);
        assert_eq!(
            (feed.new_references(), feed.count(FeedCount::UnknownOrders)),
            (vec![(1, 100, 0, true)], 1),
            "{name}"
        );
    }
}

// M8
#[test]
fn an_order_without_shares_becomes_one_by_a_replace_that_has_some() {
    let mut feed = sound();
    feed.packet(5, &[add(7, "AAPL", 9, Side::Sell, 1, 0), replaced(7, 9, 10, 50, 120), delete(7, 10)]);
    assert_eq!(feed.new_references(), []);
    feed.packet(8, &[add(7, "AAPL", 11, Side::Sell, 1, 0), replaced(7, 11, 12, 50, 120)]);
    assert_eq!(feed.new_references(), [(1, 100, 120, false)]);
}

// M8
#[test]
fn more_orders_without_shares_than_can_be_told_apart_make_their_instrument_stale() {
    let mut feed = sound();
    let mut sequence = 5;
    for first in (100..1130).step_by(30) {
        let void: Vec<_> = (first..first + 30).map(|order_ref| add(7, "AAPL", order_ref, Side::Sell, 1, 0)).collect();
        feed.packet(sequence, &void);
        sequence += 30;
    }
    assert_eq!(feed.new_references(), [(1, 100, 0, true)]);
    assert_eq!([FeedCount::VoidOrders, FeedCount::VoidOverflows].map(|count| feed.count(count)), [1050, 26]);
}

// M16
#[test]
fn no_instrument_waits_for_ever_to_be_told() {
    let mut many = config();
    let names: Vec<String> = (0..400).map(|number| format!("S{number}")).collect();
    many.symbols = names.iter().map(|name| symbol(name)).collect();
    many.limits.orders_max = 100_000;
    many.limits.levels_max = 10_000;
    let mut feed = Feed::with_edge(many, 128);
    let (mut sequence, mut order_ref, mut first_told) = (1, 0, None);
    // Instrument 1 changes once, all others in every batch.
    for batch in 0..50_u32 {
        let first = if batch == 0 { 1 } else { 2 };
        for chunk in (first..=200_u16).collect::<Vec<_>>().chunks(30) {
            let order = |&locate: &u16| {
                order_ref += 1;
                add(locate, &names[usize::from(locate) - 1], order_ref, Side::Buy, 100 + batch, 10)
            };
            let messages: Vec<_> = chunk.iter().map(order).collect();
            feed.queue(sequence, &messages);
            sequence += messages.len() as u64;
        }
        feed.advance(MS);
        if feed.new_references().iter().any(|told| told.0 == 1) {
            first_told.get_or_insert(batch);
        }
    }
    assert!(first_told.is_some_and(|batch| batch < 10), "instrument 1 was told in batch {first_told:?}");
}

#[test]
fn an_add_whose_symbol_is_not_its_locates_makes_both_instruments_stale() {
    // Both are ours, or one of them.
    let (aapl, msft) = ((1, 100, 0, true), (2, 50, 0, true));
    for (locate, symbol, stale) in [(7, "MSFT", vec![aapl, msft]), (7, "OTHER", vec![aapl]), (9, "MSFT", vec![msft])] {
        let mut feed = Feed::new(config());
        feed.packet(1, &[directory(9, "OTHER"), bid(1, 100), add(8, "MSFT", 2, Side::Buy, 50, 1)]);
        assert_eq!(feed.new_references(), [(1, 100, 0, false), (2, 50, 0, false)]);
        feed.packet(4, &[add(locate, symbol, 3, Side::Buy, 400, 1)]);
        assert_eq!(feed.new_references(), stale, "{symbol} at {locate}");
        assert_eq!(feed.count(FeedCount::ForeignSymbols), 1);
    }
}

#[test]
fn a_directory_entry_that_renames_makes_both_instruments_stale() {
    // Both are ours, or one of them; or an instrument gets a second locate.
    let (aapl, msft) = ((1, 100, 0, true), (2, 50, 0, true));
    let cases = [
        (7, "MSFT", vec![aapl, msft]),
        (7, "OTHER", vec![aapl]),
        (9, "MSFT", vec![msft]),
        (31, "MSFT", vec![msft]),
        (7, "AAPL", vec![]),
        (9, "THIRD", vec![]),
    ];
    for (locate, symbol, stale) in cases {
        let mut feed = Feed::new(config());
        feed.packet(1, &[directory(9, "OTHER"), directory(7, "AAPL"), directory(8, "MSFT")]);
        feed.packet(4, &[bid(1, 100), add(8, "MSFT", 2, Side::Buy, 50, 1)]);
        assert_eq!(feed.new_references(), [(1, 100, 0, false), (2, 50, 0, false)]);
        feed.packet(6, &[directory(locate, symbol)]);
        assert_eq!(feed.new_references(), stale, "{symbol} at {locate}");
        assert_eq!(feed.count(FeedCount::Renames), u64::from(!stale.is_empty()));
        // The first name holds.
        feed.packet(7, &[bid(3, 101), add(8, "MSFT", 4, Side::Buy, 51, 1)]);
        let prices: Vec<_> = feed.new_references().into_iter().map(|(locate, bid, ..)| (locate, bid)).collect();
        assert_eq!(prices, [(1, 101), (2, 51)], "{symbol} at {locate}");
        // In the next session, the feed may name them anew.
        feed.packet(9, &[]);
        feed.advance(4000 * MS);
        feed.new_references();
        feed.session = "NEXT";
        feed.packet(1, &[directory(8, "AAPL"), directory(7, "MSFT"), add(8, "AAPL", 1, Side::Buy, 70, 1)]);
        feed.packet(4, &[]);
        assert_eq!(feed.new_references(), [(1, 70, 0, false), (2, 0, 0, false)], "{symbol} at {locate}");
    }
}
