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

use corelane_codecs::{ouch::RejectReason, price::Price};

use crate::types::{
    AccountSlot, Exposure, GroupConfig, KillSwitch, Limits, NewOrder, Reference, Side, WithoutReference,
};

/// Limits, reference prices and kill switches.
pub(crate) struct Risk {
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
    pub fn check(&self, exposure: &Exposure) -> Result<(), RejectReason> {
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
            Some(anchor) => self.is_within_collar(order.side, *price, anchor),
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
        let (other, own) = (fed[order.side as usize], fed[order.side.opposite() as usize]);
        let configured = self.reference_prices[usize::from(order.locate) - 1];
        [other, own, configured].into_iter().find(|&price| price != 0)
    }

    #[inline(always)]
    fn is_within_collar(&self, side: Side, price: u64, anchor: u64) -> bool {
        const WHOLE: u128 = 1_000_000;
        let collar = u128::from(self.limits.collar_parts_per_million);
        let (price, anchor) = (u128::from(price) * WHOLE, u128::from(anchor));
        let (highest, lowest) = (anchor * (WHOLE + collar), anchor * WHOLE.saturating_sub(collar));
        // No branch on the side here either.
        (price <= highest) & side.is_buy() | (price >= lowest) & !side.is_buy()
    }

    /// Turns a kill switch. Returns whose orders are to be cancelled if it was engaged: an account's, or everyone's
    /// (`Some(None)`). A switch of an unknown account does nothing.
    #[cold]
    pub fn turn_kill_switch(&mut self, switch: &KillSwitch) -> Option<Option<AccountSlot>> {
        let engaged = switch.engaged != 0;
        let account = match switch.account {
            KillSwitch::EVERYONE => {
                self.everyone_killed = engaged;
                None
            }
            account => {
                *self.killed.get_mut(account as usize)? = engaged;
                Some(account)
            }
        };
        engaged.then_some(account)
    }
}
