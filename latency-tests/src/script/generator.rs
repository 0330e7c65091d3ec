//! A seeded flow of orders whose every answer is known.

use std::collections::VecDeque;

use corelane_codecs::ouch::{MAX_QUANTITY, Outbound, RejectReason, Side, TimeInForce};
use corelane_codecs::price::Price;
use corelane_codecs::text::Symbol;

use super::model::Order;
use super::{Completion, Expected, Instrument, Limits, Mismatch, Model, Request, Rules, Script};
use crate::rng::Rng;

/// A symbol that no venue lists.
const UNKNOWN_SYMBOL: Symbol = Symbol::from_bytes(*b"?NOSUCH ");
/// Orders are of at most so many lots, unless the limits allow fewer.
const LOTS_MAX: u32 = 500;
/// Prices wander at most so far from the reference price, in percent, so that no collar is touched by chance.
const WANDER_PERCENT: u64 = 1;
/// Distance of resting orders from the middle, in ticks.
const RESTING_TICKS: u64 = 6;
/// Requests without answer for which a session has room from the start.
const PENDING: usize = 16_384;

/// How often each kind of request comes, relative to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    /// Day orders near the touch, most of which rest.
    pub rest: u32,
    /// Day orders that trade at once.
    pub cross: u32,
    /// Immediate-or-cancel orders, some of which trade, often in part.
    pub immediate: u32,
    /// Cancels of a whole order.
    pub cancel: u32,
    /// Cancels of a part.
    pub reduce: u32,
    /// Replaces: smaller, larger, and at another price.
    pub replace: u32,
    /// Cancels and replaces that change nothing and get no answer.
    pub silent: u32,
    /// Orders that the venue must refuse, of every kind that its limits allow.
    pub violation: u32,
}

impl Mix {
    /// Every order enters, rests and is cancelled, in turn as the bound on open orders demands: the shortest path
    /// through the venue, for comparison with an echo.
    pub const ENTER_AND_CANCEL: Self = Self {
        rest: 1,
        cross: 0,
        immediate: 0,
        cancel: 1,
        reduce: 0,
        replace: 0,
        silent: 0,
        violation: 0,
    };

    const fn total(&self) -> u32 {
        self.rest
            + self.cross
            + self.immediate
            + self.cancel
            + self.reduce
            + self.replace
            + self.silent
            + self.violation
    }
}

impl Default for Mix {
    /// Of hundred requests two are violations and one is silent; every second order is cancelled before it trades.
    fn default() -> Self {
        Self {
            rest: 40,
            cross: 12,
            immediate: 8,
            cancel: 22,
            reduce: 6,
            replace: 9,
            silent: 1,
            violation: 2,
        }
    }
}

/// What a [`MarketScript`] sends.
#[derive(Clone, Debug)]
pub struct MarketSpec {
    /// Same seed, same requests.
    pub seed: u64,
    /// The instruments of each session. Nobody else may trade them: that makes the answers predictable.
    pub sessions: Vec<Vec<Instrument>>,
    /// The venue's limits.
    pub limits: Limits,
    /// The venue's choices.
    pub rules: Rules,
    /// What is sent how often.
    pub mix: Mix,
    /// Open orders of one session at most; beyond that it cancels.
    pub open_orders_max: usize,
    /// Number of each session's first order; above all that the account has used that day.
    pub first_user_ref: u32,
    /// Reasons with which an overloaded venue may refuse any order: a reject with one of these is counted, and the
    /// order taken as never entered. Empty for a run below saturation.
    pub overload_reasons: Vec<RejectReason>,
}

/// Flow of one session for each entry of [`MarketSpec::sessions`].
///
/// Requests are made from what the session *will* have open once all sent requests are handled; answers are judged
/// against a second model that handles a request when its first answer is due. So what is sent depends on the seed
/// alone, and a refusal by an overloaded venue does not derail the judgement.
#[derive(Clone, Debug)]
pub struct MarketScript {
    spec: MarketSpec,
    flows: Vec<Flow>,
}

