//! A slow, obvious model of the venue's group: one list of orders in order of priority, searched from the start every
//! time, and messages encoded byte by byte from the protocol specification.
//!
//! It shares the types of commands, answers and limits with the group, and no rule: tests and the simulator compare the
//! two message by message.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

use std::collections::{BTreeMap, BTreeSet};

use corelane_actors::types::{
    Command, Enter, EntrySwitch, GroupConfig, KillSwitch, Locate, Mark, MassCancel, Modify, Notional, OtherChannel,
    PortId, Publication, Quantity, Reference, Replace, Reply, Scope, SequenceNumber, WithoutReference,
};

/// What the group sends for one input.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// Answers to clients, in order.
    pub replies: Vec<Reply>,
    /// Messages of the feed, in order.
    pub publications: Vec<Publication>,
}

/// An order at the venue.
#[derive(Clone, Debug)]
pub struct ModelOrder {
    /// Who sent it.
    pub port: u32,
    /// Its client's number.
    pub user_ref: u32,
    /// The venue's reference.
    pub order_ref: u64,
    /// Its instrument, from 1.
    pub locate: u16,
    /// The OUCH code.
    pub side: u8,
    /// The limit, in ten-thousandths.
    pub price: u64,
    /// Open shares.
    pub leaves: u32,
    /// Executed shares.
    pub cum_qty: u32,
    time_in_force: u8,
    capacity: u8,
    cl_ord_id: [u8; 14],
    firm: [u8; 4],
    group: u16,
}

/// A port.
#[derive(Clone, Debug, Default)]
pub struct ModelPort {
    /// Whether the port as a whole is disabled, and the firms for which the opposite holds.
    is_disabled: bool,
    exceptions: BTreeSet<[u8; 4]>,
    /// The last number of a request that is used.
    pub last_user_ref: u32,
    /// The same of other channels.
    channels: BTreeMap<u8, u32>,
    /// The answers so far.
    pub messages: u64,
    generation: u32,
}

/// The venue.
#[derive(Debug)]
pub struct Model {
    config: GroupConfig,
    /// The ports.
    pub ports: Vec<ModelPort>,
    /// Resting orders, oldest first; a replaced order is a new one.
    pub orders: Vec<ModelOrder>,
    /// The engaged kill switches.
    engaged: Vec<Scope>,
    /// The event codes of the day so far.
    day: Vec<u8>,
    /// The times in force that are accepted now; everything before the first event.
    accepted: Accepted,
    /// The paused instruments in the order of their pauses, with the end of each.
    pauses: Vec<(u16, u64)>,
    last_ref: u64,
    last_match: u64,
    /// By locate; zero before the first trade.
    last_prices: Vec<u64>,
    time_ns: u64,
    out: Outputs,
}

/// Which orders are accepted.
#[derive(Clone, Copy, Debug)]
enum Accepted {
    All,
    Immediate,
    Nothing,
}

impl Model {
    /// A venue of this configuration, before its first input.
    #[must_use]
    pub fn new(config: GroupConfig) -> Model {
        Model {
            ports: vec![ModelPort::default(); config.ports.len()],
            orders: Vec::new(),
            engaged: Vec::new(),
            day: Vec::new(),
            accepted: if config.opens_at_start { Accepted::All } else { Accepted::Nothing },
            pauses: Vec::new(),
            last_ref: 0,
            last_match: 0,
            last_prices: vec![0; config.instruments.len() + 1],
            time_ns: 0,
            out: Outputs::default(),
            config,
        }
    }

