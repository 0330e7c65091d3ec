//! Pre-trade risk: limits and kill switches. A check depends only on the order, the prices that the sequencer attached to
//! it, and the state of the kill switches.
//!
//! The checks run in this order; the first that fails gives the reject reason:
//!
//! | check | reject reason |
//! |---|---|
//! | a kill switch of the port, its account, its firm or the venue is engaged: the aggregate exposure allowed is zero | 0x20 aggregate exposure |
//! | the order is at the market | 0x2C market order not allowed |
//! | quantity above the maximum | 0x31 maximum quantity |
//! | price times quantity above the maximum | 0x30 single-order notional |
//! | price beyond the collar around the reference | 0x26 fat finger |
//!
//! The limits of a port are the lowest of the venue's, its firm's, its account's and its own.
//!
//! A replace is checked like a new order of its total quantity. If it fails, the order that it would have replaced is
//! cancelled (OUCH 5.0 cancels the existing order if a replace is invalid), which lowers the risk. Cancels of any kind
//! always pass.

use corelane_codecs::{ouch::RejectReason, price::Price};

use crate::types::{
    Exposure, GroupConfig, KillSwitch, Limits, NewOrder, Owner, Reference, Scope, Side, WithoutReference,
};

/// The limits and kill switches of one port: the only row that a check reads.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct PortRisk {
    /// The lowest limits of all levels.
    limits: Limits,
    /// One bit for each level whose kill switch is engaged.
    stopped: u32,
}

/// Limits, reference prices and kill switches.
pub(crate) struct Risk {
    /// By port.
    ports: Vec<PortRisk>,
    /// By port.
    owners: Vec<Owner>,
    accounts: usize,
    firms: usize,
    /// The configured reference prices, by locate from 1; zero means none.
    reference_prices: Vec<Price>,
}

impl Risk {
    /// Risk with the limits and reference prices of `config`, and all kill switches released.
    pub(crate) fn new(config: &GroupConfig) -> Risk {
        Risk {
            ports: config.port_limits().map(|limits| PortRisk { limits, stopped: 0 }).collect(),
            owners: config.owners().collect(),
            accounts: config.accounts.len(),
            firms: config.firms.len(),
            reference_prices: config.instruments.iter().map(|one| one.reference_price).collect(),
        }
    }

    /// Checks whether an order may trade.
    #[inline]
    pub(crate) fn check(&self, exposure: &Exposure) -> Result<(), RejectReason> {
        let Exposure { order, price, total_quantity, reference } = exposure;
        let PortRisk { limits, stopped } = &self.ports[order.port.index()];
        if *stopped != 0 {
            return Err(RejectReason::RiskAggregateExposure);
        }
        if price.is_market() {
            return Err(RejectReason::RiskMarketOrderNotAllowed);
        }
        if *total_quantity > limits.quantity_max {
            return Err(RejectReason::RiskMaxQuantity);
        }
        if limits.notional_max.is_below(*price, *total_quantity) {
            return Err(RejectReason::RiskSingleOrderNotional);
        }
        let allowed = match self.anchor(order, reference) {
            Some(anchor) => is_within_collar(limits, order.side, *price, anchor),
            None => limits.without_reference == WithoutReference::Accept,
        };
        if allowed { Ok(()) } else { Err(RejectReason::RiskFatFinger) }
    }

    /// The price that the collar lies around: the best price of the opposite side, else of the own side, else the
    /// configured price. Stale prices of the feed are not used.
    #[inline(always)]
    fn anchor(&self, order: &NewOrder, reference: &Reference) -> Option<Price> {
        // No branch on the side: the CPU cannot predict it.
        let fed = [reference.bid, reference.ask].map(|price| if reference.stale == 0 { price } else { Price::ZERO });
        let (other, own) = (fed[order.side as usize], fed[order.side.opposite() as usize]);
        let configured = self.reference_prices[order.locate.index()];
        [other, own, configured].into_iter().find(|&price| price != Price::ZERO)
    }

    /// Engages or releases a kill switch. Returns false if its firm, account or port is unknown.
    #[cold]
    pub(crate) fn turn_kill_switch(&mut self, switch: &KillSwitch) -> bool {
        let scope = switch.scope();
        let (level, is_known) = match scope {
            Scope::Everyone => (1, true),
            Scope::Firm(firm) => (2, firm.index() < self.firms),
            Scope::Account(account) => (4, account.index() < self.accounts),
            Scope::Port(port) => (8, port.index() < self.ports.len()),
        };
        for (port, _) in self.ports.iter_mut().zip(&self.owners).filter(|(_, owner)| scope.covers(owner)) {
            port.stopped = if switch.is_engaged() { port.stopped | level } else { port.stopped & !level };
        }
        is_known
    }
}

#[inline(always)]
fn is_within_collar(limits: &Limits, side: Side, price: Price, anchor: Price) -> bool {
    const WHOLE: u128 = 1_000_000;
    let collar = u128::from(limits.collar_parts_per_million);
    let (price, anchor) = (u128::from(price.raw()) * WHOLE, u128::from(anchor.raw()));
    let (highest, lowest) = (anchor * (WHOLE + collar), anchor * WHOLE.saturating_sub(collar));
    // No branch on the side here either.
    (price <= highest) & side.is_buy() | (price >= lowest) & !side.is_buy()
}
