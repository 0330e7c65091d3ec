//! A slow, obvious model of the venue's group: one list of orders in order of priority, searched from the start every
//! time, and messages encoded byte by byte from the protocol specification.
//!
//! It shares the types of commands, answers and limits with the group, and no rule: tests and the simulator compare the
//! two message by message.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod checks;
mod messages;
mod requests;

use std::collections::{BTreeMap, BTreeSet};

use corelane_actors::types::{Command, Enter, GroupConfig, KillSwitch, Publication, Replace, Reply, Scope};

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
                while self.pauses.first().is_some_and(|(_, end_ns)| *end_ns <= time_ns) {
                    let (locate, _) = self.pauses.remove(0);
                    self.publish_state(locate, b'T', *b"    ");
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

    fn publish_state(&mut self, locate: u16, state: u8, reason: [u8; 4]) {
        let mut bytes = self.itch_header(b'H', locate);
        bytes.extend(self.symbol(locate));
        bytes.extend([state, b' ']);
        bytes.extend(reason);
        self.publish(bytes);
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
}

/// Whether an OUCH price means "at the market".
fn is_market(price: u64) -> bool {
    [2_000_000_000, 0x7fff_ffff, u64::MAX].contains(&price)
}
