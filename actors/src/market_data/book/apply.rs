//! Application of ITCH messages to the books.

use std::hint::select_unpredictable;

use corelane_codecs::itch::{Message, Side};
use corelane_runtime::telemetry::Counters;

use super::{
    books::Books,
    ids::{NIL, SideId},
    orders::{QueuedOrder, Refused},
};
use crate::{market_data::counts::FeedCount, types::Locate};

/// A new order.
struct Added {
    order_ref: u64,
    price: u32,
    shares: u32,
}

impl Books {
    /// Applies a message; returns our locate of the book that it changed, if any.
    // Inlined into the decoding loop, which then branches on the type once; a second branch costs a misprediction.
    #[inline(always)]
    pub fn apply(&mut self, message: &Message<'_>, counters: &Counters<FeedCount>) -> Option<Locate> {
        // The code of adds stands once, after the match: a call would cost an eighth of the time of an add.
        let (side, added) = match message {
            Message::AddOrder(add) => {
                let locate = self.locates.learn(add.header.stock_locate.get(), &add.stock)?;
                let (price, shares) = (add.price.get().raw(), add.shares.get());
                (
                    SideId::of(locate, add.side.get() == Side::Buy),
                    Added { order_ref: add.order_ref.get(), price, shares },
                )
            }
            Message::AddOrderMpid(add) => {
                let locate = self.locates.learn(add.header.stock_locate.get(), &add.stock)?;
                let (price, shares) = (add.price.get().raw(), add.shares.get());
                (
                    SideId::of(locate, add.side.get() == Side::Buy),
                    Added { order_ref: add.order_ref.get(), price, shares },
                )
            }
            Message::OrderExecuted(executed) => {
                self.locates.unless_ignored(executed.header.stock_locate.get())?;
                let shares = executed.executed_shares.get();
                return self.reduce(executed.order_ref.get(), shares, counters);
            }
            Message::OrderExecutedWithPrice(executed) => {
                self.locates.unless_ignored(executed.header.stock_locate.get())?;
                let shares = executed.executed_shares.get();
                return self.reduce(executed.order_ref.get(), shares, counters);
            }
            Message::OrderCancel(cancel) => {
                self.locates.unless_ignored(cancel.header.stock_locate.get())?;
                let shares = cancel.cancelled_shares.get();
                return self.reduce(cancel.order_ref.get(), shares, counters);
            }
            Message::OrderDelete(delete) => {
                self.locates.unless_ignored(delete.header.stock_locate.get())?;
                return self.delete(delete.order_ref.get(), counters).map(SideId::locate);
            }
            Message::OrderReplace(replace) => {
                self.locates.unless_ignored(replace.header.stock_locate.get())?;
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
        has_changed.then(|| side.locate())
    }

    /// Applies a message about an instrument or the market that is not about orders.
    #[cold]
    fn notice(&mut self, message: &Message<'_>) {
        match message.stock() {
            None => self.market.apply(message),
            Some(stock) if let Message::StockDirectory(directory) = message => {
                self.locates.define(directory.header.stock_locate.get(), stock);
            }
            Some(stock) => {
                if let Some(locate) = self.locates.learn(message.stock_locate(), stock) {
                    self.states[locate.index()].apply(message);
                }
            }
        }
    }

    /// Adds an order. Returns whether the book changed; it does not if the order exists already.
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
        self.orders[slot] = QueuedOrder { shares, level: id, older, newer: NIL };
        true
    }

    #[cold]
    fn overflow(&mut self, side: SideId, counters: &Counters<FeedCount>) -> bool {
        counters.add(FeedCount::Overflows, 1);
        self.is_incomplete[side.book()] = true;
        true
    }

    /// Removes shares from an order, and the order with its last share.
    #[inline(always)]
    fn reduce(&mut self, order_ref: u64, shares: u32, counters: &Counters<FeedCount>) -> Option<Locate> {
        let slot = self.find(order_ref, counters)?;
        let order = &mut self.orders[slot];
        if shares < order.shares {
            order.shares -= shares;
            let level = &mut self.levels[order.level];
            level.quantity -= u64::from(shares);
            return Some(level.side.locate());
        }
        if shares > order.shares {
            counters.add(FeedCount::Excess, 1);
        }
        Some(self.take(order_ref, slot).locate())
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

    /// Removes an order from its slot, queue and level, and the level with its last order.
    #[inline(always)]
    fn take(&mut self, order_ref: u64, slot: u32) -> SideId {
        let QueuedOrder { shares, level: id, older, newer } = self.orders[slot];
        self.orders.remove(order_ref, slot);
        let level = &mut self.levels[id];
        let side = level.side;
        level.orders -= 1;
        level.quantity -= u64::from(shares);
        // The neighbours of the first and the last order are `NIL`, whose slot may be written to.
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
