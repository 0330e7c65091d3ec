//! The price-time books of all instruments: the resting orders by price level and by port.

use corelane_codecs::price::Price4;
use corelane_runtime::mem;

use super::{
    levels::{Levels, Rank, SideId},
    lists::Lists,
};
use crate::types::{Instrument, Locate, NewOrder, OrderSlot, PortId, Quantity, Side};

/// A resting order. It lies in the slot that `order` gave it, so no lookup is needed.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(super) struct Resting {
    pub order_ref: u64,
    pub leaves: Quantity,
    pub price: Price4,
    pub locate: Locate,
    pub side: Side,
}

impl Resting {
    const NOWHERE: Resting =
        Resting { order_ref: 0, leaves: Quantity::ZERO, price: Price4::ZERO, locate: Locate::NONE, side: Side::Sell };
}

/// All books.
pub(super) struct Books {
    /// The resting orders by slot. A slot whose order does not rest has no meaning.
    orders: Vec<Resting>,
    levels: Levels,
    /// The orders of each level, in the order in which they trade.
    by_level: Lists,
    /// The orders of each port, in the order in which they came to rest.
    by_port: Lists,
}

impl Books {
    pub(super) fn new(orders_max: u32, levels_max: u32, instruments: &[Instrument], ports: u32) -> Books {
        Books {
            orders: vec![Resting::NOWHERE; orders_max as usize],
            levels: Levels::new(instruments, levels_max),
            by_level: Lists::new(orders_max, Levels::lists(instruments.len(), levels_max)),
            by_port: Lists::new(orders_max, ports),
        }
    }

    /// Memory of the books, in bytes.
    pub(super) fn bytes(orders_max: u32, levels_max: u32, instruments: usize, ports: u32) -> usize {
        orders_max as usize * size_of::<Resting>()
            + Levels::bytes(instruments, levels_max)
            + Lists::bytes(orders_max, 0)
            + Lists::bytes(orders_max, ports)
    }

    /// Prefetches the order in `slot`, if there is such a slot.
    #[inline]
    pub(super) fn prefetch(&self, slot: u32) {
        mem::prefetch(&self.orders, slot as usize);
        self.by_level.prefetch(slot);
        self.by_port.prefetch(slot);
    }

    /// The order in `slot`.
    #[inline]
    pub(super) fn order(&self, slot: u32) -> &Resting {
        &self.orders[slot as usize]
    }

    /// The best price of a side of a book; zero if the side is empty.
    #[inline]
    pub(super) fn best_price(&mut self, locate: Locate, side: Side) -> Price4 {
        let best = self.levels.best(SideId::of(locate, side));
        best.map_or(Price4::ZERO, |best| Price4::from_raw(best.rank.price(side.is_buy())))
    }

    /// The next order to trade with an incoming order of this side and limit.
    #[inline]
    pub(super) fn best_match(&mut self, locate: Locate, side: Side, limit: Price4) -> Option<u32> {
        let resting = SideId::of(locate, side.opposite());
        let limit = Rank::of(limit.raw(), resting.is_buy());
        if self.levels.bound(resting) > limit {
            return None;
        }
        let best = self.levels.best(resting).filter(|best| best.rank <= limit)?;
        // A level is never empty.
        self.by_level.oldest(best.list)
    }

    /// Whether an order can rest at this price: its level exists, or the pool has a free one.
    #[inline]
    pub(super) fn has_room(&self, locate: Locate, side: Side, price: Price4) -> bool {
        self.levels.has_room(SideId::of(locate, side), price.raw())
    }

    /// Whether the order in `slot` is the only one at its price, so that its level becomes free without it.
    pub(super) fn is_alone(&self, slot: u32) -> bool {
        self.by_level.is_only(slot)
    }

