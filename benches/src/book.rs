//! A price-time book: a map of queues for each side, as one writes it with `std`.

use std::collections::{BTreeMap, VecDeque};

use corelane_actors::types::Side;

/// The orders of one instrument by price, oldest first.
#[derive(Default)]
pub(crate) struct Book {
    bids: BTreeMap<u64, VecDeque<u64>>,
    asks: BTreeMap<u64, VecDeque<u64>>,
}

impl Book {
    /// Price and reference of the order that an order of this side with this limit trades with next.
    pub(crate) fn best_match(&self, side: Side, limit: u64) -> Option<(u64, u64)> {
        let (&price, queue) = if side.is_buy() { self.asks.first_key_value() } else { self.bids.last_key_value() }?;
        let crosses = if side.is_buy() { price <= limit } else { price >= limit };
        crosses.then(|| (price, queue[0]))
    }

    /// Puts an order behind all others of its price.
    pub(crate) fn rest(&mut self, side: Side, price: u64, order_ref: u64) {
        self.orders(side).entry(price).or_default().push_back(order_ref);
    }

    /// Takes an order out.
    pub(crate) fn remove(&mut self, side: Side, price: u64, order_ref: u64) {
        let orders = self.orders(side);
        let Some(queue) = orders.get_mut(&price) else {
            return;
        };
        if let Some(at) = queue.iter().position(|&one| one == order_ref) {
            queue.remove(at);
        }
        if queue.is_empty() {
            orders.remove(&price);
        }
    }

    fn orders(&mut self, side: Side) -> &mut BTreeMap<u64, VecDeque<u64>> {
        if side.is_buy() { &mut self.bids } else { &mut self.asks }
    }
}
