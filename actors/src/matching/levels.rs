//! Price levels of all books in one pool: a sorted list per side for the sweep, and a crit-bit tree per side to find
//! a price.
//!
//! Both are sized once, see [`price_tree`](crate::price_tree).

pub(super) use crate::price_tree::{NONE, Rank};
use crate::price_tree::{Neighbour, PriceTrees, Root};

/// The orders at one price, oldest first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    pub rank: Rank,
    /// Oldest order.
    pub head: u32,
    /// Youngest order.
    pub tail: u32,
    /// Next better level.
    better: u32,
    /// Next worse level.
    worse: u32,
}

/// One side of one book.
#[derive(Clone, Copy, Debug)]
pub(super) struct SideLevels {
    root: Root,
    best: u32,
}

impl SideLevels {
    pub const EMPTY: SideLevels = SideLevels { root: Root::EMPTY, best: NONE };

    /// The best level, or [`NONE`].
    #[inline]
    pub fn best(&self) -> u32 {
        self.best
    }
}

/// The pool.
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
    /// A pool of `levels_max` levels.
    pub fn with_capacity(levels_max: u32) -> Levels {
        let level = Level { rank: Rank(0), head: NONE, tail: NONE, better: NONE, worse: NONE };
        Levels {
            levels: vec![level; levels_max as usize],
            trees: PriceTrees::with_capacity(levels_max as usize),
            free_levels: (0..levels_max).rev().collect(),
        }
    }

    /// Whether another level can be made.
    #[inline]
    pub fn has_room(&self) -> bool {
        !self.free_levels.is_empty()
    }

    /// The level with this rank.
    #[inline]
    pub fn find(&self, side: &SideLevels, rank: Rank) -> Option<u32> {
        if side.best != NONE && self[side.best].rank == rank {
            return Some(side.best);
        }
        let leaf = self.trees.nearest(side.root, rank)?;
        (self[leaf].rank == rank).then_some(leaf)
    }

    /// Makes the level with this rank, which must not be there; `None` if the pool is used up.
    pub fn insert(&mut self, side: &mut SideLevels, rank: Rank) -> Option<u32> {
        let level = self.free_levels.pop()?;
        let nearest = self.trees.nearest(side.root, rank).map(|leaf| self[leaf].rank);
        let (better, worse) = match self.trees.insert(&mut side.root, rank, nearest, level) {
            Neighbour::None => (NONE, NONE),
            Neighbour::Better(better) => (better, self[better].worse),
            Neighbour::Worse(worse) => (self[worse].better, worse),
        };
        self[level] = Level { rank, head: NONE, tail: NONE, better, worse };
        match better {
            NONE => side.best = level,
            better => self[better].worse = level,
        }
        if worse != NONE {
            self[worse].better = level;
        }
        Some(level)
    }

    /// Takes an empty level away.
    pub fn remove(&mut self, side: &mut SideLevels, level: u32) {
        let Level { rank, better, worse, .. } = self[level];
        match better {
            NONE => side.best = worse,
            better => self[better].worse = worse,
        }
        if worse != NONE {
            self[worse].better = better;
        }
        self.trees.remove(&mut side.root, rank);
        self.free_levels.push(level);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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

    proptest! {
        #[test]
        fn levels_are_found_and_listed_from_best_to_worst(
            ranks in prop::collection::vec(prop_oneof![0..40_u32, any::<u32>()], 1..300),
        ) {
            let mut levels = Levels::with_capacity(32);
            let mut side = SideLevels::EMPTY;
            let mut model = BTreeSet::new();
            for rank in ranks {
                match levels.find(&side, Rank(rank)) {
                    Some(level) => {
                        prop_assert!(model.remove(&rank));
                        levels.remove(&mut side, level);
                    }
                    None => {
                        prop_assert_eq!(levels.has_room(), model.len() < 32);
                        let made = levels.insert(&mut side, Rank(rank));
                        prop_assert_eq!(made.is_some(), model.len() < 32);
                        if made.is_some() {
                            prop_assert!(model.insert(rank));
                        }
                    }
                }
                prop_assert_eq!(listed(&levels, &side), model.iter().copied().collect::<Vec<_>>());
            }
        }
    }
}