    /// Adds `leaves` shares of an order behind all others at its price.
    ///
    /// # Panics
    /// If there is no room; ask [`Books::has_room`] first.
    #[inline(always)]
    pub(super) fn rest(&mut self, order: &NewOrder, order_ref: u64, leaves: Quantity) {
        let NewOrder { slot: OrderSlot(slot), port, locate, side, price, .. } = *order;
        self.levels.push(&mut self.by_level, SideId::of(locate, side), price.raw(), slot);
        self.by_port.push(port.0, slot);
        self.orders[slot as usize] = Resting { order_ref, leaves, price, locate, side };
    }

    /// Takes `quantity` shares off an order, and removes it if none are left; returns the shares left.
    #[inline]
    pub(super) fn reduce(&mut self, slot: u32, quantity: Quantity) -> Quantity {
        let order = &mut self.orders[slot as usize];
        order.leaves -= quantity;
        let leaves = order.leaves;
        if leaves.is_zero() {
            self.remove(slot);
        }
        leaves
    }

    /// Removes an order, and its level if that is empty then.
    pub(super) fn remove(&mut self, slot: u32) {
        if let Some(list) = self.by_level.remove(slot) {
            let Resting { locate, side, .. } = self.orders[slot as usize];
            self.levels.remove(SideId::of(locate, side), list);
        }
        self.by_port.remove(slot);
    }

    /// The next younger resting order of the port of the order in `slot`.
    #[inline]
    pub(super) fn after(&self, slot: u32) -> Option<u32> {
        self.by_port.after(slot)
    }

