//! A slow and obvious model of the venue: a list of orders, searched from end to end.
//!
//! The model shares no code with the server's order, risk and matching, and is written from the protocol alone. Where
//! the protocol leaves a choice to the venue, the choice is a value of [`Rules`] or one of these:
//!
//! - An order that trades is first accepted, live and with its whole quantity. Its fills follow.
//! - A fill has the price of the resting order. Both sides are reported, even if both belong to the same client.
//! - The rest of an immediate-or-cancel order is cancelled with reason `I`, after its fills.
//! - A cancel states the new intended total, executions included. A cancel without effect gets no answer, and neither
//!   does a cancel or replace of a dead or unknown order.
//! - The answer to a replace states the open quantity: with 500 entered and 100 executed, a replace by 500 leaves 400.
//!   A replace that leaves nothing cancels the order.
//! - The order of the checks is: symbol, quantity (zero, beyond the protocol's maximum, not a multiple of the lot),
//!   tick, maximum quantity, notional, collar. The collar rejects prices far above and far below the market.
//! - A replace is checked for what it raises: the maximum quantity if more shares are open, the notional if the open
//!   notional is higher, the collar if more shares are open or the price is more aggressive. A replace that is refused is
//!   rejected and its number is used; the order stays. A replace with invalid details cancels the order.
//! - A cancel that would leave an odd lot cancels the odd lot too.

use std::collections::VecDeque;

use corelane_codecs::ouch::{CancelReason, Liquidity, MAX_QUANTITY, RejectReason, Side, TimeInForce};
use corelane_codecs::price::Price;
use corelane_codecs::text::Symbol;

use super::{Expected, Request};

/// The order in which the two sides of a fill are reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FillOrder {
    /// The resting order first, then the incoming one.
    #[default]
    RestingFirst,
    /// The incoming order first, then the resting one.
    AggressorFirst,
}

/// The effect of a replace on an order's time priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PriorityRule {
    /// Priority is always lost, as in ITCH, where a replace loses priority.
    #[default]
    AlwaysLost,
    /// Priority is kept if the price stays the same and the open quantity does not increase.
    KeptWhenReduced,
}

/// Choices that the protocol leaves to the venue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The order in which the two sides of a fill are reported.
    pub fill_order: FillOrder,
    /// The effect of a replace on priority.
    pub priority: PriorityRule,
}

/// A traded instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// Its symbol.
    pub symbol: Symbol,
    /// The price around which it trades.
    pub reference_price: Price,
    /// The smallest price step.
    pub tick: Price,
    /// The lot size; quantities are multiples of it.
    pub lot: u32,
}

impl Instrument {
    /// The highest price on a tick that is not above `raw`.
    pub(super) fn on_tick(&self, raw: u64) -> Price {
        let tick = self.tick.raw();
        Price::from_raw(raw / tick * tick)
    }
}

/// The venue's limits on one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The maximum quantity.
    pub quantity_max: u32,
    /// The maximum notional, price times quantity.
    pub notional_max: Price,
    /// The distance from [`Instrument::reference_price`], in percent, beyond which a price above or below it certainly
    /// violates the collar. It must be well above the collar's setting, because the venue's own reference moves, and
    /// below 50.
    pub far_percent: u32,
}

/// An order at the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its number.
    pub user_ref: u32,
    /// Side.
    pub side: Side,
    /// Instrument.
    pub symbol: Symbol,
    /// Limit.
    pub price: Price,
    /// Number of open shares.
    pub open: u32,
    /// Number of shares executed, including those of the orders that it replaced.
    pub executed: u32,
    /// Time priority; at the same price, the lower value trades first.
    priority: u64,
}

/// The venue from the view of a client whose instruments nobody else trades.
#[derive(Clone, Debug)]
pub struct Model {
    instruments: Vec<Instrument>,
    limits: Limits,
    rules: Rules,
    orders: Vec<Order>,
    next_priority: u64,
}

