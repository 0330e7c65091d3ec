//! Where a price lies on one side of one book: its tick number, and its place in the side's window.

use crate::price_tree::{NONE, Rank, Root};

/// Words of a window's bitmap.
pub(super) const WORDS: u32 = 8;
/// Prices that a window covers, one tick apart.
pub(super) const WIDTH: u32 = 64 * WORDS;
/// Prices of a window that are better than the best price at which it is aimed, at least.
pub(super) const HEADROOM: u32 = WIDTH / 8;
/// Orders outside of the window before it is aimed anew. Doubled, up to [`PATIENCE_MAX`], each time that aiming moves nothing:
/// then the orders are far away, and the window is in the right place. Tests reach it soon.
pub(super) const PATIENCE: u16 = if cfg!(test) { 3 } else { 64 };
const PATIENCE_MAX: u16 = 1 << 12;
/// No price is worse.
pub(super) const WORST: Rank = Rank(u32::MAX);

/// The price step of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tick {
    size: u32,
    /// The inverse of its odd part, modulo 2³².
    inverse: u32,
    /// The exponent of its power of two.
    shift: u32,
}

impl Tick {
    const fn new(size: u32) -> Tick {
        let shift = size.trailing_zeros();
        let odd = size >> shift;
        // Newton's iteration: the square of an odd number is 1 modulo 8, so three bits are right, then 6, 12, 24 and 48.
        let mut inverse = odd;
        let mut bits = 3;
        while bits < u32::BITS {
            inverse = inverse.wrapping_mul(2_u32.wrapping_sub(odd.wrapping_mul(inverse)));
            bits *= 2;
        }
        Tick { size, inverse, shift }
    }

    /// The price in ticks, if it is a multiple of the tick; any other price gives a number above that of every multiple
    /// (H. Warren, Hacker's Delight, 10-17: exact division and the test for it are one multiplication).
    #[inline]
    const fn count(self, price: u32) -> u32 {
        price.wrapping_mul(self.inverse).rotate_right(self.shift)
    }

    /// Ticks of the highest multiple.
    const fn count_max(self) -> u32 {
        u32::MAX / self.size
    }
}

/// One side of one book: where its window is, and its tree of other prices. One cache line.
///
/// Prices on the tick are known by their *numbers*, ranks in units of the tick: the lower, the better. A price in the range of
/// the window is in the window, every other price is in the tree.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct SideLevels {
    tick: Tick,
    /// The number of the window's best price, a multiple of 64.
    first: u32,
    /// [`WIDTH`], or 0 without a window.
    width: u32,
    /// The place of the window's first price modulo [`WIDTH`]. A price keeps its place when the window moves.
    places: u32,
    /// No order rests at a better price. A removal leaves it as it is; the next search for the best price corrects it.
    pub bound: Rank,
    /// The list of the orders at the bound; [`NONE`] if there are none, so that the best price is not known.
    pub best: u32,
    /// Root of the tree of levels outside of the window.
    pub far: Root,
    /// Rank of the best of them; [`WORST`] if there is none.
    pub far_best_rank: Rank,
    /// The best of them.
    pub far_best: u32,
    /// Orders outside of the window since it was aimed.
    misses: u16,
    patience: u16,
    /// Whether an order came into the window since somebody last wanted to have it.
    pub is_used: bool,
}

impl SideLevels {
    /// An empty side without a window.
    pub(super) const fn new(tick: u32) -> SideLevels {
        SideLevels {
            tick: Tick::new(tick),
            first: 0,
            width: 0,
            places: 0,
            bound: WORST,
            best: NONE,
            far: Root::EMPTY,
            far_best_rank: WORST,
            far_best: NONE,
            misses: 0,
            patience: PATIENCE,
            is_used: false,
        }
    }

    /// The number of a price. One that is not on the tick has a number outside of every window.
    #[inline]
    fn number(&self, price: u32, is_buy: bool) -> u32 {
        Rank::of(self.tick.count(price), is_buy).0
    }

    /// The rank of the price with this number.
    #[inline]
    pub(super) fn rank(&self, number: u32, is_buy: bool) -> Rank {
        Rank::of(Rank(number).price(is_buy).wrapping_mul(self.tick.size), is_buy)
    }

    /// The place of a price, if the window covers it.
    #[inline]
    pub(super) fn place(&self, price: u32, is_buy: bool) -> Option<u32> {
        let number = self.number(price, is_buy);
        self.covers(number).then_some(self.place_of(number))
    }

    /// Whether the window covers the price with this number.
    #[inline]
    pub(super) fn covers(&self, number: u32) -> bool {
        number.wrapping_sub(self.first) < self.width
    }

    /// The place of a number that the window covers.
    #[inline]
    pub(super) fn place_of(&self, number: u32) -> u32 {
        self.places | (number % WIDTH)
    }

    /// Takes in that an order comes into a list.
    #[inline]
    pub(super) fn note(&mut self, rank: Rank, list: u32) {
        if rank <= self.bound {
            (self.bound, self.best) = (rank, list);
        }
    }