    /// The oldest resting order of a port.
    #[inline]
    pub(super) fn first_of(&self, port: PortId) -> Option<u32> {
        self.by_port.oldest(port.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, VecDeque};

    use corelane_codecs::{price::Price, text::Symbol};
    use proptest::{prelude::*, sample::Index};

    use super::*;

    /// Ticks of the instruments: usual ones, an odd one, the largest that leaves room for a window or nearly so, and the largest.
    const TICKS: [u32; LOCATES as usize] = [100, 1, 100, 3, 10_000, 7_400_000, 7_500_000, u32::MAX];
    const LOCATES: u16 = 8;
    const ORDERS: u32 = 300;
    const LIMIT_MAX: Price4 = Price4::from_raw(u32::MAX);

    fn instruments() -> Vec<Instrument> {
        let instrument = |tick: &u32| Instrument {
            symbol: Symbol::new("AAA").unwrap(),
            tick: Price::from_raw((*tick).into()),
            lot: Quantity(1),
            reference_price: Price::from_raw(0),
        };
        TICKS.iter().map(instrument).collect()
    }

    /// Where an instrument trades.
    #[derive(Clone, Copy, Debug)]
    enum Place {
        Lowest,
        Highest,
        Middle(u32),
    }

    #[derive(Clone, Debug)]
    enum Step {
        /// An order so many ticks from the place.
        Rest {
            locate: u16,
            side: Side,
            ticks: i64,
        },
        /// An order at any price, which need not be on the tick.
        RestAnywhere {
            locate: u16,
            side: Side,
            price: u32,
        },
        Reduce {
            pick: Index,
            quantity: u32,
        },
        /// Trades with all orders of a side up to a limit, so many ticks from the place.
        Sweep {
            locate: u16,
            side: Side,
            ticks: i64,
        },
        Move {
            locate: u16,
            to: Place,
        },
    }

    fn step() -> impl Strategy<Value = Step> {
        let locate = || 1..=LOCATES;
        let side = || prop::sample::select(vec![Side::Buy, Side::Sell]);
        let ticks = || prop_oneof![4 => -12..12_i64, 3 => -700..700_i64, 1 => -5000..5000_i64];
        let place = prop_oneof![
            1 => Just(Place::Lowest),
            1 => Just(Place::Highest),
            4 => (0..2000_u32).prop_map(Place::Middle),
            1 => any::<u32>().prop_map(Place::Middle),
        ];
        prop_oneof![
            12 => (locate(), side(), ticks()).prop_map(|(locate, side, ticks)| Step::Rest { locate, side, ticks }),
            1 => (locate(), side(), any::<u32>())
                .prop_map(|(locate, side, price)| Step::RestAnywhere { locate, side, price }),
            7 => (any::<Index>(), 1..4_u32).prop_map(|(pick, quantity)| Step::Reduce { pick, quantity }),
            2 => (locate(), side(), ticks()).prop_map(|(locate, side, ticks)| Step::Sweep { locate, side, ticks }),
            1 => (locate(), place).prop_map(|(locate, to)| Step::Move { locate, to }),
        ]
    }

    /// The books, and what must be in them: the slots by locate, side and rank.
    struct Pair {
        books: Books,
        levels_max: usize,
        model: BTreeMap<(u16, bool), BTreeMap<Rank, VecDeque<u32>>>,
        places: Vec<Place>,
        free: Vec<u32>,
        next_ref: u64,
        /// How often a window was given, moved or taken away.
        moves: usize,
    }

    impl Pair {
        fn new(levels_max: u32) -> Pair {
            Pair {
                books: Books::new(ORDERS, levels_max, &instruments(), 1),
                levels_max: levels_max as usize,
                model: BTreeMap::new(),
                places: vec![Place::Middle(1000); TICKS.len() + 1],
                free: (0..ORDERS).collect(),
                next_ref: 0,
                moves: 0,
            }
        }

        fn price(&self, locate: u16, ticks: i64) -> u32 {
            let tick = i64::from(TICKS[usize::from(locate) - 1]);
            let most = i64::from(u32::MAX) / tick;
            let from = match self.places[usize::from(locate)] {
                Place::Lowest => 0,
                Place::Highest => most,
                Place::Middle(at) => i64::from(at).min(most),
            };
            u32::try_from((from + ticks).clamp(0, most) * tick).unwrap()
        }

        fn rest(&mut self, locate: u16, side: Side, price: u32) -> Result<(), TestCaseError> {
            let rank = Rank::of(price, side.is_buy());
            let used: usize = self.model.values().map(BTreeMap::len).sum();
            let has_level = self.model.get(&(locate, side.is_buy())).is_some_and(|levels| levels.contains_key(&rank));
            let has_room = has_level || used < self.levels_max;
            prop_assert_eq!(self.books.has_room(Locate(locate), side, Price4::from_raw(price)), has_room);
            if !has_room {
                return Ok(());
            }
            let Some(slot) = self.free.pop() else { return Ok(()) };
            let order = NewOrder {
                slot: OrderSlot(slot),
                port: PortId(0),
                locate: Locate(locate),
                side,
                immediate: false,
                quantity: Quantity(3),
                price: Price4::from_raw(price),
            };
            self.next_ref += 1;
            self.books.rest(&order, self.next_ref, Quantity(3));
            self.model.entry((locate, side.is_buy())).or_default().entry(rank).or_default().push_back(slot);
            Ok(())
        }

        fn reduce(&mut self, slot: u32, quantity: u32) -> Result<(), TestCaseError> {
            let Resting { leaves, locate, side, price, .. } = *self.books.order(slot);
            let leaves = Quantity(leaves.0.saturating_sub(quantity));
            let levels = self.model.get_mut(&(locate.0, side.is_buy())).unwrap();
            let queue = levels.get_mut(&Rank::of(price.raw(), side.is_buy())).unwrap();
            prop_assert_eq!(self.books.is_alone(slot), queue.len() == 1);
            if leaves.is_zero() {
                queue.retain(|other| *other != slot);
                self.free.push(slot);
            }
            levels.retain(|_, queue| !queue.is_empty());
            let quantity = Quantity(quantity).min(self.books.order(slot).leaves);
            prop_assert_eq!(self.books.reduce(slot, quantity), leaves);
            Ok(())
        }

        /// The order that an incoming one of this side trades with.
        fn maker(&self, locate: u16, side: Side, limit: u32) -> Option<u32> {
            let resting = side.opposite().is_buy();
            let (rank, queue) = self.model.get(&(locate, resting))?.first_key_value()?;
            (*rank <= Rank::of(limit, resting)).then(|| queue[0])
        }

        fn run(&mut self, step: &Step) -> Result<(), TestCaseError> {
            match *step {
                Step::Rest { locate, side, ticks } => self.rest(locate, side, self.price(locate, ticks))?,
                Step::RestAnywhere { locate, side, price } => self.rest(locate, side, price)?,
                Step::Reduce { pick, quantity } => {
                    let slots: Vec<u32> =
                        self.model.values().flat_map(|side| side.values().flatten().copied()).collect();
                    if !slots.is_empty() {
                        self.reduce(*pick.get(&slots), quantity)?;
                    }
                }
                Step::Sweep { locate, side, ticks } => {
                    let limit = self.price(locate, ticks);
                    loop {
                        let maker = self.maker(locate, side, limit);
                        prop_assert_eq!(self.books.best_match(Locate(locate), side, Price4::from_raw(limit)), maker);
                        let Some(maker) = maker else { break };
                        self.reduce(maker, 2)?;
                    }
                }
                Step::Move { locate, to } => self.places[usize::from(locate)] = to,
            }
            Ok(())
        }

        /// Compares everything, and corrects no bound.
        fn check(&mut self) -> Result<(), TestCaseError> {
            let mut used = 0;
            for locate in 1..=LOCATES {
                for side in [Side::Buy, Side::Sell] {
                    let none = BTreeMap::new();
                    let model = self.model.get(&(locate, side.is_buy())).unwrap_or(&none);
                    let levels = self.books.levels.listed(SideId::of(Locate(locate), side));
                    used += levels.len();
                    prop_assert!(levels.iter().map(|level| &level.rank).eq(model.keys()));
                    for (level, queue) in levels.iter().zip(model.values()) {
                        let oldest = self.books.by_level.oldest(level.list);
                        let slots = std::iter::successors(oldest, |slot| self.books.by_level.after(*slot));
                        prop_assert!(slots.take(ORDERS as usize + 1).eq(queue.iter().copied()));
                    }
                }
            }
            prop_assert_eq!(self.books.levels.used() as usize, used);
            Ok(())
        }

        fn windows(&self) -> Vec<Option<(u32, u32)>> {
            let ids =
                (1..=LOCATES).flat_map(|locate| [Side::Buy, Side::Sell].map(|side| SideId::of(Locate(locate), side)));
            ids.map(|id| self.books.levels.window(id)).collect()
        }

        fn run_all(&mut self, steps: &[Step]) -> Result<(), TestCaseError> {
            for (number, step) in steps.iter().enumerate() {
                let before = self.windows();
                self.run(step)?;
                self.check()?;
                let changed = before.iter().zip(self.windows()).filter(|(before, after)| *before != after).count();
                self.moves += changed;
                // Corrects bounds, but not always.
                if number % 7 == 0 {
                    for locate in 1..=LOCATES {
                        for (side, limit) in [(Side::Buy, LIMIT_MAX), (Side::Sell, Price4::ZERO)] {
                            let maker = self.maker(locate, side, limit.raw());
                            prop_assert_eq!(self.books.best_match(Locate(locate), side, limit), maker);
                            let price = maker.map_or(Price4::ZERO, |maker| self.books.order(maker).price);
                            prop_assert_eq!(self.books.best_price(Locate(locate), side.opposite()), price);
                        }
                    }
                }
            }
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn orders_rest_by_price_and_time_wherever_windows_are(
            steps in prop::collection::vec(step(), 1..250),
            levels_max in prop::sample::select(vec![1_u32, 20, 60, 120, 1000]),
        ) {
            Pair::new(levels_max).run_all(&steps)?;
        }
    }

    #[test]
    fn streams_move_windows_and_take_them_away() {
        use proptest::{strategy::ValueTree, test_runner::TestRunner};
        let mut runner = TestRunner::deterministic();
        let steps = prop::collection::vec(step(), 2000..2001);
        for (levels_max, wanted) in [(60, 50), (1000, 50)] {
            let mut pair = Pair::new(levels_max);
            pair.run_all(&steps.new_tree(&mut runner).unwrap().current()).unwrap();
            assert!(pair.moves > wanted, "{} moves", pair.moves);
        }
    }
}
