//! Price levels: which list holds the orders of a price, and which price of a side is the best.
//!
//! A side that trades has a *window* of [`WIDTH`](super::window::WIDTH) prices near its best one: a list for each, and a bit that
//! says whether orders are in it. So an order rests without any search, no matter whether others rest at its price, and removing
//! the last order of a price clears a bit. The best price is kept as a bound, which new orders improve. When its last order is removed it is only
//! forgotten; who asks for the best price then searches the bitmap, from the bound on.
//!
//! All other prices are in a crit-bit tree ([`price_tree`](crate::price_tree)): those far from the best, those between ticks, and
//! those of sides without a window. After [`PATIENCE`](super::window::PATIENCE) orders there, the window is aimed at the best price
//! again, and moves with all that rests in it; a side without one takes a window that has not been used for a while. Either moves at
//! most one window's levels out and one's in, so prices that jump cost a bounded time per order. A price is never in both, so
//! windows decide about speed only.

use std::ops::Range;

use super::{
    lists::Lists,
    window::{SideLevels, WIDTH, WORDS, WORST},
};
pub(super) use crate::price_tree::{NONE, Rank};
use crate::{
    price_tree::PriceTrees,
    types::{Instrument, Locate, Side},
};

/// Levels for each window that a pool has.
const LEVELS_PER_WINDOW: u32 = 32;

/// Memory of the price levels of all books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookMemory {
    /// Bytes of an instrument's two sides.
    pub instrument_bytes: usize,
    /// Windows: so many sides find the prices near their best one without a search at the same time.
    pub windows: usize,
    /// Bytes of a window.
    pub window_bytes: usize,
    /// Bytes of each price level that may lie outside of the windows.
    pub level_bytes: usize,
}

/// A side of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SideId(u32);

impl SideId {
    #[inline]
    pub(super) fn of(locate: Locate, side: Side) -> SideId {
        SideId(2 * u32::from(locate.0) + side as u32)
    }

    #[inline]
    fn index(self) -> usize {
        self.0 as usize
    }

    #[inline]
    pub(super) fn is_buy(self) -> bool {
        self.0 & 1 != 0
    }
}

/// The best level of a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Best {
    pub rank: Rank,
    /// The list of its orders.
    pub list: u32,
}

/// The levels of all books.
pub(super) struct Levels {
    sides: Vec<SideLevels>,
    /// A bit for each place of all windows: whether orders rest there. A place is also the number of its list.
    occupied: Vec<u64>,
    windows: Windows,
    far: FarLevels,
    /// Levels with orders.
    used: u32,
    levels_max: u32,
}

impl Levels {
    /// Sides without orders of these instruments, which may have `levels_max` levels in all.
    pub(super) fn new(instruments: &[Instrument], levels_max: u32) -> Levels {
        // A checked configuration has no larger ticks.
        let ticks = instruments.iter().map(|instrument| u32::try_from(instrument.tick.raw()).unwrap_or(u32::MAX));
        let sides = std::iter::once(1).chain(ticks).flat_map(|tick| [SideLevels::new(tick.max(1)); 2]).collect();
        let windows = windows(instruments.len(), levels_max);
        Levels {
            sides,
            occupied: vec![0; (windows * WORDS) as usize],
            windows: Windows { owners: vec![NO_SIDE; windows as usize], given: 0, hand: 0 },
            far: FarLevels::new(windows * WIDTH, levels_max),
            used: 0,
            levels_max,
        }
    }

    /// Lists of orders: one for each place of a window, and one for each level outside.
    pub(super) fn lists(instruments: usize, levels_max: u32) -> u32 {
        windows(instruments, levels_max) * WIDTH + levels_max
    }

    /// Memory of the levels and their lists, but not of orders.
    pub(super) fn memory(instruments: usize, levels_max: u32) -> BookMemory {
        BookMemory {
            instrument_bytes: 2 * size_of::<SideLevels>(),
            windows: windows(instruments, levels_max) as usize,
            window_bytes: WORDS as usize * size_of::<u64>() + size_of::<SideId>() + Lists::bytes(0, WIDTH),
            level_bytes: FarLevels::bytes(1) + Lists::bytes(0, 1),
        }
    }

