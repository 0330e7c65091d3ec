//! Full-depth books of the instruments that we trade, built order by order from ITCH.

use std::collections::{HashMap, hash_map::Entry};

use corelane_codecs::{itch::Message, text::Symbol};

use crate::{counters::Counters, messages::Locate};

crate::counter_names! {
    /// What a market-data actor counts.
    pub enum FeedCount {
        /// Packets taken.
        Packets,
        /// Messages applied.
        Messages,
        /// Messages dropped because they had been seen.
        Duplicates,
        /// Gaps in the sequence.
        Gaps,
        /// Messages missing in gaps.
        Lost,
        /// Packets that are cut short or no MoldUDP64.
        BadPackets,
        /// Packets of another session.
        ForeignSession,
        /// Messages that are no ITCH 5.0.
        BadMessages,
        /// Messages about an order that was never added.
        UnknownOrders,
        /// Adds of an order that is there already.
        DuplicateOrders,
        /// Executions and cancels of more than an order has.
        Excess,
        /// Orders without a place: the order table or a side of a book is full.
        Overflows,
        /// Times that the feed fell silent.
        Silences,
        /// References sent.
        References,
    }
}

/// Price level of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Price, four implied decimals.
    pub price: u32,
    /// Orders at it.
    pub orders: u32,
    /// Their shares.
    pub quantity: u64,
}

/// Best levels of a book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Top {
    /// Highest bid.
    pub bid: Option<Level>,
    /// Lowest ask.
    pub ask: Option<Level>,
}

#[derive(Clone, Copy, Debug)]
struct Order {
    locate: Locate,
    is_bid: bool,
    price: u32,
    shares: u32,
}

/// One side of a book: levels from the worst to the best, so that where most happens, little has to be moved.
#[derive(Debug)]
struct BookSide {
    levels: Vec<Level>,
    is_bid: bool,
}

impl BookSide {
    fn with_capacity(levels_max: usize, is_bid: bool) -> Self {
        BookSide { levels: Vec::with_capacity(levels_max), is_bid }
    }

    /// The place of a price, or where it would be. Looks at the best levels first, where most changes are.
    #[inline]
    fn find(&self, price: u32) -> Result<usize, usize> {
        let is_bid = self.is_bid;
        self.levels.binary_search_by(|level| if is_bid { level.price.cmp(&price) } else { price.cmp(&level.price) })
    }

    /// False if the price needs a level and there is no place for one.
    #[inline]
    fn add(&mut self, price: u32, shares: u32) -> bool {
        match self.find(price) {
            Ok(at) => {
                let level = &mut self.levels[at];
                level.orders += 1;
                level.quantity += u64::from(shares);
            }
            Err(_) if self.levels.len() == self.levels.capacity() => return false,
            Err(at) => {
                let quantity = u64::from(shares);
                let level = Level { price, orders: 1, quantity };
                self.levels.insert(at, level);
            }
        }
        true
    }

    #[inline]
    fn take(&mut self, price: u32, shares: u32, is_last: bool) {
        let Ok(at) = self.find(price) else { return };
        let level = &mut self.levels[at];
        level.quantity -= u64::from(shares);
        level.orders -= u32::from(is_last);
        if level.orders == 0 {
            self.levels.remove(at);
        }
    }
}

#[derive(Debug)]
struct Book {
    bids: BookSide,
    asks: BookSide,
    /// Orders are missing: there was no place for them.
    is_incomplete: bool,
}

impl Book {
    fn side(&mut self, is_bid: bool) -> &mut BookSide {
        if is_bid { &mut self.bids } else { &mut self.asks }
    }
}

/// What a feed's locate stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feed {
    /// No symbol was seen with it.
    Unknown,
    /// An instrument that we do not trade.
    Ignored,
    Ours(Locate),
}

