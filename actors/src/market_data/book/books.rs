//! The tables of all books, and what can be read from them.

use corelane_codecs::text::Symbol;

use super::{
    book_side::SIDE_BYTES,
    doubts::Doubts,
    feed_locates::FeedLocates,
    ids::{LevelId, SideId},
    orders::Orders,
    price_level::PriceLevels,
    sides::Sides,
    top::{Level, Top},
    void_orders::VoidOrders,
};
use crate::{
    market_data::state::{InstrumentState, MarketState},
    types::Locate,
};

/// Sizes of the books' tables.
#[derive(Clone, Copy, Debug)]
pub struct BookLimits {
    /// Most resting orders, over all instruments.
    pub orders_max: usize,
    /// Most price levels of one side of one book.
    pub levels_max: usize,
}

/// The books of all our instruments. They allocate all memory at the start.
#[derive(Debug)]
pub struct Books {
    pub(super) locates: FeedLocates,
    pub(super) doubts: Doubts,
    pub(super) void_orders: VoidOrders,
    /// By our locate, less 1.
    pub(super) states: Box<[InstrumentState]>,
    pub(super) market: MarketState,
    pub(super) orders: Orders,
    pub(super) levels: PriceLevels,
    pub(super) sides: Sides,
}

impl Books {
    /// Most instruments: all that a feed's locates can number, except the last.
    pub const INSTRUMENTS_MAX: usize = FeedLocates::OURS_MAX;

    /// Empty books of `symbols`; their locates are their places from 1. If a symbol is repeated, its last place counts.
    ///
    /// # Panics
    /// If there are more symbols than [`Books::INSTRUMENTS_MAX`].
    #[must_use]
    pub fn new(symbols: &[Symbol], limits: BookLimits) -> Self {
        assert!(symbols.len() <= Self::INSTRUMENTS_MAX, "{} instruments are too many", symbols.len());
        Self::with_locates(FeedLocates::by_symbol(symbols), symbols.len(), limits)
    }

    /// Empty books of every instrument of a feed, under the feed's locates.
    #[must_use]
    pub fn of_all(limits: BookLimits) -> Self {
        Self::with_locates(FeedLocates::as_numbered(), Self::INSTRUMENTS_MAX, limits)
    }

    fn with_locates(locates: FeedLocates, books: usize, limits: BookLimits) -> Self {
        let levels_total_max = Self::levels_total_max(books, limits);
        Books {
            locates,
            doubts: Doubts::new(books),
            void_orders: VoidOrders::new(),
            states: vec![InstrumentState::default(); books].into(),
            market: MarketState::default(),
            orders: Orders::with_capacity(limits.orders_max),
            levels: PriceLevels::with_capacity(levels_total_max),
            sides: Sides::new(books, u32::try_from(limits.levels_max).unwrap_or(u32::MAX), levels_total_max),
        }
    }

    /// A level has an order, so there are at most as many.
    fn levels_total_max(books: usize, limits: BookLimits) -> usize {
        limits.orders_max.min(2 * books * limits.levels_max)
    }

    /// Memory of the books of so many instruments, in bytes.
    #[must_use]
    pub fn bytes(books: usize, limits: BookLimits) -> usize {
        let levels_total_max = Self::levels_total_max(books, limits);
        FeedLocates::BYTES
            + books * (size_of::<InstrumentState>() + size_of::<bool>())
            + Orders::bytes(limits.orders_max)
            + PriceLevels::bytes(levels_total_max)
            + Sides::bytes(books, levels_total_max)
    }

    /// Forgets all orders and the meaning of the feed's locates, for a new session.
    pub fn clear(&mut self) {
        self.locates.clear();
        self.doubts.clear();
        self.void_orders.clear();
        self.states.fill(InstrumentState::default());
        self.market = MarketState::default();
        self.orders.clear();
        self.levels.clear();
        self.sides.clear();
    }

    /// Whether there is a book with this locate.
    #[must_use]
    pub fn has(&self, locate: Locate) -> bool {
        locate.index() < self.states.len()
    }

    /// Best levels of an instrument, by our locate.
    #[inline]
    #[must_use]
    pub fn top(&self, locate: Locate) -> Top {
        let best = |is_bid| {
            let level = self.sides.best(SideId::of(locate, is_bid));
            level.exists().then(|| self.level(level))
        };
        Top { bid: best(true), ask: best(false) }
    }

    /// Bids and asks of an instrument, best level first.
    pub fn levels(&self, locate: Locate) -> (impl Iterator<Item = Level> + '_, impl Iterator<Item = Level> + '_) {
        let side = |is_bid| self.sides.levels(SideId::of(locate, is_bid), &self.levels).map(|level| self.level(level));
        (side(true), side(false))
    }

    /// Resting orders in all books.
    #[must_use]
    pub fn orders_len(&self) -> usize {
        self.orders.len()
    }

    /// Whether the book may differ from the feed's: an order found no room, or the feed has contradicted the book.
    #[inline]
    #[must_use]
    pub fn is_doubtful(&self, locate: Locate) -> bool {
        self.doubts.is_doubtful(locate)
    }

    /// A book that has become doubtful and was not returned yet.
    #[inline]
    pub fn next_new_doubt(&mut self) -> Option<Locate> {
        self.doubts.next_new()
    }

    /// Whether the feed has contradicted a book; a book without room for an order does not count.
    #[must_use]
    pub fn is_contradicted(&self) -> bool {
        self.doubts.is_contradicted()
    }

    fn level(&self, level: LevelId) -> Level {
        let level = &self.levels[level];
        Level { price: level.price, orders: level.orders, quantity: level.quantity }
    }

    /// Our locate for the feed's, if the feed has named the instrument and it is ours.
    #[must_use]
    pub fn our_locate(&self, feed_locate: u16) -> Option<Locate> {
        self.locates.ours(feed_locate)
    }

    /// State of an instrument apart from its orders.
    #[must_use]
    pub fn state(&self, locate: Locate) -> &InstrumentState {
        &self.states[locate.index()]
    }

    /// State of the market.
    #[must_use]
    pub fn market(&self) -> &MarketState {
        &self.market
    }
}

/// Bytes of an instrument without its orders: two sides with their ladders, its state and a flag.
const INSTRUMENT_BYTES: usize = 2 * SIDE_BYTES + size_of::<InstrumentState>() + size_of::<bool>();
// The figure in the documentation of this module.
const _: () = assert!(INSTRUMENT_BYTES == 4_449);
