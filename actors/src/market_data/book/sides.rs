//! The sides of all books: their levels in order of price.
//!
//! Levels near the best price are in a *ladder*: a circular array by tick number, with a bit for each occupied place,
//! so that finding, adding and removing a level needs no search. It covers [`WIDTH`] ticks, an eighth of them better
//! than the best price at which it was aimed. All other levels, and those at prices between ticks, are in a crit-bit
//! tree. The choice affects speed only: a price that may be in either is looked up in both.
//!
//! After [`PATIENCE`] searches in the tree, the ladder is aimed at the best price again and its tick is chosen again.
//! That moves at most [`WIDTH`] levels in each direction, so jumping prices cost a bounded time per message.

use corelane_runtime::mem::{HugeSlice, prefetch};

use super::{
    book_side::{BookSide, HEADROOM, PATIENCE, PATIENCE_MAX, Tick, WIDTH, WIDTH_TICKS, WORST, choose_tick},
    ids::{LevelId, SideId},
    price_level::{PriceLevel, PriceLevels},
};
use crate::price_tree::{Leaves, PriceTrees, Rank};

/// A ladder at most this number of ticks off its aim is not moved.
const DRIFT_MAX: u32 = HEADROOM / 2;
/// Best levels that vote for the tick.
const VOTERS: usize = WIDTH / 2;

/// The sides of all books.
#[derive(Debug)]
pub(super) struct Sides {
    sides: HugeSlice<BookSide>,
    /// All ladders, one after another.
    ladders: HugeSlice<LevelId>,
    trees: PriceTrees,
    levels_max: u32,
}

impl Sides {
    /// Empty sides of `books` books, with at most `levels_max` levels on one side and `levels_total_max` in all.
    pub(super) fn new(books: usize, levels_max: u32, levels_total_max: usize) -> Self {
        let mut sides = Sides {
            sides: HugeSlice::zeroed(2 * books),
            ladders: HugeSlice::zeroed(2 * books * WIDTH),
            trees: PriceTrees::with_capacity(levels_total_max),
            levels_max,
        };
        sides.sides.fill(BookSide::EMPTY);
        sides
    }

    /// Memory of so many sides, in bytes.
    pub(super) fn bytes(books: usize, levels_total_max: usize) -> usize {
        let side = size_of::<BookSide>() + WIDTH * size_of::<LevelId>();
        2 * books * side + PriceTrees::bytes(levels_total_max)
    }

    pub(super) fn clear(&mut self) {
        self.sides.fill(BookSide::EMPTY);
        self.trees.clear();
    }

    /// The best level.
    #[inline]
    pub(super) fn best(&self, id: SideId) -> LevelId {
        self.sides[id.index()].best
    }

    /// Number of levels.
    pub(super) fn len(&self, id: SideId) -> usize {
        self.sides[id.index()].levels as usize
    }

    /// The level of a price, allocated if there is none; [`LevelId::NONE`] if there is no room.
    #[inline(always)]
    pub(super) fn level_for(&mut self, id: SideId, price: u32, levels: &mut PriceLevels) -> LevelId {
        let is_bid = id.is_bid();
        let side = &self.sides[id.index()];
        let Some(number) = side.tick_number(price, is_bid) else {
            return self.far_level_for(id, price, levels);
        };
        if side.is_occupied(number) {
            return self.ladders[place(id, number)];
        }
        if Rank::of(price, is_bid) >= side.far_best_rank {
            return self.far_level_for(id, price, levels);
        }
        self.insert(id, price, Some(number), levels)
    }

    /// Removes a level without orders.
    #[inline]
    pub(super) fn remove(&mut self, level: LevelId, levels: &mut PriceLevels) {
        let PriceLevel { side: id, price, .. } = levels[level];
        let is_bid = id.is_bid();
        let side = &mut self.sides[id.index()];
        match side.tick_number(price, is_bid) {
            Some(number) if side.is_occupied(number) && self.ladders[place(id, number)] == level => side.flip(number),
            _ => self.remove_far(id, Rank::of(price, is_bid), levels),
        }
        levels.release(level);
        let side = &mut self.sides[id.index()];
        side.levels -= 1;
        if side.best == level {
            self.find_best(id);
        }
    }