/// The books of all our instruments. Everything is allocated when they are made.
#[derive(Debug)]
pub struct Books {
    /// By the feed's locate.
    feed_locates: Box<[Feed]>,
    symbols: HashMap<Symbol, Locate>,
    books: Vec<Book>,
    /// By order reference. The keys come from outside, so the hash is a keyed one (SipHash). Sized at twice the most
    /// there can be, so that what removals leave behind is cleaned up in place and never makes it grow.
    orders: HashMap<u64, Order>,
    orders_max: usize,
}

/// Sizes of the tables.
#[derive(Clone, Copy, Debug)]
pub struct BookLimits {
    /// Orders at once over all instruments.
    pub orders_max: usize,
    /// Price levels of one side of one book; memory is touched when they are used.
    pub levels_max: usize,
}

impl Books {
    /// Empty books of `symbols`, whose locates are their places from 1. A symbol that comes again keeps its last
    /// place.
    pub fn new(symbols: &[Symbol], limits: BookLimits) -> Self {
        let book = || Book {
            bids: BookSide::with_capacity(limits.levels_max, true),
            asks: BookSide::with_capacity(limits.levels_max, false),
            is_incomplete: false,
        };
        let locate = |(index, symbol): (usize, &Symbol)| (*symbol, index as Locate + 1);
        Books {
            feed_locates: vec![Feed::Unknown; 1 << 16].into(),
            symbols: symbols.iter().enumerate().map(locate).collect(),
            books: symbols.iter().map(|_| book()).collect(),
            orders: HashMap::with_capacity(2 * limits.orders_max),
            orders_max: limits.orders_max,
        }
    }

    /// Forgets all orders and what the feed's locates stand for: a new session begins.
    pub fn clear(&mut self) {
        self.feed_locates.fill(Feed::Unknown);
        self.orders.clear();
        for book in &mut self.books {
            book.bids.levels.clear();
            book.asks.levels.clear();
            book.is_incomplete = false;
        }
    }

    /// Best levels of an instrument by our locate, from 1.
    #[inline]
    pub fn top(&self, locate: Locate) -> Top {
        let book = &self.books[usize::from(locate) - 1];
        Top { bid: book.bids.levels.last().copied(), ask: book.asks.levels.last().copied() }
    }

    /// Levels of an instrument, best first: bids, asks.
    pub fn levels(&self, locate: Locate) -> (impl Iterator<Item = &Level> + '_, impl Iterator<Item = &Level> + '_) {
        let book = &self.books[usize::from(locate) - 1];
        (book.bids.levels.iter().rev(), book.asks.levels.iter().rev())
    }

    /// Whether orders of the instrument are missing for want of a place.
    #[inline]
    pub fn is_incomplete(&self, locate: Locate) -> bool {
        self.books[usize::from(locate) - 1].is_incomplete
    }