    /// The same in bytes.
    pub(super) fn bytes(instruments: usize, levels_max: u32) -> usize {
        let memory = Levels::memory(instruments, levels_max);
        (instruments + 1) * memory.instrument_bytes
            + memory.windows * memory.window_bytes
            + levels_max as usize * memory.level_bytes
    }

    /// Whether an order can rest at this price: there may be one more level, or it exists.
    #[inline]
    pub(super) fn has_room(&self, id: SideId, price: u32) -> bool {
        self.used < self.levels_max || self.has_level(id, price)
    }

    #[cold]
    fn has_level(&self, id: SideId, price: u32) -> bool {
        let side = &self.sides[id.index()];
        match side.place(price, id.is_buy()) {
            Some(place) => self.occupied[place as usize / 64] >> (place % 64) & 1 != 0,
            None => self.far.find(side, Rank::of(price, id.is_buy())).is_some(),
        }
    }

    /// Adds an order behind all others at its price.
    ///
    /// # Panics
    /// If there is no room in the tree; ask [`Levels::has_room`] first.
    #[inline(always)]
    pub(super) fn push(&mut self, lists: &mut Lists, id: SideId, price: u32, slot: u32) {
        let side = &mut self.sides[id.index()];
        let list = match side.place(price, id.is_buy()) {
            Some(place) => {
                side.is_used = true;
                side.note(Rank::of(price, id.is_buy()), place);
                self.occupy(place)
            }
            None => self.far_list(lists, id, price),
        };
        // No branch: nobody can predict whether others rest there.
        self.used += u32::from(lists.push(list, slot));
    }

    /// Forgets a level whose last order was removed from `list`.
    #[inline]
    pub(super) fn remove(&mut self, id: SideId, list: u32) {
        self.used -= 1;
        let side = &mut self.sides[id.index()];
        side.forget(list);
        match self.occupied.get_mut(list as usize / 64) {
            Some(word) => *word &= !(1 << (list % 64)),
            None => self.far.remove(side, list),
        }
    }

    /// No order rests at a better price.
    #[inline]
    pub(super) fn bound(&self, id: SideId) -> Rank {
        self.sides[id.index()].bound
    }

    /// The best level.
    #[inline]
    pub(super) fn best(&mut self, id: SideId) -> Option<Best> {
        let side = &self.sides[id.index()];
        match side.best {
            NONE => self.find_best(id),
            list => Some(Best { rank: side.bound, list }),
        }
    }

    /// Searches for the best level, and corrects the bound.
    #[inline(never)]
    fn find_best(&mut self, id: SideId) -> Option<Best> {
        let best = self.search(id);
        let side = &mut self.sides[id.index()];
        (side.bound, side.best) = best.map_or((WORST, NONE), |best| (best.rank, best.list));
        best
    }

    #[inline]
    fn search(&self, id: SideId) -> Option<Best> {
        let (side, is_buy) = (&self.sides[id.index()], id.is_buy());
        let far = || (side.far_best != NONE).then_some(Best { rank: side.far_best_rank, list: side.far_best });
        match side.best_number(&self.occupied, is_buy) {
            Some(number) => {
                let near = Best { rank: side.rank(number, is_buy), list: side.place_of(number) };
                if near.rank <= side.far_best_rank { Some(near) } else { far() }
            }
            None => far(),
        }
    }

    #[inline]
    fn occupy(&mut self, place: u32) -> u32 {
        self.occupied[place as usize / 64] |= 1 << (place % 64);
        place
    }

    /// The list of a price that the window does not cover now. It may afterwards.
    #[cold]
    #[inline(never)]
    fn far_list(&mut self, lists: &mut Lists, id: SideId, price: u32) -> u32 {
        let rank = Rank::of(price, id.is_buy());
        let is_empty = self.best(id).is_none();
        let side = &mut self.sides[id.index()];
        let is_due = side.miss();
        // What costs nothing is done at once.
        if is_due || is_empty && side.has_window() || !side.has_window() && self.windows.has_free() {
            self.aim(lists, id, rank);
        }
        let side = &mut self.sides[id.index()];
        let place = side.place(price, id.is_buy());
        let list = place.or_else(|| self.far.find(side, rank)).unwrap_or_else(|| self.far.insert(side, rank));
        side.note(rank, list);
        place.map_or(list, |place| self.occupy(place))
    }

