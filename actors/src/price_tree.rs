//! Crit-bit trees over prices: one pool of nodes for the trees of all books.
//!
//! Finding a price takes at most 32 steps for any distribution of prices, so nobody can slow down the book with levels far
//! from the touch or with very many levels. A tree of *n* leaves has *n* − 1 inner nodes and needs no rebalancing, so the
//! pool is sized once. (D. J. Bernstein, "Crit-bit trees"; here over 32-bit ranks, in index-linked arrays.)

/// The index that means "none" in index-linked structures.
pub(crate) const NONE: u32 = u32::MAX;

/// The bit that marks a child as a leaf, not an inner node.
const LEAF: u32 = 1 << 31;

/// The order of a side's prices, from best to worst: a lower rank is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, bytemuck::Zeroable)]
#[repr(transparent)]
pub(crate) struct Rank(pub u32);

impl Rank {
    /// The rank of `price` among bids, or among asks.
    #[inline]
    pub(crate) fn of(price: u32, is_bid: bool) -> Rank {
        // No branch: the CPU cannot predict sides.
        Rank(price ^ u32::from(is_bid).wrapping_neg())
    }

    /// The price that has this rank.
    #[inline]
    pub(crate) fn price(self, is_bid: bool) -> u32 {
        Rank::of(self.0, is_bid).0
    }
}

/// An inner node. Ranks in which `bit` is 0 are below the first child, the others below the second.
#[derive(Clone, Copy, Debug)]
struct Node {
    bit: u32,
    children: [u32; 2],
}

/// The root of one tree. Its leaves are the caller's numbers below 2³¹; the caller knows each leaf's rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Zeroable)]
#[repr(transparent)]
pub(crate) struct Root(u32);

impl Root {
    pub(crate) const EMPTY: Root = Root(NONE);

    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.0 == NONE
    }
}

/// The neighbour of a new leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Neighbour {
    /// None: it is the only leaf.
    None,
    /// The next better leaf.
    Better(u32),
    /// The next worse leaf.
    Worse(u32),
}

/// The pool of nodes for all trees.
#[derive(Debug)]
pub(crate) struct PriceTrees {
    nodes: Vec<Node>,
    free: Vec<u32>,
}

impl PriceTrees {
    /// A pool for trees with `leaves_max` leaves in all, at 16 bytes each.
    pub(crate) fn with_capacity(leaves_max: usize) -> Self {
        let nodes = vec![Node { bit: 0, children: [NONE; 2] }; leaves_max];
        let numbers = 0..u32::try_from(leaves_max).expect("leaves are numbered in 32 bits");
        PriceTrees { nodes, free: numbers.rev().collect() }
    }

    /// Memory of a pool for `leaves_max` leaves, in bytes.
    pub(crate) fn bytes(leaves_max: usize) -> usize {
        leaves_max * (size_of::<Node>() + size_of::<u32>())
    }

    /// Removes all trees.
    #[expect(clippy::cast_possible_truncation, reason = "leaves are numbered in 32 bits, which with_capacity checks")]
    pub(crate) fn clear(&mut self) {
        self.free.clear();
        self.free.extend((0..self.nodes.len() as u32).rev());
    }

    /// The leaf at which a search for `rank` ends: the leaf of that rank, if there is one.
    #[inline]
    pub(crate) fn nearest(&self, root: Root, rank: Rank) -> Option<u32> {
        let mut at = root.0;
        if at == NONE {
            return None;
        }
        while at & LEAF == 0 {
            let node = &self.nodes[at as usize];
            at = node.children[usize::from(rank.0 & node.bit != 0)];
        }
        Some(at & !LEAF)
    }

    /// Inserts a new `leaf`. `nearest` is the rank of the leaf at which a search for `rank` ended; the two must differ.
    pub(crate) fn insert(&mut self, root: &mut Root, rank: Rank, nearest: Option<Rank>, leaf: u32) -> Neighbour {
        let Some(nearest) = nearest else {
            root.0 = leaf | LEAF;
            return Neighbour::None;
        };
        let bit = 1 << (31 - (rank.0 ^ nearest.0).leading_zeros());
        let mut parent = None;
        let mut at = root.0;
        while at & LEAF == 0 && self.nodes[at as usize].bit > bit {
            let child = usize::from(rank.0 & self.nodes[at as usize].bit != 0);
            parent = Some((at, child));
            at = self.nodes[at as usize].children[child];
        }
        // All ranks below `at` agree with `rank` in the bits above `bit`, and differ in `bit`.
        let is_worse = rank.0 & bit != 0;
        let (children, neighbour) = if is_worse {
            ([at, leaf | LEAF], Neighbour::Better(self.outermost(at, 1)))
        } else {
            ([leaf | LEAF, at], Neighbour::Worse(self.outermost(at, 0)))
        };
        let node = self.free.pop().expect("a tree has fewer inner nodes than leaves");
        self.nodes[node as usize] = Node { bit, children };
        self.relink(root, parent, node);
        neighbour
    }

