//! Application of ITCH messages to the books.

use std::hint::select_unpredictable;

use corelane_codecs::itch::{Header, Message, Side};
use corelane_runtime::telemetry::Counters;

use super::{
    books::Books,
    ids::{NIL, SideId},
    orders::{Orders, QueuedOrder, Refused},
    prefetch::LOCATE,
    price_level::PriceLevel,
};
use crate::{market_data::counts::FeedCount, types::Locate};

/// A new order.
struct Added {
    order_ref: u64,
    price: u32,
    shares: u32,
}

/// The order that a message is about.
#[derive(Clone, Copy)]
struct Subject {
    feed_locate: u16,
    order_ref: u64,
}

impl Subject {
    #[inline(always)]
    fn new<const CODE: u8>(header: &Header<CODE>, order_ref: u64) -> Self {
        Subject { feed_locate: header.stock_locate.get(), order_ref }
    }
}

impl Books {
    /// Applies a message; returns our locate of the book that it changed, if any.
    // Inlined into the decoding loop, which then branches on the type once; a second branch costs a misprediction.
    #[inline(always)]
    pub fn apply(&mut self, message: &Message<'_>, counters: &Counters<FeedCount>) -> Option<Locate> {
        // The code of adds stands once, after the match: a call would cost an eighth of the time of an add.
        let (side, added) = match message {
            Message::AddOrder(add) => {
                let feed_locate = add.header.stock_locate.get();
                let locate = self.locates.of_add(feed_locate, &add.stock, &mut self.doubts, counters)?;
                let (price, shares) = (add.price.get().raw(), add.shares.get());
                (
                    SideId::of(locate, add.side.get() == Side::Buy),
                    Added { order_ref: add.order_ref.get(), price, shares },
                )
            }
            Message::AddOrderMpid(add) => {
                let feed_locate = add.header.stock_locate.get();
                let locate = self.locates.of_add(feed_locate, &add.stock, &mut self.doubts, counters)?;
                let (price, shares) = (add.price.get().raw(), add.shares.get());
                (
                    SideId::of(locate, add.side.get() == Side::Buy),
                    Added { order_ref: add.order_ref.get(), price, shares },
                )
            }
            Message::OrderExecuted(executed) => {
                let order = Subject::new(&executed.header, executed.order_ref.get());
                return self.reduce(order, executed.executed_shares.get(), counters);
            }
            Message::OrderExecutedWithPrice(executed) => {
                let order = Subject::new(&executed.header, executed.order_ref.get());
                return self.reduce(order, executed.executed_shares.get(), counters);
            }
            Message::OrderCancel(cancel) => {
                let order = Subject::new(&cancel.header, cancel.order_ref.get());
                return self.reduce(order, cancel.cancelled_shares.get(), counters);
            }
            Message::OrderDelete(delete) => {
                let order = Subject::new(&delete.header, delete.order_ref.get());
                let locate = self.locates.unless_ignored(order.feed_locate)?;
                if self.delete(locate, order.order_ref).is_none() {
                    self.remove_absent(order, counters);
                    return None;
                }
                return Some(locate);
            }
            Message::OrderReplace(replace) => {
                let original = Subject::new(&replace.header, replace.original_order_ref.get());
                let locate = self.locates.unless_ignored(original.feed_locate)?;
                let side = match self.delete(locate, original.order_ref) {
                    Some(side) => side,
                    None => self.remove_absent(original, counters)?,
                };
                let (price, shares) = (replace.price.get().raw(), replace.shares.get());
                (side, Added { order_ref: replace.new_order_ref.get(), price, shares })
            }
            Message::Trade(_) | Message::BrokenTrade(_) => return None,
            _ => {
                self.notice(*message, counters);
                return None;
            }
        };
        let has_changed = self.add(side, added, counters) || matches!(message, Message::OrderReplace(_));
        has_changed.then(|| side.locate())
    }

