//! One side of one book: a ladder of ticks near the best price, and the root of the tree that holds all other levels.

use bytemuck::Zeroable;

use super::ids::LevelId;
use crate::price_tree::{Rank, Root};

/// Ticks that a ladder covers.
pub(super) const WIDTH_TICKS: u32 = 512;
/// Places of a ladder, one for each tick.
pub(super) const WIDTH: usize = WIDTH_TICKS as usize;
const WORDS: usize = WIDTH / 64;
/// Ticks of a ladder that are better than the best price at which it is aimed.
pub(super) const HEADROOM: u32 = WIDTH_TICKS / 8;
/// Searches in the tree before the ladder is aimed again. Doubled, up to [`PATIENCE_MAX`], each time that aiming moves
/// nothing: then the orders are far away, and the ladder is in the right place.
pub(super) const PATIENCE: u16 = 64;
pub(super) const PATIENCE_MAX: u16 = 1 << 12;
/// Usual distances of prices, in ten-thousandths: those of the SEC's Rule 612 (a cent from a dollar up, else a
/// hundredth of one), its half-cent, and of other markets. Among ticks that place the same number of levels, the last
/// one wins.
const TICKS: [u32; 10] = [10_000, 5_000, 2_500, 1_000, 500, 250, 1, 10, 50, 100];

/// One side of one book, two cache lines.
#[derive(Clone, Copy, Debug, Zeroable)]
#[repr(C, align(64))]
pub(super) struct BookSide {
    /// Places of the ladder with a level.
    pub occupied: [u64; WORDS],
    pub tick: Tick,
    /// Tick number of the best place of the ladder. Tick numbers are ranks in units of the tick.
    pub first: u32,
    pub best: LevelId,
    /// Rank of the best level; [`WORST`] if there is none.
    pub best_rank: Rank,
    /// Root of the tree of levels that are not in the ladder.
    pub far: Root,
    /// Rank of the best of them; [`WORST`] if there is none.
    pub far_best_rank: Rank,
    /// Levels in all.
    pub levels: u32,
    /// Searches in the tree since the ladder was aimed.
    pub misses: u16,
    /// Searches after which it is aimed again.
    pub patience: u16,
}

/// Distance of two places of a ladder.
#[derive(Clone, Copy, Debug, Zeroable)]
#[repr(C)]
pub(super) struct Tick {
    /// 2⁶³ divided by the size, rounded up. A multiplication takes a third of the time of a division.
    inverse: u64,
    pub size: u32,
}

impl Tick {
    pub(super) const fn new(size: u32) -> Self {
        Tick { inverse: (1_u64 << 63).div_ceil(size as u64), size }
    }

    /// Ticks of a price, rounded down. Exact: a price times the rounding error of the inverse is below 2⁶³.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the inverse is at most 2⁶³, so the result is at most the price"
    )]
    pub(super) fn count(&self, price: u32) -> u32 {
        ((u128::from(self.inverse) * u128::from(price)) >> 63) as u32
    }

    /// Whether a price is a multiple of it.
    #[inline]
    fn has(&self, price: u32) -> bool {
        self.count(price) * self.size == price
    }
}

/// Bytes of a side and its ladder.
pub(super) const SIDE_BYTES: usize = size_of::<BookSide>() + WIDTH * size_of::<LevelId>();

pub(super) const WORST: Rank = Rank(u32::MAX);

impl BookSide {
    pub(super) const EMPTY: BookSide = BookSide {
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
    pub(super) fn tick_number(&self, price: u32, is_bid: bool) -> Option<u32> {
        let ticks = self.tick.count(price);
        let number = Rank::of(ticks, is_bid).0;
        let is_on_tick = ticks * self.tick.size == price;
        (is_on_tick & (number.wrapping_sub(self.first) < WIDTH_TICKS)).then_some(number)
    }

    #[inline]
    pub(super) fn rank(&self, tick_number: u32, is_bid: bool) -> Rank {
        Rank::of(Rank(tick_number).price(is_bid) * self.tick.size, is_bid)
    }

    #[inline]
    pub(super) fn is_occupied(&self, tick_number: u32) -> bool {
        let place = tick_number as usize % WIDTH;
        self.occupied[place / 64] >> (place % 64) & 1 != 0
    }

    #[inline]
    pub(super) fn flip(&mut self, tick_number: u32) {
        let place = tick_number as usize % WIDTH;
        self.occupied[place / 64] ^= 1 << (place % 64);
    }

    /// The best occupied tick number from `from` to the end of the ladder. `from` must be in the ladder.
    #[inline]
    pub(super) fn next_occupied(&self, from: u32) -> Option<u32> {
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
                #[expect(clippy::cast_possible_truncation, reason = "below WIDTH")]
                let distance = (place.wrapping_sub(start) % WIDTH) as u32;
                return (offset + distance < WIDTH_TICKS).then(|| from + distance);
            }
        }
        None
    }

    /// First tick number of a ladder that is aimed at `price`.
    pub(super) fn aimed_at(price: u32, tick: u32, is_bid: bool) -> u32 {
        let number = Rank::of(price / tick, is_bid).0;
        number.saturating_sub(HEADROOM).min(u32::MAX - WIDTH_TICKS)
    }
}

/// The tick at which most of these levels, best first, have a place in the ladder; the present one if it ties.
pub(super) fn choose_tick(prices: &[u32], present: u32) -> u32 {
    let best = prices[0];
    let placed = |tick: u32| {
        let reach = (WIDTH_TICKS - HEADROOM).saturating_mul(tick);
        let ticks = Tick::new(tick);
        prices.iter().filter(|&&price| ticks.has(price) & (price.abs_diff(best) < reach)).count()
    };
    TICKS.into_iter().max_by_key(|&tick| (placed(tick), tick == present)).expect("there are ticks")
}
