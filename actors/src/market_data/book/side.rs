//! The sides of all books: which levels each has, in order of price.
//!
//! Levels near the best price are in a *ladder*: an array by tick number, circular, with a bit for each place that is
//! occupied, so that a level is found, made and removed without a search. It covers [`WIDTH`] ticks, an eighth of them
//! better than the best price when it was aimed. All others, and those at prices off the tick, are in a crit-bit tree.
//! Where a level is affects speed only: a price is looked for in both if it may be in both.
//!
//! The ladder is aimed anew, and its tick chosen anew, after [`PATIENCE`] searches in the tree; that moves at most
//! [`WIDTH`] levels in each direction, so prices that jump about cost a bounded time per message.

use bytemuck::Zeroable;
use corelane_runtime::mem::{HugeSlice, prefetch};

use super::level::{LevelId, PriceLevel, PriceLevels, SideId};
use crate::price_tree::{Leaves, PriceTrees, Rank, Root};

/// Places of a ladder.
const WIDTH: usize = 512;
const WORDS: usize = WIDTH / 64;
/// Ticks of a ladder that are better than the best price it is aimed at.
const HEADROOM: u32 = WIDTH as u32 / 8;
/// Searches in the tree before the ladder is aimed anew; twice as many each time that this moved nothing, up to
/// [`PATIENCE_MAX`], since then it is the orders that are far away, not the ladder that is in the wrong place.
const PATIENCE: u16 = 64;
const PATIENCE_MAX: u16 = 1 << 12;
/// A ladder that is so many ticks off its aim is left where it is.
const DRIFT_MAX: u32 = HEADROOM / 2;
/// Best levels that choose the tick.
const VOTERS: usize = WIDTH / 2;
/// Usual distances of prices, in ten-thousandths: those of the SEC's Rule 612 (a cent from a dollar up, else a hundredth
/// of one), its half-cent, and of other markets. When several place as many levels, the last one wins.
const TICKS: [u32; 10] = [10_000, 5_000, 2_500, 1_000, 500, 250, 1, 10, 50, 100];

/// One side of one book, two cache lines.
#[derive(Clone, Copy, Debug, Zeroable)]
#[repr(C, align(64))]
struct Side {
    /// Places of the ladder with a level.
    occupied: [u64; WORDS],
    tick: Tick,
    /// Tick number of the best place of the ladder. Tick numbers are ranks in units of the tick.
    first: u32,
    best: LevelId,
    /// Rank of the best level; the worst there is without one.
    best_rank: Rank,
    /// Levels that are not in the ladder.
    far: Root,
    /// Rank of the best of them; the worst there is without one.
    far_best_rank: Rank,
    /// Levels in all.
    levels: u32,
    /// Searches in the tree since the ladder was aimed.
    misses: u16,
    /// How many of them there may be.
    patience: u16,
}

/// Distance of two places of a ladder.
#[derive(Clone, Copy, Debug, Zeroable)]
#[repr(C)]
struct Tick {
    /// 2⁶³ over the size, rounded up: a product takes a third of the time of a quotient.
    inverse: u64,
    size: u32,
}

impl Tick {
    const fn new(size: u32) -> Self {
        Tick { inverse: (1_u64 << 63).div_ceil(size as u64), size }
    }

    /// Ticks of a price, rounded down. Exact, since a price times what the inverse is too large by is below 2⁶³.
    #[inline]
    fn count(&self, price: u32) -> u32 {
        ((u128::from(self.inverse) * u128::from(price)) >> 63) as u32
    }

    /// Whether a price is a multiple of it.
    #[inline]
    fn has(&self, price: u32) -> bool {
        self.count(price) * self.size == price
    }
}

/// Bytes of a side and its ladder.
pub(super) const SIDE_BYTES: usize = size_of::<Side>() + WIDTH * size_of::<LevelId>();

const WORST: Rank = Rank(u32::MAX);

