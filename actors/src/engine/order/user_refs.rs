//! The table of live orders by the client's order number.

use std::hash::{BuildHasher, RandomState};

use corelane_runtime::mem;

use crate::types::OrderSlot;

/// Entries in a cache line.
const ENTRIES: usize = 8;

/// A live order's number and its slot.
#[derive(Clone, Copy, Debug)]
struct Entry {
    user_ref: u32,
    /// The order's slot; [`Entry::FREE`] if the entry is free.
    slot: OrderSlot,
}

impl Entry {
    /// The mark of a free entry: no order has this slot.
    const FREE: OrderSlot = OrderSlot(u32::MAX);
}

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct CacheLine([Entry; ENTRIES]);

/// A table of live orders by the client's number: a hash table with linear probing that is never more than half full.
///
/// [`ENTRIES`] consecutive numbers share a cache line. Multiplication by a secret factor gives the line (multiply-shift
/// hashing: Dietzfelbinger and others, 1997). The factor is chosen so that consecutive rows of numbers never collide: if a
/// client counts up, all its orders lie at home, that is, in the place that their number gives. A client that wants
/// collisions cannot know which numbers collide. Removing an order moves later ones up, so that no tombstones remain.
pub(super) struct UserRefs {
    /// The cache lines, a power of two.
    lines: Vec<CacheLine>,
    factor: u64,
    /// The right shift that turns a product into the index of a line.
    shift: u32,
    /// The number of orders that do not lie at home. While it is 0, as for a client that counts up, a removal moves
    /// nothing.
    away: usize,
}

impl UserRefs {
    pub(super) fn with_capacity(orders_max: u32) -> UserRefs {
        let lines = Self::lines(orders_max);
        // A free entry is not zero, so the table is written here and its pages are faulted in before the first order.
        let free = Entry { user_ref: 0, slot: Entry::FREE };
        let mut factor = secret();
        while !spreads(factor, lines) {
            factor = secret();
        }
        UserRefs {
            lines: vec![CacheLine([free; ENTRIES]); lines],
            factor,
            shift: u64::BITS - lines.trailing_zeros(),
            away: 0,
        }
    }

    /// Memory of a table for `orders_max` orders, in bytes.
    pub(super) fn bytes(orders_max: u32) -> usize {
        Self::lines(orders_max) * size_of::<CacheLine>()
    }

    fn lines(orders_max: u32) -> usize {
        (2 * orders_max as usize).div_ceil(ENTRIES).next_power_of_two().max(2)
    }

    /// Adds an order; its number must not be in the table.
    #[inline]
    pub(super) fn push(&mut self, user_ref: u32, slot: OrderSlot) {
        let home = self.home(user_ref);
        let mut at = home;
        while self.place(at).slot != Entry::FREE {
            at = self.after(at);
        }
        self.away += usize::from(at != home);
        *self.place_mut(at) = Entry { user_ref, slot };
    }

    /// Prefetches the home of a number that will be looked up or added soon, and returns it.
    #[inline]
    pub(super) fn prefetch(&self, user_ref: u32) -> usize {
        let home = self.home(user_ref);
        mem::prefetch(&self.lines, home / ENTRIES);
        home
    }

    /// The slot at a place; an arbitrary value if the place is free.
    #[inline]
    pub(super) fn at(&self, place: usize) -> OrderSlot {
        self.place(place).slot
    }

    /// Finds the slot of the live order with this number.
    #[inline]
    pub(super) fn find(&self, user_ref: u32) -> Option<OrderSlot> {
        self.position(user_ref).map(|at| self.place(at).slot)
    }

    /// Removes the order with this number.
    #[inline]
    pub(super) fn remove(&mut self, user_ref: u32) {
        let Some(free) = self.position(user_ref) else {
            return;
        };
        if self.away == 0 {
            self.place_mut(free).slot = Entry::FREE;
        } else {
            self.remove_and_move_up(free);
        }
    }

    #[cold]
    fn remove_and_move_up(&mut self, mut free: usize) {
        self.away -= usize::from(self.home(self.place(free).user_ref) != free);
        // A search stops at a free place. So each order behind the hole moves into it, unless its home lies behind the hole.
        let mut at = self.after(free);
        while self.place(at).slot != Entry::FREE {
            let place = *self.place(at);
            let (home, from_free) = (self.home(place.user_ref), self.distance(free, at));
            if self.distance(home, at) >= from_free {
                *self.place_mut(free) = place;
                self.away -= usize::from(free == home);
                free = at;
            }
            at = self.after(at);
        }
        self.place_mut(free).slot = Entry::FREE;
    }

    #[inline]
    fn position(&self, user_ref: u32) -> Option<usize> {
        let mut at = self.home(user_ref);
        loop {
            let place = self.place(at);
            if place.slot == Entry::FREE {
                return None;
            }
            if place.user_ref == user_ref {
                return Some(at);
            }
            at = self.after(at);
        }
    }