impl Model {
    /// A model without orders.
    #[must_use]
    pub fn new(instruments: Vec<Instrument>, limits: Limits, rules: Rules) -> Self {
        Self { instruments, limits, rules, orders: Vec::new(), next_priority: 0 }
    }

    /// The resting orders, unsorted.
    #[must_use]
    pub fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// The resting order with which an order of `side` would trade first.
    #[must_use]
    pub fn best_against(&self, side: Side, symbol: Symbol) -> Option<&Order> {
        self.orders.iter().filter(|order| order.symbol == symbol && order.side.is_buy() != side.is_buy()).min_by_key(
            |order| {
                let price = order.price.raw();
                let worse = if side.is_buy() { price } else { u64::MAX - price };
                (worse, order.priority)
            },
        )
    }

    /// Handles a request as the venue would, and appends the answers.
    pub fn apply(&mut self, request: Request, answers: &mut VecDeque<Expected>) {
        match request {
            Request::Enter { user_ref, side, quantity, symbol, price, time_in_force } => {
                let refusal = self.fault(symbol, quantity, price);
                if let Some(reason) = refusal.or_else(|| self.refusal(symbol, quantity, price, Raised::ALL)) {
                    answers.push_back(Expected::Rejected { user_ref, reason });
                    return;
                }
                answers.push_back(Expected::Accepted { user_ref, side, quantity, symbol, price, time_in_force });
                let order = Order {
                    user_ref,
                    side,
                    symbol,
                    price,
                    open: quantity,
                    executed: 0,
                    priority: self.take_priority(),
                };
                self.trade(order, time_in_force, answers);
            }
            Request::Replace { original, user_ref, quantity, price } => {
                self.replace(original, user_ref, quantity, price, answers)
            }
            Request::Cancel { user_ref, quantity } => self.cancel(user_ref, quantity, answers),
        }
    }

    fn instrument(&self, symbol: Symbol) -> Option<&Instrument> {
        self.instruments.iter().find(|one| one.symbol == symbol)
    }

    /// The reason why the details of a request are invalid.
    fn fault(&self, symbol: Symbol, quantity: u32, price: Price) -> Option<RejectReason> {
        let Some(instrument) = self.instrument(symbol) else {
            return Some(RejectReason::InvalidSymbol);
        };
        if !(1..=MAX_QUANTITY).contains(&quantity) || !quantity.is_multiple_of(instrument.lot) {
            Some(RejectReason::InvalidQuantity)
        } else if !price.raw().is_multiple_of(instrument.tick.raw()) {
            Some(RejectReason::InvalidPrice)
        } else {
            None
        }
    }

    /// The limit that a request exceeds with what it raises.
    fn refusal(&self, symbol: Symbol, quantity: u32, price: Price, raised: Raised) -> Option<RejectReason> {
        let reference = self.instrument(symbol)?.reference_price.raw();
        let notional = u128::from(price.raw()) * u128::from(quantity);
        let far = reference / 100 * u64::from(self.limits.far_percent);
        if raised.quantity && quantity > self.limits.quantity_max {
            Some(RejectReason::RiskMaxQuantity)
        } else if raised.notional && notional > u128::from(self.limits.notional_max.raw()) {
            Some(RejectReason::RiskSingleOrderNotional)
        } else if (raised.quantity || raised.price) && price.raw().abs_diff(reference) > far {
            Some(RejectReason::RiskFatFinger)
        } else {
            None
        }
    }