    /// Aims a side's window at its best price, or at `rank` if that is better. Without a window, takes one first.
    fn aim(&mut self, lists: &mut Lists, id: SideId, rank: Rank) {
        let rank = self.best(id).map_or(rank, |best| best.rank.min(rank));
        let side = &mut self.sides[id.index()];
        side.forgive();
        let Some(first) = side.aim(rank, id.is_buy()) else { return };
        let places = if side.has_window() {
            let (present, places) = side.window();
            // Windows begin at multiples of 64, so this is less than one step.
            if first == present {
                side.be_patient();
                return;
            }
            places
        } else {
            match self.take_window(lists, id) {
                Some(places) => places,
                None => return,
            }
        };
        self.move_out(lists, id, first..first + (WIDTH - 1));
        self.sides[id.index()].open(places, first);
        self.move_in(lists, id);
    }

    /// A window for a side: one that nobody has, or the next one if it was not used since the last time that it was next.
    /// Returns where its places begin.
    fn take_window(&mut self, lists: &mut Lists, id: SideId) -> Option<u32> {
        let (window, owner) = self.windows.next(id);
        if let Some(owner) = owner {
            let side = &mut self.sides[owner.index()];
            if std::mem::take(&mut side.is_used) {
                return None;
            }
            self.move_out(lists, owner, 0..0);
            self.sides[owner.index()].close();
            self.windows.owners[window as usize] = id;
        }
        Some(window * WIDTH)
    }

    /// Moves levels from the window to the tree, except those whose numbers are `kept`.
    fn move_out(&mut self, lists: &mut Lists, id: SideId, kept: Range<u32>) {
        let side = &mut self.sides[id.index()];
        // Windows move by multiples of 64: whole words are kept or not.
        for from in side.words().filter(|word| !kept.contains(word)) {
            let word = &mut self.occupied[side.place_of(from) as usize / 64];
            let mut bits = std::mem::take(word);
            while bits != 0 {
                let number = from + bits.trailing_zeros();
                bits &= bits - 1;
                let list = self.far.insert(side, side.rank(number, id.is_buy()));
                lists.move_all(side.place_of(number), list);
            }
        }
    }

    /// Moves levels from the tree to the window, if that covers them.
    fn move_in(&mut self, lists: &mut Lists, id: SideId) {
        let is_buy = id.is_buy();
        let side = &self.sides[id.index()];
        let end = side.rank(side.window().0 + (WIDTH - 1), is_buy);
        let mut found = [NONE; WIDTH as usize];
        let levels = self.far.levels(side).take_while(|level| level.rank <= end);
        // Prices between ticks do not come here: orders with one are rejected.
        let covered = levels.filter(|level| side.place(level.rank.price(is_buy), is_buy).is_some());
        found.iter_mut().zip(covered).for_each(|(found, level)| *found = level.list);
        for list in found.into_iter().take_while(|list| *list != NONE) {
            let side = &mut self.sides[id.index()];
            let price = self.far.rank(list).price(is_buy);
            self.far.remove(side, list);
            if let Some(place) = side.place(price, is_buy) {
                self.occupy(place);
                lists.move_all(list, place);
            }
        }
    }
}

/// Windows for so many instruments and levels: two for each instrument, but not more than the levels make worth while.
fn windows(instruments: usize, levels_max: u32) -> u32 {
    let sides = u32::try_from(2 * instruments).unwrap_or(u32::MAX);
    sides.min(levels_max.div_ceil(LEVELS_PER_WINDOW))
}

const NO_SIDE: SideId = SideId(0);

/// Who has the windows.
struct Windows {
    owners: Vec<SideId>,
    /// Windows from this one on were never given to anybody.
    given: u32,
    /// The window that is next to be taken from its owner.
    hand: u32,
}

impl Windows {
    fn has_free(&self) -> bool {
        (self.given as usize) < self.owners.len()
    }

    /// The next window, and who has it. One that nobody had belongs to `id` from now on.
    fn next(&mut self, id: SideId) -> (u32, Option<SideId>) {
        if self.has_free() {
            let window = self.given;
            self.given += 1;
            self.owners[window as usize] = id;
            return (window, None);
        }
        let window = self.hand;
        self.hand = if window + 1 == self.given { 0 } else { window + 1 };
        (window, Some(self.owners[window as usize]))
    }
}

