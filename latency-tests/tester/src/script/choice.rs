//! The seeded choice of the next request, based on the orders that the session will have open.

use corelane_codecs::ouch::{MAX_QUANTITY, Side, TimeInForce};
use corelane_codecs::price::Price;
use corelane_codecs::text::Symbol;

use super::generator::{Flow, MarketSpec};
use super::{Instrument, Order, Request};

/// A symbol that no venue lists.
const UNKNOWN_SYMBOL: Symbol = Symbol::from_bytes(*b"?NOSUCH ");
/// The maximum number of lots per order, unless the limits allow fewer.
const LOTS_MAX: u32 = 500;
/// The maximum distance of mid prices from the reference price, in percent. It is small, so that no order violates a
/// collar by chance.
const WANDER_PERCENT: u64 = 1;
/// The maximum distance of resting orders from the mid price, in ticks.
const RESTING_TICKS: u64 = 6;

impl Flow {
    /// Chooses the next request.
    pub(super) fn choose(&mut self, spec: &MarketSpec) -> Request {
        let at = self.rng.below(self.instruments.len() as u64) as usize;
        self.wander(at);
        if self.intended.orders().len() >= spec.open_orders_max {
            return self.cancel_oldest();
        }
        let mut pick = self.rng.below(u64::from(spec.mix.total())) as u32;
        let mut is = |weight: u32| {
            let chosen = pick < weight;
            pick = pick.wrapping_sub(weight);
            chosen
        };
        if is(spec.mix.rest) {
            self.rest(at, spec)
        } else if is(spec.mix.cross) {
            self.cross(at, spec)
        } else if is(spec.mix.immediate) {
            self.immediate(at, spec)
        } else if is(spec.mix.violation) {
            self.violation(at, spec)
        } else if self.intended.orders().is_empty() {
            self.rest(at, spec)
        } else if is(spec.mix.cancel) {
            let order = self.any_order();
            cancel(order.user_ref, 0)
        } else if is(spec.mix.reduce) {
            let order = self.any_order();
            // For an order of one lot, this is a full cancel.
            cancel(order.user_ref, order.executed + self.half(&order))
        } else if is(spec.mix.replace) {
            self.replace(spec)
        } else {
            self.silent()
        }
    }

    /// Moves the mid price by at most a tick, and not far from the reference.
    fn wander(&mut self, at: usize) {
        let instrument = &self.instruments[at];
        let reference = instrument.reference_price.raw();
        let tick = instrument.tick.raw();
        let far = (reference / 100 * WANDER_PERCENT).max(tick);
        let middle = self.middles[at].raw();
        let moved = match self.rng.below(20) {
            0 => middle + tick,
            1 => middle.saturating_sub(tick),
            _ => return,
        };
        if moved.abs_diff(reference) <= far && moved > tick * (RESTING_TICKS + 1) {
            self.middles[at] = Price::from_raw(moved);
        }
    }

    fn rest(&mut self, at: usize, spec: &MarketSpec) -> Request {
        let side = self.side();
        let price = self.away(at, side);
        self.enter(at, spec, side, price, TimeInForce::Day)
    }

    /// An order at the price of the best order on the other side, if there is one.
    fn cross(&mut self, at: usize, spec: &MarketSpec) -> Request {
        let side = self.side();
        let price = match self.intended.best_against(side, self.instruments[at].symbol) {
            Some(resting) => resting.price,
            None => self.away(at, side),
        };
        self.enter(at, spec, side, price, TimeInForce::Day)
    }

    fn immediate(&mut self, at: usize, spec: &MarketSpec) -> Request {
        let side = self.side();
        let other = if side.is_buy() { Side::Sell } else { Side::Buy };
        let price = self.away(at, other);
        self.enter(at, spec, side, price, TimeInForce::ImmediateOrCancel)
    }

    fn enter(&mut self, at: usize, spec: &MarketSpec, side: Side, price: Price, time_in_force: TimeInForce) -> Request {
        let instrument = self.instruments[at];
        let quantity_max = self.quantity_max(&instrument, price, spec);
        let lots_max = u64::from((quantity_max / instrument.lot).clamp(1, LOTS_MAX));
        let quantity = instrument.lot * self.rng.between(1, lots_max) as u32;
        Request::Enter {
            user_ref: self.take_user_ref(),
            side,
            quantity,
            symbol: instrument.symbol,
            price,
            time_in_force,
        }
    }

