//! A price-time book: a map of queues for each side, as one writes it with `std`.

use std::collections::{BTreeMap, VecDeque};

/// The orders of one instrument by price, oldest first.
#[derive(Default)]
pub(crate) struct Book {
    buys: BTreeMap<u64, VecDeque<u64>>,
    sells: BTreeMap<u64, VecDeque<u64>>,
}

impl Book {
    /// Price and reference of the order that one which `buys` up to `limit` (or sells down to it) trades with next.
    pub fn best_match(&self, buys: bool, limit: u64) -> Option<(u64, u64)> {
        let (&price, queue) = if buys { self.sells.first_key_value() } else { self.buys.last_key_value() }?;
        let crosses = if buys { price <= limit } else { price >= limit };
        crosses.then(|| (price, queue[0]))
    }

    /// Puts an order behind all others of its price.
    pub fn rest(&mut self, buys: bool, price: u64, order_ref: u64) {
        self.side(buys).entry(price).or_default().push_back(order_ref);
    }

    /// Takes an order out.
    pub fn remove(&mut self, buys: bool, price: u64, order_ref: u64) {
        let side = self.side(buys);
        let Some(queue) = side.get_mut(&price) else {
            return;
        };
        if let Some(at) = queue.iter().position(|&one| one == order_ref) {
            queue.remove(at);
        }
        if queue.is_empty() {
            side.remove(&price);
        }
    }

    fn side(&mut self, buys: bool) -> &mut BTreeMap<u64, VecDeque<u64>> {
        if buys { &mut self.buys } else { &mut self.sells }
    }
}
