//! The stream of commands: only what every matching library knows, orders with a limit and cancels of whole orders.
//!
//! Each book starts with a given number of resting orders. About half of the measured commands enter orders, a fifth of which
//! trade at once; the others cancel a resting order, anywhere in its queue. The generator keeps its own books, so no cancel
//! comes too late.

use std::{collections::HashMap, fmt};

use corelane_actors::types::Side;
use corelane_market::Rng;

use crate::book::Book;

/// Instruments, and as many ports.
pub const INSTRUMENTS: usize = 8;
/// The price of every instrument at the start, four implied decimals.
pub const PRICE: u64 = 1_000_000;
/// The price step.
pub const TICK: u64 = 100;
/// Orders that rest in each book, where nothing else is said.
pub const RESTING: usize = 1000;

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// A day order.
    Enter {
        /// Index of its instrument.
        instrument: u16,
        /// Index of its port.
        port: u16,
        /// Order number at the port, from 1.
        user_ref: u32,
        /// Order number across all ports, from 1.
        id: u32,
        /// Index in a table of live orders.
        slot: u32,
        /// Buys or sells.
        side: Side,
        /// Shares.
        quantity: u32,
        /// Limit, four implied decimals.
        price: u64,
    },
    /// Cancels an order that rests.
    Cancel {
        /// Index of its instrument.
        instrument: u16,
        /// Index of its port.
        port: u16,
        /// Order number at the port.
        user_ref: u32,
        /// Order number across all ports.
        id: u32,
        /// Index in a table of live orders.
        slot: u32,
    },
}

/// The results of the commands, which must be the same for every engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Trades.
    pub trades: u64,
    /// Shares that changed hands.
    pub shares: u64,
    /// Orders cancelled.
    pub canceled: u64,
}

/// A stream of commands.
pub struct Commands {
    ops: Vec<Op>,
    opening: usize,
    orders: u32,
    totals: Totals,
    resting: usize,
}

impl fmt::Debug for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Commands").field("ops", &self.ops.len()).field("totals", &self.totals).finish_non_exhaustive()
    }
}

impl Commands {
    /// The stream of this seed, with `measured` commands after those that fill the books with `resting` orders each.
    pub fn new(seed: u64, measured: usize, resting: usize) -> Commands {
        let mut market = Market::new(seed, resting);
        let mut ops = Vec::with_capacity(measured + 2 * INSTRUMENTS * resting);
        while market.resting.iter().any(|orders| orders.len() < resting) {
            ops.push(market.next());
        }
        let opening = ops.len();
        ops.extend((0..measured).map(|_| market.next()));
        Commands { ops, opening, orders: market.last_id, totals: market.totals, resting }
    }

    /// The command at a place.
    #[inline]
    pub fn at(&self, place: usize) -> &Op {
        &self.ops[place]
    }

    /// All of them.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Number of commands that fill the books, before those to be measured.
    pub fn opening(&self) -> usize {
        self.opening
    }

    /// Results of the commands, by the generator's own books.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Orders that rest in each book at most.
    pub fn resting_max(&self) -> usize {
        self.resting
    }

    /// Orders live at once, the one that comes in included.
    pub fn live_max(&self) -> u32 {
        live_max(self.resting)
    }

    /// Number of commands that enter orders.
    pub fn orders(&self) -> usize {
        self.orders as usize
    }
}

fn live_max(resting: usize) -> u32 {
    (INSTRUMENTS * resting) as u32 + 1
}

#[derive(Clone, Copy)]
struct Order {
    port: u16,
    user_ref: u32,
    side: Side,
    leaves: u32,
    price: u64,
    slot: u32,
    /// Index in the instrument's list of resting orders.
    place: usize,
}

/// The generator's state.
struct Market {
    random: Rng,
    resting_max: usize,
    /// Maximum distance of resting orders from the middle, in ticks: the further the more there are.
    distance_max: u64,
    books: Vec<Book>,
    orders: HashMap<u64, Order>,
    /// Resting orders by instrument.
    resting: Vec<Vec<u64>>,
    middles: Vec<u64>,
    user_refs: Vec<u32>,
    free_slots: Vec<u32>,
    last_id: u32,
    totals: Totals,
}

