//! The book of one made-up instrument: a ladder of ticks around a middle that walks.
//!
//! Bids rest at the middle and below, asks above it, so no order ever crosses another. The middle moves by one tick,
//! and only once nothing is left where it goes: until then, what is removed is mostly removed there.

use corelane_codecs::itch::Side;

use crate::rng::Rng;

/// Orders of a side rest within so many ticks of the middle.
pub(super) const DEPTH: u32 = 120;
/// Places of the ladder; a power of two that holds both sides.
const LADDER: usize = 256;
/// The middle begins to move once in so many visits.
const VISITS_PER_MOVE: u64 = 50;

/// An order that rests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resting {
    pub order_ref: u64,
    pub shares: u32,
}

/// Where an order rests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub side: Side,
    /// Price in ticks.
    pub tick: u32,
    /// Orders of the level before it.
    pub at: usize,
}

#[derive(Debug)]
pub(super) struct Book {
    /// The highest tick at which bids may rest; asks rest above.
    middle: u32,
    /// The lowest and the highest middle.
    range: (u32, u32),
    /// The side that gives way to the middle, if it moves.
    yielding: Option<Side>,
    /// Levels by the low bits of their tick; orders by age.
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

/// Small mostly, but any up to `DEPTH`: the chance of a distance falls with its square.
fn distance(rng: &mut Rng) -> u32 {
    let scale = rng.next().trailing_zeros().min(6);
    (rng.between(1 << scale, (2 << scale) - 1) as u32).min(DEPTH)
}

impl Book {
    /// An empty book whose middle begins at `reference`, 2 at least, and walks at most `wander` away from it and to
    /// `highest`; all in ticks.
    pub fn new(reference: u32, wander: u32, highest: u32) -> Self {
        Self {
            middle: reference,
            range: (reference.saturating_sub(wander).max(2), reference.saturating_add(wander).min(highest)),
            yielding: None,
            levels: std::iter::repeat_with(Vec::new).take(LADDER).collect(),
            occupied: [0; LADDER / 64],
            orders: 0,
        }
    }

    /// Orders that rest.
    pub fn orders(&self) -> usize {
        self.orders
    }

    /// The best tick of a side.
    pub fn best(&self, side: Side) -> Option<u32> {
        self.occupied_from(side, 1)
    }

    /// The middle, in ticks.
    pub fn middle(&self) -> u32 {
        self.middle
    }

    /// Lets the middle walk.
    pub fn visit(&mut self, rng: &mut Rng) {
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

    /// A tick for a new order, mostly near the touch.
    pub fn draw_tick(&self, rng: &mut Rng, side: Side) -> u32 {
        let nearest = 1 + u32::from(self.yielding == Some(side));
        let farthest = DEPTH - u32::from(self.yielding == Some(opposite(side)));
        let distance = distance(rng).clamp(nearest, farthest);
        // A bid has a tick of at least 1, and the middle is never below 2.
        self.tick(side, distance).unwrap_or(1)
    }

    /// Any order, mostly one near the touch and one of the youngest of its level; `None` if nothing rests.
    pub fn draw(&self, rng: &mut Rng) -> Option<Place> {
        let (side, tick) = self.draw_level(rng)?;
        let orders = self.level(tick).len();
        let at = if rng.below(2) == 0 { orders - 1 } else { rng.below(orders as u64) as usize };
        Some(Place { side, tick, at })
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

    /// Puts an order behind those of its level.
    pub fn add(&mut self, tick: u32, order: Resting) {
        let at = tick as usize % LADDER;
        self.levels[at].push(order);
        self.occupied[at / 64] |= 1 << (at % 64);
        self.orders += 1;
    }

    /// The order at a place.
    pub fn order(&mut self, place: Place) -> &mut Resting {
        &mut self.levels[place.tick as usize % LADDER][place.at]
    }

    /// Takes the order at a place out.
    pub fn remove(&mut self, place: Place) -> Resting {
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

    /// The tick so many away from the middle, from 1; `None` for a bid without a price.
    fn tick(&self, side: Side, distance: u32) -> Option<u32> {
        match side {
            Side::Buy => (self.middle + 1).checked_sub(distance).filter(|tick| *tick > 0),
            Side::Sell => Some(self.middle + distance),
        }
    }

    /// The nearest occupied tick that is at least so far away.
    fn occupied_from(&self, side: Side, distance: u32) -> Option<u32> {
        (distance..=DEPTH).map_while(|distance| self.tick(side, distance)).find(|tick| self.is_occupied(*tick))
    }

    /// What must be empty before the middle moves: the best tick of the side that yields, or the farthest of the
    /// other, which would be left behind.
    fn obstacle(&self, yielding: Side) -> Option<(Side, u32)> {
        [(yielding, 1), (opposite(yielding), DEPTH)]
            .into_iter()
            .filter_map(|(side, distance)| Some((side, self.tick(side, distance)?)))
            .find(|(_, tick)| self.is_occupied(*tick))
    }
}
