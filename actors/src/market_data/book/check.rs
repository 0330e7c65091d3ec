//! Whether orders, queues, levels and sides agree.

use thiserror::Error;

use super::{
    books::Books,
    ids::{LevelId, NIL, SideId},
};
use crate::messages::Locate;

/// Two tables of the books disagree: an error of ours, not of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Inconsistency {
    /// The sums of a level are not those of the orders in its queue.
    #[error("locate {locate}, price {price}: the level's sums are not those of its orders")]
    Sums {
        /// Our locate.
        locate: Locate,
        /// The level's price.
        price: u32,
    },
    /// A queue is not linked back as it is forward, or an order in it does not know the level.
    #[error("locate {locate}, price {price}: the queue of orders is broken at {order_ref}")]
    Queue {
        /// Our locate.
        locate: Locate,
        /// The level's price.
        price: u32,
        /// The order.
        order_ref: u64,
    },
    /// An order is not found by its reference.
    #[error("order {order_ref} is not found by its reference")]
    Lost {
        /// The order.
        order_ref: u64,
    },
    /// Levels are not listed from the best to the worst, or not as many as were counted, or the best is another.
    #[error("locate {locate}: the levels are out of order or not all listed")]
    Levels {
        /// Our locate.
        locate: Locate,
    },
    /// There are more orders than are in queues, or fewer.
    #[error("{counted} orders were counted, {listed} have slots and {queued} are in queues")]
    Count {
        /// Orders by the table's count.
        counted: usize,
        /// Slots with an order.
        listed: usize,
        /// Orders in the queues of all levels.
        queued: usize,
    },
}

impl Books {
    /// Walks all tables. Takes time in proportion to the memory in use; it is meant for tests, and for the time
    /// between sessions.
    ///
    /// # Errors
    /// The first [`Inconsistency`] found.
    pub fn check(&self) -> Result<(), Inconsistency> {
        let mut queued = 0;
        for locate in 1..=self.is_incomplete.len() as Locate {
            for is_bid in [true, false] {
                queued += self.check_side(locate, is_bid)?;
            }
        }
        let (counted, listed) = (self.orders.len(), self.orders.live().count());
        if (counted, counted) != (listed, queued) {
            return Err(Inconsistency::Count { counted, listed, queued });
        }
        Ok(())
    }

    /// Returns how many orders the side has.
    fn check_side(&self, locate: Locate, is_bid: bool) -> Result<usize, Inconsistency> {
        let side = SideId::of(locate, is_bid);
        let mut last = None;
        let mut levels = 0;
        let mut queued = 0;
        for id in self.sides.levels(side, &self.levels) {
            let level = &self.levels[id];
            let rank = level.rank();
            let is_best = id == self.sides.best(side);
            if level.side != side || last.is_some_and(|last| rank <= last) || is_best != last.is_none() {
                return Err(Inconsistency::Levels { locate });
            }
            last = Some(rank);
            levels += 1;
            queued += self.check_queue(locate, id)?;
        }
        if levels != self.sides.len(side) || self.sides.best(side).exists() != (levels > 0) {
            return Err(Inconsistency::Levels { locate });
        }
        Ok(queued)
    }

    /// Returns how many orders the level has.
    fn check_queue(&self, locate: Locate, id: LevelId) -> Result<usize, Inconsistency> {
        let level = &self.levels[id];
        let price = level.price;
        let (mut orders, mut quantity, mut older) = (0, 0, NIL);
        for slot in self.queue(id) {
            let order = &self.orders[slot];
            let order_ref = self.orders.reference(slot);
            if order.level != id || order.older != older {
                return Err(Inconsistency::Queue { locate, price, order_ref });
            }
            if self.orders.find(order_ref) != Some(slot) {
                return Err(Inconsistency::Lost { order_ref });
            }
            orders += 1;
            quantity += u64::from(order.shares);
            older = slot;
        }
        if (orders, quantity) != (level.orders, level.quantity) || older != level.tail || orders == 0 {
            return Err(Inconsistency::Sums { locate, price });
        }
        Ok(orders as usize)
    }
}