impl Market {
    fn new(seed: u64, resting_max: usize) -> Market {
        Market {
            random: Rng::new(seed),
            resting_max,
            distance_max: 30 + resting_max as u64 / 100,
            books: (0..INSTRUMENTS).map(|_| Book::default()).collect(),
            orders: HashMap::new(),
            resting: vec![Vec::new(); INSTRUMENTS],
            middles: vec![PRICE; INSTRUMENTS],
            user_refs: vec![0; INSTRUMENTS],
            free_slots: (0..live_max(resting_max)).rev().collect(),
            last_id: 0,
            totals: Totals::default(),
        }
    }

    fn next(&mut self) -> Op {
        let instrument = self.below(INSTRUMENTS as u64) as usize;
        if self.resting[instrument].len() >= self.resting_max {
            self.cancel(instrument)
        } else {
            self.enter(instrument)
        }
    }

    fn cancel(&mut self, instrument: usize) -> Op {
        let picked = self.below(self.resting[instrument].len() as u64) as usize;
        let id = self.resting[instrument][picked];
        let order = self.remove(instrument, id);
        let Order { port, user_ref, slot, .. } = order;
        self.totals.canceled += 1;
        Op::Cancel { instrument: instrument as u16, port, user_ref, id: id as u32, slot }
    }

    fn enter(&mut self, instrument: usize) -> Op {
        let side = if self.below(2) == 0 { Side::Buy } else { Side::Sell };
        let port = self.below(INSTRUMENTS as u64) as u16;
        let middle = &mut self.middles[instrument];
        // The middle wanders, but not to where the collar is.
        match self.random.next() % 40 {
            0 if *middle < PRICE * 21 / 20 => *middle += TICK,
            1 if *middle > PRICE * 19 / 20 => *middle -= TICK,
            _ => {}
        }
        let middle = *middle;
        let distance = TICK * (1 + self.below(self.distance_max).min(self.below(self.distance_max)));
        // Every fifth goes for what rests on the other side.
        let against = (self.below(5) == 0)
            .then(|| self.books[instrument].best_match(side, if side.is_buy() { u64::MAX } else { 0 }));
        let price = match (against.flatten(), side) {
            (Some((price, _)), _) => price,
            (None, Side::Buy) => middle - distance,
            (None, Side::Sell) => middle + distance,
        };
        let mut quantity = 1 + self.below(500) as u32;
        self.last_id += 1;
        self.user_refs[usize::from(port)] += 1;
        let (id, user_ref) = (self.last_id, self.user_refs[usize::from(port)]);
        let slot = self.free_slots.pop().expect("fewer orders rest than there are slots");
        let op = Op::Enter { instrument: instrument as u16, port, user_ref, id, slot, side, quantity, price };
        while quantity > 0
            && let Some((_, maker)) = self.books[instrument].best_match(side, price)
            && let Some(order) = self.orders.get_mut(&maker)
        {
            let traded = quantity.min(order.leaves);
            quantity -= traded;
            order.leaves -= traded;
            self.totals.trades += 1;
            self.totals.shares += u64::from(traded);
            if order.leaves == 0 {
                self.remove(instrument, maker);
            }
        }
        if quantity > 0 {
            let resting = &mut self.resting[instrument];
            let order = Order { port, user_ref, side, leaves: quantity, price, slot, place: resting.len() };
            resting.push(id.into());
            self.orders.insert(id.into(), order);
            self.books[instrument].rest(side, price, id.into());
        } else {
            self.free_slots.push(slot);
        }
        op
    }

    fn remove(&mut self, instrument: usize, id: u64) -> Order {
        let order = self.orders.remove(&id).expect("callers name orders that rest");
        self.books[instrument].remove(order.side, order.price, id);
        self.free_slots.push(order.slot);
        let resting = &mut self.resting[instrument];
        resting.swap_remove(order.place);
        if let Some(moved) = resting.get(order.place).and_then(|moved| self.orders.get_mut(moved)) {
            moved.place = order.place;
        }
        order
    }

    fn below(&mut self, end: u64) -> u64 {
        self.random.next() % end
    }
}