/// The pool of levels outside of windows.
struct FarLevels {
    trees: PriceTrees,
    ranks: Vec<Rank>,
    free: Vec<u32>,
    /// The list of the first level.
    first_list: u32,
}

impl FarLevels {
    fn new(first_list: u32, levels_max: u32) -> FarLevels {
        FarLevels {
            trees: PriceTrees::with_capacity(levels_max as usize),
            ranks: vec![WORST; levels_max as usize],
            free: (0..levels_max).rev().collect(),
            first_list,
        }
    }

    fn bytes(levels_max: u32) -> usize {
        levels_max as usize * (size_of::<Rank>() + size_of::<u32>()) + PriceTrees::bytes(levels_max as usize)
    }

    fn rank(&self, list: u32) -> Rank {
        self.ranks[(list - self.first_list) as usize]
    }

    /// The levels of a side, best first.
    fn levels(&self, side: &SideLevels) -> impl Iterator<Item = Best> + use<'_> {
        let level = |leaf| Best { rank: self.ranks[leaf as usize], list: self.first_list + leaf };
        self.trees.leaves(side.far).map(level)
    }

    /// The list of the level with this rank.
    fn find(&self, side: &SideLevels, rank: Rank) -> Option<u32> {
        let leaf = self.trees.nearest(side.far, rank)?;
        (self.ranks[leaf as usize] == rank).then_some(self.first_list + leaf)
    }

    /// Adds the level with this rank, which must not exist; returns its list.
    fn insert(&mut self, side: &mut SideLevels, rank: Rank) -> u32 {
        let leaf = self.free.pop().expect("the caller asked for room");
        let nearest = self.trees.nearest(side.far, rank).map(|leaf| self.ranks[leaf as usize]);
        self.trees.insert(&mut side.far, rank, nearest, leaf);
        self.ranks[leaf as usize] = rank;
        let list = self.first_list + leaf;
        if side.far_best == NONE || rank < side.far_best_rank {
            (side.far_best, side.far_best_rank) = (list, rank);
        }
        list
    }

    /// Removes the level with this list.
    #[cold]
    #[inline(never)]
    fn remove(&mut self, side: &mut SideLevels, list: u32) {
        let leaf = list - self.first_list;
        self.trees.remove(&mut side.far, self.ranks[leaf as usize]);
        self.free.push(leaf);
        if side.far_best == list {
            let best = self.trees.best(side.far);
            side.far_best = best.map_or(NONE, |leaf| self.first_list + leaf);
            side.far_best_rank = best.map_or(WORST, |leaf| self.ranks[leaf as usize]);
        }
    }
}

#[cfg(test)]
impl Levels {
    /// The levels of a side, best first. Checks that each price is where it belongs.
    pub(super) fn listed(&self, id: SideId) -> Vec<Best> {
        let (side, is_buy) = (&self.sides[id.index()], id.is_buy());
        let mut levels: Vec<Best> = self.far.levels(side).collect();
        assert_eq!(levels.first().map(|best| best.list), (side.far_best != NONE).then_some(side.far_best));
        assert!(levels.iter().all(|level| side.place(level.rank.price(is_buy), is_buy).is_none()));
        let mut near = Vec::new();
        for from in side.words() {
            let word = self.occupied[side.place_of(from) as usize / 64];
            near.extend((0..64).filter(|bit| word >> bit & 1 != 0).map(|bit| from + bit));
        }
        assert_eq!(near.first().copied(), side.best_number(&self.occupied, is_buy));
        levels.extend(near.into_iter().map(|at| Best { rank: side.rank(at, is_buy), list: side.place_of(at) }));
        levels.sort_by_key(|level| level.rank);
        assert!(levels.first().is_none_or(|best| side.bound <= best.rank));
        assert_eq!(self.search(id), levels.first().copied());
        let known = Best { rank: side.bound, list: side.best };
        assert!(side.best == NONE || levels.first() == Some(&known));
        levels
    }

    /// Levels in use, by the counter.
    pub(super) fn used(&self) -> u32 {
        self.used
    }

    /// The best number of a side's window, and where its places begin.
    pub(super) fn window(&self, id: SideId) -> Option<(u32, u32)> {
        let side = &self.sides[id.index()];
        side.has_window().then(|| side.window())
    }
}