impl Side {
    const EMPTY: Side = Side {
        occupied: [0; WORDS],
        tick: Tick::new(100),
        first: 0,
        best: LevelId::NONE,
        best_rank: WORST,
        far: Root::EMPTY,
        far_best_rank: WORST,
        levels: 0,
        misses: 0,
        patience: PATIENCE,
    };

    /// The tick number of a price that has a place in the ladder.
    #[inline]
    fn tick_number(&self, price: u32, is_bid: bool) -> Option<u32> {
        let ticks = self.tick.count(price);
        let number = Rank::of(ticks, is_bid).0;
        let is_on_tick = ticks * self.tick.size == price;
        (is_on_tick & (number.wrapping_sub(self.first) < WIDTH as u32)).then_some(number)
    }

    #[inline]
    fn rank(&self, tick_number: u32, is_bid: bool) -> Rank {
        Rank::of(Rank(tick_number).price(is_bid) * self.tick.size, is_bid)
    }

    #[inline]
    fn is_occupied(&self, tick_number: u32) -> bool {
        let place = tick_number as usize % WIDTH;
        self.occupied[place / 64] >> (place % 64) & 1 != 0
    }

    #[inline]
    fn flip(&mut self, tick_number: u32) {
        let place = tick_number as usize % WIDTH;
        self.occupied[place / 64] ^= 1 << (place % 64);
    }

    /// The best occupied tick number at or behind `from`, which is one of the ladder, and before its end.
    #[inline]
    fn next_occupied(&self, from: u32) -> Option<u32> {
        let start = from as usize % WIDTH;
        let offset = from - self.first;
        let shift = start % 64;
        for step in 0..=WORDS {
            let word = (start / 64 + step) % WORDS;
            let bits = match step {
                0 => self.occupied[word] >> shift << shift,
                WORDS => self.occupied[word] & ((1 << shift) - 1),
                _ => self.occupied[word],
            };
            if bits != 0 {
                let place = word * 64 + bits.trailing_zeros() as usize;
                let distance = (place.wrapping_sub(start) % WIDTH) as u32;
                return (offset + distance < WIDTH as u32).then_some(from + distance);
            }
        }
        None
    }

    /// Puts the ladder where `price` is at its aim.
    fn aimed_at(price: u32, tick: u32, is_bid: bool) -> u32 {
        let number = Rank::of(price / tick, is_bid).0;
        number.saturating_sub(HEADROOM).min(u32::MAX - WIDTH as u32)
    }
}

/// All sides.
#[derive(Debug)]
pub(super) struct Sides {
    sides: HugeSlice<Side>,
    /// Ladder by ladder.
    ladders: HugeSlice<LevelId>,
    trees: PriceTrees,
    levels_max: u32,
}

impl Sides {
    /// Empty sides of `books` books: `levels_max` levels in one, `levels_total_max` in all.
    pub fn new(books: usize, levels_max: u32, levels_total_max: usize) -> Self {
        let mut sides = Sides {
            sides: HugeSlice::zeroed(2 * books),
            ladders: HugeSlice::zeroed(2 * books * WIDTH),
            trees: PriceTrees::with_capacity(levels_total_max),
            levels_max,
        };
        sides.sides.fill(Side::EMPTY);
        sides
    }

    pub fn clear(&mut self) {
        self.sides.fill(Side::EMPTY);
        self.trees.clear();
    }

    /// The best level.
    #[inline]
    pub fn best(&self, id: SideId) -> LevelId {
        self.sides[id.index()].best
    }

    /// Number of levels.
    pub fn len(&self, id: SideId) -> usize {
        self.sides[id.index()].levels as usize
    }

    /// The level of a price, a new one if there is none yet; `None` if that has no room.
    #[inline(always)]
    pub fn level_for(&mut self, id: SideId, price: u32, levels: &mut PriceLevels) -> Option<LevelId> {
        let is_bid = id.is_bid();
        let side = &self.sides[id.index()];
        let Some(number) = side.tick_number(price, is_bid) else {
            return self.far_level_for(id, price, levels);
        };
        if side.is_occupied(number) {
            return Some(self.ladders[place(id, number)]);
        }
        if Rank::of(price, is_bid) >= side.far_best_rank {
            return self.far_level_for(id, price, levels);
        }
        self.insert(id, price, Some(number), levels)
    }

