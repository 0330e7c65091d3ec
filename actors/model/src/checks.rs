//! Why an order or a replace is rejected.

use corelane_actors::types::{Enter, Locate, Mark, Notional, Quantity, Reference, WithoutReference};

use super::{Accepted, Model, is_market};

impl Model {
    /// The first check that an enter fails.
    pub(crate) fn why_not(&mut self, enter: &Enter) -> Option<u16> {
        if let Some(reason) = self.why_not_now(enter.mark, enter.locate.0) {
            return Some(reason);
        }
        if let Some(reason) = self.why_no_entry(enter.port.0, self.firm_of(enter), enter.time_in_force) {
            return Some(reason);
        }
        if enter.unsupported != 0 {
            let known = (1..=0x33).contains(&enter.unsupported);
            return Some(if known { enter.unsupported } else { 0x0f });
        }
        if enter.locate == Locate::NONE || enter.locate.row() > self.config.instruments.len() {
            return Some(0x17);
        }
        let instrument = self.config.instruments[enter.locate.index()];
        let price = enter.price.raw();
        let market = is_market(price);
        let faults = [
            (!b"BSTE".contains(&enter.side), 0x09),
            (
                enter.quantity.0 == 0
                    || enter.quantity.0 > 999_999
                    || !enter.quantity.0.is_multiple_of(instrument.lot.0),
                0x13,
            ),
            (!b"03".contains(&enter.time_in_force), 0x0f),
            (enter.display != b'Y', 0x03),
            (!b"APRO".contains(&enter.capacity), 0x0f),
            (enter.intermarket_sweep != b'N', 0x08),
            (enter.cross != b'N', 0x14),
            (!market && (price == 0 || price > 1_999_999_900 || !price.is_multiple_of(instrument.tick.raw())), 0x1d),
            (self.open_orders(enter.port.0) >= u64::from(self.config.open_orders_per_port_max), 0x0f),
            (self.orders.len() >= self.config.orders_max as usize, 0x0a),
        ];
        if let Some((_, reason)) = faults.into_iter().find(|(fault, _)| *fault) {
            return Some(reason);
        }
        let buys = enter.side == b'B';
        let raised = [true; 3];
        self.risk(enter.port.0, enter.locate.0, raised, enter.quantity.0, price, &enter.reference).or_else(|| {
            let rests = enter.time_in_force == b'0';
            (rests && self.lacks_level(enter.locate.0, buys, price)).then_some(0x0a)
        })
    }

    pub(crate) fn firm_of(&self, enter: &Enter) -> [u8; 4] {
        if enter.firm != *b"    " {
            return enter.firm;
        }
        let account = self.config.accounts[self.config.ports[enter.port.0 as usize].account.index()];
        *self.config.firms[account.firm.index()].mpid.as_array()
    }

    /// The reason of a mark or of a pause. What came too late begins a pause while orders are accepted.
    pub(crate) fn why_not_now(&mut self, mark: Mark, locate: u16) -> Option<u16> {
        let is_known = (1..=self.config.instruments.len()).contains(&usize::from(locate));
        let is_paused = self.pauses.iter().any(|(one, _)| *one == locate);
        let is_open = !matches!(self.accepted, Accepted::Nothing);
        if mark == Mark::Delay && is_known && !is_paused && is_open && self.config.pause_ns > 0 {
            self.pauses.push((locate, self.time_ns + self.config.pause_ns));
            self.publish_state(locate, b'P', *b"O1  ");
        }
        why_marked(mark).or(is_paused.then_some(0x07))
    }

    /// Why nothing may be entered or raised now.
    pub(crate) fn why_no_entry(&self, port: u32, firm: [u8; 4], time_in_force: u8) -> Option<u16> {
        let is_closed = match self.accepted {
            Accepted::All => false,
            Accepted::Immediate => time_in_force != b'3',
            Accepted::Nothing => true,
        };
        match is_closed {
            true => Some(0x02),
            false => self.is_disabled(port, firm).then_some(0x0c),
        }
    }

