//! The state of instruments and of the market, from feed messages that are not about orders. Each message passes through
//! the real actor and changes only the instrument that it names.

use std::iter::from_fn;

use crate::harness::{Feed, config, directory, symbol};
use corelane_actors::{
    market_data::{AuctionCollar, Cross, FeedCount, Imbalance, InstrumentState, MarketState},
    types::Locate,
};
use corelane_codecs::{
    IntoBytes,
    itch::{
        BreachedLevel, CrossTrade, CrossType, EventCode, HaltReason, Header, ImbalanceDirection, LuldAuctionCollar,
        MwcbDeclineLevels, MwcbStatus, NetOrderImbalance, OperationalHalt, RegShoAction, RegShoRestriction,
        StockTradingAction, SystemEvent, TradingState,
    },
    mold,
    price::{Price4, Price8},
    text::Alpha,
};

const AAPL: Locate = Locate(1);
const MSFT: Locate = Locate(2);
/// The locates that the feed uses.
const AAPL_THERE: u16 = 7;
const MSFT_THERE: u16 = 9;

/// A feed, and the number of its next message.
struct StateFeed {
    feed: Feed,
    next: u64,
}

impl StateFeed {
    /// A feed that has sent the directory of both instruments.
    fn new() -> StateFeed {
        let mut states = StateFeed::without_directory();
        states.send(&[directory(AAPL_THERE, "AAPL"), directory(MSFT_THERE, "MSFT")]);
        states
    }

    fn without_directory() -> StateFeed {
        StateFeed { feed: Feed::new(config()), next: 1 }
    }

    fn send(&mut self, messages: &[Vec<u8>]) {
        self.feed.packet(self.next, messages);
        self.next += messages.len() as u64;
        assert_eq!(self.feed.count(FeedCount::Messages), self.next - 1, "every message is applied");
    }

    fn state(&self, locate: Locate) -> InstrumentState {
        self.feed.shown().instruments[locate.index()]
    }

    fn market(&self) -> MarketState {
        self.feed.shown().market
    }

    /// Sends `message` and checks that it makes exactly the `expected` change to one instrument's state, and no other.
    #[track_caller]
    fn changes(&mut self, locate: Locate, message: Vec<u8>, expected: impl FnOnce(&mut InstrumentState)) {
        let before = self.feed.shown();
        let mut instruments = before.instruments;
        expected(&mut instruments[locate.index()]);
        self.send(&[message]);
        let after = self.feed.shown();
        assert_eq!((after.instruments, after.market), (instruments, before.market));
    }

    /// Sends `message` and checks that it changes nothing.
    #[track_caller]
    fn changes_nothing(&mut self, message: Vec<u8>) {
        self.changes(AAPL, message, |_| ());
    }
}

fn price(raw: u32) -> Price4 {
    Price4::from_raw(raw)
}

fn reg_sho(feed_locate: u16, stock: &str, action: u8) -> Vec<u8> {
    let header = Header::new(feed_locate, 0, 0);
    RegShoRestriction { header, stock: symbol(stock), reg_sho_action: action }.as_bytes().to_vec()
}

fn collar(feed_locate: u16, stock: &str, reference: u32, extension: u32) -> Vec<u8> {
    let collar = LuldAuctionCollar {
        header: Header::new(feed_locate, 0, 0),
        stock: symbol(stock),
        auction_collar_reference_price: price(reference).into(),
        upper_auction_collar_price: price(reference + 50).into(),
        lower_auction_collar_price: price(reference - 50).into(),
        auction_collar_extension: extension.into(),
    };
    collar.as_bytes().to_vec()
}

fn imbalance(feed_locate: u16, stock: &str, at_ns: u64, direction: u8, cross: u8) -> Vec<u8> {
    let imbalance = NetOrderImbalance {
        header: Header::new(feed_locate, 0, at_ns),
        paired_shares: 5_000_000_000.into(),
        imbalance_shares: 300.into(),
        imbalance_direction: direction,
        stock: symbol(stock),
        far_price: price(1_000_100).into(),
        near_price: price(1_000_200).into(),
        current_reference_price: price(1_000_300).into(),
        cross_type: cross,
        price_variation_indicator: b'L',
    };
    imbalance.as_bytes().to_vec()
}