#[derive(Clone, Debug)]
struct Flow {
    rng: Rng,
    instruments: Vec<Instrument>,
    /// The middle around which each instrument trades.
    middles: Vec<Price>,
    next_user_ref: u32,
    intended: Model,
    /// Scratch for the answers that the intended model gives.
    unread: VecDeque<Expected>,
    /// Made, and not yet handled by the confirmed model.
    pending: VecDeque<Request>,
    confirmed: Model,
    expected: VecDeque<Expected>,
    last: LastSeen,
}

/// What must increase from answer to answer.
#[derive(Clone, Copy, Debug, Default)]
struct LastSeen {
    timestamp_ns: u64,
    order_ref: u64,
    match_number: u64,
}

impl MarketScript {
    /// The script.
    ///
    /// # Panics
    /// If a session has no instrument, or the mix or an instrument is all zero.
    pub fn new(spec: MarketSpec) -> Self {
        assert!(spec.mix.total() > 0, "the mix must have something in it");
        let flows = spec
            .sessions
            .iter()
            .enumerate()
            .map(|(index, instruments)| {
                assert!(!instruments.is_empty(), "session {index} has no instrument");
                for instrument in instruments {
                    assert!(
                        instrument.tick > Price::ZERO && instrument.lot > 0,
                        "tick and lot of {} must be above zero",
                        instrument.symbol
                    );
                }
                let model = Model::new(instruments.clone(), spec.limits, spec.rules);
                Flow {
                    rng: Rng::for_part(spec.seed, index),
                    instruments: instruments.clone(),
                    middles: instruments
                        .iter()
                        .map(|one| on_tick(one, one.reference_price.raw()))
                        .collect(),
                    next_user_ref: spec.first_user_ref,
                    intended: model.clone(),
                    unread: VecDeque::with_capacity(64),
                    pending: VecDeque::with_capacity(PENDING),
                    confirmed: model,
                    expected: VecDeque::with_capacity(64),
                    last: LastSeen::default(),
                }
            });
        Self {
            flows: flows.collect(),
            spec,
        }
    }

    /// Above every number used so far: [`MarketSpec::first_user_ref`] of the next script for the same accounts.
    pub fn next_user_ref(&self) -> u32 {
        let next = self.flows.iter().map(|flow| flow.next_user_ref);
        next.max().unwrap_or(self.spec.first_user_ref)
    }

    /// Orders that this session has open at the venue, by the answers so far.
    pub fn open_orders(&self, session: usize) -> usize {
        self.flows[session].confirmed.orders().len()
    }
}

impl Script for MarketScript {
    fn next(&mut self, session: usize, out: &mut Vec<u8>) {
        let flow = &mut self.flows[session];
        let request = flow.choose(&self.spec);
        flow.intended.apply(request, &mut flow.unread);
        flow.unread.clear();
        flow.pending.push_back(request);
        request.encode(out);
    }

    fn check(&mut self, session: usize, answer: &Outbound<'_>) -> Result<Completion, Mismatch> {
        self.flows[session].check(answer, &self.spec.overload_reasons)
    }

    fn withdraw(&mut self, session: usize) {
        let flow = &mut self.flows[session];
        flow.pending.pop_back();
        flow.intended = flow.confirmed.clone();
        for request in &flow.pending {
            flow.intended.apply(*request, &mut flow.unread);
        }
        flow.unread.clear();
    }

    fn owed(&self, session: usize, outstanding: usize) -> u64 {
        let flow = &self.flows[session];
        let mut model = flow.confirmed.clone();
        let mut expected = flow.expected.clone();
        for request in flow.pending.iter().take(outstanding) {
            model.apply(*request, &mut expected);
        }
        expected.len() as u64
    }

    fn closing(&mut self, session: usize, out: &mut Vec<u8>) -> bool {
        let flow = &mut self.flows[session];
        // What the venue has, without what closing requests have asked for already.
        let asked = |user_ref| {
            flow.pending
                .iter()
                .any(|request| matches!(request, Request::Cancel { user_ref: asked, quantity: 0 } if *asked == user_ref))
        };
        let left = flow
            .confirmed
            .orders()
            .iter()
            .find(|order| !asked(order.user_ref));
        let Some(user_ref) = left.map(|order| order.user_ref) else {
            return false;
        };
        let request = Request::Cancel {
            user_ref,
            quantity: 0,
        };
        flow.intended.apply(request, &mut flow.unread);
        flow.unread.clear();
        flow.pending.push_back(request);
        request.encode(out);
        true
    }
}