    /// Applies a message about an instrument or the market that is not about orders.
    // By value, as a reference would put every message into memory.
    #[cold]
    fn notice(&mut self, message: Message<'_>, counters: &Counters<FeedCount>) {
        match message.stock() {
            None => self.market.apply(&message),
            Some(stock) if let Message::StockDirectory(directory) = message => {
                self.locates.define(directory.header.stock_locate.get(), stock, &mut self.doubts, counters);
            }
            Some(stock) => {
                if let Some(locate) = self.locates.learn(message.stock_locate(), stock, &mut self.doubts, counters) {
                    self.states[locate.index()].apply(&message);
                }
            }
        }
    }

    /// Adds an order. Returns whether the book changed; it does not if the order is refused.
    #[inline(always)]
    fn add(&mut self, side: SideId, added: Added, counters: &Counters<FeedCount>) -> bool {
        let Added { order_ref, price, shares } = added;
        if shares == 0 || price == 0 {
            return self.add_void(side, order_ref, counters);
        }
        let slot = match self.orders.insert(order_ref, &mut self.levels) {
            Ok(slot) => slot,
            Err(Refused::Duplicate) => return self.duplicate(side, order_ref, counters),
            Err(Refused::Full) => return self.overflow(side, counters),
        };
        let id = self.sides.level_for(side, price, &mut self.levels);
        if !id.exists() {
            self.orders.remove(order_ref, slot);
            return self.overflow(side, counters);
        }
        let level = &mut self.levels[id];
        let older = level.tail;
        level.tail = slot;
        level.head = select_unpredictable(older == NIL, slot, level.head);
        level.orders += 1;
        level.quantity += u64::from(shares);
        self.orders.append(slot, QueuedOrder { shares, level: id, older, newer: NIL });
        true
    }

    #[cold]
    fn overflow(&mut self, side: SideId, counters: &Counters<FeedCount>) -> bool {
        counters.add(FeedCount::Overflows, 1);
        self.doubts.doubt(side.locate());
        true
    }

    /// Notes an order without shares or without a price, which is in no book.
    #[cold]
    fn add_void(&mut self, side: SideId, order_ref: u64, counters: &Counters<FeedCount>) -> bool {
        if self.orders.find(order_ref).is_some() {
            return self.duplicate(side, order_ref, counters);
        }
        counters.add(FeedCount::VoidOrders, 1);
        if !self.void_orders.insert(order_ref, side) {
            counters.add(FeedCount::VoidOverflows, 1);
            self.doubts.doubt(side.locate());
        }
        false
    }

    /// Doubts the book of a new order whose reference rests already, and the book where it rests.
    #[cold]
    fn duplicate(&mut self, side: SideId, order_ref: u64, counters: &Counters<FeedCount>) -> bool {
        counters.add(FeedCount::DuplicateOrders, 1);
        self.doubts.contradict(side.locate());
        if let Some(resting) = self.side_of(order_ref) {
            self.doubts.contradict(resting.locate());
        }
        false
    }

    /// Doubts the book of a message about an order that does not rest there, and the book where it rests, if any. If the
    /// order is void, the message is no evidence against a book: returns its side.
    #[cold]
    fn absent(&mut self, order: Subject, counters: &Counters<FeedCount>) -> Option<SideId> {
        let Subject { feed_locate, order_ref } = order;
        let is_here = |side: &SideId| self.locates.unless_ignored(feed_locate) == Some(side.locate());
        let void = self.void_orders.side(order_ref).filter(is_here);
        if void.is_some() {
            return void;
        }
        if let Some(resting) = self.side_of(order_ref) {
            counters.add(FeedCount::ForeignOrders, 1);
            self.doubts.contradict(resting.locate());
        } else {
            counters.add(FeedCount::UnknownOrders, 1);
        }
        self.doubt(feed_locate);
        None
    }

    /// As [`Books::absent`], for a message that removes the order.
    #[cold]
    fn remove_absent(&mut self, order: Subject, counters: &Counters<FeedCount>) -> Option<SideId> {
        let void = self.absent(order, counters)?;
        self.void_orders.remove(order.order_ref);
        Some(void)
    }

    fn side_of(&self, order_ref: u64) -> Option<SideId> {
        let slot = self.orders.find(order_ref)?;
        Some(self.levels[self.orders[slot].level].side)
    }

