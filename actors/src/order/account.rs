//! What the venue knows of an account: its numbers, and its live orders by the client's number.

use crate::matching::OrderSlot;

/// Messages that are kept free beyond one final answer for each open order: one execution or cancel in part, which a
/// single input can cause, and the answer to a request.
const SPARE_MESSAGES: u64 = 2;

/// Bounds of an account.
#[derive(Clone, Copy, Debug)]
pub(super) struct AccountLimits {
    pub open_orders_max: u32,
    pub messages_max: u64,
}

impl AccountLimits {
    /// The least number of messages that leaves enough for answers: from seven eighths on nothing is let in, and the
    /// last eighth must answer for all open orders, and for some executions of the last order let in.
    pub fn messages_least(open_orders_max: u32) -> u64 {
        8 * (u64::from(open_orders_max) + 8)
    }

    fn entry_closes_at(&self) -> u64 {
        self.messages_max - self.messages_max / 8
    }
}

/// An account.
///
/// Its session keeps every message for a client that comes back, so their number is bounded, and nothing that an
/// account has done may go unanswered. At any time, the messages sent plus one for each open order plus
/// [`SPARE_MESSAGES`] do not exceed `messages_max`; when they reach it, all orders of the account are cancelled.
pub(super) struct Account {
    limits: AccountLimits,
    /// The highest client's number used.
    pub last_user_ref: u32,
    /// Number of the last message sent.
    pub last_number: u64,
    /// Orders that wait for a final answer.
    pub open_orders: u32,
    /// The latest log-in.
    pub generation: u32,
    /// The messages have run out, and the orders are being cancelled.
    pub is_exhausted: bool,
    pub live: UserRefs,
}

impl Account {
    pub fn new(limits: AccountLimits) -> Account {
        Account {
            limits,
            last_user_ref: 0,
            last_number: 0,
            open_orders: 0,
            generation: 0,
            is_exhausted: false,
            live: UserRefs::with_capacity(limits.open_orders_max),
        }
    }

    /// Whether orders and replaces are refused so that what is open can be answered.
    pub fn is_entry_closed(&self) -> bool {
        self.last_number >= self.limits.entry_closes_at()
    }

    pub fn has_room_for_order(&self) -> bool {
        self.open_orders < self.limits.open_orders_max
    }

    /// Whether one message that is no order's last can be sent without touching what is kept free.
    pub fn can_tell(&self) -> bool {
        self.promised() < self.limits.messages_max
    }

    /// Whether the messages have run out: what is open must be cancelled now.
    pub fn must_cancel_all(&self) -> bool {
        self.promised() > self.limits.messages_max
    }

    /// Executions that a new order may have in one go: it is accepted first, is one more open order, and may execute
    /// one of the account's own orders in part.
    pub fn executions_max(&self) -> u32 {
        let free = self.limits.messages_max.saturating_sub(self.promised() + 3);
        u32::try_from(free).unwrap_or(u32::MAX)
    }

    fn promised(&self) -> u64 {
        self.last_number + u64::from(self.open_orders) + SPARE_MESSAGES
    }
}

/// A live order's number and place.
#[derive(Clone, Copy, Debug)]
struct Entry {
    user_ref: u32,
    /// `None` once the order is dead.
    slot: Option<OrderSlot>,
}

/// Gaps that are not worth a compaction.
const GAPS_MIN: usize = 64;

/// Latest numbers whose places are remembered, at most.
const REMEMBERED_MAX: usize = 4096;

/// Live orders by the client's number.
///
/// Clients choose these numbers, so a hash table would let them choose collisions. But the numbers only increase:
/// the orders are a sorted array, in which a number that counts up by one is found at once, as are those of the last
/// [`REMEMBERED_MAX`] numbers, and any other by binary search. The dead leave gaps; when they are more than the living and
/// [`GAPS_MIN`], the array is compacted, so that a search stays within a few cache lines while few orders are open.
pub(super) struct UserRefs {
    entries: Vec<Entry>,
    /// By the last bits of a number: where its entry was when it was last put in or moved, so only a guess. As many as a
    /// power of two.
    places: Vec<u32>,
    live: u32,
}

impl UserRefs {
    fn with_capacity(orders_max: u32) -> UserRefs {
        let entry = Entry { user_ref: 0, slot: None };
        // Written once, so that its pages are there before the first order.
        let mut entries = vec![entry; 2 * orders_max as usize];
        entries.clear();
        let remembered = entries.capacity().next_power_of_two().min(REMEMBERED_MAX);
        UserRefs { entries, places: vec![u32::MAX; remembered], live: 0 }
    }

    /// Adds an order whose number is above all before it.
    pub fn push(&mut self, user_ref: u32, slot: OrderSlot) {
        let gaps_max = (self.live as usize).max(GAPS_MIN);
        if self.entries.len() == self.entries.capacity() || self.entries.len() > self.live as usize + gaps_max {
            self.compact();
        }
        self.remember(user_ref, self.entries.len());
        self.entries.push(Entry { user_ref, slot: Some(slot) });
        self.live += 1;
    }

    fn compact(&mut self) {
        self.entries.retain(|entry| entry.slot.is_some());
        for place in 0..self.entries.len() {
            self.remember(self.entries[place].user_ref, place);
        }
    }

    #[inline]
    fn remember(&mut self, user_ref: u32, place: usize) {
        let last = self.places.len() - 1;
        self.places[user_ref as usize & last] = place as u32;
    }

    /// Where the live order with this number is.
    #[inline]
    pub fn find(&self, user_ref: u32) -> Option<OrderSlot> {
        self.entries[self.position(user_ref)?].slot
    }

    /// Forgets the order with this number.
    pub fn remove(&mut self, user_ref: u32) {
        let Some(position) = self.position(user_ref) else {
            return;
        };
        if self.entries[position].slot.take().is_some() {
            self.live -= 1;
        }
        if self.live == 0 {
            self.entries.clear();
        }
    }

    #[inline]
    fn position(&self, user_ref: u32) -> Option<usize> {
        let remembered = self.places[user_ref as usize & (self.places.len() - 1)] as usize;
        if self.entries.get(remembered).is_some_and(|entry| entry.user_ref == user_ref) {
            return Some(remembered);
        }
        let first = self.entries.first()?.user_ref;
        let last = self.entries.len() - 1;
        // Numbers increase by one at least, so the entry is not beyond this.
        let furthest = (user_ref.checked_sub(first)? as usize).min(last);
        if self.entries[furthest].user_ref == user_ref {
            return Some(furthest);
        }
        self.entries[..furthest].binary_search_by_key(&user_ref, |entry| entry.user_ref).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_with_and_without_gaps_are_found_until_removed(
            steps in prop::collection::vec((1..4_u32, any::<prop::sample::Index>(), any::<bool>()), 1..400),
        ) {
            let mut refs = UserRefs::with_capacity(16);
            let capacity = refs.entries.capacity();
            let mut model = BTreeMap::new();
            let mut last = 0;
            for (gap, pick, enters) in steps {
                if (enters && model.len() < 16) || model.is_empty() {
                    last += gap;
                    refs.push(last, OrderSlot(last * 7));
                    model.insert(last, OrderSlot(last * 7));
                } else {
                    let user_ref = *pick.get(&model.keys().copied().collect::<Vec<_>>());
                    refs.remove(user_ref);
                    model.remove(&user_ref);
                }
                for user_ref in 0..last + 3 {
                    prop_assert_eq!(refs.find(user_ref), model.get(&user_ref).copied());
                }
                prop_assert_eq!(refs.entries.capacity(), capacity);
            }
        }
    }
}
