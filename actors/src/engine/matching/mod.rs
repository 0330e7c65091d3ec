//! Matching: price-time priority books for limit orders, day and immediate-or-cancel.
//!
//! An order trades at the prices of the orders that rest, best price first and oldest first within a price. What
//! then remains of a day order rests, what remains of an immediate-or-cancel order is cancelled. A replaced order
//! loses its priority; one that is reduced keeps it. A port's orders may trade with each other.
//!
//! Everything that may take long (a sweep, a mass cancel, the stock directory) is cut into steps of at most
//! [`OUTPUTS_MAX`](Matching::OUTPUTS_MAX) messages per port.

mod book;
mod feed;
mod levels;
mod lists;

use std::fmt;

use corelane_codecs::{
    itch::EventCode,
    ouch::{CancelReason, Liquidity, RejectReason},
    text::Symbol,
};
use corelane_runtime::{actor::Step, edge::port::Port};

use self::{
    book::{Books, Resting},
    feed::Feed,
};
use crate::types::{
    Event, GroupConfig, Instrument, Locate, NewOrder, OrderSlot, Outcome, Owner, PortId, Publication, Quantity, Scope,
};

/// Executions in one step. Each makes two events; a step also says what became of the order itself.
const EXECUTIONS_PER_STEP: usize = 7;

/// Cancels, or directory entries, in one step.
const ENTRIES_PER_STEP: usize = 2 * EXECUTIONS_PER_STEP;

/// All books, and what the input being worked on still needs.
pub struct Matching {
    books: Books,
    /// By port.
    owners: Vec<Owner>,
    instruments: Vec<Instrument>,
    last_order_ref: u64,
    last_match_number: u64,
    /// What the input whose last step asked for another still needs.
    work: Work,
}

impl fmt::Debug for Matching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matching")
            .field("last_order_ref", &self.last_order_ref)
            .field("last_match_number", &self.last_match_number)
            .finish_non_exhaustive()
    }
}

/// What an input still needs.
#[derive(Clone, Copy)]
enum Work {
    Nothing,
    Sweep(Sweep),
    MassCancel(MassCancel),
    Directory { next: usize },
}

/// Orders that are all cancelled, port by port.
#[derive(Clone, Copy)]
struct MassCancel {
    scope: Scope,
    /// Ports from here to `end` may still have orders of the scope.
    next: usize,
    end: usize,
    reason: CancelReason,
}

/// An order that trades with what rests.
#[derive(Clone, Copy)]
struct Sweep {
    order: NewOrder,
    order_ref: u64,
    leaves: Quantity,
    executions_left: u32,
}

/// Receives what becomes of orders, while it happens.
pub trait Events {
    /// Mark it `#[inline(always)]`: each caller knows what happened, so that the compiler drops all other cases.
    fn tell(&mut self, event: Event);
}

/// Where the events and publications of one step go.
pub struct Outlets<'a, E> {
    events: E,
    feed: Feed<'a>,
}

impl<E> fmt::Debug for Outlets<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlets").field("time_ns", &self.feed.time_ns).finish_non_exhaustive()
    }
}

impl<'a, E: Events> Outlets<'a, E> {
    /// Publications are sent at the time of the input.
    #[inline]
    pub fn new(events: E, publications: &'a mut Port<Publication>, time_ns: u64) -> Self {
        Outlets { events, feed: Feed { port: publications, time_ns } }
    }

    #[inline(always)]
    fn event(&mut self, slot: OrderSlot, what: Outcome) {
        self.events.tell(Event { slot, what });
    }
}

impl Matching {
    /// Two events per execution and the acceptance before them; as many entries and the system event before them.
    pub const OUTPUTS_MAX: usize = 2 * EXECUTIONS_PER_STEP + 1;

    /// Empty books, sized by `config`.
    #[must_use]
    pub fn new(config: &GroupConfig) -> Matching {
        let GroupConfig { orders_max, levels_max, ref instruments, ref ports, .. } = *config;
        Matching {
            books: Books::new(orders_max, levels_max, instruments.len(), PortId::from_index(ports.len()).0),
            owners: config.owners().collect(),
            instruments: config.instruments.clone(),
            last_order_ref: 0,
            last_match_number: 0,
            work: Work::Nothing,
        }
    }