    /// All outputs of `command`, sequenced at `time_ns` with its reference attached.
    pub fn run(&mut self, time_ns: u64, command: &Command) -> Outputs {
        self.time_ns = time_ns;
        match command {
            Command::Enter(enter) => self.enter(enter),
            Command::Replace(replace) => self.replace(replace),
            Command::Cancel(cancel) => {
                if let Some(at) = self.position(cancel.port.0, cancel.user_ref) {
                    let order = &self.orders[at];
                    let total = order.cum_qty + order.leaves;
                    if cancel.quantity.0 < total {
                        let wanted = cancel.quantity.0.max(order.cum_qty) - order.cum_qty;
                        let lot = self.config.instruments[usize::from(order.locate) - 1].lot.0;
                        let shares = order.leaves - (wanted - wanted % lot);
                        self.cancel_at(at, shares, b'U');
                    }
                }
            }
            Command::LogIn(change) => {
                if let Some(port) = self.ports.get_mut(change.port.0 as usize) {
                    port.generation = port.generation.max(change.generation);
                }
            }
            Command::Disconnect(change) => {
                if let Some(port) = self.ports.get(change.port.0 as usize)
                    && self.config.cancel_on_disconnect
                    && change.generation >= port.generation
                {
                    self.cancel_port(change.port.0, b'Z');
                }
            }
            Command::KillSwitch(switch) => self.kill(switch),
            Command::OtherChannel(request) => self.reject_other_channel(request),
            Command::Modify(modify) => self.modify(modify),
            Command::MassCancel(request) => self.mass_cancel(request),
            Command::EntrySwitch(switch) => self.switch_entry(switch),
            Command::AccountQuery(query) => {
                if let Some(last) = self.last_user_ref(query.port.0, query.channel) {
                    let next = last.wrapping_add(1);
                    let mut bytes = self.answer(b'Q');
                    bytes.extend(next.to_be_bytes());
                    self.tell_in_channel(query.port.0, query.channel, 0, bytes);
                }
            }
            Command::MarketEvent(event) => self.market_event(event.code),
            Command::EndPauses => {
                // A step has room for so many.
                for _ in 0..14 {
                    if self.pauses.first().is_some_and(|(_, end_ns)| *end_ns <= time_ns) {
                        let (locate, _) = self.pauses.remove(0);
                        self.publish_state(locate, b'T', *b"    ");
                    }
                }
            }
        }
        std::mem::take(&mut self.out)
    }

    fn enter(&mut self, enter: &Enter) {
        let Some(port) = self.ports.get_mut(enter.port.0 as usize) else {
            return;
        };
        if enter.user_ref <= port.last_user_ref {
            return;
        }
        port.last_user_ref = enter.user_ref;
        if let Some(reason) = self.why_not(enter) {
            self.reject(enter.port.0, enter.user_ref, reason, &enter.cl_ord_id);
            return;
        }
        self.last_ref += 1;
        let order = ModelOrder {
            port: enter.port.0,
            user_ref: enter.user_ref,
            order_ref: self.last_ref,
            locate: enter.locate.0,
            side: enter.side,
            price: enter.price.raw(),
            leaves: enter.quantity.0,
            cum_qty: 0,
            time_in_force: enter.time_in_force,
            capacity: enter.capacity,
            cl_ord_id: enter.cl_ord_id,
            firm: self.firm_of(enter),
            group: enter.group,
        };
        let mut bytes = self.answer(b'A');
        bytes.extend(order.user_ref.to_be_bytes());
        self.put_details(&mut bytes, &order);
        self.reply(&order, 0, bytes);
        self.trade(order);
    }