    /// The home of a number: its place if no earlier order occupies it.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the shift leaves the index of a line")]
    fn home(&self, user_ref: u32) -> usize {
        let (row, within) = (u64::from(user_ref) / ENTRIES as u64, user_ref as usize % ENTRIES);
        (row.wrapping_mul(self.factor) >> self.shift) as usize * ENTRIES + within
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        (at + 1) & (ENTRIES * self.lines.len() - 1)
    }

    /// The number of steps from one place to another.
    #[inline]
    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (ENTRIES * self.lines.len() - 1)
    }

    #[inline]
    fn place(&self, at: usize) -> &Entry {
        &self.lines[at / ENTRIES].0[at % ENTRIES]
    }

    #[inline]
    fn place_mut(&mut self, at: usize) -> &mut Entry {
        &mut self.lines[at / ENTRIES].0[at % ENTRIES]
    }
}

/// A random odd number, which no client can know.
fn secret() -> u64 {
    RandomState::new().hash_one(ENTRIES) | 1
}

/// Whether consecutive rows that fill half of `lines` (a power of two) all come to different lines. This is true of two
/// factors in five.
fn spreads(factor: u64, lines: usize) -> bool {
    let line = 1 << (u64::BITS - lines.trailing_zeros());
    (1..lines as u64 / 2).all(|rows| {
        let apart = rows.wrapping_mul(factor);
        apart.min(apart.wrapping_neg()) >= line
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Numbers that are consecutive, lie the width of a table apart, or are the lowest or highest of all.
    fn numbers() -> impl Strategy<Value = u32> {
        prop_oneof![
            4 => 0..24_u32,
            2 => (0..24_u32).prop_map(|row| row << 12),
            2 => (0..24_u32).prop_map(|below| u32::MAX - below),
            1 => any::<u32>(),
        ]
    }

    /// Factors, including those that map all numbers to the first line or to the last, from which probing wraps around.
    fn factors() -> impl Strategy<Value = u64> {
        prop_oneof![Just(1), Just(u64::MAX), any::<u64>().prop_map(|factor| factor | 1)]
    }

    impl UserRefs {
        /// The number of orders, and the number of those that do not lie at home.
        fn count(&self) -> (usize, usize) {
            let all = (0..ENTRIES * self.lines.len()).map(|at| (at, self.place(at)));
            let taken: Vec<_> = all.filter(|(_, place)| place.slot != Entry::FREE).collect();
            let away = taken.iter().filter(|(at, place)| self.home(place.user_ref) != *at).count();
            (taken.len(), away)
        }
    }

    proptest! {
        #[test]
        fn numbers_are_found_until_removed(
            orders_max in 0..20_u32,
            factor in factors(),
            steps in prop::collection::vec((numbers(), any::<prop::sample::Index>(), 0..5_u8), 1..200),
        ) {
            let mut refs = UserRefs { factor, ..UserRefs::with_capacity(orders_max) };
            prop_assert!(ENTRIES * refs.lines.len() >= 2 * orders_max as usize);
            let mut model = BTreeMap::new();
            for (step, (number, pick, what)) in (0..).zip(steps) {
                match what {
                    0..3 if model.len() < orders_max as usize && !model.contains_key(&number) => {
                        refs.push(number, OrderSlot(step));
                        model.insert(number, OrderSlot(step));
                    }
                    // The number may be absent.
                    3 => {
                        refs.remove(number);
                        model.remove(&number);
                    }
                    _ if !model.is_empty() => {
                        let number = *pick.get(&model.keys().copied().collect::<Vec<_>>());
                        refs.remove(number);
                        model.remove(&number);
                    }
                    _ => {}
                }
                prop_assert_eq!(refs.find(number), model.get(&number).copied());
                for (&number, &slot) in &model {
                    prop_assert_eq!(refs.find(number), Some(slot));
                }
                prop_assert_eq!(refs.count(), (model.len(), refs.away));
            }
        }

        #[test]
        fn as_many_as_may_be_of_a_client_that_counts_lie_at_home(orders_max in 1..3000_u32, first in any::<u32>()) {
            let mut refs = UserRefs::with_capacity(orders_max);
            let first = first.min(u32::MAX - orders_max);
            for number in first..first + orders_max {
                refs.push(number, OrderSlot(0));
            }
            prop_assert_eq!(refs.count(), (orders_max as usize, 0));
            // Each new order replaces the oldest.
            for number in (first..first + orders_max).take_while(|number| *number < u32::MAX - orders_max) {
                refs.remove(number);
                refs.push(number + orders_max, OrderSlot(0));
            }
            prop_assert_eq!(refs.count(), (orders_max as usize, 0));
        }
    }
}
