//! Lists of orders, oldest first: many lists of one kind, in each of which an order is at most once.
//!
//! Each list is a ring whose link before the first order and behind the last is the list's own, so that no order has to ask
//! whether it is the first or the last (D. Knuth, The Art of Computer Programming 1, 2.2.5). The links of all orders lie side
//! by side, away from the orders: those of an order's neighbours are changed when it goes, and eight share a cache line.

use corelane_runtime::mem;

/// The links of an order or of a list: indices of links.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// Of a list: its youngest order.
    older: u32,
    /// Of a list: its oldest order.
    younger: u32,
}

/// Lists of the orders in slots.
pub(super) struct Lists {
    /// Those of orders by slot, and behind them those of lists.
    links: Vec<Link>,
    orders_max: u32,
}

impl Lists {
    /// Empty lists, of orders in `orders_max` slots.
    ///
    /// # Panics
    /// If orders and lists together are more than 2³² − 1: a [checked](crate::types::GroupConfig::check) configuration has at
    /// most half as many.
    pub(super) fn new(orders_max: u32, lists: u32) -> Lists {
        let end = orders_max.checked_add(lists).expect("orders and lists are counted in 32 bits");
        let links = (0..end).map(|itself| Link { older: itself, younger: itself }).collect();
        Lists { links, orders_max }
    }

    /// Puts an order that is in no list behind all others of a list.
    #[inline]
    pub(super) fn push(&mut self, list: u32, slot: u32) {
        let list = self.orders_max + list;
        let youngest = std::mem::replace(&mut self.links[list as usize].older, slot);
        self.links[youngest as usize].younger = slot;
        self.links[slot as usize] = Link { older: youngest, younger: list };
    }

    /// Takes an order out of its list; whether it was the only one.
    #[inline]
    pub(super) fn remove(&mut self, slot: u32) -> bool {
        let Link { older, younger } = self.links[slot as usize];
        self.links[older as usize].younger = younger;
        self.links[younger as usize].older = older;
        older == younger
    }

    /// The oldest order of a list.
    #[inline]
    pub(super) fn oldest(&self, list: u32) -> Option<u32> {
        let oldest = self.links[(self.orders_max + list) as usize].younger;
        (oldest < self.orders_max).then_some(oldest)
    }

    /// Has the links of an order fetched.
    #[inline]
    pub(super) fn prefetch(&self, slot: u32) {
        mem::prefetch(&self.links, slot as usize);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ORDERS: u32 = 12;
    const LISTS: u32 = 3;

    proptest! {
        #[test]
        fn orders_are_listed_as_they_came(steps in prop::collection::vec((0..ORDERS, 0..LISTS), 1..200)) {
            let mut lists = Lists::new(ORDERS, LISTS);
            let mut models = vec![Vec::new(); LISTS as usize];
            for (slot, list) in steps {
                match models.iter_mut().find(|model| model.contains(&slot)) {
                    Some(model) => {
                        model.retain(|other| *other != slot);
                        prop_assert_eq!(lists.remove(slot), model.is_empty());
                    }
                    None => {
                        lists.push(list, slot);
                        models[list as usize].push(slot);
                    }
                }
                for (list, model) in (0..).zip(&models) {
                    prop_assert_eq!(lists.oldest(list), model.first().copied());
                    prop_assert_eq!(&lists.listed(list), model);
                }
            }
        }
    }

    impl Lists {
        /// Oldest first; as many as there can be at most, so that a broken ring ends.
        fn listed(&self, list: u32) -> Vec<u32> {
            let next = |link: &u32| Some(self.links[*link as usize].younger).filter(|next| *next < self.orders_max);
            std::iter::successors(self.oldest(list), next).take(ORDERS as usize + 1).collect()
        }
    }
}
