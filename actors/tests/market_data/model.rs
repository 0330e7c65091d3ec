//! The books compared with slow, obvious ones over generated feeds, friendly and hostile.
//!
//! A few hundred thousand messages by default; `CORELANE_MODEL_MESSAGES=5000000 cargo test --release` for more.

use std::collections::{BTreeMap, HashMap};

use corelane_actors::{
    market_data::{BookLimits, Books, FeedCount, Level, QueuePosition, RestingOrder, Top},
    types::Locate,
};
use corelane_codecs::{
    IntoBytes,
    itch::{
        AddOrder, AddOrderMpid, Header, Message, OrderCancel, OrderDelete, OrderExecuted, OrderExecutedWithPrice,
        OrderReplace, Side,
    },
    price::Price4,
    text::{Alpha, Symbol},
};
use corelane_runtime::telemetry::{Counters, Metric};
use corelane_test_support::random::Random;

/// One book: orders in time order at each price.
#[derive(Default)]
struct SlowBook {
    /// Bids, asks.
    sides: [BTreeMap<u32, Vec<RestingOrder>>; 2],
    is_doubtful: bool,
}

struct SlowBooks {
    books: Vec<SlowBook>,
    /// The book and side of each order that was added without shares or without a price, by reference.
    void: HashMap<u64, (usize, usize)>,
    /// The book, side and price of each order, by reference.
    orders: HashMap<u64, (usize, usize, u32)>,
    limits: BookLimits,
    counts: [u64; FeedCount::ALL.len()],
}

impl SlowBooks {
    fn new(books: usize, limits: BookLimits) -> Self {
        let counts = [0; FeedCount::ALL.len()];
        SlowBooks {
            books: (0..books).map(|_| SlowBook::default()).collect(),
            orders: HashMap::new(),
            void: HashMap::new(),
            limits,
            counts,
        }
    }

    fn clear(&mut self) {
        self.orders.clear();
        self.void.clear();
        self.books.iter_mut().for_each(|book| *book = SlowBook::default());
    }

    fn count(&mut self, name: FeedCount) {
        self.counts[name.index()] += 1;
    }

    fn add(&mut self, order_ref: u64, book: usize, side: usize, price: u32, shares: u32) {
        if let Some(&(resting, ..)) = self.orders.get(&order_ref) {
            self.books[book].is_doubtful = true;
            self.books[resting].is_doubtful = true;
            return self.count(FeedCount::DuplicateOrders);
        }
        if shares == 0 || price == 0 {
            if self.void.len() < VOID_ORDERS_MAX || self.void.contains_key(&order_ref) {
                self.void.insert(order_ref, (book, side));
            } else {
                self.books[book].is_doubtful = true;
                self.count(FeedCount::VoidOverflows);
            }
            return self.count(FeedCount::VoidOrders);
        }
        let levels = &mut self.books[book].sides[side];
        let has_place = levels.contains_key(&price) || levels.len() < self.limits.levels_max;
        if self.orders.len() >= self.limits.orders_max || !has_place {
            self.books[book].is_doubtful = true;
            return self.count(FeedCount::Overflows);
        }
        levels.entry(price).or_default().push(RestingOrder { order_ref, shares });
        self.orders.insert(order_ref, (book, side, price));
    }

    /// Takes shares off an order, or all; returns its book and side. The message names the book `named`.
    fn reduce(&mut self, named: usize, order_ref: u64, shares: Option<u32>) -> Option<(usize, usize)> {
        let Some((book, side, price)) = self.orders.get(&order_ref).copied().filter(|order| order.0 == named) else {
            if let Some(place) = self.void.get(&order_ref).copied().filter(|place| place.0 == named) {
                return shares.is_none().then(|| self.void.remove(&order_ref)).and(Some(place));
            }
            let resting = self.orders.get(&order_ref).map(|order| order.0);
            resting.iter().for_each(|&book| self.books[book].is_doubtful = true);
            self.books[named].is_doubtful = true;
            self.count(if resting.is_some() { FeedCount::ForeignOrders } else { FeedCount::UnknownOrders });
            return None;
        };
        let level = self.books[book].sides[side].get_mut(&price).unwrap();
        let at = level.iter().position(|order| order.order_ref == order_ref).unwrap();
        let open = level[at].shares;
        let shares = shares.unwrap_or(open);
        if shares < open {
            level[at].shares -= shares;
        } else {
            level.remove(at);
            if level.is_empty() {
                self.books[book].sides[side].remove(&price);
            }
            self.orders.remove(&order_ref);
        }
        if shares > open {
            self.books[book].is_doubtful = true;
            self.count(FeedCount::Excess);
        }
        Some((book, side))
    }

