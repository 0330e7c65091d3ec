//! One pool for the price levels of all books. A level keeps its index for as long as it has orders.

use bytemuck::Zeroable;
use corelane_runtime::mem::{HugeSlice, prefetch};

use super::ids::{LevelId, NIL, SideId};
use crate::{price_tree::Rank, types::Locate};

/// The orders at one price, oldest first. Two of them share a cache line.
#[derive(Clone, Copy, Debug, Zeroable)]
#[repr(C, align(32))]
pub(super) struct PriceLevel {
    pub quantity: u64,
    pub orders: u32,
    pub price: u32,
    /// Slot of the oldest order. In a free level, the next free level.
    pub head: u32,
    /// Slot of the youngest order.
    pub tail: u32,
    pub side: SideId,
    /// Locate of its book.
    pub locate: Locate,
}

impl PriceLevel {
    #[inline]
    pub(super) fn rank(&self) -> Rank {
        Rank::of(self.price, self.side.is_bid())
    }
}

/// The pool of levels.
#[derive(Debug)]
pub(super) struct PriceLevels {
    /// The first is never used: its index means "none".
    levels: HugeSlice<PriceLevel>,
    /// Head of the list of released levels.
    free: LevelId,
    /// Levels from this index on have never been used.
    used: u32,
}

impl std::ops::Index<LevelId> for PriceLevels {
    type Output = PriceLevel;
    #[inline]
    fn index(&self, level: LevelId) -> &PriceLevel {
        &self.levels[level.0 as usize]
    }
}

impl std::ops::IndexMut<LevelId> for PriceLevels {
    #[inline]
    fn index_mut(&mut self, level: LevelId) -> &mut PriceLevel {
        &mut self.levels[level.0 as usize]
    }
}

impl PriceLevels {
    pub(super) fn with_capacity(levels_max: usize) -> Self {
        PriceLevels { levels: HugeSlice::zeroed(levels_max + 1), free: LevelId::NONE, used: 1 }
    }

    /// Memory of a pool for `levels_max` levels, in bytes.
    pub(super) fn bytes(levels_max: usize) -> usize {
        (levels_max + 1) * size_of::<PriceLevel>()
    }

    pub(super) fn clear(&mut self) {
        (self.free, self.used) = (LevelId::NONE, 1);
    }

    /// Allocates a level without orders; `None` if the pool is used up.
    #[inline]
    pub(super) fn allocate(&mut self, side: SideId, price: u32) -> Option<LevelId> {
        let level = if self.free.exists() {
            let level = self.free;
            self.free = LevelId(self[level].head);
            level
        } else if (self.used as usize) < self.levels.len() {
            self.used += 1;
            LevelId(self.used - 1)
        } else {
            return None;
        };
        self[level] = PriceLevel { quantity: 0, orders: 0, price, head: NIL, tail: NIL, side, locate: side.locate() };
        Some(level)
    }

    /// Releases a level without orders.
    #[inline]
    pub(super) fn release(&mut self, level: LevelId) {
        let free = self.free.0;
        self[level].head = free;
        self.free = level;
    }

    #[inline]
    pub(super) fn prefetch(&self, level: LevelId) {
        prefetch(&self.levels, level.0 as usize);
    }
}
