//! Orders, risk and matching: what the venue does with a request, whoever brings it.

use std::collections::HashMap;

use corelane_actors::types::{GroupConfig, Increase, Instrument, Limits, Locate, PortId, Quantity};
use corelane_codecs::{
    IntoBytes, MessageType, YesNo,
    itch::{self, AddOrder, Header, OrderCancel, OrderDelete, OrderExecuted, OrderReplace},
    ouch::{
        Accepted, CancelReason, Canceled, Capacity, CrossType, Display, Enter, Executed, Liquidity, OrderState,
        RejectReason, Rejected, Replace, Replaced, Side, TimeInForce,
    },
    price::Price,
    text::Symbol,
};

use super::checks::{self, price4};
use crate::book::Book;

/// Takes what the exchange says.
pub(super) trait Outlet {
    /// An OUCH answer to a port.
    fn answer(&mut self, port: PortId, message: &[u8]);
    /// An ITCH message for the feed.
    fn publish(&mut self, message: &[u8]);
}

/// A decoded request.
#[derive(Clone, Copy)]
pub(super) enum Request {
    Enter(Enter),
    Replace(Replace),
    Cancel {
        user_ref: u32,
        quantity: u32,
    },
    /// The client is gone: its orders go too.
    Disconnect,
}

/// A resting order.
#[derive(Clone, Copy)]
struct Order {
    port: PortId,
    user_ref: u32,
    side: Side,
    locate: Locate,
    price: Price,
    leaves: u32,
    /// Shares executed, those of the orders that it has replaced included.
    executed: u32,
    time_in_force: TimeInForce,
    capacity: Capacity,
}

/// See the [module](self).
pub(super) struct Exchange {
    instruments: Vec<Instrument>,
    locates: HashMap<Symbol, Locate>,
    limits: Limits,
    books: Vec<Book>,
    orders: HashMap<u64, Order>,
    /// References of resting orders by port and the client's number.
    live: Vec<HashMap<u32, u64>>,
    last_user_refs: Vec<u32>,
    last_order_ref: u64,
    last_match_number: u64,
}

impl Exchange {
    pub(super) fn new(config: &GroupConfig) -> Exchange {
        let locates = config
            .instruments
            .iter()
            .zip(Locate::first(config.instruments.len()))
            .map(|(one, locate)| (one.symbol, locate));
        Exchange {
            locates: locates.collect(),
            books: config.instruments.iter().map(|_| Book::default()).collect(),
            instruments: config.instruments.clone(),
            limits: config.limits,
            orders: HashMap::new(),
            live: vec![HashMap::new(); config.ports.len()],
            last_user_refs: vec![0; config.ports.len()],
            last_order_ref: 0,
            last_match_number: 0,
        }
    }

    /// Handles a request of a port at `now_ns` since midnight.
    pub(super) fn handle(&mut self, now_ns: u64, port: PortId, request: &Request, out: &mut impl Outlet) {
        match request {
            Request::Enter(enter) => self.enter(now_ns, port, enter, out),
            Request::Replace(replace) => self.replace(now_ns, port, replace, out),
            Request::Cancel { user_ref, quantity } => self.cancel(now_ns, port, *user_ref, *quantity, out),
            Request::Disconnect => {
                let orders: Vec<u64> = self.live[port.index()].values().copied().collect();
                for order_ref in orders {
                    self.cancel_all(now_ns, order_ref, CancelReason::System, out);
                }
            }
        }
    }

    fn enter(&mut self, now_ns: u64, port: PortId, enter: &Enter, out: &mut impl Outlet) {
        let user_ref = enter.user_ref_num.get();
        let last = &mut self.last_user_refs[port.index()];
        if user_ref <= *last {
            return;
        }
        *last = user_ref;
        let locate = match self.admit(enter) {
            Ok(locate) => locate,
            Err(reason) => {
                let rejected = Rejected::new(now_ns, user_ref, reason, enter.cl_ord_id);
                return out.answer(port, rejected.as_bytes());
            }
        };
        let order_ref = self.next_order_ref();
        let accepted = Accepted {
            message_type: MessageType::NEW,
            timestamp: now_ns.into(),
            user_ref_num: enter.user_ref_num,
            side: enter.side,
            quantity: enter.quantity,
            symbol: enter.symbol,
            price: enter.price,
            time_in_force: enter.time_in_force,
            display: Display::Visible,
            order_ref: order_ref.into(),
            capacity: enter.capacity,
            intermarket_sweep: YesNo::No,
            cross_type: CrossType::Continuous,
            order_state: OrderState::Live,
            cl_ord_id: enter.cl_ord_id,
            appendage_len: 0.into(),
        };
        out.answer(port, accepted.as_bytes());
        let order = Order {
            port,
            user_ref,
            side: enter.side,
            locate,
            price: enter.price.get(),
            leaves: enter.quantity.get(),
            executed: 0,
            time_in_force: enter.time_in_force,
            capacity: enter.capacity,
        };
        let order = self.trade(now_ns, order, out);
        self.finish(now_ns, order_ref, order, out);
    }

