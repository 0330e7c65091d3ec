//! Orders whose pages have no frame in the window.

use std::collections::HashMap;

use corelane_runtime::mem::HugeSlice;

use super::page::page_of;

/// Orders outside the window.
#[derive(Debug)]
pub(super) struct Spill {
    /// First slot of the spill.
    pub first: u32,
    /// Slots by reference. The keys come from outside, so the hash is a keyed one (SipHash). Its capacity is twice the
    /// most entries, so that the map removes its tombstones in place and never grows.
    index: HashMap<u64, u32>,
    /// By slot, less `first`.
    references: HugeSlice<u64>,
    free: Vec<u32>,
    /// Slots from `first + used` on have never been used.
    used: u32,
    /// The spill holds no order of this page or a later one.
    pages_end: u64,
}

impl Spill {
    pub(super) fn new(first: u32, orders_max: usize) -> Self {
        Spill {
            first,
            index: HashMap::with_capacity(2 * orders_max),
            references: HugeSlice::zeroed(orders_max),
            free: Vec::with_capacity(orders_max),
            used: 0,
            pages_end: 0,
        }
    }

    /// Memory of a spill of `orders_max` orders, in bytes.
    pub(super) fn bytes(orders_max: usize) -> usize {
        let places = (2 * orders_max * 8 / 7).next_power_of_two();
        places * (size_of::<(u64, u32)>() + 1) + orders_max * (size_of::<u64>() + size_of::<u32>())
    }

    pub(super) fn clear(&mut self) {
        self.index.clear();
        self.free.clear();
        self.used = 0;
        self.pages_end = 0;
    }

    /// Slots of all orders in the spill.
    pub(super) fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.index.values().copied()
    }

    /// The reference of the order in a slot.
    pub(super) fn reference(&self, slot: u32) -> u64 {
        self.references[(slot - self.first) as usize]
    }

    #[inline]
    pub(super) fn may_hold(&self, page: u64) -> bool {
        page < self.pages_end
    }

    #[inline(never)]
    pub(super) fn find(&self, order_ref: u64) -> Option<u32> {
        self.index.get(&order_ref).copied()
    }

    pub(super) fn insert(&mut self, order_ref: u64) -> u32 {
        self.pages_end = self.pages_end.max(page_of(order_ref) + 1);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.used += 1;
            self.first + self.used - 1
        });
        self.index.insert(order_ref, slot);
        self.references[(slot - self.first) as usize] = order_ref;
        slot
    }

    #[inline(never)]
    pub(super) fn remove(&mut self, order_ref: u64, slot: u32) {
        self.index.remove(&order_ref);
        self.free.push(slot);
        if self.index.is_empty() {
            self.pages_end = 0;
        }
    }
}