    /// Applies a message; returns our locate of the book that it changed, if it changed one.
    #[inline]
    pub fn apply(&mut self, message: &Message<'_>, counters: &Counters<FeedCount>) -> Option<Locate> {
        match message {
            Message::AddOrder(add) => {
                let locate = self.ours(add.header.stock_locate.get(), &add.stock)?;
                let is_bid = add.side.to_wire() == b'B';
                let (price, shares) = (add.price.get().raw(), add.shares.get());
                self.add(add.order_ref.get(), locate, is_bid, price, shares, counters)
            }
            Message::AddOrderMpid(add) => {
                let locate = self.ours(add.header.stock_locate.get(), &add.stock)?;
                let is_bid = add.side.to_wire() == b'B';
                let (price, shares) = (add.price.get().raw(), add.shares.get());
                self.add(add.order_ref.get(), locate, is_bid, price, shares, counters)
            }
            Message::OrderExecuted(executed) => {
                self.known(executed.header.stock_locate.get())?;
                let shares = executed.executed_shares.get();
                self.reduce(executed.order_ref.get(), Some(shares), counters)
            }
            Message::OrderExecutedWithPrice(executed) => {
                self.known(executed.header.stock_locate.get())?;
                let shares = executed.executed_shares.get();
                self.reduce(executed.order_ref.get(), Some(shares), counters)
            }
            Message::OrderCancel(cancel) => {
                self.known(cancel.header.stock_locate.get())?;
                let shares = cancel.cancelled_shares.get();
                self.reduce(cancel.order_ref.get(), Some(shares), counters)
            }
            Message::OrderDelete(delete) => {
                self.known(delete.header.stock_locate.get())?;
                self.reduce(delete.order_ref.get(), None, counters)
            }
            Message::OrderReplace(replace) => {
                self.known(replace.header.stock_locate.get())?;
                let original = replace.original_order_ref.get();
                let Order { locate, is_bid, .. } = self.orders.get(&original).copied().or_else(|| {
                    counters.add(FeedCount::UnknownOrders, 1);
                    None
                })?;
                self.reduce(original, None, counters);
                let (price, shares) = (replace.price.get().raw(), replace.shares.get());
                let order_ref = replace.new_order_ref.get();
                self.add(order_ref, locate, is_bid, price, shares, counters);
                Some(locate)
            }
            Message::StockDirectory(directory) => {
                let feed = directory.header.stock_locate.get();
                self.feed_locates[usize::from(feed)] = self.of_symbol(&directory.stock);
                None
            }
            _ => None,
        }
    }

    fn of_symbol(&self, symbol: &Symbol) -> Feed {
        self.symbols.get(symbol).map_or(Feed::Ignored, |&locate| Feed::Ours(locate))
    }

    /// Our locate for the feed's; a feed without directory tells it by its adds.
    #[inline]
    fn ours(&mut self, feed_locate: u16, symbol: &Symbol) -> Option<Locate> {
        let mut feed = self.feed_locates[usize::from(feed_locate)];
        if feed == Feed::Unknown {
            feed = self.of_symbol(symbol);
            self.feed_locates[usize::from(feed_locate)] = feed;
        }
        match feed {
            Feed::Ours(locate) => Some(locate),
            Feed::Ignored | Feed::Unknown => None,
        }
    }

    /// `None` if the feed's locate is known to be none of ours: then the order need not be looked for.
    #[inline]
    fn known(&self, feed_locate: u16) -> Option<()> {
        (self.feed_locates[usize::from(feed_locate)] != Feed::Ignored).then_some(())
    }

    #[inline]
    fn add(
        &mut self,
        order_ref: u64,
        locate: Locate,
        is_bid: bool,
        price: u32,
        shares: u32,
        counters: &Counters<FeedCount>,
    ) -> Option<Locate> {
        let book = &mut self.books[usize::from(locate) - 1];
        let is_full = self.orders.len() >= self.orders_max;
        let Entry::Vacant(place) = self.orders.entry(order_ref) else {
            counters.add(FeedCount::DuplicateOrders, 1);
            return None;
        };
        if is_full || !book.side(is_bid).add(price, shares) {
            counters.add(FeedCount::Overflows, 1);
            book.is_incomplete = true;
            return Some(locate);
        }
        place.insert(Order { locate, is_bid, price, shares });
        Some(locate)
    }

    /// Takes shares off an order, all that are left for `None`.
    #[inline]
    fn reduce(&mut self, order_ref: u64, shares: Option<u32>, counters: &Counters<FeedCount>) -> Option<Locate> {
        let Entry::Occupied(mut order) = self.orders.entry(order_ref) else {
            counters.add(FeedCount::UnknownOrders, 1);
            return None;
        };
        let Order { locate, is_bid, price, shares: open } = *order.get();
        let taken = shares.unwrap_or(open);
        if taken > open {
            counters.add(FeedCount::Excess, 1);
        }
        let taken = taken.min(open);
        let is_last = taken == open;
        if is_last {
            order.remove();
        } else {
            order.get_mut().shares -= taken;
        }
        self.books[usize::from(locate) - 1].side(is_bid).take(price, taken, is_last);
        Some(locate)
    }
}
