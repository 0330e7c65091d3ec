//! Position of an order in the queue at its price.

use super::{
    books::Books,
    ids::{LevelId, NIL, SideId},
};
use crate::types::Locate;

/// Orders and shares that are executed before an order at its price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueuePosition {
    /// Orders ahead of it.
    pub orders_ahead: u32,
    /// Their shares.
    pub shares_ahead: u64,
}

/// An order of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestingOrder {
    /// The feed's reference.
    pub order_ref: u64,
    /// Open shares.
    pub shares: u32,
}

impl Books {
    /// Position of an order in the queue at its price; `None` if it does not rest. Takes a step for each order ahead.
    #[must_use]
    pub fn queue_position(&self, order_ref: u64) -> Option<QueuePosition> {
        let mut position = QueuePosition::default();
        let mut at = self.orders[self.orders.find(order_ref)?].older;
        while at != NIL {
            let order = &self.orders[at];
            position.orders_ahead += 1;
            position.shares_ahead += u64::from(order.shares);
            at = order.older;
        }
        Some(position)
    }

    /// Orders at one price, oldest first; none if there is no such level. Takes a step for each better level.
    pub fn orders_at(&self, locate: Locate, is_bid: bool, price: u32) -> impl Iterator<Item = RestingOrder> + '_ {
        let mut levels = self.sides.levels(SideId::of(locate, is_bid), &self.levels);
        let level = levels.find(|&level| self.levels[level].price == price);
        self.queue(level.unwrap_or(LevelId::NONE))
            .map(|slot| RestingOrder { order_ref: self.orders.reference(slot), shares: self.orders[slot].shares })
    }

    /// Slots of a level's orders, oldest first.
    pub(super) fn queue(&self, level: LevelId) -> impl Iterator<Item = u32> + '_ {
        let head = if level.exists() { self.levels[level].head } else { NIL };
        let next = |slot: u32| (slot != NIL).then_some(slot);
        std::iter::successors(next(head), move |&slot| next(self.orders[slot].newer))
    }
}