    /// An order or a replace that the venue must reject. Covers every reason that the limits allow without an earlier check
    /// rejecting the order.
    fn violation(&mut self, at: usize, spec: &MarketSpec) -> Request {
        let instrument = self.instruments[at];
        let side = self.side();
        let lot = u64::from(instrument.lot);
        let (mut symbol, mut price, mut quantity) = (instrument.symbol, self.middles[at], lot);
        let over_maximum = (u64::from(spec.limits.quantity_max) / lot + 1) * lot;
        match self.rng.below(6) {
            // Raised above the maximum; the order stays.
            5 if over_maximum <= u64::from(MAX_QUANTITY) && !self.intended.orders().is_empty() => {
                let order = self.any_order();
                let user_ref = self.take_user_ref();
                // Fits, because it is within MAX_QUANTITY.
                let quantity = over_maximum as u32;
                return Request::Replace { original: order.user_ref, user_ref, quantity, price: order.price };
            }
            0 => symbol = UNKNOWN_SYMBOL,
            1 if instrument.tick.raw() > 1 => price = Price::from_raw(price.raw() + 1),
            2 if over_maximum <= u64::from(MAX_QUANTITY) => quantity = over_maximum,
            3 => {
                let over = spec.limits.notional_max.raw() / price.raw() + 1;
                let over = over.div_ceil(lot) * lot;
                if over <= u64::from(spec.limits.quantity_max) {
                    quantity = over;
                } else {
                    symbol = UNKNOWN_SYMBOL;
                }
            }
            // 50 % above or below the reference, beyond any sensible collar.
            _ => {
                let reference = instrument.reference_price.raw();
                let far = if self.rng.below(2) == 0 { reference * 3 / 2 } else { reference / 2 };
                price = instrument.on_tick(far);
            }
        }
        Request::Enter {
            user_ref: self.take_user_ref(),
            side,
            // Fits, because each branch stays within MAX_QUANTITY.
            quantity: quantity as u32,
            symbol,
            price,
            time_in_force: TimeInForce::Day,
        }
    }

    fn replace(&mut self, spec: &MarketSpec) -> Request {
        let order = self.any_order();
        let at = self.instruments.iter().position(|one| one.symbol == order.symbol);
        // The symbol is known, because only orders for known symbols rest.
        let instrument = self.instruments[at.unwrap_or(0)];
        let total = order.executed + order.open;
        let (quantity, price) = match self.rng.below(4) {
            0 => (total - self.half(&order), order.price),
            1 if self.quantity_max(&instrument, order.price, spec) > total => (total + instrument.lot, order.price),
            // Away from the touch, or crossing it.
            2 => (total, self.away(at.unwrap_or(0), order.side)),
            _ => {
                let best = self.intended.best_against(order.side, order.symbol);
                (total, best.map_or(order.price, |resting| resting.price))
            }
        };
        Request::Replace { original: order.user_ref, user_ref: self.take_user_ref(), quantity, price }
    }

    fn silent(&mut self) -> Request {
        let order = self.any_order();
        let never_entered = self.next_user_ref + 1_000_000;
        match self.rng.below(3) {
            0 => cancel(order.user_ref, order.executed + order.open),
            1 => cancel(never_entered, 0),
            _ => Request::Replace {
                original: never_entered,
                user_ref: self.take_user_ref(),
                quantity: order.open,
                price: order.price,
            },
        }
    }

    fn cancel_oldest(&self) -> Request {
        let oldest = self.intended.orders().iter().map(|order| order.user_ref).min();
        cancel(oldest.unwrap_or(0), 0)
    }

    /// A random open order; there must be one.
    fn any_order(&mut self) -> Order {
        let orders = self.intended.orders();
        orders[self.rng.below(orders.len() as u64) as usize]
    }

    /// Half of the order's open quantity, in whole lots.
    fn half(&self, order: &Order) -> u32 {
        let mut instruments = self.instruments.iter();
        let lot = instruments.find(|one| one.symbol == order.symbol).map_or(1, |one| one.lot);
        order.open / 2 / lot * lot
    }

    /// A maximum quantity well within the venue's limits, even after the price has moved a little.
    fn quantity_max(&self, instrument: &Instrument, price: Price, spec: &MarketSpec) -> u32 {
        let affordable = spec.limits.notional_max.raw() / (2 * price.raw().max(1));
        let most = affordable.min(u64::from(spec.limits.quantity_max));
        // Fits, because the limit has 32 bits.
        (most as u32).saturating_sub(instrument.lot)
    }

    fn side(&mut self) -> Side {
        if self.rng.below(2) == 0 { Side::Buy } else { Side::Sell }
    }

    /// A price some ticks from the mid price, on this side's own part of the book.
    fn away(&mut self, at: usize, side: Side) -> Price {
        let distance = self.rng.between(1, RESTING_TICKS) * self.instruments[at].tick.raw();
        let middle = self.middles[at].raw();
        Price::from_raw(if side.is_buy() { middle.saturating_sub(distance) } else { middle + distance })
    }

    fn take_user_ref(&mut self) -> u32 {
        let user_ref = self.next_user_ref;
        self.next_user_ref += 1;
        user_ref
    }
}

fn cancel(user_ref: u32, quantity: u32) -> Request {
    Request::Cancel { user_ref, quantity }
}