    fn admit(&self, enter: &Enter) -> Result<Locate, RejectReason> {
        let locate = *self.locates.get(&enter.symbol).ok_or(RejectReason::InvalidSymbol)?;
        let instrument = self.instrument(locate);
        checks::enter(enter, instrument)?;
        checks::risk(&self.limits, instrument, enter.price.get(), enter.quantity.get(), Increase::ALL)?;
        Ok(locate)
    }

    fn replace(&mut self, now_ns: u64, port: PortId, replace: &Replace, out: &mut impl Outlet) {
        let (original, user_ref) = (replace.orig_user_ref_num.get(), replace.user_ref_num.get());
        if user_ref <= self.last_user_refs[port.index()] {
            return;
        }
        let Some(&old_ref) = self.live[port.index()].get(&original) else {
            return;
        };
        let old = self.orders[&old_ref];
        let (price, total) = (replace.price.get(), replace.quantity.get());
        let instrument = self.instrument(old.locate);
        if checks::replace(replace, instrument).is_err() {
            return self.cancel_all(now_ns, old_ref, CancelReason::System, out);
        }
        if total <= old.executed {
            return self.cancel_all(now_ns, old_ref, CancelReason::UserRequested, out);
        }
        let leaves = total - old.executed;
        let increase = Increase::between(
            old.side.into(),
            (Quantity(old.leaves), price4(old.price)),
            (Quantity(leaves), price4(price)),
        );
        let symbol = instrument.symbol;
        let checked = checks::risk(&self.limits, instrument, price, total, increase);
        self.last_user_refs[port.index()] = user_ref;
        if let Err(reason) = checked {
            let rejected = Rejected::new(now_ns, user_ref, reason, replace.cl_ord_id);
            return out.answer(port, rejected.as_bytes());
        }
        self.remove(old_ref);
        let order_ref = self.next_order_ref();
        let replaced = Replaced {
            message_type: MessageType::NEW,
            timestamp: now_ns.into(),
            orig_user_ref_num: replace.orig_user_ref_num,
            user_ref_num: replace.user_ref_num,
            side: old.side,
            quantity: leaves.into(),
            symbol,
            price: replace.price,
            time_in_force: replace.time_in_force,
            display: Display::Visible,
            order_ref: order_ref.into(),
            capacity: old.capacity,
            intermarket_sweep: YesNo::No,
            cross_type: CrossType::Continuous,
            order_state: OrderState::Live,
            cl_ord_id: replace.cl_ord_id,
            appendage_len: 0.into(),
        };
        out.answer(port, replaced.as_bytes());
        let time_in_force = replace.time_in_force;
        let order = Order { user_ref, price, leaves, time_in_force, ..old };
        let crosses = self.book(old.locate).best_match(old.side.into(), price.raw()).is_some();
        if crosses || time_in_force == TimeInForce::ImmediateOrCancel {
            publish_deleted(now_ns, old.locate, old_ref, out);
            let order = self.trade(now_ns, order, out);
            self.finish(now_ns, order_ref, order, out);
        } else {
            let message = OrderReplace {
                header: Header::new(old.locate.0, 0, now_ns),
                original_order_ref: old_ref.into(),
                new_order_ref: order_ref.into(),
                shares: leaves.into(),
                price: price4(price).into(),
            };
            out.publish(message.as_bytes());
            self.rest(order_ref, order);
        }
    }