impl Flow {
    fn check(
        &mut self,
        answer: &Outbound<'_>,
        overload_reasons: &[RejectReason],
    ) -> Result<Completion, Mismatch> {
        let mut completion = Completion::Further;
        if self.expected.is_empty() {
            let mut unanswered = 0;
            loop {
                let Some(&request) = self.pending.front() else {
                    return Err(mismatch("no answer", answer));
                };
                if refused_by_overload(&request, answer, overload_reasons) {
                    self.pending.pop_front();
                    return Ok(Completion::First { unanswered });
                }
                self.pending.pop_front();
                self.confirmed.apply(request, &mut self.expected);
                if !self.expected.is_empty() {
                    break;
                }
                unanswered += 1;
            }
            completion = Completion::First { unanswered };
        }
        match self.expected.pop_front() {
            Some(expected) if expected.is(answer) => {
                self.check_order(&expected, answer)?;
                Ok(completion)
            }
            Some(expected) => Err(mismatch(&expected.to_string(), answer)),
            None => Err(mismatch("no answer", answer)),
        }
    }

    /// Times never go back; references and match numbers increase, and both sides of a trade share one.
    fn check_order(&mut self, expected: &Expected, answer: &Outbound<'_>) -> Result<(), Mismatch> {
        let last = self.last;
        let timestamp_ns = answer.timestamp_ns();
        if timestamp_ns < last.timestamp_ns {
            let expected = format!("a time of at least {} ns", last.timestamp_ns);
            return Err(mismatch(&expected, answer));
        }
        self.last.timestamp_ns = timestamp_ns;
        match (expected, answer) {
            (Expected::Accepted { .. }, Outbound::Accepted(actual, _)) => {
                self.last.order_ref = actual.order_ref.get();
            }
            (Expected::Replaced { kept_priority, .. }, Outbound::Replaced(actual, _)) => {
                let order_ref = actual.order_ref.get();
                if *kept_priority && order_ref <= last.order_ref {
                    return Ok(());
                }
                self.last.order_ref = order_ref;
            }
            (Expected::Executed { second_side, .. }, Outbound::Executed(actual, _)) => {
                let match_number = actual.match_number.get();
                let fits = if *second_side {
                    match_number == last.match_number
                } else {
                    match_number > last.match_number
                };
                if !fits {
                    let which = if *second_side { "equal to" } else { "above" };
                    let expected = format!("a match number {which} {}", last.match_number);
                    return Err(mismatch(&expected, answer));
                }
                self.last.match_number = match_number;
                return Ok(());
            }
            _ => return Ok(()),
        }
        if self.last.order_ref <= last.order_ref {
            let expected = format!("an order reference above {}", last.order_ref);
            return Err(mismatch(&expected, answer));
        }
        Ok(())
    }