fn cross(feed_locate: u16, stock: &str, at_ns: u64, shares: u64, kind: u8) -> Vec<u8> {
    let cross = CrossTrade {
        header: Header::new(feed_locate, 0, at_ns),
        shares: shares.into(),
        stock: symbol(stock),
        cross_price: price(1_000_400).into(),
        match_number: 1.into(),
        cross_type: kind,
    };
    cross.as_bytes().to_vec()
}

fn action(feed_locate: u16, stock: &str, state: u8, reason: &str) -> Vec<u8> {
    let action = StockTradingAction {
        header: Header::new(feed_locate, 0, 0),
        stock: symbol(stock),
        trading_state: state,
        reserved: b' ',
        reason: Alpha::new(reason).unwrap(),
    };
    action.as_bytes().to_vec()
}

fn operational(feed_locate: u16, stock: &str, market: u8, action: u8) -> Vec<u8> {
    let header = Header::new(feed_locate, 0, 0);
    let halt = OperationalHalt { header, stock: symbol(stock), market_code: market, operational_halt_action: action };
    halt.as_bytes().to_vec()
}

fn breaker_status(level: u8) -> Vec<u8> {
    MwcbStatus { header: Header::new(0, 0, 0), breached_level: level }.as_bytes().to_vec()
}

fn breaker_levels(levels: [u64; 3]) -> Vec<u8> {
    let [level_1, level_2, level_3] = levels.map(|level| Price8::from_raw(level).into());
    MwcbDeclineLevels { header: Header::new(0, 0, 0), level_1, level_2, level_3 }.as_bytes().to_vec()
}

fn system_event(code: u8) -> Vec<u8> {
    SystemEvent { header: Header::new(0, 0, 0), event_code: code }.as_bytes().to_vec()
}

#[test]
fn the_market_wide_breakers_levels_and_its_highest_breach_are_known() {
    let mut states = StateFeed::new();
    assert_eq!(states.market(), MarketState::default());
    // 4,650, 4,350 and a little over 4,000.
    let declared = [465_000_000_000, 435_000_000_000, 400_000_000_001];
    states.send(&[breaker_levels(declared)]);
    let levels = Some(declared.map(Price8::from_raw));
    assert_eq!(states.market(), MarketState { breaker_levels: levels, ..MarketState::default() });
    // A level once breached stays; an unknown one is no breach.
    let breaches = [
        (b'9', None),
        (b'1', Some(BreachedLevel::Level1)),
        (b'3', Some(BreachedLevel::Level3)),
        (b'2', Some(BreachedLevel::Level3)),
        (b' ', Some(BreachedLevel::Level3)),
    ];
    for (level, breached) in breaches {
        states.send(&[breaker_status(level)]);
        assert_eq!(states.market(), MarketState { breaker_levels: levels, breached, event: None });
    }
    // The next day's levels replace them all.
    states.send(&[breaker_levels([1, 2, u64::MAX]), system_event(b'Q')]);
    let levels = Some([1, 2, u64::MAX].map(Price8::from_raw));
    let event = Some(EventCode::StartOfMarketHours);
    assert_eq!(states.market(), MarketState { breaker_levels: levels, breached: Some(BreachedLevel::Level3), event });
    assert_eq!(states.state(AAPL), InstrumentState::default(), "no message concerns an instrument");
}

