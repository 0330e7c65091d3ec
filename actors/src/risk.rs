//! Risk: limits on every order before it can trade, as a pure function of the order, the prices that the sequencer
//! attached to it, and the kill switches.
//!
//! Checks are made in this order, and the first that fails gives the reason:
//!
//! | check | reject reason |
//! |---|---|
//! | a kill switch is engaged: the aggregate exposure allowed is zero | 0x20 aggregate exposure |
//! | the order is at the market | 0x2C market order not allowed |
//! | quantity above the maximum | 0x31 maximum quantity |
//! | price times quantity above the maximum | 0x30 single-order notional |
//! | price beyond the collar around the reference | 0x26 fat finger |
//!
//! A replace is checked like a new order of its total quantity. If it fails, the order that it would have replaced is
//! cancelled (OUCH 5.0 cancels the existing order if a replace is invalid), which lowers the risk. Cancels of any kind
//! always pass.

use corelane_codecs::{
    ouch::{CancelReason, RejectReason},
    price::Price,
};
use corelane_runtime::{
    actor::{Actor, Context, Step},
    message::Message,
    ports,
};

use crate::{
    group::GroupConfig,
    matching::{MatchingIn, NewOrder, OrderSlot},
    messages::{KillSwitch, Reference},
    order::OrderIn,
};

/// An order with what risk must know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The order as matching would get it; its price is meaningless while `price` does not fit.
    pub order: NewOrder,
    /// The price as it came, four implied decimals; perhaps one of the codes for "at the market".
    pub price: u64,
    /// Shares for which the account is liable, those that were executed before a replace included.
    pub total_quantity: u32,
    /// The best prices when it was sequenced.
    pub reference: Reference,
}

/// What the order actor sends to risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RiskIn {
    /// A new order.
    Enter(Exposure),
    /// An order in the place of the one that is in its slot.
    Replace(Exposure),
    /// The kill switch was moved; risk has the orders cancelled.
    KillSwitch(KillSwitch),
    /// What lowers risk or has none: it goes on unchanged.
    Pass(MatchingIn),
}

impl Message for RiskIn {
    fn kind(&self) -> u16 {
        match self {
            RiskIn::Enter(_) => 1,
            RiskIn::Replace(_) => 2,
            RiskIn::KillSwitch(_) => 3,
            RiskIn::Pass(_) => 4,
        }
    }
}

/// A new order was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RiskReject {
    /// The order.
    pub slot: OrderSlot,
    /// Why.
    pub reason: RejectReason,
}

/// What risk says to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on to matching.
    Passes(MatchingIn),
    /// A new order ends here.
    Refused(RiskReject),
    /// Nothing more is to be done.
    Done,
}

/// What happens to an order while its instrument has neither a good price from the feed nor a configured one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutReference {
    /// The collar is skipped.
    Accept,
    /// The order is refused.
    Reject,
}

/// The limits of every order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest quantity, in shares.
    pub quantity_max: u32,
    /// Largest price times quantity, four implied decimals.
    pub notional_max: u64,
    /// How far a buy may be above the reference, and a sell below it, in millionths of the reference.
    pub collar_parts_per_million: u32,
    /// What happens without a reference.
    pub without_reference: WithoutReference,
}

ports! {
    /// Where risk sends.
    pub struct RiskOut {
        /// What passed.
        matching: MatchingIn,
        /// What did not.
        rejects: OrderIn,
    }
}

/// The risk actor.
pub struct Risk {
    limits: Limits,
    /// By locate, from 1: what the collar starts from until the feed gives a price; 0 is none.
    reference_prices: Vec<u64>,
    /// By account.
    killed: Vec<bool>,
    everyone_killed: bool,
}

impl Risk {
    /// Limits and reference prices of `config`; no kill switch is engaged.
    pub fn new(config: &GroupConfig) -> Risk {
        Risk {
            limits: config.limits,
            reference_prices: config.instruments.iter().map(|one| one.reference_price).collect(),
            killed: vec![false; config.accounts as usize],
            everyone_killed: false,
        }
    }