    /// The first step of a new order.
    #[inline(always)]
    pub fn enter<E: Events>(&mut self, out: &mut Outlets<'_, E>, order: &NewOrder) -> Step {
        if self.lacks_room(order) {
            out.event(order.slot, Outcome::Rejected(RejectReason::ProcessingError));
            return Step::Done;
        }
        let order_ref = self.next_order_ref();
        out.event(order.slot, Outcome::Accepted { order_ref });
        if !self.trades_at_once(order) {
            self.finish(out, order, order_ref, order.quantity, false);
            return Step::Done;
        }
        self.sweep(out, order, order_ref, order.quantity, order.executions_max)
    }

    /// The first step of an order that takes the place of the one in its slot. The old order goes in any case: if the new one
    /// has no room, it was the client's wish that it goes.
    pub fn replace<E: Events>(&mut self, out: &mut Outlets<'_, E>, order: &NewOrder) -> Step {
        let old = *self.books.order(order.slot.0);
        self.books.remove(order.slot.0);
        if self.lacks_room(order) {
            out.feed.deleted(old.locate, old.order_ref);
            let (quantity, reason) = (old.leaves, CancelReason::System);
            out.event(order.slot, Outcome::Canceled { quantity, reason });
            return Step::Done;
        }
        let order_ref = self.next_order_ref();
        out.event(order.slot, Outcome::Replaced { order_ref });
        if self.trades_at_once(order) || order.immediate {
            out.feed.deleted(old.locate, old.order_ref);
            return self.sweep(out, order, order_ref, order.quantity, order.executions_max);
        }
        out.feed.replaced(order.locate, old.order_ref, order_ref, order.quantity, order.price);
        self.books.rest(order, order_ref, order.quantity);
        Step::Done
    }

    /// Takes shares off an order, all that are left if it has no more than `quantity`.
    #[inline(always)]
    pub fn cancel<E: Events>(
        &mut self,
        out: &mut Outlets<'_, E>,
        slot: OrderSlot,
        quantity: Quantity,
        reason: CancelReason,
    ) {
        let Resting { order_ref, leaves, locate, .. } = *self.books.order(slot.0);
        let quantity = quantity.min(leaves);
        match self.books.reduce(slot.0, quantity) {
            Quantity::ZERO => out.feed.deleted(locate, order_ref),
            _ => out.feed.reduced(locate, order_ref, quantity),
        }
        out.event(slot, Outcome::Canceled { quantity, reason });
    }

    /// The first step of cancelling all orders of a scope whose firm, account or port is configured.
    pub fn cancel_all<E: Events>(&mut self, out: &mut Outlets<'_, E>, scope: Scope, reason: CancelReason) -> Step {
        let (first, end) = match scope {
            Scope::Port(port) => (port.index(), port.index() + 1),
            Scope::Everyone | Scope::Firm(_) | Scope::Account(_) => (0, self.owners.len()),
        };
        self.mass_cancel(out, MassCancel { scope, next: first, end, reason })
    }

    /// The first step of a market event.
    #[cold]
    pub fn market_event<E: Events>(&mut self, out: &mut Outlets<'_, E>, event: EventCode) -> Step {
        out.feed.system_event(event.to_wire());
        match event {
            EventCode::StartOfMessages => self.directory(out, 1),
            EventCode::EndOfMarketHours | EventCode::EndOfSystemHours => {
                self.cancel_all(out, Scope::Everyone, CancelReason::Closed)
            }
            _ => Step::Done,
        }
    }

    /// Prefetches an order.
    #[inline]
    pub fn prefetch_order(&self, slot: OrderSlot) {
        self.books.prefetch(slot.0);
    }

    /// Another step of an input whose last one returned [`Step::More`].
    pub fn resume<E: Events>(&mut self, out: &mut Outlets<'_, E>) -> Step {
        match std::mem::replace(&mut self.work, Work::Nothing) {
            Work::Nothing => Step::Done,
            Work::Sweep(Sweep { order, order_ref, leaves, executions_left }) => {
                self.sweep(out, &order, order_ref, leaves, executions_left)
            }
            Work::MassCancel(mass_cancel) => self.mass_cancel(out, mass_cancel),
            Work::Directory { next } => self.directory(out, next),
        }
    }

    /// Keeps what is left for the next step.
    #[cold]
    fn keep(&mut self, work: Work) -> Step {
        self.work = work;
        Step::More
    }