    /// Removes the leaf with this rank, which must be in the tree.
    pub(crate) fn remove(&mut self, root: &mut Root, rank: Rank) {
        let mut grandparent = None;
        let mut parent = None;
        let mut at = root.0;
        while at & LEAF == 0 {
            let child = usize::from(rank.0 & self.nodes[at as usize].bit != 0);
            grandparent = parent;
            parent = Some((at, child));
            at = self.nodes[at as usize].children[child];
        }
        match parent {
            None => root.0 = NONE,
            Some((node, child)) => {
                let sibling = self.nodes[node as usize].children[1 - child];
                self.relink(root, grandparent, sibling);
                self.free.push(node);
            }
        }
    }

    /// The best leaf of a tree.
    pub(crate) fn best(&self, root: Root) -> Option<u32> {
        (!root.is_empty()).then(|| self.outermost(root.0, 0))
    }

    /// The leaves from best to worst.
    pub(crate) fn leaves(&self, root: Root) -> Leaves<'_> {
        let mut leaves = Leaves { nodes: &self.nodes, stack: [0; 33], depth: 0 };
        if !root.is_empty() {
            leaves.push(root.0);
        }
        leaves
    }

    fn relink(&mut self, root: &mut Root, parent: Option<(u32, usize)>, to: u32) {
        match parent {
            None => root.0 = to,
            Some((node, child)) => self.nodes[node as usize].children[child] = to,
        }
    }

    /// The best (child 0) or worst (child 1) leaf below `at`.
    fn outermost(&self, mut at: u32, child: usize) -> u32 {
        while at & LEAF == 0 {
            at = self.nodes[at as usize].children[child];
        }
        at & !LEAF
    }
}

/// See [`PriceTrees::leaves`].
#[derive(Clone, Debug)]
pub(crate) struct Leaves<'a> {
    nodes: &'a [Node],
    /// Nodes still to visit, the best on top. A path has at most one node per bit of a rank.
    stack: [u32; 33],
    depth: usize,
}

impl Leaves<'_> {
    fn push(&mut self, at: u32) {
        self.stack[self.depth] = at;
        self.depth += 1;
    }
}

impl Iterator for Leaves<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.depth = self.depth.checked_sub(1)?;
        let mut at = self.stack[self.depth];
        while at & LEAF == 0 {
            let [better, worse] = self.nodes[at as usize].children;
            self.push(worse);
            at = better;
        }
        Some(at & !LEAF)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn leaves_are_found_and_listed_from_best_to_worst(
            ranks in prop::collection::vec(prop_oneof![0..40_u32, any::<u32>()], 1..300),
        ) {
            let mut trees = PriceTrees::with_capacity(300);
            let mut root = Root::EMPTY;
            let mut model = BTreeMap::new();
            let mut rank_of = Vec::new();
            for rank in ranks.into_iter().map(Rank) {
                let nearest = trees.nearest(root, rank);
                let nearest_rank = nearest.map(|leaf: u32| rank_of[leaf as usize]);
                if nearest_rank == Some(rank) {
                    prop_assert_eq!(model.remove(&rank), nearest);
                    trees.remove(&mut root, rank);
                } else {
                    let leaf = u32::try_from(rank_of.len()).unwrap();
                    rank_of.push(rank);
                    let better = model.range(..rank).next_back().map(|(_, leaf)| *leaf);
                    let worse = model.range(rank..).next().map(|(_, leaf)| *leaf);
                    match trees.insert(&mut root, rank, nearest_rank, leaf) {
                        Neighbour::None => prop_assert!(model.is_empty()),
                        Neighbour::Better(leaf) => prop_assert_eq!(Some(leaf), better),
                        Neighbour::Worse(leaf) => prop_assert_eq!(Some(leaf), worse),
                    }
                    model.insert(rank, leaf);
                }
                prop_assert_eq!(trees.leaves(root).collect::<Vec<_>>(), model.values().copied().collect::<Vec<_>>());
                prop_assert_eq!(trees.best(root), model.values().next().copied());
            }
        }
    }
}
