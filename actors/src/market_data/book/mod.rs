//! Full-depth books of the instruments that we trade, built order by order from ITCH.
//!
//! ```text
//! order reference ─▶ orders: window on the references, spill ─▶ level ─▶ sums, queue of orders
//! side, price ─▶ sides: ladder around the best price, tree ──────▲
//! ```
//!
//! A message touches the order's slot, its level, its neighbours in the queue, and only where levels come and go the
//! side and its ladder. [`Books::ahead_of`] asks for all of them ahead, so that the waits of a packet's messages for
//! memory overlap.
//!
//! **Memory**, reserved when the books are made and touched when used: for each order that may rest, 64 bytes of window
//! and 64 of spill, of which an order is in one, and 48 for a level; for each instrument 4,449 bytes, nearly all of them
//! two ladders (`INSTRUMENT_BYTES`). Orders and levels that have no place are counted, and their book is incomplete
//! until the next session.

mod ahead;
mod check;
mod level;
mod orders;
mod queue;
mod side;

use std::{collections::HashMap, hint::select_unpredictable};

use bytemuck::{Pod, Zeroable};
use corelane_codecs::{
    itch::{Message, Side},
    text::Symbol,
};

pub use check::Inconsistency;
use level::{LevelId, PriceLevels, SideId};
use orders::{NIL, Order, Orders, Refused};
pub use queue::{QueuePosition, RestingOrder};
use side::Sides;

use super::{FeedCount, InstrumentState, MarketState};
use crate::{counters::Counters, messages::Locate};

/// Price level of a book.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
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

/// Sizes of the tables.
#[derive(Clone, Copy, Debug)]
pub struct BookLimits {
    /// Orders at once over all instruments.
    pub orders_max: usize,
    /// Price levels of one side of one book.
    pub levels_max: usize,
}

/// What a feed's locate stands for: nothing yet, an instrument that we do not trade, or our locate.
type Feed = u16;
const UNKNOWN: Feed = 0;
const IGNORED: Feed = u16::MAX;

/// Which instruments are ours.
#[derive(Debug)]
enum Locates {
    BySymbol(HashMap<Symbol, Locate>),
    AsTheFeed,
}

impl Locates {
    /// What the feed's locates stand for before it says anything.
    fn before(&self, feed_locate: u16) -> Feed {
        match self {
            Locates::BySymbol(_) => UNKNOWN,
            // No instrument has locate 0.
            Locates::AsTheFeed if feed_locate == 0 => IGNORED,
            Locates::AsTheFeed => feed_locate,
        }
    }
}

/// An order as it comes.
struct Added {
    order_ref: u64,
    price: u32,
    shares: u32,
}

/// The books of all our instruments. Everything is allocated when they are made.
#[derive(Debug)]
pub struct Books {
    /// By the feed's locate.
    feed_locates: Box<[Feed]>,
    locates: Locates,
    /// By our locate, less 1: orders are missing, there was no place for them.
    is_incomplete: Box<[bool]>,
    /// By our locate, less 1.
    states: Box<[InstrumentState]>,
    market: MarketState,
    orders: Orders,
    levels: PriceLevels,
    sides: Sides,
}

impl Books {
    /// Most instruments there can be: all that a feed's locates can number, but the last.
    pub const INSTRUMENTS_MAX: usize = IGNORED as usize - 1;

    /// Empty books of `symbols`, whose locates are their places from 1. A symbol that comes again keeps its last
    /// place.
    ///
    /// # Panics
    /// If there are more symbols than [`Books::INSTRUMENTS_MAX`].
    pub fn new(symbols: &[Symbol], limits: BookLimits) -> Self {
        assert!(symbols.len() <= Self::INSTRUMENTS_MAX, "{} instruments are too many", symbols.len());
        let locate = |(index, symbol): (usize, &Symbol)| (*symbol, index as Locate + 1);
        Self::with_locates(Locates::BySymbol(symbols.iter().enumerate().map(locate).collect()), symbols.len(), limits)
    }

    /// Empty books of every instrument that a feed may have, under the feed's own locates.
    pub fn of_all(limits: BookLimits) -> Self {
        Self::with_locates(Locates::AsTheFeed, Self::INSTRUMENTS_MAX, limits)
    }

    fn with_locates(locates: Locates, books: usize, limits: BookLimits) -> Self {
        // A level has an order, so there are at most as many.
        let levels_total_max = limits.orders_max.min(2 * books * limits.levels_max);
        Books {
            feed_locates: (0..=u16::MAX).map(|feed| locates.before(feed)).collect(),
            locates,
            is_incomplete: vec![false; books].into(),
            states: vec![InstrumentState::default(); books].into(),
            market: MarketState::default(),
            orders: Orders::with_capacity(limits.orders_max),
            levels: PriceLevels::with_capacity(levels_total_max),
            sides: Sides::new(books, limits.levels_max as u32, levels_total_max),
        }
    }

