//! Linked lists of orders, oldest first. An order is in at most one list of a kind.
//!
//! Each list is a ring that is closed by a link of the list itself, so no operation needs to check for the first or the last
//! order (D. Knuth, The Art of Computer Programming 1, 2.2.5). The links of all orders lie together, apart from the orders:
//! removing an order changes its neighbours' links, and eight links share a cache line.

use corelane_runtime::mem;

/// The links of an order or of a list: indices of links.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// The next older order; in a list's own link, its youngest order.
    older: u32,
    /// The next younger order; in a list's own link, its oldest order.
    younger: u32,
}

/// Lists of orders, which are known by their slots.
pub(super) struct Lists {
    /// The links of orders by slot, then those of the lists.
    links: Vec<Link>,
    orders_max: u32,
}

impl Lists {
    /// Empty lists of orders in `orders_max` slots.
    ///
    /// # Panics
    /// If there are more than 2³² − 1 orders and lists together. A [checked](crate::types::GroupConfig::check) configuration
    /// has at most half as many.
    pub(super) fn new(orders_max: u32, lists: u32) -> Lists {
        let end = orders_max.checked_add(lists).expect("orders and lists are counted in 32 bits");
        let links = (0..end).map(|itself| Link { older: itself, younger: itself }).collect();
        Lists { links, orders_max }
    }

    /// Memory of so many orders and lists, in bytes.
    pub(super) fn bytes(orders_max: u32, lists: u32) -> usize {
        (orders_max as usize + lists as usize) * size_of::<Link>()
    }

    /// Appends an order to a list; it must not be in one. Returns whether the list was empty.
    #[inline]
    pub(super) fn push(&mut self, list: u32, slot: u32) -> bool {
        let list = self.orders_max + list;
        let youngest = std::mem::replace(&mut self.links[list as usize].older, slot);
        self.links[youngest as usize].younger = slot;
        self.links[slot as usize] = Link { older: youngest, younger: list };
        youngest == list
    }

    /// Removes an order from its list; returns the list if it is empty now.
    #[inline]
    pub(super) fn remove(&mut self, slot: u32) -> Option<u32> {
        let Link { older, younger } = self.links[slot as usize];
        self.links[older as usize].younger = younger;
        self.links[younger as usize].older = older;
        // Only a list has one link on both sides of its order.
        (older == younger).then(|| older - self.orders_max)
    }

    /// Moves all orders of a list, which must have some, to another one, which must be empty.
    pub(super) fn move_all(&mut self, from: u32, to: u32) {
        let (from, to) = (self.orders_max + from, self.orders_max + to);
        let link = std::mem::replace(&mut self.links[from as usize], Link { older: from, younger: from });
        self.links[link.older as usize].younger = to;
        self.links[link.younger as usize].older = to;
        self.links[to as usize] = link;
    }

    /// Whether an order is the only one of its list.
    pub(super) fn is_only(&self, slot: u32) -> bool {
        let Link { older, younger } = self.links[slot as usize];
        older == younger
    }

    /// The oldest order of a list.
    #[inline]
    pub(super) fn oldest(&self, list: u32) -> Option<u32> {
        let oldest = self.links[(self.orders_max + list) as usize].younger;
        (oldest < self.orders_max).then_some(oldest)
    }

    /// The next younger order of the same list.
    #[inline]
    pub(super) fn after(&self, slot: u32) -> Option<u32> {
        let younger = self.links[slot as usize].younger;
        (younger < self.orders_max).then_some(younger)
    }

    /// Prefetches the links of an order.
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
        fn orders_are_listed_as_they_came(steps in prop::collection::vec((0..ORDERS, 0..LISTS, 0..LISTS), 1..200)) {
            let mut lists = Lists::new(ORDERS, LISTS);
            let mut models = vec![Vec::new(); LISTS as usize];
            for (slot, list, other) in steps {
                match models.iter_mut().zip(0..).find(|(model, _)| model.contains(&slot)) {
                    Some((model, list)) => {
                        model.retain(|other| *other != slot);
                        prop_assert_eq!(lists.remove(slot), model.is_empty().then_some(list));
                    }
                    None => {
                        prop_assert_eq!(lists.push(list, slot), models[list as usize].is_empty());
                        models[list as usize].push(slot);
                    }
                }
                if !models[list as usize].is_empty() && models[other as usize].is_empty() {
                    lists.move_all(list, other);
                    models.swap(list as usize, other as usize);
                }
                for (list, model) in (0..).zip(&models) {
                    prop_assert_eq!(lists.oldest(list), model.first().copied());
                    prop_assert_eq!(&lists.listed(list), model);
                    prop_assert!(model.iter().all(|slot| lists.is_only(*slot) == (model.len() == 1)));
                    prop_assert!(model.windows(2).all(|pair| lists.after(pair[0]) == Some(pair[1])));
                    prop_assert_eq!(model.last().and_then(|slot| lists.after(*slot)), None);
                }
            }
        }
    }

    impl Lists {
        /// The orders of a list, oldest first; bounded, so that a broken ring ends too.
        fn listed(&self, list: u32) -> Vec<u32> {
            let next = |link: &u32| Some(self.links[*link as usize].younger).filter(|next| *next < self.orders_max);
            std::iter::successors(self.oldest(list), next).take(ORDERS as usize + 1).collect()
        }
    }
}