    fn queue_position(&self, order_ref: u64) -> Option<QueuePosition> {
        let (book, side, price) = self.orders.get(&order_ref)?;
        let level = &self.books[*book].sides[*side][price];
        let ahead = level.iter().take_while(|order| order.order_ref != order_ref);
        Some(ahead.fold(QueuePosition::default(), |position, order| QueuePosition {
            orders_ahead: position.orders_ahead + 1,
            shares_ahead: position.shares_ahead + u64::from(order.shares),
        }))
    }

    /// Bids and asks, best first.
    fn levels(&self, book: usize) -> [Vec<Level>; 2] {
        let level = |(price, orders): (&u32, &Vec<RestingOrder>)| Level {
            price: *price,
            orders: orders.len() as u32,
            quantity: orders.iter().map(|order| u64::from(order.shares)).sum(),
        };
        let [bids, asks] = &self.books[book].sides;
        [bids.iter().rev().map(level).collect(), asks.iter().map(level).collect()]
    }
}

/// The pattern of new order references.
#[derive(Clone, Copy, Debug)]
enum References {
    /// Consecutive.
    Dense,
    /// In steps of some hundred.
    Stepped,
    /// One order per page of the table.
    Pages,
    /// Arbitrary 64-bit numbers, which recur.
    Wild,
    /// Falling.
    Falling,
}

/// The pattern of prices.
#[derive(Clone, Copy, Debug)]
enum Prices {
    /// Whole cents around a mid price that drifts.
    Near,
    /// Quarters of a dollar, over a wide range.
    Quarters,
    /// Whole cents, and a few prices off the tick.
    OffTick,
    /// Arbitrary 32-bit prices, and the extremes.
    Wild,
    /// Two regions far apart, alternately.
    Jumping,
}

struct Feed {
    random: Random,
    references: References,
    prices: Prices,
    next: u64,
    middle: u32,
    used: Vec<u64>,
}

impl Feed {
    fn new_reference(&mut self) -> u64 {
        let step = match self.references {
            References::Dense => 1,
            References::Stepped => 1 + self.random.below(700),
            References::Pages => 1024,
            References::Falling => u64::MAX,
            References::Wild => self.random.below(u64::MAX),
        };
        self.next = self.next.wrapping_add(step);
        let again = if matches!(self.references, References::Wild) { 4 } else { 200 };
        let reference = if self.random.below(again) == 0 { self.old_reference() } else { self.next };
        self.used.push(reference);
        reference
    }

    /// Mostly the reference of a resting order; sometimes of one that has gone or never existed.
    fn old_reference(&mut self) -> u64 {
        if self.used.is_empty() || self.random.below(50) == 0 {
            return self.random.below(u64::MAX);
        }
        let window = if self.random.below(3) == 0 { self.used.len() } else { self.used.len().min(400) };
        self.used[self.used.len() - 1 - self.random.below(window as u64) as usize]
    }

    /// The book that a message about an order names: mostly the order's own, rarely the other one.
    fn book_of(&mut self, slow: &SlowBooks, order_ref: u64, other: usize) -> usize {
        let own = slow.orders.get(&order_ref).map(|order| order.0).or(slow.void.get(&order_ref).map(|place| place.0));
        own.filter(|_| self.random.below(50) > 0).unwrap_or(other)
    }