    /// Forgets all orders and what the feed's locates stand for: a new session begins.
    pub fn clear(&mut self) {
        (0..=u16::MAX).zip(&mut self.feed_locates).for_each(|(feed, ours)| *ours = self.locates.before(feed));
        self.is_incomplete.fill(false);
        self.states.fill(InstrumentState::default());
        self.market = MarketState::default();
        self.orders.clear();
        self.levels.clear();
        self.sides.clear();
    }

    /// Whether there is a book with this locate.
    pub fn has(&self, locate: Locate) -> bool {
        (1..=self.states.len()).contains(&usize::from(locate))
    }

    /// Best levels of an instrument by our locate, from 1.
    #[inline]
    pub fn top(&self, locate: Locate) -> Top {
        let best = |is_bid| {
            let level = self.sides.best(side_of(locate, is_bid));
            level.exists().then(|| self.level(level))
        };
        Top { bid: best(true), ask: best(false) }
    }

    /// Levels of an instrument, best first: bids, asks.
    pub fn levels(&self, locate: Locate) -> (impl Iterator<Item = Level> + '_, impl Iterator<Item = Level> + '_) {
        let side = |is_bid| self.sides.levels(side_of(locate, is_bid), &self.levels).map(|level| self.level(level));
        (side(true), side(false))
    }

    /// Orders that rest in all books.
    pub fn orders_len(&self) -> usize {
        self.orders.len()
    }

    /// Whether orders of the instrument are missing for want of a place.
    #[inline]
    pub fn is_incomplete(&self, locate: Locate) -> bool {
        self.is_incomplete[usize::from(locate) - 1]
    }

    fn level(&self, level: LevelId) -> Level {
        let level = &self.levels[level];
        Level { price: level.price, orders: level.orders, quantity: level.quantity }
    }

    /// Applies a message; returns our locate of the book that it changed, if it changed one.
    // Compiled into the loop that decodes, the type is asked for once and not twice, which costs a misprediction.
    #[inline(always)]
    pub fn apply(&mut self, message: &Message<'_>, counters: &Counters<FeedCount>) -> Option<Locate> {
        // Adds have their code once, behind the match: a call would cost as much as an eighth of what it does.
        let (side, added) = match message {
            Message::AddOrder(add) => {
                let locate = self.ours(add.header.stock_locate.get(), &add.stock)?;
                let (price, shares) = (add.price.get().raw(), add.shares.get());
                (side_of(locate, add.side.get() == Side::Buy), Added { order_ref: add.order_ref.get(), price, shares })
            }
            Message::AddOrderMpid(add) => {
                let locate = self.ours(add.header.stock_locate.get(), &add.stock)?;
                let (price, shares) = (add.price.get().raw(), add.shares.get());
                (side_of(locate, add.side.get() == Side::Buy), Added { order_ref: add.order_ref.get(), price, shares })
            }
            Message::OrderExecuted(executed) => {
                self.known(executed.header.stock_locate.get())?;
                let shares = executed.executed_shares.get();
                return self.reduce(executed.order_ref.get(), shares, counters);
            }
            Message::OrderExecutedWithPrice(executed) => {
                self.known(executed.header.stock_locate.get())?;
                let shares = executed.executed_shares.get();
                return self.reduce(executed.order_ref.get(), shares, counters);
            }
            Message::OrderCancel(cancel) => {
                self.known(cancel.header.stock_locate.get())?;
                let shares = cancel.cancelled_shares.get();
                return self.reduce(cancel.order_ref.get(), shares, counters);
            }
            Message::OrderDelete(delete) => {
                self.known(delete.header.stock_locate.get())?;
                return self.delete(delete.order_ref.get(), counters).map(locate_of);
            }
            Message::OrderReplace(replace) => {
                self.known(replace.header.stock_locate.get())?;
                let side = self.delete(replace.original_order_ref.get(), counters)?;
                let (price, shares) = (replace.price.get().raw(), replace.shares.get());
                (side, Added { order_ref: replace.new_order_ref.get(), price, shares })
            }
            Message::Trade(_) | Message::BrokenTrade(_) => return None,
            _ => {
                self.notice(message);
                return None;
            }
        };
        let has_changed = self.add(side, added, counters) || matches!(message, Message::OrderReplace(_));
        has_changed.then(|| locate_of(side))
    }

    /// Takes in what is said of an instrument or of the market besides orders.
    #[cold]
    fn notice(&mut self, message: &Message<'_>) {
        match message.stock() {
            None => self.market.apply(message),
            Some(stock) if let Message::StockDirectory(directory) = message => {
                let feed = directory.header.stock_locate.get();
                self.feed_locates[usize::from(feed)] = self.of_symbol(feed, stock);
            }
            Some(stock) => {
                if let Some(locate) = self.ours(message.stock_locate(), stock) {
                    self.states[usize::from(locate) - 1].apply(message);
                }
            }
        }
    }

    /// What was said of an instrument besides its orders.
    pub fn state(&self, locate: Locate) -> &InstrumentState {
        &self.states[usize::from(locate) - 1]
    }

    /// What was said of the market.
    pub fn market(&self) -> &MarketState {
        &self.market
    }