    /// Takes away a level that has no orders any more.
    #[inline]
    pub fn remove(&mut self, level: LevelId, levels: &mut PriceLevels) {
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

    /// Levels from the best to the worst.
    pub fn levels<'a>(&'a self, id: SideId, levels: &'a PriceLevels) -> SideLevels<'a> {
        let side = &self.sides[id.index()];
        SideLevels {
            id,
            sides: self,
            levels,
            near: side.next_occupied(side.first),
            far: self.trees.leaves(side.far).peekable(),
        }
    }

    /// Asks for the memory of a side.
    #[inline]
    pub fn prefetch(&self, id: SideId) {
        prefetch(&self.sides, id.index());
    }

    /// Asks for the memory of a price's place in the ladder.
    #[inline]
    pub fn prefetch_place(&self, id: SideId, price: u32) {
        let ticks = self.sides[id.index()].tick.count(price);
        prefetch(&self.ladders, place(id, Rank::of(ticks, id.is_bid()).0));
    }

    /// What the ladder has at a price; may be another level, or one that was.
    #[inline]
    pub fn peek(&self, id: SideId, price: u32) -> LevelId {
        let ticks = self.sides[id.index()].tick.count(price);
        self.ladders[place(id, Rank::of(ticks, id.is_bid()).0)]
    }

    fn insert(&mut self, id: SideId, price: u32, number: Option<u32>, levels: &mut PriceLevels) -> Option<LevelId> {
        let side = &mut self.sides[id.index()];
        if side.levels >= self.levels_max {
            return None;
        }
        let level = levels.allocate(id, price)?;
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
        Some(level)
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
    fn far_level_for(&mut self, id: SideId, price: u32, levels: &mut PriceLevels) -> Option<LevelId> {
        let is_bid = id.is_bid();
        let side = &mut self.sides[id.index()];
        if side.levels == 0 {
            side.tick = Tick::new(choose_tick(&[price], side.tick.size));
            side.first = Side::aimed_at(price, side.tick.size, is_bid);
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
            return Some(self.ladders[place(id, number)]);
        }
        let nearest = self.trees.nearest(side.far, Rank::of(price, is_bid)).map(LevelId);
        match nearest {
            Some(nearest) if levels[nearest].price == price => Some(nearest),
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

    /// Chooses tick and place of the ladder by the best levels, and moves levels accordingly.
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
        let first = Side::aimed_at(best, tick, is_bid);
        if tick == side.tick.size && first.abs_diff(side.first) < DRIFT_MAX {
            side.patience = (2 * side.patience).min(PATIENCE_MAX);
            return;
        }
        side.patience = PATIENCE;
        // Those that the ladder still covers keep their places in it.
        let kept = if tick == side.tick.size { first..first + WIDTH as u32 } else { 0..0 };
        let end = side.first + WIDTH as u32;
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

/// Index of a tick number's place in all ladders.
#[inline]
fn place(id: SideId, tick_number: u32) -> usize {
    id.index() * WIDTH + tick_number as usize % WIDTH
}

/// The tick that gives most of these levels, best first, a place in the ladder; in doubt the present one.
fn choose_tick(prices: &[u32], present: u32) -> u32 {
    let best = prices[0];
    let placed = |tick: u32| {
        let reach = (WIDTH as u32 - HEADROOM).saturating_mul(tick);
        let ticks = Tick::new(tick);
        prices.iter().filter(|&&price| ticks.has(price) & (price.abs_diff(best) < reach)).count()
    };
    TICKS.into_iter().max_by_key(|&tick| (placed(tick), tick == present)).expect("there are ticks")
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
                let end = side.first + WIDTH as u32 - 1;
                self.near = if number == end { None } else { side.next_occupied(number + 1) };
                Some(self.sides.ladders[place(self.id, number)])
            }
            _ => self.far.next().map(LevelId),
        }
    }
}