    fn sweep<E: Events>(
        &mut self,
        out: &mut Outlets<'_, E>,
        order: &NewOrder,
        order_ref: u64,
        mut leaves: Quantity,
        mut executions_left: u32,
    ) -> Step {
        for _ in 0..EXECUTIONS_PER_STEP {
            let maker = match self.books.best_match(order.locate, order.side, order.price) {
                Some(maker) if !leaves.is_zero() && executions_left > 0 => maker,
                more => {
                    self.finish(out, order, order_ref, leaves, more.is_some());
                    return Step::Done;
                }
            };
            leaves -= self.execute(out, maker, order.slot, leaves);
            executions_left -= 1;
        }
        self.keep(Work::Sweep(Sweep { order: *order, order_ref, leaves, executions_left }))
    }

    /// One trade with the order in slot `maker`, of `wanted` shares at most; returns how many.
    #[inline]
    fn execute<E: Events>(
        &mut self,
        out: &mut Outlets<'_, E>,
        maker: u32,
        taker: OrderSlot,
        wanted: Quantity,
    ) -> Quantity {
        let Resting { order_ref, leaves, locate, .. } = *self.books.order(maker);
        let price = self.books.price(maker);
        let quantity = wanted.min(leaves);
        self.books.reduce(maker, quantity);
        self.last_match_number += 1;
        let match_number = self.last_match_number;
        let executed = |liquidity| Outcome::Executed { quantity, price, liquidity, match_number };
        out.event(OrderSlot(maker), executed(Liquidity::Added));
        out.event(taker, executed(Liquidity::Removed));
        out.feed.executed(locate, order_ref, quantity, match_number);
        quantity
    }

    /// What remains rests or is cancelled. `crosses` says that it could trade on, but has no executions left.
    #[inline(always)]
    fn finish<E: Events>(
        &mut self,
        out: &mut Outlets<'_, E>,
        order: &NewOrder,
        order_ref: u64,
        quantity: Quantity,
        crosses: bool,
    ) {
        if quantity.is_zero() {
            return;
        }
        if order.immediate || crosses {
            let reason = if order.immediate { CancelReason::ImmediateOrCancel } else { CancelReason::System };
            out.event(order.slot, Outcome::Canceled { quantity, reason });
        } else {
            let stock = self.symbol(order.locate);
            out.feed.added(order.locate, stock, order_ref, order.side, quantity, order.price);
            self.books.rest(order, order_ref, quantity);
        }
    }

    #[cold]
    fn mass_cancel<E: Events>(&mut self, out: &mut Outlets<'_, E>, mut mass_cancel: MassCancel) -> Step {
        let MassCancel { scope, next, end, reason } = &mut mass_cancel;
        for _ in 0..ENTRIES_PER_STEP {
            if *next == *end {
                return Step::Done;
            }
            let owner = &self.owners[*next];
            match self.books.first_of(owner.port) {
                Some(slot) if scope.covers(owner) => self.cancel(out, OrderSlot(slot), Quantity::MAX, *reason),
                _ => *next += 1,
            }
        }
        self.keep(Work::MassCancel(mass_cancel))
    }

    fn directory<E: Events>(&mut self, out: &mut Outlets<'_, E>, first: usize) -> Step {
        for locate in first..first + ENTRIES_PER_STEP {
            let Some(instrument) = self.instruments.get(locate - 1) else {
                return Step::Done;
            };
            out.feed.directory(Locate::from_index(locate - 1), instrument.symbol, instrument.lot);
        }
        self.keep(Work::Directory { next: first + ENTRIES_PER_STEP })
    }

    /// Whether the order would have to rest where no level can be made. One that trades first and rests then has
    /// emptied a level by that, so it finds room.
    #[inline(always)]
    fn lacks_room(&mut self, order: &NewOrder) -> bool {
        !order.immediate && !self.books.has_room(order.locate, order.side, order.price) && !self.trades_at_once(order)
    }

    fn trades_at_once(&self, order: &NewOrder) -> bool {
        self.books.best_match(order.locate, order.side, order.price).is_some()
    }

    fn next_order_ref(&mut self) -> u64 {
        self.last_order_ref += 1;
        self.last_order_ref
    }

    fn symbol(&self, locate: Locate) -> Symbol {
        self.instruments[locate.index()].symbol
    }
}