    /// Our locate for the feed's, if it is known to be one of ours.
    pub fn our_locate(&self, feed_locate: u16) -> Option<Locate> {
        let feed = self.feed_locates[usize::from(feed_locate)];
        (feed != UNKNOWN && feed != IGNORED).then_some(feed)
    }

    fn of_symbol(&self, feed_locate: u16, symbol: &Symbol) -> Feed {
        match &self.locates {
            Locates::BySymbol(symbols) => symbols.get(symbol).copied().unwrap_or(IGNORED),
            Locates::AsTheFeed => self.locates.before(feed_locate),
        }
    }

    /// Our locate for the feed's; a feed without directory tells it by its adds.
    #[inline]
    fn ours(&mut self, feed_locate: u16, symbol: &Symbol) -> Option<Locate> {
        let mut feed = self.feed_locates[usize::from(feed_locate)];
        if feed == UNKNOWN {
            feed = self.of_symbol(feed_locate, symbol);
            self.feed_locates[usize::from(feed_locate)] = feed;
        }
        (feed != IGNORED).then_some(feed)
    }

    /// `None` if the feed's locate is known to be none of ours: then the order need not be looked for.
    #[inline]
    fn known(&self, feed_locate: u16) -> Option<()> {
        (self.feed_locates[usize::from(feed_locate)] != IGNORED).then_some(())
    }

    /// Returns whether the book is another now: not if the order was there.
    #[inline(always)]
    fn add(&mut self, side: SideId, added: Added, counters: &Counters<FeedCount>) -> bool {
        let Added { order_ref, price, shares } = added;
        let slot = match self.orders.insert(order_ref, &mut self.levels) {
            Ok(slot) => slot,
            Err(Refused::Duplicate) => {
                counters.add(FeedCount::DuplicateOrders, 1);
                return false;
            }
            Err(Refused::Full) => return self.overflow(side, counters),
        };
        let Some(id) = self.sides.level_for(side, price, &mut self.levels) else {
            self.orders.remove(order_ref, slot);
            return self.overflow(side, counters);
        };
        let level = &mut self.levels[id];
        let older = level.tail;
        level.tail = slot;
        level.head = select_unpredictable(older == NIL, slot, level.head);
        level.orders += 1;
        level.quantity += u64::from(shares);
        self.orders[older].newer = slot;
        self.orders[slot] = Order { shares, level: id, older, newer: NIL };
        true
    }

    #[cold]
    fn overflow(&mut self, side: SideId, counters: &Counters<FeedCount>) -> bool {
        counters.add(FeedCount::Overflows, 1);
        self.is_incomplete[side.book()] = true;
        true
    }

    /// Takes shares off an order, and the order away with the last.
    #[inline(always)]
    fn reduce(&mut self, order_ref: u64, shares: u32, counters: &Counters<FeedCount>) -> Option<Locate> {
        let slot = self.find(order_ref, counters)?;
        let order = &mut self.orders[slot];
        if shares < order.shares {
            order.shares -= shares;
            let level = &mut self.levels[order.level];
            level.quantity -= u64::from(shares);
            return Some(locate_of(level.side));
        }
        if shares > order.shares {
            counters.add(FeedCount::Excess, 1);
        }
        Some(locate_of(self.take(order_ref, slot)))
    }

    #[inline(always)]
    fn delete(&mut self, order_ref: u64, counters: &Counters<FeedCount>) -> Option<SideId> {
        let slot = self.find(order_ref, counters)?;
        Some(self.take(order_ref, slot))
    }

    #[inline]
    fn find(&self, order_ref: u64, counters: &Counters<FeedCount>) -> Option<u32> {
        let slot = self.orders.find(order_ref);
        if slot.is_none() {
            counters.add(FeedCount::UnknownOrders, 1);
        }
        slot
    }

    /// Takes an order out of its slot, its queue and its level, and the level away with the last.
    #[inline(always)]
    fn take(&mut self, order_ref: u64, slot: u32) -> SideId {
        let Order { shares, level: id, older, newer } = self.orders[slot];
        self.orders.remove(order_ref, slot);
        let level = &mut self.levels[id];
        let side = level.side;
        level.orders -= 1;
        level.quantity -= u64::from(shares);
        // Those of the first and last are nobody.
        level.head = select_unpredictable(older == NIL, newer, level.head);
        level.tail = select_unpredictable(newer == NIL, older, level.tail);
        let is_empty = level.orders == 0;
        self.orders[older].newer = newer;
        self.orders[newer].older = older;
        if is_empty {
            self.sides.remove(id, &mut self.levels);
        }
        side
    }
}

/// What an instrument takes, however many orders it has: two sides with their ladders, its state and a flag.
const INSTRUMENT_BYTES: usize = 2 * side::SIDE_BYTES + size_of::<InstrumentState>() + size_of::<bool>();
// The figure above.
const _: () = assert!(INSTRUMENT_BYTES == 4_449);

#[inline]
fn side_of(locate: Locate, is_bid: bool) -> SideId {
    SideId::new(usize::from(locate) - 1, is_bid)
}

#[inline]
fn locate_of(side: SideId) -> Locate {
    side.book() as Locate + 1
}
