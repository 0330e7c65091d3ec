//! Price levels of all books in one pool. Each side has a sorted list for the sweep, and a crit-bit tree that finds prices
//! which were not used recently.
//!
//! Both are sized once; see [`price_tree`](crate::price_tree).

pub(super) use crate::price_tree::{NONE, Rank};
use crate::price_tree::{Neighbour, PriceTrees, Root};

/// A price at which orders rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    pub rank: Rank,
    /// The next better level.
    better: u32,
    /// The next worse level.
    worse: u32,
}

/// Recently used levels that a side remembers: a power of two, and more than the levels that most orders use.
const REMEMBERED: usize = 64;

/// One side of one book.
#[derive(Clone, Copy, Debug)]
pub(super) struct SideLevels {
    root: Root,
    best: u32,
    /// Recently used levels, each at the place that its rank gives. They make searches of the tree rare, whose branches the
    /// CPU cannot predict.
    lately: [u32; REMEMBERED],
}

impl SideLevels {
    pub(super) const EMPTY: SideLevels = SideLevels { root: Root::EMPTY, best: NONE, lately: [NONE; REMEMBERED] };

    /// The place where a level is remembered. Multiplication by the golden ratio spreads equally spaced prices evenly
    /// (Knuth, The Art of Computer Programming 3, 6.4).
    #[inline]
    fn lately(&mut self, rank: Rank) -> &mut u32 {
        const GOLDEN: u32 = 0x9e37_79b9;
        &mut self.lately[(rank.0.wrapping_mul(GOLDEN) >> (u32::BITS - REMEMBERED.trailing_zeros())) as usize]
    }

    /// The best level, or [`NONE`].
    #[inline]
    pub(super) fn best(&self) -> u32 {
        self.best
    }
}

/// The pool of levels.
pub(super) struct Levels {
    levels: Vec<Level>,
    trees: PriceTrees,
    free_levels: Vec<u32>,
}

impl std::ops::Index<u32> for Levels {
    type Output = Level;
    #[inline]
    fn index(&self, level: u32) -> &Level {
        &self.levels[level as usize]
    }
}

impl std::ops::IndexMut<u32> for Levels {
    #[inline]
    fn index_mut(&mut self, level: u32) -> &mut Level {
        &mut self.levels[level as usize]
    }
}

impl Levels {
    /// A pool for `levels_max` levels.
    pub(super) fn with_capacity(levels_max: u32) -> Levels {
        let level = Level { rank: Rank(0), better: NONE, worse: NONE };
        Levels {
            levels: vec![level; levels_max as usize],
            trees: PriceTrees::with_capacity(levels_max as usize),
            free_levels: (0..levels_max).rev().collect(),
        }
    }

    /// Memory of a pool for `levels_max` levels, in bytes.
    pub(super) fn bytes(levels_max: u32) -> usize {
        levels_max as usize * (size_of::<Level>() + size_of::<u32>()) + PriceTrees::bytes(levels_max as usize)
    }

    /// Whether the pool has a free level.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        !self.free_levels.is_empty()
    }

    /// The level with this rank.
    #[inline]
    pub(super) fn find(&self, side: &mut SideLevels, rank: Rank) -> Option<u32> {
        let lately = side.lately(rank);
        if *lately != NONE && self[*lately].rank == rank {
            return Some(*lately);
        }
        let leaf = self.trees.nearest(side.root, rank)?;
        if self[leaf].rank != rank {
            return None;
        }
        *side.lately(rank) = leaf;
        Some(leaf)
    }

    /// Adds the level with this rank, which must not exist; `None` if the pool is used up.
    pub(super) fn insert(&mut self, side: &mut SideLevels, rank: Rank) -> Option<u32> {
        let level = self.free_levels.pop()?;
        let nearest = self.trees.nearest(side.root, rank).map(|leaf| self[leaf].rank);
        let (better, worse) = match self.trees.insert(&mut side.root, rank, nearest, level) {
            Neighbour::None => (NONE, NONE),
            Neighbour::Better(better) => (better, self[better].worse),
            Neighbour::Worse(worse) => (self[worse].better, worse),
        };
        self[level] = Level { rank, better, worse };
        *side.lately(rank) = level;
        match better {
            NONE => side.best = level,
            better => self[better].worse = level,
        }
        if worse != NONE {
            self[worse].better = level;
        }
        Some(level)
    }

    /// Removes an empty level.
    pub(super) fn remove(&mut self, side: &mut SideLevels, level: u32) {
        let Level { rank, better, worse, .. } = self[level];
        match better {
            NONE => side.best = worse,
            better => self[better].worse = worse,
        }
        if worse != NONE {
            self[worse].better = better;
        }
        self.trees.remove(&mut side.root, rank);
        let lately = side.lately(rank);
        if *lately == level {
            *lately = NONE;
        }
        self.free_levels.push(level);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn listed(levels: &Levels, side: &SideLevels) -> Vec<u32> {
        let mut ranks = Vec::new();
        let mut at = side.best();
        while at != NONE {
            ranks.push(levels[at].rank.0);
            at = levels[at].worse;
        }
        ranks
    }

    /// Ranks: a few that recur on every side, the lowest and highest of all, and arbitrary ones.
    fn ranks() -> impl Strategy<Value = u32> {
        prop_oneof![4 => 0..40_u32, 1 => (0..40_u32).prop_map(|rank| u32::MAX - rank), 1 => any::<u32>()]
    }

    proptest! {
        #[test]
        fn levels_are_found_and_listed_from_best_to_worst(
            steps in prop::collection::vec((0..3_usize, ranks()), 1..400),
        ) {
            // A level that one side removed is reused by another, sometimes with the same rank.
            let mut levels = Levels::with_capacity(32);
            let mut sides = [SideLevels::EMPTY; 3];
            let mut models: [BTreeMap<u32, u32>; 3] = Default::default();
            for (at, rank) in steps {
                let made: usize = models.iter().map(BTreeMap::len).sum();
                let (side, model) = (&mut sides[at], &mut models[at]);
                let found = levels.find(side, Rank(rank));
                prop_assert_eq!(found, model.get(&rank).copied());
                match found {
                    Some(level) => {
                        model.remove(&rank);
                        levels.remove(side, level);
                    }
                    None => {
                        prop_assert_eq!(levels.has_room(), made < 32);
                        let level = levels.insert(side, Rank(rank));
                        prop_assert_eq!(level.is_some(), made < 32);
                        model.extend(level.map(|level| (rank, level)));
                    }
                }
                for (side, model) in sides.iter_mut().zip(&models) {
                    prop_assert_eq!(listed(&levels, side), model.keys().copied().collect::<Vec<_>>());
                    prop_assert_eq!(levels.find(side, Rank(rank)), model.get(&rank).copied());
                }
            }
        }
    }
}