    fn price(&mut self, is_bid: bool) -> u32 {
        let away = self.random.below(60) as u32 * self.random.below(60) as u32 / 60;
        let towards = |middle: u32, step: u32| {
            let distance = step.saturating_mul(away);
            if is_bid { middle.saturating_sub(distance) } else { middle.saturating_add(distance) }
        };
        match self.prices {
            Prices::Near => {
                self.middle = self.middle.saturating_add_signed((self.random.below(3) as i32 - 1) * 100).max(20_000);
                towards(self.middle, 100)
            }
            Prices::Quarters => towards(48_000_000, 2500 * (1 + self.random.below(30) as u32)),
            Prices::OffTick if self.random.below(5) == 0 => towards(1_000_037, 1),
            Prices::OffTick => towards(1_000_000, 100),
            Prices::Wild => match self.random.below(4) {
                0 => [0, 1, u32::MAX, u32::MAX - 1, 1 << 31][self.random.below(5) as usize],
                _ => self.random.below(1 << 32) as u32,
            },
            Prices::Jumping => towards([100_000, 1_900_000_000][self.next as usize / 100 % 2], 100),
        }
    }
}

/// Most orders without shares or without a price that are told apart.
const VOID_ORDERS_MAX: usize = 1024;
const SYMBOLS: [&str; 3] = ["AAA", "BBB", "CCC"];

fn messages() -> u64 {
    std::env::var("CORELANE_MODEL_MESSAGES").map_or(12_000, |messages| messages.parse().expect("a number"))
}

fn run(seed: u64, references: References, prices: Prices, limits: BookLimits) {
    let name = format!("seed {seed}, {references:?} references, {prices:?} prices, {limits:?}");
    let symbols = SYMBOLS.map(|symbol| Symbol::new(symbol).unwrap());
    let counters = Counters::default();
    let mut books = Books::new(&symbols, limits);
    let mut slow = SlowBooks::new(SYMBOLS.len(), limits);
    let mut feed = Feed { random: Random::new(seed), references, prices, next: 0, middle: 1_000_000, used: Vec::new() };
    for index in 0..messages() {
        let book = feed.random.below(SYMBOLS.len() as u64) as usize;
        let mut apply = |bytes: &[u8]| books.apply(&Message::decode(bytes).unwrap(), &counters);
        // Adds outnumber removals until the table is full; then they balance.
        let is_growing = slow.orders.len() < 3_000;
        match feed.random.below(if is_growing { 130 } else { 100 }) {
            0..=39 => {
                let (order_ref, old) = (feed.old_reference(), feed.random.below(2) == 0);
                let book = feed.book_of(&slow, order_ref, book);
                if old {
                    apply(OrderDelete { header: header(book, index), order_ref: order_ref.into() }.as_bytes());
                } else {
                    let executed_shares = u32::MAX.into();
                    let (order_ref, match_number) = (order_ref.into(), 1.into());
                    apply(
                        OrderExecuted { header: header(book, index), order_ref, executed_shares, match_number }
                            .as_bytes(),
                    );
                }
                slow.reduce(book, order_ref, (!old).then_some(u32::MAX));
            }
            40..=49 => {
                let (order_ref, shares) = (feed.old_reference(), feed.random.below(300) as u32);
                let book = feed.book_of(&slow, order_ref, book);
                if shares % 2 == 0 {
                    apply(
                        OrderCancel {
                            header: header(book, index),
                            order_ref: order_ref.into(),
                            cancelled_shares: shares.into(),
                        }
                        .as_bytes(),
                    );
                } else {
                    let executed = OrderExecutedWithPrice {
                        header: header(book, index),
                        order_ref: order_ref.into(),
                        executed_shares: shares.into(),
                        match_number: 1.into(),
                        printable: b'Y',
                        execution_price: Price4::from_raw(7).into(),
                    };
                    apply(executed.as_bytes());
                }
                slow.reduce(book, order_ref, Some(shares));
            }
            50..=59 => {
                let (old, new) = (feed.old_reference(), feed.new_reference());
                let book = feed.book_of(&slow, old, book);
                let is_bid = slow.orders.get(&old).is_none_or(|(_, side, _)| *side == 0);
                let (price, shares) = (feed.price(is_bid), feed.random.below(300) as u32);
                let replace = OrderReplace {
                    header: header(book, index),
                    original_order_ref: old.into(),
                    new_order_ref: new.into(),
                    shares: shares.into(),
                    price: Price4::from_raw(price).into(),
                };
                apply(replace.as_bytes());
                if let Some((book, side)) = slow.reduce(book, old, None) {
                    slow.add(new, book, side, price, shares);
                }
            }
            60 if feed.random.below(40) == 0 => {
                books.clear();
                slow.clear();
            }
            _ => {
                let is_bid = feed.random.below(2) == 0;
                let (order_ref, price, shares) =
                    (feed.new_reference(), feed.price(is_bid), feed.random.below(300) as u32);
                let add = AddOrder {
                    header: header(book, index),
                    order_ref: order_ref.into(),
                    side: if is_bid { Side::Buy } else { Side::Sell }.into(),
                    shares: shares.into(),
                    stock: symbols[book],
                    price: Price4::from_raw(price).into(),
                };
                if shares % 7 == 0 {
                    let AddOrder { order_ref, side, shares, stock, price, .. } = add;
                    let (header, attribution) = (header(book, index), Alpha::new("FIRM").unwrap());
                    apply(AddOrderMpid { header, order_ref, side, shares, stock, price, attribution }.as_bytes());
                } else {
                    apply(add.as_bytes());
                }
                slow.add(order_ref, book, usize::from(!is_bid), price, shares);
            }
        }
        let top = books.top(Locate::from_index(book));
        let [bids, asks] = &slow.books[book].sides;
        let best = (bids.keys().next_back().copied(), asks.keys().next().copied());
        assert_eq!((top.bid.map(|bid| bid.price), top.ask.map(|ask| ask.price)), best, "{name}, message {index}");
        if index % 1021 == 0 {
            compare(&books, &slow, &format!("{name}, message {index}"));
            let order_ref = feed.old_reference();
            assert_eq!(books.queue_position(order_ref), slow.queue_position(order_ref), "{name}, message {index}");
        }
    }
    compare(&books, &slow, &name);
    for count in FeedCount::ALL {
        assert_eq!(counters.get(*count), slow.counts[count.index()], "{name}: {count:?}");
    }
}