    /// Levels, best first.
    pub(super) fn levels<'a>(&'a self, id: SideId, levels: &'a PriceLevels) -> SideLevels<'a> {
        let side = &self.sides[id.index()];
        SideLevels {
            id,
            sides: self,
            levels,
            near: side.next_occupied(side.first),
            far: self.trees.leaves(side.far).peekable(),
        }
    }

    /// Prefetches a side.
    #[inline]
    pub(super) fn prefetch(&self, id: SideId) {
        prefetch(&self.sides, id.index());
    }

    /// Prefetches a price's place in the ladder.
    #[inline]
    pub(super) fn prefetch_place(&self, id: SideId, price: u32) {
        let ticks = self.sides[id.index()].tick.count(price);
        prefetch(&self.ladders, place(id, Rank::of(ticks, id.is_bid()).0));
    }

    /// The ladder's entry for a price, which may be another level or a released one.
    #[inline]
    pub(super) fn peek(&self, id: SideId, price: u32) -> LevelId {
        let ticks = self.sides[id.index()].tick.count(price);
        self.ladders[place(id, Rank::of(ticks, id.is_bid()).0)]
    }

    fn insert(&mut self, id: SideId, price: u32, number: Option<u32>, levels: &mut PriceLevels) -> LevelId {
        let side = &mut self.sides[id.index()];
        if side.levels >= self.levels_max {
            return LevelId::NONE;
        }
        let Some(level) = levels.allocate(id, price) else { return LevelId::NONE };
        let rank = Rank::of(price, id.is_bid());
        side.levels += 1;
        if rank <= side.best_rank {
            (side.best, side.best_rank) = (level, rank);
        }
        match number {
            Some(number) => {
                side.flip(number);
                self.ladders[place(id, number)] = level;
            }
            None => self.insert_far(id, rank, level, levels),
        }
        level
    }