    /// The first check that an enter fails.
    fn why_not(&mut self, enter: &Enter) -> Option<u16> {
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

    fn firm_of(&self, enter: &Enter) -> [u8; 4] {
        if enter.firm != *b"    " {
            return enter.firm;
        }
        let account = self.config.accounts[self.config.ports[enter.port.0 as usize].account.index()];
        *self.config.firms[account.firm.index()].mpid.as_array()
    }

    /// The reason of a mark or of a pause. What came too late begins a pause while orders are accepted.
    fn why_not_now(&mut self, mark: Mark, locate: u16) -> Option<u16> {
        let is_known = (1..=self.config.instruments.len()).contains(&usize::from(locate));
        let is_paused = self.pauses.iter().any(|(one, _)| *one == locate);
        let is_open = !matches!(self.accepted, Accepted::Nothing);
        if mark == Mark::Delay && is_known && !is_paused && is_open && self.config.pause_ns > 0 {
            self.pauses.push((locate, self.time_ns + self.config.pause_ns));
            self.publish_state(locate, b'P', *b"O1  ");
        }
        why_marked(mark).or(is_paused.then_some(0x07))
    }

    fn publish_state(&mut self, locate: u16, state: u8, reason: [u8; 4]) {
        let mut bytes = self.itch_header(b'H', locate);
        bytes.extend(self.symbol(locate));
        bytes.extend([state, b' ']);
        bytes.extend(reason);
        self.publish(bytes);
    }

    /// Why nothing may be entered or raised now.
    fn why_no_entry(&self, port: u32, firm: [u8; 4], time_in_force: u8) -> Option<u16> {
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
    fn risk(
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
    fn doubled_anchor(&self, locate: u16, reference: &Reference) -> Option<i128> {
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

    fn lacks_level(&self, locate: u16, buys: bool, price: u64) -> bool {
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

    fn replace(&mut self, replace: &Replace) {
        let Some(port) = self.ports.get_mut(replace.port.0 as usize) else {
            return;
        };
        if replace.user_ref <= port.last_user_ref {
            return;
        }
        let Some(at) = self.position(replace.port.0, replace.original_user_ref) else {
            return;
        };
        let old = self.orders[at].clone();
        let instrument = self.config.instruments[usize::from(old.locate) - 1];
        let price = replace.price.raw();
        let market = is_market(price);
        let invalid = replace.unsupported != 0
            || replace.quantity.0 == 0
            || replace.quantity.0 > 999_999
            || !replace.quantity.0.is_multiple_of(instrument.lot.0)
            || !b"03".contains(&replace.time_in_force)
            || replace.display != b'Y'
            || replace.intermarket_sweep != b'N'
            || (!market && (price == 0 || price > 1_999_999_900 || !price.is_multiple_of(instrument.tick.raw())));
        if invalid {
            return self.cancel_at(at, old.leaves, b'Z');
        }
        if replace.quantity.0 <= old.cum_qty {
            return self.cancel_at(at, old.leaves, b'U');
        }
        let buys = old.side == b'B';
        let leaves = replace.quantity.0 - old.cum_qty;
        let notional = |leaves: u32, price: u64| u128::from(leaves) * u128::from(price);
        let raised = [
            leaves > old.leaves,
            notional(leaves, price) > notional(old.leaves, old.price),
            if buys { price > old.price } else { price < old.price },
        ];
        let no_entry = match raised.contains(&true) {
            true => self
                .why_not_now(replace.mark, old.locate)
                .or_else(|| self.why_no_entry(replace.port.0, old.firm, replace.time_in_force)),
            false => None,
        };
        let refusal = no_entry
            .or((replace.locate.0 != old.locate && (raised[0] || raised[2])).then_some(0x0a))
            .or_else(|| self.risk(replace.port.0, old.locate, raised, replace.quantity.0, price, &replace.reference));
        let removed = self.orders.remove(at);
        let rests = replace.time_in_force == b'0';
        let lacks_level = rests && self.lacks_level(old.locate, buys, price);
        if let Some(reason) = refusal.or(lacks_level.then_some(0x0a)) {
            self.orders.insert(at, removed);
            self.ports[replace.port.0 as usize].last_user_ref = replace.user_ref;
            self.reject(replace.port.0, replace.user_ref, reason, &replace.cl_ord_id);
            return;
        }
        self.last_ref += 1;
        let order = ModelOrder {
            user_ref: replace.user_ref,
            order_ref: self.last_ref,
            price,
            leaves,
            time_in_force: replace.time_in_force,
            cl_ord_id: replace.cl_ord_id,
            ..old.clone()
        };
        self.ports[replace.port.0 as usize].last_user_ref = replace.user_ref;
        let mut bytes = self.answer(b'U');
        bytes.extend(old.user_ref.to_be_bytes());
        bytes.extend(order.user_ref.to_be_bytes());
        self.put_details(&mut bytes, &order);
        self.reply(&order, old.user_ref, bytes);
        if rests && self.counterpart(order.locate, buys, order.price).is_none() {
            let mut bytes = self.itch_header(b'U', order.locate);
            bytes.extend(old.order_ref.to_be_bytes());
            bytes.extend(order.order_ref.to_be_bytes());
            bytes.extend(order.leaves.to_be_bytes());
            bytes.extend((order.price as u32).to_be_bytes());
            self.publish(bytes);
            self.orders.push(order);
        } else {
            self.publish_delete(&old);
            self.trade(order);
        }
    }

    /// The next resting order to trade with an order that buys up to, or sells down to, `limit`.
    fn counterpart(&self, locate: u16, buys: bool, limit: u64) -> Option<usize> {
        let others = self.orders.iter().enumerate().filter(|(_, order)| {
            let crosses = if buys { order.price <= limit } else { order.price >= limit };
            order.locate == locate && (order.side == b'B') != buys && crosses
        });
        if buys {
            others.min_by_key(|(_, order)| order.price).map(|(at, _)| at)
        } else {
            // `max_by_key` returns the last of equal maxima, so the search goes backwards.
            others.rev().max_by_key(|(_, order)| order.price).map(|(at, _)| at)
        }
    }

    fn trade(&mut self, mut taker: ModelOrder) {
        let buys = taker.side == b'B';
        loop {
            let counterpart = self.counterpart(taker.locate, buys, taker.price);
            match counterpart {
                Some(at) if taker.leaves > 0 => {
                    self.last_match += 1;
                    self.last_prices[usize::from(taker.locate)] = self.orders[at].price;
                    let shares = taker.leaves.min(self.orders[at].leaves);
                    taker.leaves -= shares;
                    taker.cum_qty += shares;
                    let maker = &mut self.orders[at];
                    maker.leaves -= shares;
                    maker.cum_qty += shares;
                    let maker = maker.clone();
                    if maker.leaves == 0 {
                        self.orders.remove(at);
                    }
                    let bytes = self.execution(&maker, shares, maker.price, b'A');
                    self.reply(&maker, 0, bytes);
                    let bytes = self.execution(&taker, shares, maker.price, b'R');
                    self.reply(&taker, 0, bytes);
                    let mut bytes = self.itch_header(b'E', maker.locate);
                    bytes.extend(maker.order_ref.to_be_bytes());
                    bytes.extend(shares.to_be_bytes());
                    bytes.extend(self.last_match.to_be_bytes());
                    self.publish(bytes);
                }
                _ if taker.leaves == 0 => return,
                _ => {
                    if taker.time_in_force == b'3' {
                        let shares = std::mem::take(&mut taker.leaves);
                        self.answer_cancel(&taker, shares, b'I');
                    } else {
                        let mut bytes = self.itch_header(b'A', taker.locate);
                        bytes.extend(taker.order_ref.to_be_bytes());
                        bytes.push(if buys { b'B' } else { b'S' });
                        bytes.extend(taker.leaves.to_be_bytes());
                        bytes.extend(self.symbol(taker.locate));
                        bytes.extend((taker.price as u32).to_be_bytes());
                        self.publish(bytes);
                        self.orders.push(taker);
                    }
                    return;
                }
            }
        }
    }

    fn execution(&self, order: &ModelOrder, shares: u32, price: u64, liquidity: u8) -> Vec<u8> {
        let mut bytes = self.answer(b'E');
        bytes.extend(order.user_ref.to_be_bytes());
        bytes.extend(shares.to_be_bytes());
        bytes.extend(price.to_be_bytes());
        bytes.push(liquidity);
        bytes.extend(self.last_match.to_be_bytes());
        bytes.extend([0, 0]);
        bytes
    }

    fn cancel_at(&mut self, at: usize, shares: u32, reason: u8) {
        self.orders[at].leaves -= shares;
        self.publish_less(at, shares);
        let order = match self.orders[at].leaves {
            0 => self.orders.remove(at),
            _ => self.orders[at].clone(),
        };
        self.answer_cancel(&order, shares, reason);
    }

    /// Publishes that an order has `shares` less.
    fn publish_less(&mut self, at: usize, shares: u32) {
        let order = self.orders[at].clone();
        if order.leaves == 0 {
            self.publish_delete(&order);
        } else {
            let mut bytes = self.itch_header(b'X', order.locate);
            bytes.extend(order.order_ref.to_be_bytes());
            bytes.extend(shares.to_be_bytes());
            self.publish(bytes);
        }
    }

    fn answer_cancel(&mut self, order: &ModelOrder, shares: u32, reason: u8) {
        let mut bytes = self.answer(b'C');
        bytes.extend(order.user_ref.to_be_bytes());
        bytes.extend(shares.to_be_bytes());
        bytes.push(reason);
        self.reply(order, 0, bytes);
    }

    fn cancel_port(&mut self, port: u32, reason: u8) {
        while let Some(at) = self.orders.iter().position(|order| order.port == port) {
            self.cancel_at(at, self.orders[at].leaves, reason);
        }
    }

    fn is_in(&self, port: u32, scope: Scope) -> bool {
        let account = self.config.ports[port as usize].account;
        match scope {
            Scope::Everyone => true,
            Scope::Firm(firm) => self.config.accounts[account.index()].firm == firm,
            Scope::Account(one) => account == one,
            Scope::Port(one) => one.0 == port,
        }
    }

    fn kill(&mut self, switch: &KillSwitch) {
        let scope = switch.scope();
        self.engaged.retain(|one| *one != scope);
        if switch.is_engaged() {
            self.engaged.push(scope);
            for port in (0..self.ports.len() as u32).filter(|port| self.is_in(*port, scope)).collect::<Vec<_>>() {
                self.cancel_port(port, b'S');
            }
        }
    }

    fn market_event(&mut self, code: u8) {
        const DAY: &[u8] = b"OSQMEC";
        let place = |code: &u8| DAY.iter().position(|one| one == code);
        let Some(at) = place(&code) else { return };
        let last = self.day.last();
        if last.and_then(place).is_some_and(|last| at <= last) || code == b'C' && last != Some(&b'E') {
            return;
        }
        self.day.push(code);
        let mut bytes = self.itch_header(b'S', 0);
        bytes.push(code);
        self.publish(bytes);
        match code {
            b'S' => {
                self.accepted = Accepted::Immediate;
                self.tell_all(b'S');
            }
            b'Q' => self.accepted = Accepted::All,
            b'M' | b'E' => {
                self.accepted = if code == b'M' { Accepted::Immediate } else { Accepted::Nothing };
                if code == b'E' {
                    self.pauses.clear();
                }
                (0..self.ports.len() as u32).for_each(|port| self.cancel_port(port, b'E'));
                if code == b'E' {
                    self.tell_all(b'E');
                }
            }
            b'O' => {
                for locate in 1..=self.config.instruments.len() as u16 {
                    let lot = self.config.instruments[usize::from(locate) - 1].lot.0;
                    let mut bytes = self.itch_header(b'R', locate);
                    bytes.extend(self.symbol(locate));
                    bytes.extend(b"QN");
                    bytes.extend(lot.to_be_bytes());
                    bytes.extend(if lot > 1 { b"Y" } else { b"N" });
                    bytes.extend(b"CZ PNN N\0\0\0\0N");
                    self.publish(bytes);
                }
            }
            _ => {}
        }
    }

    /// Sends a system event to every port.
    fn tell_all(&mut self, code: u8) {
        for port in 0..self.ports.len() as u32 {
            let mut bytes = self.answer(b'S');
            bytes.push(code);
            self.tell(port, 0, bytes);
        }
    }

    fn position(&self, port: u32, user_ref: u32) -> Option<usize> {
        self.orders.iter().position(|order| order.port == port && order.user_ref == user_ref)
    }

    fn open_orders(&self, port: u32) -> u64 {
        self.orders.iter().filter(|order| order.port == port).count() as u64
    }

    fn reject(&mut self, port: u32, user_ref: u32, reason: u16, cl_ord_id: &[u8; 14]) {
        let mut bytes = self.answer(b'J');
        bytes.extend(user_ref.to_be_bytes());
        bytes.extend(reason.to_be_bytes());
        bytes.extend(cl_ord_id);
        self.tell(port, user_ref, bytes);
    }

    fn reject_other_channel(&mut self, request: &OtherChannel) {
        if self.is_new(request.port.0, request.channel, request.user_ref) {
            let mut bytes = self.answer(b'J');
            bytes.extend(request.user_ref.to_be_bytes());
            bytes.extend([0, 0x0f]);
            bytes.extend(request.cl_ord_id);
            self.tell_in_channel(request.port.0, request.channel, request.user_ref, bytes);
        }
    }

    fn modify(&mut self, modify: &Modify) {
        let Some(at) = self.position(modify.port.0, modify.user_ref) else {
            return;
        };
        let order = &mut self.orders[at];
        let sells = b"STE".contains(&order.side) && b"STE".contains(&modify.side);
        let total = order.cum_qty + order.leaves;
        let changes = modify.side != order.side || modify.quantity.0 < total;
        if !(sells || modify.side == order.side) || modify.quantity.0 > total || !changes {
            return;
        }
        order.side = modify.side;
        let wanted = modify.quantity.0.max(order.cum_qty) - order.cum_qty;
        let lot = self.config.instruments[usize::from(order.locate) - 1].lot.0;
        let shares = if wanted < order.leaves { order.leaves - (wanted - wanted % lot) } else { 0 };
        if shares > 0 {
            order.leaves -= shares;
            self.publish_less(at, shares);
        }
        let order = match self.orders[at].leaves {
            0 => self.orders.remove(at),
            _ => self.orders[at].clone(),
        };
        let mut bytes = self.answer(b'M');
        bytes.extend(order.user_ref.to_be_bytes());
        bytes.push(order.side);
        bytes.extend(order.leaves.to_be_bytes());
        self.reply(&order, 0, bytes);
    }

    fn mass_cancel(&mut self, request: &MassCancel) {
        let port = request.port.0;
        if !self.is_new(port, request.channel, request.user_ref) {
            return;
        }
        let mut bytes = self.answer(b'X');
        bytes.extend(request.user_ref.to_be_bytes());
        bytes.extend(request.firm);
        bytes.extend(request.symbol);
        if request.channel == 0 {
            bytes.extend([0, 0]);
        }
        self.tell_in_channel(port, request.channel, request.user_ref, bytes);
        let is_meant = |order: &ModelOrder| {
            let side = if order.side == b'B' { b"B" } else { &b"STE"[..] };
            request.channel == 0
                && order.port == port
                && (request.firm == *b"    " || request.firm == order.firm)
                && (request.symbol == *b"        " || request.locate.0 == order.locate)
                && (request.side == 0 || side.contains(&request.side))
                && (request.has_group == 0 || request.group == order.group)
        };
        while let Some(at) = self.orders.iter().position(is_meant) {
            self.cancel_at(at, self.orders[at].leaves, b'U');
        }
    }

    fn switch_entry(&mut self, switch: &EntrySwitch) {
        if !self.is_new(switch.port.0, switch.channel, switch.user_ref) {
            return;
        }
        let port = &mut self.ports[switch.port.0 as usize];
        let (mut firm, mut enabled) = (switch.firm, switch.enabled == 1);
        port.exceptions.remove(&firm);
        if firm != *b"    " && enabled == port.is_disabled && port.exceptions.len() == 64 {
            if !enabled {
                firm = *b"    ";
            }
            enabled = false;
        }
        if firm == *b"    " {
            port.is_disabled = !enabled;
            port.exceptions.clear();
        } else if enabled == port.is_disabled {
            port.exceptions.insert(firm);
        }
        let mut bytes = self.answer(if enabled { b'K' } else { b'G' });
        bytes.extend(switch.user_ref.to_be_bytes());
        bytes.extend(firm);
        if switch.channel == 0 {
            bytes.extend([0, 0]);
        }
        self.tell_in_channel(switch.port.0, switch.channel, switch.user_ref, bytes);
    }

    /// Whether a request has a number above all earlier ones of its channel, which it then uses.
    fn is_new(&mut self, port: u32, channel: u8, user_ref: u32) -> bool {
        let last = self.last_user_ref(port, channel).filter(|last| user_ref > **last);
        last.map(|last| *last = user_ref).is_some()
    }

    fn last_user_ref(&mut self, port: u32, channel: u8) -> Option<&mut u32> {
        let port = self.ports.get_mut(port as usize)?;
        Some(if channel == 0 { &mut port.last_user_ref } else { port.channels.entry(channel).or_default() })
    }

    fn is_disabled(&self, port: u32, firm: [u8; 4]) -> bool {
        let port = &self.ports[port as usize];
        port.is_disabled != port.exceptions.contains(&firm)
    }

    /// Sends an answer that is about no open order, and names its channel if that is not 0.
    fn tell_in_channel(&mut self, port: u32, channel: u8, user_ref: u32, mut bytes: Vec<u8>) {
        if channel == 0 {
            return self.tell(port, user_ref, bytes);
        }
        bytes.extend([0, 3, 2, 28, channel]);
        self.tell(port, 0, bytes);
    }

    /// Sends an answer that is about no open order.
    fn tell(&mut self, port: u32, user_ref: u32, bytes: Vec<u8>) {
        self.put_reply(port, user_ref, 0, 0, bytes);
    }

    /// Sends an answer about an order.
    fn reply(&mut self, order: &ModelOrder, replaced: u32, bytes: Vec<u8>) {
        self.put_reply(order.port, order.user_ref, order.leaves, replaced, bytes);
    }

    fn put_reply(&mut self, port: u32, user_ref: u32, leaves_qty: u32, replaced: u32, encoded: Vec<u8>) {
        let number = &mut self.ports[port as usize].messages;
        *number += 1;
        let mut bytes = [0; 71];
        bytes[..encoded.len()].copy_from_slice(&encoded);
        self.out.replies.push(Reply {
            number: SequenceNumber(*number),
            port: PortId(port),
            user_ref,
            leaves_qty: Quantity(leaves_qty),
            replaced_user_ref: replaced,
            length: encoded.len() as u8,
            bytes,
        });
    }

    fn answer(&self, kind: u8) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend(self.time_ns.to_be_bytes());
        bytes
    }

    /// Appends the fields that Accepted and Replaced share.
    fn put_details(&self, bytes: &mut Vec<u8>, order: &ModelOrder) {
        bytes.push(order.side);
        bytes.extend(order.leaves.to_be_bytes());
        bytes.extend(self.symbol(order.locate));
        bytes.extend(order.price.to_be_bytes());
        bytes.push(order.time_in_force);
        bytes.push(b'Y');
        bytes.extend(order.order_ref.to_be_bytes());
        bytes.push(order.capacity);
        bytes.extend(b"NNL");
        bytes.extend(order.cl_ord_id);
        bytes.extend([0, 0]);
    }

    fn itch_header(&self, kind: u8, locate: u16) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend(locate.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(&self.time_ns.to_be_bytes()[2..]);
        bytes
    }

    fn publish_delete(&mut self, order: &ModelOrder) {
        let mut bytes = self.itch_header(b'D', order.locate);
        bytes.extend(order.order_ref.to_be_bytes());
        self.publish(bytes);
    }

    fn publish(&mut self, encoded: Vec<u8>) {
        let mut bytes = [0; 50];
        bytes[..encoded.len()].copy_from_slice(&encoded);
        self.out.publications.push(Publication { length: encoded.len() as u8, bytes });
    }

    fn symbol(&self, locate: u16) -> [u8; 8] {
        *self.config.instruments[usize::from(locate) - 1].symbol.as_array()
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

fn is_market(price: u64) -> bool {
    [2_000_000_000, 0x7fff_ffff, u64::MAX].contains(&price)
}