    fn cancel(&mut self, now_ns: u64, port: PortId, user_ref: u32, quantity: u32, out: &mut impl Outlet) {
        let Some(&order_ref) = self.live[port.index()].get(&user_ref) else {
            return;
        };
        let Some(order) = self.orders.get_mut(&order_ref) else {
            return;
        };
        let leaves = quantity.saturating_sub(order.executed);
        if leaves >= order.leaves {
            return;
        }
        let leaves = Quantity(leaves).whole_lots(self.instruments[order.locate.index()].lot).0;
        if leaves == 0 {
            return self.cancel_all(now_ns, order_ref, CancelReason::UserRequested, out);
        }
        let taken = order.leaves - leaves;
        order.leaves = leaves;
        let header = Header::new(order.locate.0, 0, now_ns);
        let reduced = OrderCancel { header, order_ref: order_ref.into(), cancelled_shares: taken.into() };
        out.publish(reduced.as_bytes());
        let canceled = Canceled::new(now_ns, user_ref, taken, CancelReason::UserRequested);
        out.answer(port, canceled.as_bytes());
    }

    fn cancel_all(&mut self, now_ns: u64, order_ref: u64, reason: CancelReason, out: &mut impl Outlet) {
        let order = self.remove(order_ref);
        publish_deleted(now_ns, order.locate, order_ref, out);
        let canceled = Canceled::new(now_ns, order.user_ref, order.leaves, reason);
        out.answer(order.port, canceled.as_bytes());
    }

    /// Trades with what rests, best price first and oldest first within a price; returns what is left.
    fn trade(&mut self, now_ns: u64, mut order: Order, out: &mut impl Outlet) -> Order {
        let side = order.side.into();
        while order.leaves > 0
            && let Some((price, maker_ref)) = self.books[order.locate.index()].best_match(side, order.price.raw())
            && let Some(maker) = self.orders.get_mut(&maker_ref)
        {
            let quantity = order.leaves.min(maker.leaves);
            for one in [&mut *maker, &mut order] {
                one.leaves -= quantity;
                one.executed += quantity;
            }
            self.last_match_number += 1;
            let number = self.last_match_number;
            let executed = |user_ref, liquidity| {
                Executed::new(now_ns, user_ref, quantity, Price::from_raw(price), liquidity, number)
            };
            out.answer(maker.port, executed(maker.user_ref, Liquidity::Added).as_bytes());
            out.answer(order.port, executed(order.user_ref, Liquidity::Removed).as_bytes());
            let message = OrderExecuted {
                header: Header::new(order.locate.0, 0, now_ns),
                order_ref: maker_ref.into(),
                executed_shares: quantity.into(),
                match_number: number.into(),
            };
            out.publish(message.as_bytes());
            if maker.leaves == 0 {
                self.remove(maker_ref);
            }
        }
        order
    }

    /// Rests or cancels the remaining quantity of an order.
    fn finish(&mut self, now_ns: u64, order_ref: u64, order: Order, out: &mut impl Outlet) {
        let Order { port, user_ref, leaves, .. } = order;
        if leaves == 0 {
            return;
        }
        if order.time_in_force == TimeInForce::ImmediateOrCancel {
            let canceled = Canceled::new(now_ns, user_ref, leaves, CancelReason::ImmediateOrCancel);
            return out.answer(port, canceled.as_bytes());
        }
        let message = AddOrder {
            header: Header::new(order.locate.0, 0, now_ns),
            order_ref: order_ref.into(),
            side: if order.side.is_buy() { itch::Side::Buy } else { itch::Side::Sell }.into(),
            shares: leaves.into(),
            stock: self.instrument(order.locate).symbol,
            price: price4(order.price).into(),
        };
        out.publish(message.as_bytes());
        self.rest(order_ref, order);
    }

    fn rest(&mut self, order_ref: u64, order: Order) {
        self.book(order.locate).rest(order.side.into(), order.price.raw(), order_ref);
        self.live[order.port.index()].insert(order.user_ref, order_ref);
        self.orders.insert(order_ref, order);
    }

    /// Takes an order that rests out of everything.
    fn remove(&mut self, order_ref: u64) -> Order {
        let order = self.orders.remove(&order_ref).expect("callers name orders that rest");
        self.book(order.locate).remove(order.side.into(), order.price.raw(), order_ref);
        self.live[order.port.index()].remove(&order.user_ref);
        order
    }

    fn next_order_ref(&mut self) -> u64 {
        self.last_order_ref += 1;
        self.last_order_ref
    }

    fn instrument(&self, locate: Locate) -> &Instrument {
        &self.instruments[locate.index()]
    }

    fn book(&mut self, locate: Locate) -> &mut Book {
        &mut self.books[locate.index()]
    }
}

fn publish_deleted(now_ns: u64, locate: Locate, order_ref: u64, out: &mut impl Outlet) {
    let message = OrderDelete { header: Header::new(locate.0, 0, now_ns), order_ref: order_ref.into() };
    out.publish(message.as_bytes());
}