#[test]
fn the_short_sale_test_is_kept_for_the_instrument_that_it_names() {
    let mut states = StateFeed::new();
    let actions = [
        (b'0', Some(RegShoAction::NoRestriction)),
        (b'1', Some(RegShoAction::RestrictedIntraday)),
        (b'2', Some(RegShoAction::RestrictionContinues)),
        // An unknown code clears the state: the old one may no longer hold.
        (b'7', None),
    ];
    for (code, expected) in actions {
        states.changes(AAPL, reg_sho(AAPL_THERE, "AAPL", code), |state| state.reg_sho = expected);
    }
    states.changes(MSFT, reg_sho(MSFT_THERE, "MSFT", b'1'), |state| {
        state.reg_sho = Some(RegShoAction::RestrictedIntraday);
    });
}

#[test]
fn the_auction_collar_is_the_last_one() {
    let mut states = StateFeed::new();
    for (reference, extension) in [(1_000_000, 0), (1_010_000, 1), (50, u32::MAX)] {
        let expected = AuctionCollar {
            reference: price(reference),
            upper: price(reference + 50),
            lower: price(reference - 50),
            extension,
        };
        states.changes(MSFT, collar(MSFT_THERE, "MSFT", reference, extension), |state| state.collar = Some(expected));
    }
}

#[test]
fn the_imbalance_before_a_cross_and_the_cross_are_known() {
    let mut states = StateFeed::new();
    let expected = Imbalance {
        at_ns: 34_080_000_000_123,
        cross: Some(CrossType::Opening),
        paired_shares: 5_000_000_000,
        imbalance_shares: 300,
        direction: Some(ImbalanceDirection::Sell),
        far: price(1_000_100),
        near: price(1_000_200),
        reference: price(1_000_300),
    };
    states.changes(AAPL, imbalance(AAPL_THERE, "AAPL", expected.at_ns, b'S', b'O'), |state| {
        state.imbalance = Some(expected);
    });
    let unknown = Imbalance { at_ns: 34_081_000_000_000, cross: None, direction: None, ..expected };
    states.changes(AAPL, imbalance(AAPL_THERE, "AAPL", unknown.at_ns, b'?', b'?'), |state| {
        state.imbalance = Some(unknown);
    });
    let first = Cross {
        at_ns: 34_200_000_000_000,
        cross: Some(CrossType::Opening),
        shares: u64::from(u32::MAX) + 1,
        price: price(1_000_400),
    };
    states.changes(AAPL, cross(AAPL_THERE, "AAPL", first.at_ns, first.shares, b'O'), |state| state.cross = Some(first));
    // A cross that matched nothing is one too.
    let last = Cross { at_ns: 57_600_000_000_000, cross: Some(CrossType::Closing), shares: 0, ..first };
    states.changes(AAPL, cross(AAPL_THERE, "AAPL", last.at_ns, 0, b'C'), |state| state.cross = Some(last));
}

#[test]
fn halts_of_all_markets_and_of_one_are_apart() {
    let mut states = StateFeed::new();
    states.changes(AAPL, action(AAPL_THERE, "AAPL", b'H', "T1"), |state| {
        (state.trading, state.reason) = (Some(TradingState::Halted), HaltReason::from_wire(Alpha::new("T1").unwrap()));
        assert!(state.reason.is_some());
    });
    for (market, at) in [(b'Q', 0), (b'B', 1), (b'X', 2)] {
        states.changes(AAPL, operational(AAPL_THERE, "AAPL", market, b'H'), |state| state.operational_halts[at] = true);
    }
    states.changes(AAPL, operational(AAPL_THERE, "AAPL", b'B', b'T'), |state| state.operational_halts[1] = false);
    // Another market's code or another action is no halt, and no end of one.
    states.changes_nothing(operational(AAPL_THERE, "AAPL", b'Z', b'H'));
    states.changes_nothing(operational(AAPL_THERE, "AAPL", b'Q', b'P'));
    states.changes(AAPL, action(AAPL_THERE, "AAPL", b'T', ""), |state| {
        (state.trading, state.reason) = (Some(TradingState::Trading), HaltReason::from_wire(Alpha::BLANK));
    });
}

