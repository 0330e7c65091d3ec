//! Price levels of all books in one pool: a sorted list per side for the sweep, and a crit-bit tree per side to find
//! a price.
//!
//! A level's place is found in at most 31 steps however the prices lie: who places levels far from the touch, or a
//! great many of them, slows nobody. A tree of *n* levels has *n* − 1 inner nodes and never needs rebalancing, so that
//! both pools are sized once. (D. J. Bernstein, "Crit-bit trees"; here over 32-bit ranks, in index-linked arrays.)

/// Says "none" in every index-linked list of the books.
pub(super) const NONE: u32 = u32::MAX;

/// Marks a child as a level, not an inner node.
const LEAF: u32 = 1 << 31;

/// Orders a side's prices from best to worst: lower rank is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(u32);

impl Rank {
    /// The rank of `price` among resting orders that buy, or sell.
    #[inline]
    pub fn of(price: u32, buys: bool) -> Rank {
        Rank(if buys { !price } else { price })
    }

    /// The price that has this rank.
    #[inline]
    pub fn price(self, buys: bool) -> u32 {
        if buys { !self.0 } else { self.0 }
    }
}

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

/// An inner node: ranks whose bit `bit` is 0 are below the first child, the others below the second.
#[derive(Clone, Copy, Debug)]
struct Node {
    bit: u32,
    children: [u32; 2],
}

/// One side of one book.
#[derive(Clone, Copy, Debug)]
pub(super) struct SideLevels {
    root: u32,
    best: u32,
}

impl SideLevels {
    pub const EMPTY: SideLevels = SideLevels { root: NONE, best: NONE };

    /// The best level, or [`NONE`].
    #[inline]
    pub fn best(&self) -> u32 {
        self.best
    }
}

/// The pool.
pub(super) struct Levels {
    levels: Vec<Level>,
    nodes: Vec<Node>,
    free_levels: Vec<u32>,
    free_nodes: Vec<u32>,
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
            nodes: vec![Node { bit: 0, children: [NONE; 2] }; levels_max as usize],
            free_levels: (0..levels_max).rev().collect(),
            free_nodes: (0..levels_max).rev().collect(),
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
        let leaf = self.nearest(side, rank)?;
        (self[leaf].rank == rank).then_some(leaf)
    }

    /// Makes the level with this rank, which must not be there; `None` if the pool is used up.
    pub fn insert(&mut self, side: &mut SideLevels, rank: Rank) -> Option<u32> {
        let level = self.free_levels.pop()?;
        let (better, worse) = match self.nearest(side, rank) {
            None => {
                side.root = level | LEAF;
                (NONE, NONE)
            }
            Some(nearest) => self.branch(side, rank, self[nearest].rank, level),
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
        self.unbranch(side, rank);
        self.free_levels.push(level);
    }

    /// The level that a search for `rank` ends at: that rank's own if there is one.
    #[inline]
    fn nearest(&self, side: &SideLevels, rank: Rank) -> Option<u32> {
        let mut at = side.root;
        if at == NONE {
            return None;
        }
        while at & LEAF == 0 {
            let node = &self.nodes[at as usize];
            at = node.children[usize::from(rank.0 & node.bit != 0)];
        }
        Some(at & !LEAF)
    }

    /// Puts the new `level` into the tree, where `nearest` is the rank of the level that its search ended at; returns
    /// its neighbours, the better and the worse one.
    fn branch(&mut self, side: &mut SideLevels, rank: Rank, nearest: Rank, level: u32) -> (u32, u32) {
        let bit = 1 << (31 - (rank.0 ^ nearest.0).leading_zeros());
        let mut parent = None;
        let mut at = side.root;
        while at & LEAF == 0 && self.nodes[at as usize].bit > bit {
            let child = usize::from(rank.0 & self.nodes[at as usize].bit != 0);
            parent = Some((at, child));
            at = self.nodes[at as usize].children[child];
        }
        // All that is below `at` has the same bits as `rank` down to `bit`, and differs there.
        let is_worse = rank.0 & bit != 0;
        let neighbours = if is_worse {
            let better = self.outermost(at, 1);
            (better, self[better].worse)
        } else {
            let worse = self.outermost(at, 0);
            (self[worse].better, worse)
        };
        let mut children = [level | LEAF, at];
        if is_worse {
            children.swap(0, 1);
        }
        let node = self.free_nodes.pop().expect("a tree has fewer inner nodes than levels");
        self.nodes[node as usize] = Node { bit, children };
        self.relink(side, parent, node);
        neighbours
    }

    /// Takes the level with this rank out of the tree.
    fn unbranch(&mut self, side: &mut SideLevels, rank: Rank) {
        let mut grandparent = None;
        let mut parent = None;
        let mut at = side.root;
        while at & LEAF == 0 {
            let child = usize::from(rank.0 & self.nodes[at as usize].bit != 0);
            grandparent = parent;
            parent = Some((at, child));
            at = self.nodes[at as usize].children[child];
        }
        match parent {
            None => side.root = NONE,
            Some((node, child)) => {
                let sibling = self.nodes[node as usize].children[1 - child];
                self.relink(side, grandparent, sibling);
                self.free_nodes.push(node);
            }
        }
    }

    fn relink(&mut self, side: &mut SideLevels, parent: Option<(u32, usize)>, to: u32) {
        match parent {
            None => side.root = to,
            Some((node, child)) => self.nodes[node as usize].children[child] = to,
        }
    }

    /// The best (child 0) or worst (child 1) level below `at`.
    fn outermost(&self, mut at: u32, child: usize) -> u32 {
        while at & LEAF == 0 {
            at = self.nodes[at as usize].children[child];
        }
        at & !LEAF
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
