//! Pre-trade risk: limits and kill switches. A check depends only on the order, the prices that the sequencer attached to
//! it, the prices of the own book, and the state of the kill switches.
//!
//! The checks run in this order; the first that fails gives the reject reason:
//!
//! | check | reject reason |
//! |---|---|
//! | a kill switch of the port, its account, its firm or the venue is engaged: the aggregate exposure allowed is zero | 0x20 aggregate exposure |
//! | the order is at the market | 0x2C market order not allowed |
//! | quantity above the maximum | 0x31 maximum quantity |
//! | price times quantity above the maximum | 0x30 single-order notional |
//! | price outside the collar around the reference price | 0x26 fat finger |
//!
//! The limits of a port are the lowest of the venue's, its firm's, its account's and its own.
//!
//! A replace is checked for what it raises: the quantity if more shares are open, the notional if the open notional is
//! higher, the collar if more shares are open or the price is more aggressive. Cancels of any kind, and replaces that raise
//! nothing, always pass. `docs/rules.md` states these rules for members.

use corelane_codecs::{
    ouch::RejectReason,
    price::{Price, Price4},
};

use crate::types::{
    BookPrices, Exposure, GroupConfig, Increase, KillSwitch, Limits, Notional, Owner, Reference, Scope,
    WithoutReference,
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
    /// See [`GroupConfig::quote_width_parts_per_million`].
    quote_width_parts_per_million: u32,
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
            quote_width_parts_per_million: config.quote_width_parts_per_million,
        }
    }

    /// Checks whether a new order may trade. `book` gives the own book's prices, which are needed only if the feed has none.
    #[inline]
    pub(crate) fn check(&self, exposure: &Exposure, book: impl FnOnce() -> BookPrices) -> Result<(), RejectReason> {
        self.check_replace(exposure, Increase::ALL, book)
    }

    /// Checks whether a replace may raise what it raises.
    #[inline]
    pub(crate) fn check_replace(
        &self,
        exposure: &Exposure,
        increase: Increase,
        book: impl FnOnce() -> BookPrices,
    ) -> Result<(), RejectReason> {
        let Exposure { order, price, total_quantity, reference } = exposure;
        let PortRisk { limits, stopped } = &self.ports[order.port.index()];
        if *stopped != 0 && increase.is_any() {
            return Err(RejectReason::RiskAggregateExposure);
        }
        if price.is_market() {
            return Err(RejectReason::RiskMarketOrderNotAllowed);
        }
        if increase.quantity && *total_quantity > limits.quantity_max {
            return Err(RejectReason::RiskMaxQuantity);
        }
        if increase.notional && Notional::of(order.price, *total_quantity) > limits.notional_max {
            return Err(RejectReason::RiskSingleOrderNotional);
        }
        if !increase.quantity && !increase.price {
            return Ok(());
        }
        let configured = self.reference_prices[order.locate.index()];
        let is_within = match self.anchor(reference, book, configured) {
            Some(anchor) => anchor.is_near(order.price, limits.collar_parts_per_million),
            None => limits.without_reference == WithoutReference::Accept,
        };
        if is_within { Ok(()) } else { Err(RejectReason::RiskFatFinger) }
    }

    /// The price that the collar lies around: the mean of the feed's quotes, else of the own book's, else the last trade's,
    /// else the configured price. The feed comes first, because no member can move it. A single quote is no reference: it may
    /// be a stub.
    #[inline(always)]
    fn anchor(&self, reference: &Reference, book: impl FnOnce() -> BookPrices, configured: Price) -> Option<Anchor> {
        let width = self.quote_width_parts_per_million;
        let fed = Anchor::between(reference.bid, reference.ask, width);
        if reference.stale == 0 && fed.is_some() {
            return fed;
        }
        let BookPrices { bid, ask, last } = book();
        let own = Anchor::between(bid.into(), ask.into(), width);
        own.or_else(|| Anchor::at(last.into())).or_else(|| Anchor::at(configured))
    }

    /// The number of ports that a kill switch stops.
    #[cold]
    pub(crate) fn ports_stopped(&self) -> u64 {
        self.ports.iter().filter(|port| port.stopped != 0).count() as u64
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

/// Twice the price that a collar lies around: the sum of two quotes is exact, their mean is not.
#[derive(Clone, Copy)]
struct Anchor {
    doubled: u64,
}

impl Anchor {
    /// At the price, if it is one.
    #[inline(always)]
    fn at(price: Price) -> Option<Anchor> {
        (price != Price::ZERO).then_some(Anchor { doubled: price.raw().saturating_mul(2) })
    }

    /// At the mean of a bid and an ask, if there are both, they do not cross, and they are no further apart than `width`
    /// millionths of the mean.
    #[inline(always)]
    fn between(bid: Price, ask: Price, width: u32) -> Option<Anchor> {
        let doubled = bid.raw().saturating_add(ask.raw());
        let spread = ask.checked_sub(bid)?;
        let is_quote = bid != Price::ZERO && is_part::<2_000_000>(spread.raw(), doubled, width);
        is_quote.then_some(Anchor { doubled })
    }

    /// Whether a price is no further from it than `collar` millionths of it.
    #[inline(always)]
    fn is_near(self, price: Price4, collar: u32) -> bool {
        let doubled = 2 * u64::from(price.raw());
        is_part::<1_000_000>(doubled.abs_diff(self.doubled), self.doubled, collar)
    }
}

/// Whether `part` is at most so many of `PARTS` parts of `whole`.
#[inline(always)]
fn is_part<const PARTS: u32>(part: u64, whole: u64, parts: u32) -> bool {
    u128::from(part) * u128::from(PARTS) <= u128::from(whole) * u128::from(parts)
}