    /// Whether an order may trade.
    #[inline]
    pub(crate) fn check(&self, exposure: &Exposure) -> Result<(), RejectReason> {
        let Exposure { order, price, total_quantity, reference } = exposure;
        if self.everyone_killed || self.killed[order.account as usize] {
            return Err(RejectReason::RiskAggregateExposure);
        }
        if Price::from_raw(*price).is_market() {
            return Err(RejectReason::RiskMarketOrderNotAllowed);
        }
        if *total_quantity > self.limits.quantity_max {
            return Err(RejectReason::RiskMaxQuantity);
        }
        if u128::from(*price) * u128::from(*total_quantity) > u128::from(self.limits.notional_max) {
            return Err(RejectReason::RiskSingleOrderNotional);
        }
        let allowed = match self.anchor(order, reference) {
            Some(anchor) => self.is_within_collar(order.buys, *price, anchor),
            None => self.limits.without_reference == WithoutReference::Accept,
        };
        if allowed { Ok(()) } else { Err(RejectReason::RiskFatFinger) }
    }

    /// The price that the collar is around: the feed's of the other side, else of the own side, unless they are
    /// stale; else the configured one.
    #[inline(always)]
    fn anchor(&self, order: &NewOrder, reference: &Reference) -> Option<u64> {
        // No branch on the side: it cannot be predicted.
        let fed = [reference.bid, reference.ask].map(|price| if reference.stale == 0 { price } else { 0 });
        let (other, own) = (fed[usize::from(order.buys)], fed[usize::from(!order.buys)]);
        let configured = self.reference_prices[usize::from(order.locate) - 1];
        [other, own, configured].into_iter().find(|&price| price != 0)
    }

    #[inline(always)]
    fn is_within_collar(&self, buys: bool, price: u64, anchor: u64) -> bool {
        const WHOLE: u128 = 1_000_000;
        let collar = u128::from(self.limits.collar_parts_per_million);
        let (price, anchor) = (u128::from(price) * WHOLE, u128::from(anchor));
        let (highest, lowest) = (anchor * (WHOLE + collar), anchor * WHOLE.saturating_sub(collar));
        // No branch on the side here either.
        (price <= highest) & buys | (price >= lowest) & !buys
    }

    /// What becomes of what the order actor asks.
    pub(crate) fn judge(&mut self, asked: &RiskIn) -> Verdict {
        match asked {
            RiskIn::Enter(exposure) => match self.check(exposure) {
                Ok(()) => Verdict::Passes(MatchingIn::Enter(exposure.order)),
                Err(reason) => Verdict::Refused(RiskReject { slot: exposure.order.slot, reason }),
            },
            RiskIn::Replace(exposure) => Verdict::Passes(match self.check(exposure) {
                Ok(()) => MatchingIn::Replace(exposure.order),
                Err(_) => {
                    MatchingIn::Cancel { slot: exposure.order.slot, quantity: u32::MAX, reason: CancelReason::System }
                }
            }),
            RiskIn::KillSwitch(switch) => self.turn_kill_switch(*switch),
            RiskIn::Pass(passed) => Verdict::Passes(*passed),
        }
    }

    #[cold]
    fn turn_kill_switch(&mut self, switch: KillSwitch) -> Verdict {
        let engaged = switch.engaged != 0;
        let account = match switch.account {
            KillSwitch::EVERYONE => {
                self.everyone_killed = engaged;
                None
            }
            account => {
                self.killed[account as usize] = engaged;
                Some(account)
            }
        };
        if engaged {
            Verdict::Passes(MatchingIn::MassCancel { account, reason: CancelReason::Supervisory })
        } else {
            Verdict::Done
        }
    }
}

impl Actor for Risk {
    type In = RiskIn;
    type Out = RiskOut;
    const OUTPUTS_MAX: usize = 1;

    #[inline]
    fn on_message(&mut self, ctx: &mut Context<'_, RiskOut>, message: &RiskIn) -> Step {
        let verdict = match message {
            // The frequent one by itself: an order that passes is sent as it is.
            RiskIn::Enter(exposure) => match self.check(exposure) {
                Ok(()) => {
                    ctx.out.matching.send(MatchingIn::Enter(exposure.order));
                    return Step::Done;
                }
                Err(reason) => Verdict::Refused(RiskReject { slot: exposure.order.slot, reason }),
            },
            other => self.judge(other),
        };
        match verdict {
            Verdict::Passes(passed) => ctx.out.matching.send(passed),
            Verdict::Refused(refused) => ctx.out.rejects.send(OrderIn::Rejected(refused)),
            Verdict::Done => {}
        }
        Step::Done
    }
}