    /// Doubts the book of a locate of the feed, now or when the feed names its instrument.
    fn doubt(&mut self, feed_locate: u16) {
        match self.locates.ours(feed_locate) {
            Some(locate) => self.doubts.contradict(locate),
            None => self.doubts.doubt_unnamed(feed_locate),
        }
    }

    /// Takes note of a message that cannot be decoded. If it is about an order, the book of its instrument is doubtful;
    /// all books are if it is too short to name its instrument.
    #[cold]
    pub fn note_unreadable(&mut self, bytes: &[u8], counters: &Counters<FeedCount>) {
        counters.add(FeedCount::BadMessages, 1);
        if !matches!(bytes.first(), Some(b'A' | b'F' | b'E' | b'C' | b'X' | b'D' | b'U')) {
            return;
        }
        counters.add(FeedCount::UnreadableOrders, 1);
        match bytes.get(LOCATE) {
            Some(feed_locate) => self.doubt(u16::from_be_bytes([feed_locate[0], feed_locate[1]])),
            None => Locate::first(self.states.len()).for_each(|locate| self.doubts.contradict(locate)),
        }
    }

    /// Removes shares from an order, and the order with its last share.
    #[inline(always)]
    fn reduce(&mut self, order: Subject, shares: u32, counters: &Counters<FeedCount>) -> Option<Locate> {
        let locate = self.locates.unless_ignored(order.feed_locate)?;
        let Some(slot) = self.find(locate, order.order_ref) else {
            self.absent(order, counters);
            return None;
        };
        let resting = &mut self.orders[slot];
        if shares < resting.shares {
            resting.shares -= shares;
            self.levels[resting.level].quantity -= u64::from(shares);
            return Some(locate);
        }
        if shares > resting.shares {
            self.exceed(locate, counters);
        }
        self.take(order.order_ref, slot);
        Some(locate)
    }

    /// Doubts a book from which more shares were taken than rested.
    #[cold]
    fn exceed(&mut self, locate: Locate, counters: &Counters<FeedCount>) {
        counters.add(FeedCount::Excess, 1);
        self.doubts.contradict(locate);
    }

    /// Removes an order if it rests in this book; returns its side.
    #[inline(always)]
    fn delete(&mut self, locate: Locate, order_ref: u64) -> Option<SideId> {
        let Some(found) = self.orders.find_in_window(order_ref) else { return self.delete_spilled(locate, order_ref) };
        let id = found.order.level;
        let level = &mut self.levels[id];
        if level.locate != locate {
            return None;
        }
        let order = found.remove();
        let side = level.side;
        if unlink(&order, level, &mut self.orders) {
            self.sides.remove(id, &mut self.levels);
        }
        Some(side)
    }

    #[cold]
    #[inline(never)]
    fn delete_spilled(&mut self, locate: Locate, order_ref: u64) -> Option<SideId> {
        let slot = self.find(locate, order_ref)?;
        Some(self.take(order_ref, slot))
    }

    /// The slot of an order, if it rests in this book.
    #[inline(always)]
    fn find(&self, locate: Locate, order_ref: u64) -> Option<u32> {
        let slot = self.orders.find(order_ref)?;
        (self.levels[self.orders[slot].level].locate == locate).then_some(slot)
    }

    /// Removes an order from its slot, queue and level, and the level with its last order.
    #[inline]
    fn take(&mut self, order_ref: u64, slot: u32) -> SideId {
        let order = self.orders[slot];
        self.orders.remove(order_ref, slot);
        let level = &mut self.levels[order.level];
        let side = level.side;
        if unlink(&order, level, &mut self.orders) {
            self.sides.remove(order.level, &mut self.levels);
        }
        side
    }
}

/// Removes an order from its queue and its level; returns whether that was the last one.
#[inline(always)]
fn unlink(order: &QueuedOrder, level: &mut PriceLevel, orders: &mut Orders) -> bool {
    level.orders -= 1;
    level.quantity -= u64::from(order.shares);
    level.head = select_unpredictable(order.older == NIL, order.newer, level.head);
    level.tail = select_unpredictable(order.newer == NIL, order.older, level.tail);
    orders.unlink(order);
    level.orders == 0
}