/// One of each message about an instrument.
fn all_of(feed_locate: u16, stock: &str) -> Vec<Vec<u8>> {
    vec![
        reg_sho(feed_locate, stock, b'1'),
        collar(feed_locate, stock, 1000, 1),
        imbalance(feed_locate, stock, 1, b'B', b'O'),
        cross(feed_locate, stock, 2, 1, b'O'),
        action(feed_locate, stock, b'H', "T1"),
        operational(feed_locate, stock, b'Q', b'H'),
    ]
}

/// Whether every part of an instrument's state is known.
fn is_complete(state: &InstrumentState) -> bool {
    let InstrumentState { trading, reason, reg_sho, operational_halts, collar, imbalance, cross } = state;
    let says = [trading.is_some(), reason.is_some(), reg_sho.is_some(), operational_halts[0]];
    says.into_iter().all(|says| says) && collar.is_some() && imbalance.is_some() && cross.is_some()
}

#[test]
fn messages_about_other_instruments_change_none_of_ours() {
    let mut states = StateFeed::new();
    for message in all_of(50, "ZZZZ") {
        states.changes_nothing(message);
    }
    // The directory gave locate 7 to AAPL; another symbol in a message does not change that.
    states.send(&all_of(AAPL_THERE, "MSFT"));
    assert!(is_complete(&states.state(AAPL)));
    assert_eq!(states.state(MSFT), InstrumentState::default());
}

#[test]
fn before_the_directory_the_symbol_identifies_the_instrument() {
    let mut states = StateFeed::without_directory();
    states.send(&all_of(30, "MSFT"));
    assert!(is_complete(&states.state(MSFT)));
    assert_eq!(states.state(AAPL), InstrumentState::default());
    // The locate of an unknown symbol becomes ours when a directory message says so, not before.
    states.changes_nothing(reg_sho(31, "ZZZZ", b'1'));
    states.send(&[directory(31, "AAPL")]);
    assert_eq!(states.state(AAPL), InstrumentState::default());
    states.changes(AAPL, reg_sho(31, "AAPL", b'2'), |state| state.reg_sho = Some(RegShoAction::RestrictionContinues));
}

#[test]
fn a_new_session_begins_without_the_states_of_the_old_one() {
    let mut states = StateFeed::new();
    states.send(&[&all_of(AAPL_THERE, "AAPL")[..], &[breaker_status(b'1'), breaker_levels([3, 2, 1])]].concat());
    assert!(is_complete(&states.state(AAPL)) && states.market().breached.is_some());
    let mut end = [0; mold::HEADER_LEN];
    mold::end_of_session(&mut end, Alpha::new(states.feed.session).unwrap(), states.next).unwrap();
    states.feed.datagram(&end);
    states.feed.sim.run_until_idle();
    assert!(is_complete(&states.state(AAPL)), "the old day is shown until the next one begins");
    states.feed.session = "NEXT";
    states.feed.packet(1, &[system_event(b'O')]);
    assert_eq!(states.state(AAPL), InstrumentState::default());
    let event = Some(EventCode::StartOfMessages);
    assert_eq!(states.market(), MarketState { event, ..MarketState::default() });
}

#[test]
fn states_do_not_change_a_book() {
    let mut states = StateFeed::new();
    while states.feed.tops.receive().is_some() {}
    let quiet: Vec<_> = all_of(AAPL_THERE, "AAPL").into_iter().filter(|message| message[0] != b'H').collect();
    states.send(&quiet);
    states.send(&[breaker_status(b'1'), breaker_levels([3, 2, 1]), system_event(b'Q')]);
    assert!(from_fn(|| states.feed.events.receive()).next().is_none());
    assert!(from_fn(|| states.feed.tops.receive()).next().is_none());
    assert_eq!(states.feed.new_references(), []);
    // The trading state is published with the best levels.
    states.send(&[action(AAPL_THERE, "AAPL", b'P', "LUDP")]);
    let tops: Vec<_> =
        from_fn(|| states.feed.tops.receive()).map(|top| (top.body.locate, top.body.trading_state)).collect();
    assert_eq!(tops, [(AAPL, b'P')]);
}
