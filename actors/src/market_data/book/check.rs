//! Consistency of orders, queues, levels and sides.

use thiserror::Error;

use super::{
    books::Books,
    ids::{LevelId, NIL, SideId},
};
use crate::types::Locate;

/// Contradiction between two tables of the books. It is a bug here, not an error of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Inconsistency {
    /// The sums of a level differ from those of the orders in its queue.
    #[error("locate {locate}, price {price}: the level's sums differ from those of its orders")]
    Sums {
        /// Our locate.
        locate: Locate,
        /// The level's price.
        price: u32,
    },
    /// The backward links of a queue differ from the forward ones, or an order in it names another level.
    #[error("locate {locate}, price {price}: the queue of orders is broken at {order_ref}")]
    Queue {
        /// Our locate.
        locate: Locate,
        /// The level's price.
        price: u32,
        /// The order.
        order_ref: u64,
    },
    /// An order cannot be found by its reference.
    #[error("order {order_ref} cannot be found by its reference")]
    Lost {
        /// The order.
        order_ref: u64,
    },
    /// The list of levels is out of order, or its length or its best level differs from the noted one.
    #[error("locate {locate}: the levels are out of order or incomplete")]
    Levels {
        /// Our locate.
        locate: Locate,
    },
    /// The number of orders differs from those in slots or in queues.
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
    /// Checks all tables, for tests and between sessions. Takes time in proportion to the memory in use.
    ///
    /// # Errors
    /// The first [`Inconsistency`] found.
    pub fn check(&self) -> Result<(), Inconsistency> {
        let mut queued = 0;
        for locate in Locate::first(self.states.len()) {
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

    /// Checks a side; returns its number of orders.
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

    /// Checks a level; returns its number of orders.
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
