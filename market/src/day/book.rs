//! The book of one synthetic instrument: a ladder of ticks around a mid price that walks randomly.
//!
//! Bids rest at or below the mid price and asks above it, so the book never crosses. The mid price moves by one tick,
//! and only when no order is left in its way; until then, most removals take place there.

use corelane_codecs::itch::Side;

use crate::rng::Rng;

/// The maximum distance of resting orders from the mid price, in ticks.
pub(super) const DEPTH: u32 = 120;
/// The number of levels of the ladder, a power of two that holds both sides.
const LADDER: usize = 256;
/// The average number of visits until the mid price begins to move.
const VISITS_PER_MOVE: u64 = 50;

/// A resting order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resting {
    pub order_ref: u64,
    pub shares: u32,
}

/// The place of a resting order.
#[derive(Clone, Copy, Debug)]
pub(super) struct BookPosition {
    pub side: Side,
    /// The price in ticks.
    pub tick: u32,
    /// The number of orders before it at its level.
    pub at: usize,
}

#[derive(Debug)]
pub(super) struct Book {
    /// The mid price: the highest tick at which bids may rest. Asks rest above it.
    middle: u32,
    /// The lowest and the highest mid price.
    range: (u32, u32),
    /// The side that must make way for the mid price, while it is about to move.
    yielding: Option<Side>,
    /// The levels by the low bits of their tick, with the orders of each by age.
    levels: Box<[Vec<Resting>]>,
    occupied: [u64; LADDER / 64],
    orders: usize,
}

fn opposite(side: Side) -> Side {
    match side {
        Side::Buy => Side::Sell,
        Side::Sell => Side::Buy,
    }
}

/// A random distance from 1 to `DEPTH`, mostly small: its probability falls with its square.
fn distance(rng: &mut Rng) -> u32 {
    let scale = rng.next().trailing_zeros().min(6);
    (rng.between(1 << scale, (2 << scale) - 1) as u32).min(DEPTH)
}

impl Book {
    /// Creates an empty book. The mid price starts at `reference`, at least 2, and stays within `wander` of it and at
    /// most at `highest`. All are in ticks.
    #[must_use]
    pub(super) fn new(reference: u32, wander: u32, highest: u32) -> Self {
        Self {
            middle: reference,
            range: (reference.saturating_sub(wander).max(2), reference.saturating_add(wander).min(highest)),
            yielding: None,
            levels: std::iter::repeat_with(Vec::new).take(LADDER).collect(),
            occupied: [0; LADDER / 64],
            orders: 0,
        }
    }

    /// The number of resting orders.
    #[must_use]
    pub(super) fn orders(&self) -> usize {
        self.orders
    }

    /// The best tick of a side.
    #[must_use]
    pub(super) fn best(&self, side: Side) -> Option<u32> {
        self.occupied_from(side, 1)
    }

    /// The mid price, in ticks.
    #[must_use]
    pub(super) fn middle(&self) -> u32 {
        self.middle
    }

    /// Lets the mid price walk.
    pub(super) fn visit(&mut self, rng: &mut Rng) {
        if self.yielding.is_none() && rng.below(VISITS_PER_MOVE) == 0 {
            let (lowest, highest) = self.range;
            let side = if rng.below(2) == 0 { Side::Buy } else { Side::Sell };
            let has_room = match side {
                Side::Buy => self.middle > lowest,
                Side::Sell => self.middle < highest,
            };
            self.yielding = has_room.then_some(side);
        }
        if let Some(side) = self.yielding
            && self.obstacle(side).is_none()
        {
            match side {
                Side::Buy => self.middle -= 1,
                Side::Sell => self.middle += 1,
            }
            self.yielding = None;
        }
    }

    /// Draws a tick for a new order, mostly near the touch.
    #[must_use]
    pub(super) fn draw_tick(&self, rng: &mut Rng, side: Side) -> u32 {
        let nearest = 1 + u32::from(self.yielding == Some(side));
        let farthest = DEPTH - u32::from(self.yielding == Some(opposite(side)));
        let distance = distance(rng).clamp(nearest, farthest);
        // A bid has a tick of at least 1, and the mid price is never below 2.
        self.tick(side, distance).unwrap_or(1)
    }

    /// Draws a resting order, mostly one near the touch and among the youngest at its level; `None` if the book is
    /// empty.
    #[must_use]
    pub(super) fn draw(&self, rng: &mut Rng) -> Option<BookPosition> {
        let (side, tick) = self.draw_level(rng)?;
        let orders = self.level(tick).len();
        let at = if rng.below(2) == 0 { orders - 1 } else { rng.below(orders as u64) as usize };
        Some(BookPosition { side, tick, at })
    }

    fn draw_level(&self, rng: &mut Rng) -> Option<(Side, u32)> {
        if let Some(side) = self.yielding
            && let Some(obstacle) = self.obstacle(side)
            && rng.below(4) != 0
        {
            return Some(obstacle);
        }
        let side = if rng.below(2) == 0 { Side::Buy } else { Side::Sell };
        let distance = distance(rng);
        [side, opposite(side)].into_iter().find_map(|side| {
            let tick = self.occupied_from(side, distance).or_else(|| self.occupied_from(side, 1))?;
            Some((side, tick))
        })
    }

    /// Adds an order behind the others at its level.
    pub(super) fn add(&mut self, tick: u32, order: Resting) {
        let at = tick as usize % LADDER;
        self.levels[at].push(order);
        self.occupied[at / 64] |= 1 << (at % 64);
        self.orders += 1;
    }

    /// The order at a place.
    pub(super) fn order(&mut self, place: BookPosition) -> &mut Resting {
        &mut self.levels[place.tick as usize % LADDER][place.at]
    }

    /// Removes the order at a place.
    pub(super) fn remove(&mut self, place: BookPosition) -> Resting {
        let at = place.tick as usize % LADDER;
        let order = self.levels[at].remove(place.at);
        if self.levels[at].is_empty() {
            self.occupied[at / 64] &= !(1 << (at % 64));
        }
        self.orders -= 1;
        order
    }

    fn level(&self, tick: u32) -> &[Resting] {
        &self.levels[tick as usize % LADDER]
    }

    fn is_occupied(&self, tick: u32) -> bool {
        let at = tick as usize % LADDER;
        self.occupied[at / 64] >> (at % 64) & 1 == 1
    }

    /// The tick at `distance` from the mid price, counted from 1; `None` if a bid there would have no price.
    fn tick(&self, side: Side, distance: u32) -> Option<u32> {
        match side {
            Side::Buy => (self.middle + 1).checked_sub(distance).filter(|tick| *tick > 0),
            Side::Sell => Some(self.middle + distance),
        }
    }

    /// The nearest occupied tick that is at least `distance` away.
    fn occupied_from(&self, side: Side, distance: u32) -> Option<u32> {
        (distance..=DEPTH).map_while(|distance| self.tick(side, distance)).find(|tick| self.is_occupied(*tick))
    }

    /// An occupied tick that keeps the mid price from moving: the best tick of the yielding side, or the farthest tick
    /// of the other side, which would fall off the ladder.
    fn obstacle(&self, yielding: Side) -> Option<(Side, u32)> {
        [(yielding, 1), (opposite(yielding), DEPTH)]
            .into_iter()
            .filter_map(|(side, distance)| Some((side, self.tick(side, distance)?)))
            .find(|(_, tick)| self.is_occupied(*tick))
    }
}
