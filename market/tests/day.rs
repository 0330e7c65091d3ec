//! Synthetic days, checked by books that verify every message.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;

use corelane_codecs::binary_file::Frames;
use corelane_codecs::itch::{
    EventCode, MESSAGE_TYPES, Message, OperationalHaltAction, Side, StockTradingAction, Timestamp, TradingState,
};
use corelane_codecs::price::Price4;
use corelane_codecs::text::Symbol;
use corelane_market::{Day, DayError, DayInstrument, DaySpec};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
struct Order {
    locate: u16,
    side: Side,
    price: u32,
    shares: u32,
}

/// The state according to the messages, without inference.
#[derive(Default)]
struct Checker {
    directory: HashMap<u16, Symbol>,
    orders: HashMap<u64, Order>,
    /// The orders by instrument, side and price.
    levels: BTreeMap<(u16, bool, u32), u32>,
    last_ref: u64,
    last_ns: u64,
    matches: HashMap<u64, u16>,
    stopped: HashSet<u16>,
    events: Vec<EventCode>,
    kinds: HashMap<u8, u64>,
    by_locate: HashMap<u16, u64>,
    most_orders: usize,
}

type Checked = Result<(), String>;

fn must(holds: bool, what: &str) -> Checked {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

impl Checker {
    fn check(&mut self, message: &Message<'_>) -> Checked {
        let locate = message.stock_locate();
        must(message.timestamp_ns() >= self.last_ns, "time falls")?;
        must(message.timestamp_ns() < Timestamp::DAY_NS, "after midnight")?;
        self.last_ns = message.timestamp_ns();
        *self.kinds.entry(message.kind()).or_default() += 1;
        *self.by_locate.entry(locate).or_default() += 1;
        if let Message::StockDirectory(directory) = message {
            let is_new = self.directory.insert(locate, directory.stock).is_none();
            return must(is_new && self.kinds.len() == 2, "a directory that is not first");
        }
        let is_market = matches!(message.kind(), b'S' | b'V' | b'W');
        must(is_market == (locate == 0) && (is_market || self.directory.contains_key(&locate)), "unknown locate")?;
        must(message.stock().is_none_or(|stock| self.directory[&locate] == *stock), "another symbol")?;
        match message {
            Message::SystemEvent(event) => self.events.push(event.event().ok_or("unknown event")?),
            Message::AddOrder(add) => {
                let order =
                    Order { locate, side: add.side.get(), price: add.price.get().raw(), shares: add.shares.get() };
                self.add(add.order_ref.get(), order)?;
            }
            Message::AddOrderMpid(add) => {
                let order =
                    Order { locate, side: add.side.get(), price: add.price.get().raw(), shares: add.shares.get() };
                must(!add.attribution.is_blank(), "attribution")?;
                self.add(add.order_ref.get(), order)?;
            }
            Message::OrderReplace(replace) => {
                let old = self.take(replace.original_order_ref.get(), None, locate)?;
                let (price, shares) = (replace.price.get().raw(), replace.shares.get());
                self.add(replace.new_order_ref.get(), Order { price, shares, ..old })?;
            }
            Message::OrderDelete(delete) => drop(self.take(delete.order_ref.get(), None, locate)?),
            Message::OrderCancel(cancel) => {
                let order_ref = cancel.order_ref.get();
                self.take(order_ref, Some(cancel.cancelled_shares.get()), locate)?;
                must(self.orders.contains_key(&order_ref), "a cancel of all")?;
            }
            Message::OrderExecuted(executed) => {
                let order_ref = executed.order_ref.get();
                self.execute(order_ref, executed.executed_shares.get(), executed.match_number.get(), locate)?;
            }
            Message::OrderExecutedWithPrice(executed) => {
                let order_ref = executed.order_ref.get();
                self.execute(order_ref, executed.executed_shares.get(), executed.match_number.get(), locate)?;
            }
            Message::Trade(trade) => self.matched(trade.match_number.get(), locate, false)?,
            Message::CrossTrade(cross) => self.matched(cross.match_number.get(), locate, true)?,
            Message::BrokenTrade(broken) => {
                must(self.matches.remove(&broken.match_number.get()) == Some(locate), "an unknown match")?;
            }
            Message::StockTradingAction(action) => self.action(action)?,
            Message::OperationalHalt(halt) => match halt.operational_halt_action().ok_or("unknown action")? {
                OperationalHaltAction::Halted => drop(self.stopped.insert(locate)),
                OperationalHaltAction::Trading => drop(self.stopped.remove(&locate)),
            },
            Message::LuldAuctionCollar(_) => must(self.stopped.contains(&locate), "a collar without a pause")?,
            _ => {}
        }
        self.most_orders = self.most_orders.max(self.orders.len());
        Ok(())
    }

    fn action(&mut self, action: &StockTradingAction) -> Checked {
        let locate = action.header.stock_locate.get();
        action.reason().ok_or("unknown reason")?;
        match action.trading_state().ok_or("unknown state")? {
            TradingState::Trading => drop(self.stopped.remove(&locate)),
            _ => drop(self.stopped.insert(locate)),
        }
        Ok(())
    }

    fn add(&mut self, order_ref: u64, order: Order) -> Checked {
        let Order { locate, side, price, shares } = order;
        must(order_ref > self.last_ref, "a reference that does not rise")?;
        must(order_ref % 4 == u64::from(locate - 1) % 4, "low bits of another instrument")?;
        must(shares > 0 && price > 0 && Price4::from_raw(price).is_in_range(), "price or shares")?;
        self.last_ref = order_ref;
        self.orders.insert(order_ref, order);
        *self.levels.entry((locate, side == Side::Buy, price)).or_default() += 1;
        let best_bid = self.levels.range((locate, true, 0)..=(locate, true, u32::MAX)).next_back();
        let best_ask = self.levels.range((locate, false, 0)..=(locate, false, u32::MAX)).next();
        let crossed = best_bid.zip(best_ask).is_some_and(|((bid, _), (ask, _))| bid.2 >= ask.2);
        must(!crossed, "crossed")
    }

    fn take(&mut self, order_ref: u64, shares: Option<u32>, locate: u16) -> Result<Order, String> {
        let order = self.orders.get_mut(&order_ref).ok_or("an unknown order")?;
        let shares = shares.unwrap_or(order.shares);
        must(order.locate == locate && (1..=order.shares).contains(&shares), "locate or shares")?;
        order.shares -= shares;
        let order = *order;
        if order.shares == 0 {
            self.orders.remove(&order_ref);
            let level = (locate, order.side == Side::Buy, order.price);
            let orders = self.levels.get_mut(&level).ok_or("no level")?;
            *orders -= 1;
            if *orders == 0 {
                self.levels.remove(&level);
            }
        }
        Ok(order)
    }

    /// Only the first order in its queue trades.
    fn execute(&mut self, order_ref: u64, shares: u32, match_number: u64, locate: u16) -> Checked {
        let Order { side, price, .. } = *self.orders.get(&order_ref).ok_or("an unknown order")?;
        let is_buy = side == Side::Buy;
        let mut levels = self.levels.range((locate, is_buy, 0)..=(locate, is_buy, u32::MAX));
        let best = if is_buy { levels.next_back() } else { levels.next() };
        must(best.is_some_and(|((_, _, best), _)| *best == price), "not the best price")?;
        self.take(order_ref, Some(shares), locate)?;
        self.matched(match_number, locate, false)
    }

    fn matched(&mut self, match_number: u64, locate: u16, is_cross: bool) -> Checked {
        let is_open = self.events.last() == Some(&EventCode::StartOfMarketHours);
        must(is_open && (is_cross || !self.stopped.contains(&locate)), "a trade while there is none")?;
        must(self.matches.insert(match_number, locate).is_none(), "a match number twice")
    }
}

fn check(spec: DaySpec) -> (Checker, u64) {
    let mut day = Day::new(spec).unwrap();
    let mut checker = Checker::default();
    let mut number = 0;
    while let Some(bytes) = day.next_message() {
        let message = Message::decode(bytes).unwrap();
        number += 1;
        if let Err(error) = checker.check(&message) {
            panic!("message {number}: {error}: {message}");
        }
    }
    assert_eq!(day.messages(), number);
    assert_eq!(day.resting_orders(), checker.orders.len());
    assert_eq!(checker.events, EventCode::ALL);
    (checker, number)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn every_day_is_valid(seed: u64, instruments in 1..40_usize, messages in 200..20_000_u64, opening in 0..30_u64) {
        let spec = DaySpec { opening_orders: opening, ..DaySpec::made_up(seed, instruments, messages) };
        let (checker, made) = check(spec);
        prop_assert_eq!((made, checker.directory.len()), (messages, instruments));
    }

    #[test]
    fn odd_prices_are_kept_in_range(seed: u64, reference in 2..2_000_000_000_u32, tick in 1..20_000_000_u32) {
        let instrument = DayInstrument {
            symbol: Symbol::from_bytes(*b"ODD     "),
            reference_price: Price4::from_raw(reference),
            tick: Price4::from_raw(tick),
        };
        let spec = DaySpec { instruments: vec![instrument], ..DaySpec::made_up(seed, 1, 3_000) };
        match Day::new(spec.clone()) {
            Ok(_) => drop(check(spec)),
            Err(error) => prop_assert_eq!(error, DayError::ReferencePrice { symbol: instrument.symbol }),
        }
    }
}

#[test]
fn a_long_day_has_the_mix_of_a_real_one_and_all_types() {
    let messages = 400_000;
    let (checker, made) = check(DaySpec::made_up(1, 200, messages));
    assert_eq!(made, messages);
    let missing: Vec<u8> = MESSAGE_TYPES.iter().copied().filter(|kind| !checker.kinds.contains_key(kind)).collect();
    assert_eq!(missing, b"");
    let share = |kind: u8| checker.kinds[&kind] as f64 / messages as f64 * 100.0;
    for (kind, expected) in
        [(b'A', 44.2), (b'D', 43.0), (b'U', 7.4), (b'E', 2.2), (b'X', 1.3), (b'I', 1.0), (b'F', 0.5), (b'P', 0.4)]
    {
        assert!((share(kind) - expected).abs() < 0.3, "{}: {} %", char::from(kind), share(kind));
    }
    for kind in MESSAGE_TYPES.iter().filter(|kind| !b"ADUEXIFP".contains(kind)) {
        assert!(share(*kind) < 0.1, "{}: {} %", char::from(*kind), share(*kind));
    }
    // The busiest tenth of the instruments have more than a third of the messages.
    let mut by_instrument: Vec<u64> = (1..=200).map(|locate| checker.by_locate[&locate]).collect();
    by_instrument.sort_unstable();
    let busiest: u64 = by_instrument[180..].iter().sum();
    assert!((133_000..180_000).contains(&busiest), "{busiest}");
}

#[test]
fn books_are_as_large_as_asked_for() {
    let spec = DaySpec { opening_orders: 100_000, ..DaySpec::made_up(3, 4_000, 250_000) };
    let (checker, _) = check(spec);
    assert!(checker.most_orders >= 100_000 && checker.orders.len() > 97_000, "{}", checker.orders.len());
    // Most orders rest within ten ticks of the touch, and some a hundred ticks away.
    let mut distances = Vec::new();
    for ((locate, is_buy, price), orders) in &checker.levels {
        let side = checker.levels.range((*locate, *is_buy, 0)..=(*locate, *is_buy, u32::MAX));
        let best = side.map(|((_, _, price), _)| *price).reduce(if *is_buy { u32::max } else { u32::min }).unwrap();
        distances.extend((0..*orders).map(|_| best.abs_diff(*price) / 100));
    }
    let within = |ticks: u32| distances.iter().filter(|distance| **distance <= ticks).count() * 100 / distances.len();
    assert!((60..95).contains(&within(10)), "{}", within(10));
    assert!(within(50) < 100, "{}", within(50));
}

#[test]
fn the_same_seed_makes_the_same_day_and_the_bytes_are_those_of_the_messages() {
    let file = |seed| {
        let mut file = Vec::new();
        Day::new(DaySpec::made_up(seed, 5, 3_000)).unwrap().read_to_end(&mut file).unwrap();
        file
    };
    let bytes = file(7);
    assert_eq!(bytes, file(7));
    assert_ne!(bytes, file(8));
    let mut frames = Frames::new(&bytes);
    let mut day = Day::new(DaySpec::made_up(7, 5, 3_000)).unwrap();
    for frame in frames.by_ref() {
        assert_eq!(frame.unwrap(), day.next_message().unwrap());
    }
    assert_eq!((frames.offset(), day.next_message()), (bytes.len(), None));
    assert!(bytes.ends_with(&[0, 0]));
}

#[test]
fn numbers_that_do_not_fit_together_are_refused() {
    let error = |instruments, messages| Day::new(DaySpec::made_up(1, instruments, messages)).unwrap_err();
    assert_eq!(error(0, 1_000), DayError::Instruments { instruments: 0 });
    assert_eq!(error(65_536, 1_000_000), DayError::Instruments { instruments: 65_536 });
    assert_eq!(error(100, 400), DayError::TooFewMessages { messages: 400, needed: 408 });
    assert!(matches!(error(1, u64::MAX), DayError::TooManyMessages { .. }));
    assert!(Day::new(DaySpec::made_up(1, 65_535, 300_000)).is_ok());
}