    fn find_best(&mut self, id: SideId) {
        let side = &mut self.sides[id.index()];
        let near = side.next_occupied(side.first).map(|number| (side.rank(number, id.is_bid()), number));
        match near {
            Some((rank, number)) if rank <= side.far_best_rank => {
                (side.best, side.best_rank) = (self.ladders[place(id, number)], rank);
            }
            _ => {
                let best = self.trees.best(side.far).map_or(LevelId::NONE, LevelId);
                (side.best, side.best_rank) = (best, side.far_best_rank);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn far_level_for(&mut self, id: SideId, price: u32, levels: &mut PriceLevels) -> LevelId {
        let is_bid = id.is_bid();
        let side = &mut self.sides[id.index()];
        if side.levels == 0 {
            side.tick = Tick::new(choose_tick(&[price], side.tick.size));
            side.first = BookSide::aimed_at(price, side.tick.size, is_bid);
        }
        side.misses += 1;
        if side.misses >= side.patience {
            self.aim(id, levels);
        }
        let side = &self.sides[id.index()];
        let number = side.tick_number(price, is_bid);
        if let Some(number) = number
            && side.is_occupied(number)
        {
            return self.ladders[place(id, number)];
        }
        let nearest = self.trees.nearest(side.far, Rank::of(price, is_bid)).map(LevelId);
        match nearest {
            Some(nearest) if levels[nearest].price == price => nearest,
            _ => self.insert(id, price, number, levels),
        }
    }

    fn insert_far(&mut self, id: SideId, rank: Rank, level: LevelId, levels: &PriceLevels) {
        let side = &mut self.sides[id.index()];
        let nearest = self.trees.nearest(side.far, rank).map(|leaf| levels[LevelId(leaf)].rank());
        self.trees.insert(&mut side.far, rank, nearest, level.0);
        side.far_best_rank = side.far_best_rank.min(rank);
    }

    #[cold]
    #[inline(never)]
    fn remove_far(&mut self, id: SideId, rank: Rank, levels: &PriceLevels) {
        let side = &mut self.sides[id.index()];
        self.trees.remove(&mut side.far, rank);
        if rank == side.far_best_rank {
            side.far_best_rank = self.trees.best(side.far).map_or(WORST, |leaf| levels[LevelId(leaf)].rank());
        }
    }

    /// Chooses tick and range of the ladder by the best levels, and moves levels accordingly.
    fn aim(&mut self, id: SideId, levels: &PriceLevels) {
        let is_bid = id.is_bid();
        let mut prices = [0; VOTERS];
        let mut voters = 0;
        for (vote, level) in prices.iter_mut().zip(self.levels(id, levels)) {
            *vote = levels[level].price;
            voters += 1;
        }
        let side = &mut self.sides[id.index()];
        side.misses = 0;
        let Some(&best) = prices[..voters].first() else { return };
        let tick = choose_tick(&prices[..voters], side.tick.size);
        let first = BookSide::aimed_at(best, tick, is_bid);
        if tick == side.tick.size && first.abs_diff(side.first) < DRIFT_MAX {
            side.patience = (2 * side.patience).min(PATIENCE_MAX);
            return;
        }
        side.patience = PATIENCE;
        // Levels that the ladder still covers keep their places.
        let kept = if tick == side.tick.size { first..first + WIDTH_TICKS } else { 0..0 };
        let end = side.first + WIDTH_TICKS;
        let mut from = side.first;
        while from < end
            && let Some(number) = self.sides[id.index()].next_occupied(from)
        {
            from = number + 1;
            if !kept.contains(&number) {
                let side = &mut self.sides[id.index()];
                side.flip(number);
                let rank = side.rank(number, is_bid);
                self.insert_far(id, rank, self.ladders[place(id, number)], levels);
            }
        }
        let side = &mut self.sides[id.index()];
        (side.tick, side.first) = (Tick::new(tick), first);
        let mut near = [LevelId::NONE; WIDTH];
        near.iter_mut().zip(self.trees.leaves(side.far)).for_each(|(near, leaf)| *near = LevelId(leaf));
        for level in near.into_iter().take_while(|level| level.exists()) {
            let price = levels[level].price;
            let side = &mut self.sides[id.index()];
            if let Some(number) = side.tick_number(price, is_bid) {
                side.flip(number);
                self.ladders[place(id, number)] = level;
                self.trees.remove(&mut side.far, Rank::of(price, is_bid));
            }
        }
        let side = &mut self.sides[id.index()];
        side.far_best_rank = self.trees.best(side.far).map_or(WORST, |leaf| levels[LevelId(leaf)].rank());
    }
}

/// Index of a tick number's place in `ladders`.
#[inline]
fn place(id: SideId, tick_number: u32) -> usize {
    id.index() * WIDTH + tick_number as usize % WIDTH
}

/// See [`Sides::levels`].
pub(super) struct SideLevels<'a> {
    id: SideId,
    sides: &'a Sides,
    levels: &'a PriceLevels,
    near: Option<u32>,
    far: std::iter::Peekable<Leaves<'a>>,
}

impl Iterator for SideLevels<'_> {
    type Item = LevelId;

    fn next(&mut self) -> Option<LevelId> {
        let side = &self.sides.sides[self.id.index()];
        let near = self.near.map(|number| (side.rank(number, self.id.is_bid()), number));
        let far = self.far.peek().map(|&leaf| self.levels[LevelId(leaf)].rank());
        match (near, far) {
            (Some((rank, number)), far) if far.is_none_or(|far| rank < far) => {
                let end = side.first + WIDTH_TICKS - 1;
                self.near = if number == end { None } else { side.next_occupied(number + 1) };
                Some(self.sides.ladders[place(self.id, number)])
            }
            _ => self.far.next().map(LevelId),
        }
    }
}
