//! The price-time books of all instruments: the resting orders by price level and by port.

use corelane_codecs::price::Price4;
use corelane_runtime::mem;

use super::{
    levels::{Levels, NONE, Rank, SideLevels},
    lists::Lists,
};
use crate::types::{Locate, NewOrder, OrderSlot, PortId, Quantity, Side};

/// A resting order. It lies in the slot that `order` gave it, so no lookup is needed.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(super) struct Resting {
    pub order_ref: u64,
    pub leaves: Quantity,
    level: u32,
    pub locate: Locate,
    pub side: Side,
}

impl Resting {
    const NOWHERE: Resting =
        Resting { order_ref: 0, leaves: Quantity::ZERO, level: NONE, locate: Locate::NONE, side: Side::Sell };
}

/// All books.
pub(super) struct Books {
    /// The resting orders by slot. A slot whose order does not rest has no meaning.
    orders: Vec<Resting>,
    levels: Levels,
    /// The sides of each book, by locate and [`Side`].
    sides: Vec<[SideLevels; 2]>,
    /// The orders of each level, in the order in which they trade.
    by_level: Lists,
    /// The orders of each port, in the order in which they came to rest.
    by_port: Lists,
}

impl Books {
    pub(super) fn new(orders_max: u32, levels_max: u32, instruments: usize, ports: u32) -> Books {
        Books {
            orders: vec![Resting::NOWHERE; orders_max as usize],
            levels: Levels::with_capacity(levels_max),
            sides: vec![[SideLevels::EMPTY; 2]; instruments + 1],
            by_level: Lists::new(orders_max, levels_max),
            by_port: Lists::new(orders_max, ports),
        }
    }

    /// Memory of the books, in bytes.
    pub(super) fn bytes(orders_max: u32, levels_max: u32, instruments: usize, ports: u32) -> usize {
        orders_max as usize * size_of::<Resting>()
            + Levels::bytes(levels_max)
            + (instruments + 1) * size_of::<[SideLevels; 2]>()
            + Lists::bytes(orders_max, levels_max)
            + Lists::bytes(orders_max, ports)
    }

    /// Prefetches the order in `slot`, if there is such a slot.
    #[inline]
    pub(super) fn prefetch(&self, slot: u32) {
        mem::prefetch(&self.orders, slot as usize);
        self.by_level.prefetch(slot);
        self.by_port.prefetch(slot);
    }

    /// The order in `slot`.
    #[inline]
    pub(super) fn order(&self, slot: u32) -> &Resting {
        &self.orders[slot as usize]
    }

    /// The price at which the order in `slot` rests.
    #[inline]
    pub(super) fn price(&self, slot: u32) -> Price4 {
        let order = self.order(slot);
        Price4::from_raw(self.levels[order.level].rank.price(order.side.is_buy()))
    }

    /// The best price of a side of a book; zero if the side is empty.
    #[inline]
    pub(super) fn best_price(&self, locate: Locate, side: Side) -> Price4 {
        match self.sides[locate.row()][side as usize].best() {
            NONE => Price4::ZERO,
            best => Price4::from_raw(self.levels[best].rank.price(side.is_buy())),
        }
    }

    /// The next order to trade with an incoming order of this side and limit.
    #[inline]
    pub(super) fn best_match(&self, locate: Locate, side: Side, limit: Price4) -> Option<u32> {
        let resting = side.opposite();
        let best = self.sides[locate.row()][resting as usize].best();
        if best == NONE {
            return None;
        }
        // A level is never empty.
        if self.levels[best].rank <= Rank::of(limit.raw(), resting.is_buy()) {
            self.by_level.oldest(best)
        } else {
            None
        }
    }

    /// Whether an order can rest at this price: its level exists, or the pool has a free one.
    #[inline]
    pub(super) fn has_room(&mut self, locate: Locate, side: Side, price: Price4) -> bool {
        let levels = &mut self.sides[locate.row()][side as usize];
        self.levels.has_room() || self.levels.find(levels, Rank::of(price.raw(), side.is_buy())).is_some()
    }

    /// Whether the order in `slot` is the only one at its price, so that its level becomes free without it.
    pub(super) fn is_alone(&self, slot: u32) -> bool {
        self.by_level.is_only(slot)
    }

    /// Adds `leaves` shares of an order behind all others at its price.
    ///
    /// # Panics
    /// If there is no room; ask [`Books::has_room`] first.
    #[inline(always)]
    pub(super) fn rest(&mut self, order: &NewOrder, order_ref: u64, leaves: Quantity) {
        let NewOrder { slot: OrderSlot(slot), port, locate, side, price, .. } = *order;
        let levels = &mut self.sides[locate.row()][side as usize];
        let rank = Rank::of(price.raw(), side.is_buy());
        let found = self.levels.find(levels, rank).or_else(|| self.levels.insert(levels, rank));
        let level = found.expect("the caller asked for room");
        self.by_level.push(level, slot);
        self.by_port.push(port.0, slot);
        self.orders[slot as usize] = Resting { order_ref, leaves, level, locate, side };
    }

    /// Takes `quantity` shares off an order, and removes it if none are left; returns the shares left.
    #[inline]
    pub(super) fn reduce(&mut self, slot: u32, quantity: Quantity) -> Quantity {
        let order = &mut self.orders[slot as usize];
        order.leaves -= quantity;
        let leaves = order.leaves;
        if leaves.is_zero() {
            self.remove(slot);
        }
        leaves
    }

    /// Removes an order, and its level if that is empty then.
    pub(super) fn remove(&mut self, slot: u32) {
        if self.by_level.remove(slot) {
            let Resting { level, locate, side, .. } = self.orders[slot as usize];
            self.levels.remove(&mut self.sides[locate.row()][side as usize], level);
        }
        self.by_port.remove(slot);
    }

    /// The next younger resting order of the port of the order in `slot`.
    #[inline]
    pub(super) fn after(&self, slot: u32) -> Option<u32> {
        self.by_port.after(slot)
    }

    /// The oldest resting order of a port.
    #[inline]
    pub(super) fn first_of(&self, port: PortId) -> Option<u32> {
        self.by_port.oldest(port.0)
    }
}