    /// Takes in that a list is empty.
    #[inline]
    pub(super) fn forget(&mut self, list: u32) {
        if self.best == list {
            self.best = NONE;
        }
    }

    #[inline]
    pub(super) fn has_window(&self) -> bool {
        self.width != 0
    }

    /// The best number of the window with orders, found in the bitmap of all places.
    #[inline]
    pub(super) fn best_number(&self, occupied: &[u64], is_buy: bool) -> Option<u32> {
        // No order is better than the bound: all bits before it are zero.
        let from = self.number(self.bound.price(is_buy), is_buy);
        let from = if self.covers(from) { from & !63 } else { self.first };
        self.next_number(occupied, from)
    }

    /// The best number with orders from `from` on, which must be a multiple of 64 in the window.
    #[inline]
    pub(super) fn next_number(&self, occupied: &[u64], from: u32) -> Option<u32> {
        let mut at = from;
        while self.covers(at) {
            match occupied[self.place_of(at) as usize / 64] {
                0 => at = at.wrapping_add(64),
                word => return Some(at + word.trailing_zeros()),
            }
        }
        None
    }

    /// The numbers of the window in steps of 64.
    pub(super) fn words(&self) -> impl Iterator<Item = u32> + use<> {
        let first = self.first;
        (0..self.width / 64).map(move |word| first + 64 * word)
    }

    /// The first number of a window that is aimed at a rank; `None` if the side has too few prices for a window.
    pub(super) fn aim(&self, rank: Rank, is_buy: bool) -> Option<u32> {
        let count_max = self.tick.count_max();
        // Of buy orders, the numbers are those of the upper end.
        let least = if is_buy { (!count_max).checked_next_multiple_of(64)? } else { 0 };
        let last = if is_buy { u32::MAX } else { count_max };
        let most = last.checked_sub(WIDTH - 1)? & !63;
        let number = Rank::of(rank.price(is_buy) / self.tick.size, is_buy).0;
        (least <= most).then(|| (number.saturating_sub(HEADROOM) & !63).clamp(least, most))
    }

    /// Moves the window, which has places from `places` on, to `first`. Levels may have other lists then.
    pub(super) fn open(&mut self, places: u32, first: u32) {
        (self.places, self.first, self.width) = (places, first, WIDTH);
        (self.patience, self.best) = (PATIENCE, NONE);
    }

    /// Takes the window away.
    pub(super) fn close(&mut self) {
        self.width = 0;
        (self.patience, self.best) = (PATIENCE, NONE);
    }

    /// The number of the window's best price, and where its places begin.
    pub(super) fn window(&self) -> (u32, u32) {
        (self.first, self.places)
    }

    /// Counts an order outside of the window; returns whether there were so many that it should be aimed.
    pub(super) fn miss(&mut self) -> bool {
        self.misses = self.misses.saturating_add(1);
        self.misses >= self.patience
    }

    /// Counts from zero again.
    pub(super) fn forgive(&mut self) {
        self.misses = 0;
    }

    /// Waits longer, as the window is in the right place.
    pub(super) fn be_patient(&mut self) {
        self.patience = (2 * self.patience).min(PATIENCE_MAX);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TICKS: [u32; 9] = [1, 2, 3, 7, 96, 100, 10_000, 8_388_607, u32::MAX];

    proptest! {
        #[test]
        fn only_multiples_of_the_tick_have_numbers_in_a_window(
            tick in prop_oneof![prop::sample::select(TICKS.to_vec()), 1..=u32::MAX],
            price: u32, is_buy: bool, aim: u32,
        ) {
            let mut side = SideLevels::new(tick);
            for price in [price, price / tick * tick, 0, u32::MAX / tick * tick, tick, u32::MAX] {
                let count = side.tick.count(price);
                prop_assert_eq!(count <= side.tick.count_max(), price % tick == 0);
                if price % tick == 0 {
                    prop_assert_eq!(count, price / tick);
                    prop_assert_eq!(side.rank(side.number(price, is_buy), is_buy), Rank::of(price, is_buy));
                }
                for aim in [Rank(aim), Rank::of(price, is_buy), Rank(0), WORST] {
                    let Some(first) = side.aim(aim, is_buy) else {
                        prop_assert!(u32::MAX / tick < WIDTH + 64, "there is room for a window");
                        continue;
                    };
                    side.open(0, first);
                    prop_assert_eq!(first % 64, 0);
                    prop_assert!(first.checked_add(WIDTH - 1).is_some());
                    if side.place(price, is_buy).is_some() {
                        prop_assert_eq!(price % tick, 0);
                    }
                    let aimed = aim.price(is_buy) / tick * tick;
                    // As windows begin at multiples of 64, one may not reach the highest prices of all.
                    if side.place(aimed, is_buy).is_none() {
                        prop_assert!(u32::MAX / tick - aimed / tick < 64);
                    }
                }
            }
        }
    }
}