    fn choose(&mut self, spec: &MarketSpec) -> Request {
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
            // An order of one share is cancelled.
            cancel(order.user_ref, order.executed + order.open / 2)
        } else if is(spec.mix.replace) {
            self.replace(spec)
        } else {
            self.silent()
        }
    }

    /// The middle moves by at most a tick, and not far from the reference.
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

    /// At the price of the best order on the other side, if there is one.
    fn cross(&mut self, at: usize, spec: &MarketSpec) -> Request {
        let side = self.side();
        let price = match self
            .intended
            .best_against(side, self.instruments[at].symbol)
        {
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

    fn enter(
        &mut self,
        at: usize,
        spec: &MarketSpec,
        side: Side,
        price: Price,
        time_in_force: TimeInForce,
    ) -> Request {
        let instrument = self.instruments[at];
        let affordable = spec.limits.notional_max.raw() / (2 * price.raw().max(1));
        let quantity_max = affordable.min(u64::from(spec.limits.quantity_max));
        let lots_max = (quantity_max / u64::from(instrument.lot)).clamp(1, u64::from(LOTS_MAX));
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

    /// Every kind of violation that the limits allow without being refused for another reason first.
    fn violation(&mut self, at: usize, spec: &MarketSpec) -> Request {
        let instrument = self.instruments[at];
        let side = self.side();
        let lot = u64::from(instrument.lot);
        let (mut symbol, mut price, mut quantity) = (instrument.symbol, self.middles[at], lot);
        match self.rng.below(5) {
            0 => symbol = UNKNOWN_SYMBOL,
            1 if instrument.tick.raw() > 1 => price = Price::from_raw(price.raw() + 1),
            2 if spec.limits.quantity_max < MAX_QUANTITY => {
                quantity = u64::from(spec.limits.quantity_max) + 1;
            }
            3 => {
                let over = spec.limits.notional_max.raw() / price.raw() + 1;
                let over = over.div_ceil(lot) * lot;
                if over <= u64::from(spec.limits.quantity_max) {
                    quantity = over;
                } else {
                    symbol = UNKNOWN_SYMBOL;
                }
            }
            // Half as much again above or below the reference, beyond any sensible collar.
            _ => {
                let reference = instrument.reference_price.raw();
                let far = if side.is_buy() {
                    reference * 3 / 2
                } else {
                    reference / 2
                };
                price = on_tick(&instrument, far);
            }
        }
        Request::Enter {
            user_ref: self.take_user_ref(),
            side,
            // At most MAX_QUANTITY: each branch keeps below the limits.
            quantity: quantity as u32,
            symbol,
            price,
            time_in_force: TimeInForce::Day,
        }
    }

    fn replace(&mut self, spec: &MarketSpec) -> Request {
        let order = self.any_order();
        let at = self
            .instruments
            .iter()
            .position(|one| one.symbol == order.symbol);
        // The symbol is one of ours: only known ones rest.
        let instrument = self.instruments[at.unwrap_or(0)];
        let total = order.executed + order.open;
        let (quantity, price) = match self.rng.below(4) {
            // Keeps its place.
            0 => (total - order.open / 2, order.price),
            // Loses it. The quantity stays within what `enter` could have asked for.
            1 if total < spec.limits.quantity_max / 2 => (total + instrument.lot, order.price),
            // Away from the touch, or across it.
            2 => (total, self.away(at.unwrap_or(0), order.side)),
            _ => {
                let best = self.intended.best_against(order.side, order.symbol);
                (total, best.map_or(order.price, |resting| resting.price))
            }
        };
        Request::Replace {
            original: order.user_ref,
            user_ref: self.take_user_ref(),
            quantity,
            price,
        }
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
        let oldest = self
            .intended
            .orders()
            .iter()
            .map(|order| order.user_ref)
            .min();
        cancel(oldest.unwrap_or(0), 0)
    }

    /// One of the open orders; there must be one.
    fn any_order(&mut self) -> Order {
        let orders = self.intended.orders();
        orders[self.rng.below(orders.len() as u64) as usize]
    }

    fn side(&mut self) -> Side {
        if self.rng.below(2) == 0 {
            Side::Buy
        } else {
            Side::Sell
        }
    }

    /// A price some ticks on this side's own part of the book.
    fn away(&mut self, at: usize, side: Side) -> Price {
        let distance = self.rng.between(1, RESTING_TICKS) * self.instruments[at].tick.raw();
        let middle = self.middles[at].raw();
        Price::from_raw(if side.is_buy() {
            middle.saturating_sub(distance)
        } else {
            middle + distance
        })
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

fn on_tick(instrument: &Instrument, raw: u64) -> Price {
    let tick = instrument.tick.raw();
    Price::from_raw(raw / tick * tick)
}

fn refused_by_overload(
    request: &Request,
    answer: &Outbound<'_>,
    overload_reasons: &[RejectReason],
) -> bool {
    let (Outbound::Rejected(rejected, _), Some(reason)) = (answer, reject_reason(answer)) else {
        return false;
    };
    let number = match request {
        Request::Enter { user_ref, .. } | Request::Replace { user_ref, .. } => *user_ref,
        Request::Cancel { .. } => return false,
    };
    rejected.user_ref_num.get() == number && overload_reasons.contains(&reason)
}

fn reject_reason(answer: &Outbound<'_>) -> Option<RejectReason> {
    match answer {
        Outbound::Rejected(rejected, _) => rejected.reason(),
        _ => None,
    }
}

fn mismatch(expected: &str, answer: &Outbound<'_>) -> Mismatch {
    Mismatch {
        expected: expected.to_owned(),
        actual: format!("{answer:?}"),
    }
}