fn header<const CODE: u8>(book: usize, index: u64) -> Header<CODE> {
    Header::new(book as u16 + 1, 0, index)
}

fn compare(books: &Books, slow: &SlowBooks, name: &str) {
    books.check().unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(books.orders_len(), slow.orders.len(), "{name}");
    for (book, model) in slow.books.iter().enumerate() {
        let locate = Locate::from_index(book);
        let (bids, asks) = books.levels(locate);
        let got: [Vec<_>; 2] = [bids.collect(), asks.collect()];
        let expected = slow.levels(book);
        assert_eq!(got, expected, "{name}");
        let [bid, ask] = expected.map(|levels| levels.first().copied());
        assert_eq!(books.top(locate), Top { bid, ask }, "{name}");
        assert_eq!(books.is_doubtful(locate), model.is_doubtful, "{name}");
        for (side, levels) in model.sides.iter().enumerate() {
            for (price, orders) in levels.iter().take(3) {
                let got: Vec<_> = books.orders_at(locate, side == 0, *price).collect();
                assert_eq!(&got, orders, "{name}");
            }
        }
    }
}

#[test]
fn the_books_are_those_of_an_obvious_builder_whatever_the_feed_says() {
    let ample = BookLimits { orders_max: 50_000, levels_max: 50_000 };
    let seed = std::env::var("CORELANE_MODEL_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    use References::{Dense, Falling, Pages, Stepped, Wild};
    for references in [Dense, Stepped, Pages, Wild, Falling] {
        for prices in [Prices::Near, Prices::Quarters, Prices::OffTick, Prices::Wild, Prices::Jumping] {
            run(seed, references, prices, ample);
        }
    }
}

#[test]
fn orders_and_levels_without_a_place_are_counted_and_their_books_doubtful() {
    for limits in [
        BookLimits { orders_max: 700, levels_max: 50_000 },
        BookLimits { orders_max: 50_000, levels_max: 25 },
        BookLimits { orders_max: 1, levels_max: 1 },
    ] {
        for references in [References::Dense, References::Pages, References::Wild] {
            run(2, references, Prices::Near, limits);
        }
    }
}