    /// Matches, and lets the rest stay or go.
    fn trade(&mut self, mut order: Order, time_in_force: TimeInForce, answers: &mut VecDeque<Expected>) {
        while order.open > 0
            && let Some(resting) = self.best_against(order.side, order.symbol).copied()
            && crosses(&order, resting.price)
        {
            let quantity = order.open.min(resting.open);
            let side = |user_ref, liquidity, second_side| Expected::Executed {
                user_ref,
                quantity,
                price: resting.price,
                liquidity,
                second_side,
            };
            match self.rules.fill_order {
                FillOrder::RestingFirst => {
                    answers.push_back(side(resting.user_ref, Liquidity::Added, false));
                    answers.push_back(side(order.user_ref, Liquidity::Removed, true));
                }
                FillOrder::AggressorFirst => {
                    answers.push_back(side(order.user_ref, Liquidity::Removed, false));
                    answers.push_back(side(resting.user_ref, Liquidity::Added, true));
                }
            }
            order.open -= quantity;
            order.executed += quantity;
            for one in &mut self.orders {
                if one.user_ref == resting.user_ref {
                    one.open -= quantity;
                    one.executed += quantity;
                }
            }
            self.orders.retain(|one| one.open > 0);
        }
        if order.open == 0 {
            return;
        }
        if time_in_force == TimeInForce::ImmediateOrCancel {
            answers.push_back(Expected::Canceled {
                user_ref: order.user_ref,
                quantity: order.open,
                reason: CancelReason::ImmediateOrCancel,
            });
        } else {
            self.orders.push(order);
        }
    }

    fn replace(&mut self, original: u32, user_ref: u32, quantity: u32, price: Price, answers: &mut VecDeque<Expected>) {
        let Some(at) = self.orders.iter().position(|one| one.user_ref == original) else {
            return;
        };
        let old = self.orders[at];
        let open = quantity.saturating_sub(old.executed);
        let invalid = self.fault(old.symbol, quantity, price).map(|_| CancelReason::System);
        if let Some(reason) = invalid.or((open == 0).then_some(CancelReason::UserRequested)) {
            self.orders.remove(at);
            answers.push_back(Expected::Canceled { user_ref: original, quantity: old.open, reason });
            return;
        }
        if let Some(reason) = self.refusal(old.symbol, quantity, price, Raised::from(&old, open, price)) {
            answers.push_back(Expected::Rejected { user_ref, reason });
            return;
        }
        self.orders.remove(at);
        let kept_priority =
            self.rules.priority == PriorityRule::KeptWhenReduced && price == old.price && open <= old.open;
        answers.push_back(Expected::Replaced {
            original,
            user_ref,
            side: old.side,
            quantity: open,
            symbol: old.symbol,
            price,
            kept_priority,
        });
        let priority = if kept_priority { old.priority } else { self.take_priority() };
        let order = Order { user_ref, price, open, priority, ..old };
        self.trade(order, TimeInForce::Day, answers);
    }

    fn cancel(&mut self, user_ref: u32, quantity: u32, answers: &mut VecDeque<Expected>) {
        let Some(at) = self.orders.iter().position(|one| one.user_ref == user_ref) else {
            return;
        };
        let lot = self.instrument(self.orders[at].symbol).map_or(1, |one| one.lot);
        let order = &mut self.orders[at];
        let left = quantity.saturating_sub(order.executed);
        if left >= order.open {
            return;
        }
        let left = left / lot * lot;
        answers.push_back(Expected::Canceled {
            user_ref,
            quantity: order.open - left,
            reason: CancelReason::UserRequested,
        });
        order.open = left;
        self.orders.retain(|one| one.open > 0);
    }

    fn take_priority(&mut self) -> u64 {
        self.next_priority += 1;
        self.next_priority
    }
}

/// What a request raises: a new order everything, a replace only some of it.
#[derive(Clone, Copy)]
struct Raised {
    quantity: bool,
    notional: bool,
    /// The price is more aggressive.
    price: bool,
}

impl Raised {
    const ALL: Self = Self { quantity: true, notional: true, price: true };

    /// That of a replace of `old` by so many open shares at a price.
    fn from(old: &Order, open: u32, price: Price) -> Self {
        let notional = |open: u32, price: Price| u128::from(open) * u128::from(price.raw());
        Self {
            quantity: open > old.open,
            notional: notional(open, price) > notional(old.open, old.price),
            price: if old.side.is_buy() { price > old.price } else { price < old.price },
        }
    }
}

fn crosses(order: &Order, resting_price: Price) -> bool {
    if order.side.is_buy() { order.price >= resting_price } else { order.price <= resting_price }
}