    /// The limit that a request exceeds. `raised` says which of these it raises: open shares, open notional,
    /// aggressiveness of the price.
    pub(crate) fn risk(
        &self,
        port: u32,
        locate: u16,
        raised: [bool; 3],
        quantity: u32,
        price: u64,
        reference: &Reference,
    ) -> Option<u16> {
        let [more_shares, more_notional, more_aggressive] = raised;
        if raised.contains(&true) && self.engaged.iter().any(|scope| self.is_in(port, *scope)) {
            return Some(0x20);
        }
        let venue = self.config.limits;
        let account = self.config.accounts[self.config.ports[port as usize].account.index()];
        let firm = self.config.firms[account.firm.index()];
        let levels = [self.config.ports[port as usize].limits, account.limits, firm.limits];
        if is_market(price) {
            return Some(0x2c);
        }
        let beyond = |most: Option<Quantity>| most.is_some_and(|most| quantity > most.0);
        if more_shares && (beyond(Some(venue.quantity_max)) || levels.iter().any(|level| beyond(level.quantity_max))) {
            return Some(0x31);
        }
        let beyond = |most: Option<Notional>| most.is_some_and(|most| price * u64::from(quantity) > most.0);
        if more_notional && (beyond(Some(venue.notional_max)) || levels.iter().any(|level| beyond(level.notional_max)))
        {
            return Some(0x30);
        }
        if !more_shares && !more_aggressive {
            return None;
        }
        let good = match self.doubled_anchor(locate, reference) {
            None => {
                venue.without_reference == WithoutReference::Accept
                    && levels.iter().all(|level| level.without_reference != Some(WithoutReference::Reject))
            }
            Some(anchor) => {
                // Twice the distance, in millionths of twice the anchor.
                let away = (2 * i128::from(price) - anchor).abs() * 1_000_000;
                let within = |collar: Option<u32>| collar.is_none_or(|collar| away <= anchor * i128::from(collar));
                within(Some(venue.collar_parts_per_million))
                    && levels.iter().all(|level| within(level.collar_parts_per_million))
            }
        };
        (!good).then_some(0x26)
    }

    /// Twice the reference price: the first of the feed's mid, the book's, the last trade and the configured price.
    pub(crate) fn doubled_anchor(&self, locate: u16, reference: &Reference) -> Option<i128> {
        let mid = |bid: u64, ask: u64| {
            let (sum, spread) = (i128::from(bid) + i128::from(ask), i128::from(ask) - i128::from(bid));
            let width = i128::from(self.config.quote_width_parts_per_million);
            (bid > 0 && ask > 0 && spread >= 0 && 2 * spread * 1_000_000 <= sum * width).then_some(sum)
        };
        let prices = |side: u8| {
            let here = self.orders.iter().filter(move |order| order.locate == locate);
            here.filter(move |order| (order.side == b'B') == (side == b'B')).map(|order| order.price)
        };
        let (bid, ask) = (prices(b'B').max().unwrap_or(0), prices(b'S').min().unwrap_or(0));
        let last = self.last_prices[usize::from(locate)];
        let configured = self.config.instruments[usize::from(locate) - 1].reference_price.raw();
        let fed = (reference.stale == 0).then(|| mid(reference.bid.raw(), reference.ask.raw())).flatten();
        let single = |price: u64| (price > 0).then_some(2 * i128::from(price));
        fed.or(mid(bid, ask)).or(single(last)).or(single(configured))
    }

    pub(crate) fn lacks_level(&self, locate: u16, buys: bool, price: u64) -> bool {
        // A level has an order.
        if self.orders.len() < self.config.levels_max as usize {
            return false;
        }
        let mut levels: Vec<_> =
            self.orders.iter().map(|order| (order.locate, order.side == b'B', order.price)).collect();
        levels.sort_unstable();
        levels.dedup();
        levels.len() >= self.config.levels_max as usize
            && !levels.contains(&(locate, buys, price))
            && self.counterpart(locate, buys, price).is_none()
    }
}

/// The reject reason of a mark.
fn why_marked(mark: Mark) -> Option<u16> {
    match mark {
        Mark::None => None,
        Mark::Rate => Some(0x29),
        Mark::InFlight => Some(0x0f),
        Mark::Breaker => Some(0x0a),
        Mark::Delay => Some(0x07),
    }
}
