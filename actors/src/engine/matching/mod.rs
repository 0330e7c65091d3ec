//! Matching: price-time priority books for limit orders, day and immediate-or-cancel.
//!
//! An order trades at the prices of the resting orders, best price first and oldest first within a price. The remainder
//! of a day order then rests; the remainder of an immediate-or-cancel order is cancelled. A replaced order loses its
//! priority; a reduced one keeps it. Orders of one port may trade with each other.
//!
//! Work that may take long (a sweep, a mass cancel, the stock directory) is cut into steps. A step sends at most
//! [`OUTPUTS_MAX`](Matching::OUTPUTS_MAX) messages on each output.

mod book;
mod feed;
mod levels;
mod lists;
mod window;

use std::fmt;

use corelane_codecs::{
    itch::{EventCode, TradingState},
    ouch::{CancelReason, Liquidity, RejectReason},
    price::Price4,
    text::Symbol,
};
use corelane_runtime::{actor::Step, edge::port::Port};

pub use self::levels::BookMemory;
use self::{
    book::{Books, Resting},
    feed::Feed,
    levels::Levels,
};
use crate::types::{
    BookPrices, Event, GroupConfig, Instrument, Locate, NewOrder, OrderSlot, Outcome, Owner, PortId, Publication,
    Quantity, Scope, Side,
};

/// Executions in one step. Each makes two events; the order itself makes one more.
const EXECUTIONS_PER_STEP: usize = 7;

/// Cancels or directory entries in one step.
pub(super) const ENTRIES_PER_STEP: usize = 2 * EXECUTIONS_PER_STEP;

/// All books, and the work that is left for the current input.
pub struct Matching {
    books: Books,
    /// The account and firm of each port.
    owners: Vec<Owner>,
    instruments: Vec<Instrument>,
    /// The prices of the last trades, by locate.
    last_prices: Vec<Price4>,
    last_order_ref: u64,
    last_match_number: u64,
    /// The work that is left for the current input.
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

/// Work that is left for an input.
#[derive(Clone, Copy)]
enum Work {
    Nothing,
    Sweep(Sweep),
    MassCancel(MassCancel),
    Directory { next: usize },
}

/// A mass cancel, port by port.
#[derive(Clone, Copy)]
struct MassCancel {
    scope: Scope,
    /// The next port to look at; ports from here to `end` may still have orders of the scope.
    next: usize,
    end: usize,
    reason: CancelReason,
}

/// An order that trades with resting orders.
#[derive(Clone, Copy)]
struct Sweep {
    order: NewOrder,
    order_ref: u64,
    leaves: Quantity,
}

/// The receiver of events, called as they happen.
pub trait Events {
    /// Handles an event. Mark it `#[inline(always)]`: each caller knows the outcome, so the compiler drops all other cases.
    fn on_event(&mut self, event: Event);
}

/// The outputs of one step: events and publications.
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
    /// Outputs whose publications carry the time of the input.
    #[inline]
    pub fn new(events: E, publications: &'a mut Port<Publication>, time_ns: u64) -> Self {
        Outlets { events, feed: Feed { port: publications, time_ns } }
    }

    #[inline(always)]
    fn event(&mut self, slot: OrderSlot, what: Outcome) {
        self.events.on_event(Event { slot, what });
    }
}

impl Matching {
    /// The most messages that a step sends on one output: two events per execution and the acceptance before them, or as
    /// many cancels or directory entries and the system event before them.
    pub const OUTPUTS_MAX: usize = 2 * EXECUTIONS_PER_STEP + 1;

    /// Empty books, sized by `config`.
    #[must_use]
    pub fn new(config: &GroupConfig) -> Matching {
        let GroupConfig { orders_max, levels_max, ref instruments, ref ports, .. } = *config;
        Matching {
            books: Books::new(orders_max, levels_max, instruments, PortId::from_index(ports.len()).0),
            owners: config.owners().collect(),
            instruments: config.instruments.clone(),
            last_prices: vec![Price4::ZERO; instruments.len() + 1],
            last_order_ref: 0,
            last_match_number: 0,
            work: Work::Nothing,
        }
    }

    /// Memory of the books, in bytes.
    pub(crate) fn bytes(config: &GroupConfig) -> usize {
        let GroupConfig { orders_max, levels_max, ref instruments, ref ports, .. } = *config;
        Books::bytes(orders_max, levels_max, instruments.len(), PortId::from_index(ports.len()).0)
    }

    /// Memory of the price levels.
    pub(crate) fn level_memory(config: &GroupConfig) -> BookMemory {
        Levels::memory(config.instruments.len(), config.levels_max)
    }

    /// Runs the first step of a new order.
    #[inline(always)]
    pub fn enter<E: Events>(&mut self, out: &mut Outlets<'_, E>, order: &NewOrder) -> Step {
        if self.lacks_room(order) {
            out.event(order.slot, Outcome::Rejected(RejectReason::ProcessingError));
            return Step::Done;
        }
        let order_ref = self.next_order_ref();
        out.event(order.slot, Outcome::Accepted { order_ref });
        match self.maker(order) {
            Some(maker) => self.sweep(out, order, order_ref, order.quantity, Some(maker)),
            None => {
                self.finish(out, order, order_ref, order.quantity);
                Step::Done
            }
        }
    }

    /// The prices of an instrument's book.
    #[inline]
    pub fn prices(&mut self, locate: Locate) -> BookPrices {
        BookPrices {
            bid: self.books.best_price(locate, Side::Buy),
            ask: self.books.best_price(locate, Side::Sell),
            last: self.last_prices[locate.row()],
        }
    }

    /// Whether the books have room for an order that takes the slot of one that rests.
    pub fn has_room_to_replace(&mut self, order: &NewOrder) -> bool {
        self.books.is_alone(order.slot.0) || !self.lacks_room(order)
    }

    /// Runs the first step of a replace: the new order takes the slot of the old one.
    ///
    /// # Panics
    /// If there is no room; ask [`Matching::has_room_to_replace`] first.
    pub fn replace<E: Events>(&mut self, out: &mut Outlets<'_, E>, order: &NewOrder) -> Step {
        let old = *self.books.order(order.slot.0);
        self.books.remove(order.slot.0);
        let order_ref = self.next_order_ref();
        out.event(order.slot, Outcome::Replaced { order_ref });
        let maker = self.maker(order);
        if maker.is_some() || order.immediate {
            out.feed.deleted(old.locate, old.order_ref);
            return self.sweep(out, order, order_ref, order.quantity, maker);
        }
        out.feed.replaced(order.locate, old.order_ref, order_ref, order.quantity, order.price);
        self.books.rest(order, order_ref, order.quantity);
        Step::Done
    }

    /// Takes `quantity` shares off an order, or all that it has left if they are fewer.
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

    /// Takes `quantity` shares off an order, or all that it has left if they are fewer; it keeps its priority.
    #[cold]
    pub fn modify<E: Events>(&mut self, out: &mut Outlets<'_, E>, slot: OrderSlot, quantity: Quantity) {
        let Resting { order_ref, leaves, locate, .. } = *self.books.order(slot.0);
        let quantity = quantity.min(leaves);
        if !quantity.is_zero() {
            match self.books.reduce(slot.0, quantity) {
                Quantity::ZERO => out.feed.deleted(locate, order_ref),
                _ => out.feed.reduced(locate, order_ref, quantity),
            }
        }
        out.event(slot, Outcome::Modified { quantity });
    }

    /// The oldest resting order of a port, which must be configured.
    #[must_use]
    pub fn first_of(&self, port: PortId) -> Option<OrderSlot> {
        self.books.first_of(port).map(OrderSlot)
    }

    /// The resting order of the same port that came to rest after the one in `slot`.
    #[must_use]
    pub fn after(&self, slot: OrderSlot) -> Option<OrderSlot> {
        self.books.after(slot.0).map(OrderSlot)
    }

    /// Runs the first step of a mass cancel. The scope's firm, account or port must be configured.
    pub fn cancel_all<E: Events>(&mut self, out: &mut Outlets<'_, E>, scope: Scope, reason: CancelReason) -> Step {
        let (first, end) = match scope {
            Scope::Port(port) => (port.index(), port.index() + 1),
            Scope::Everyone | Scope::Firm(_) | Scope::Account(_) => (0, self.owners.len()),
        };
        self.mass_cancel(out, MassCancel { scope, next: first, end, reason })
    }

    /// Runs the first step of a market event.
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

    /// Publishes whether an instrument trades or is paused.
    #[cold]
    pub fn trading_state<E: Events>(&mut self, out: &mut Outlets<'_, E>, locate: Locate, state: TradingState) {
        out.feed.trading_action(locate, self.symbol(locate), state);
    }

    /// Prefetches an order.
    #[inline]
    pub fn prefetch_order(&self, slot: OrderSlot) {
        self.books.prefetch(slot.0);
    }

    /// Runs the next step of an input whose last step returned [`Step::More`].
    pub fn resume<E: Events>(&mut self, out: &mut Outlets<'_, E>) -> Step {
        match std::mem::replace(&mut self.work, Work::Nothing) {
            Work::Nothing => Step::Done,
            Work::Sweep(Sweep { order, order_ref, leaves }) => {
                let maker = if leaves.is_zero() { None } else { self.maker(&order) };
                self.sweep(out, &order, order_ref, leaves, maker)
            }
            Work::MassCancel(mass_cancel) => self.mass_cancel(out, mass_cancel),
            Work::Directory { next } => self.directory(out, next),
        }
    }

    /// Keeps the remaining work for the next step.
    #[cold]
    fn keep(&mut self, work: Work) -> Step {
        self.work = work;
        Step::More
    }

    /// Trades with `maker` and those after it, and rests or cancels the remainder, as far as one step goes.
    fn sweep<E: Events>(
        &mut self,
        out: &mut Outlets<'_, E>,
        order: &NewOrder,
        order_ref: u64,
        mut leaves: Quantity,
        mut maker: Option<u32>,
    ) -> Step {
        for _ in 0..EXECUTIONS_PER_STEP {
            let Some(slot) = maker else {
                self.finish(out, order, order_ref, leaves);
                return Step::Done;
            };
            leaves -= self.execute(out, slot, order.slot, leaves);
            maker = if leaves.is_zero() { None } else { self.maker(order) };
        }
        self.keep(Work::Sweep(Sweep { order: *order, order_ref, leaves }))
    }

    /// Trades with the order in slot `maker`, at most `wanted` shares; returns the shares traded.
    #[inline]
    fn execute<E: Events>(
        &mut self,
        out: &mut Outlets<'_, E>,
        maker: u32,
        taker: OrderSlot,
        wanted: Quantity,
    ) -> Quantity {
        let Resting { order_ref, leaves, price, locate, .. } = *self.books.order(maker);
        let quantity = wanted.min(leaves);
        self.books.reduce(maker, quantity);
        self.last_prices[locate.row()] = price;
        self.last_match_number += 1;
        let match_number = self.last_match_number;
        let executed = |liquidity| Outcome::Executed { quantity, price, liquidity, match_number };
        out.event(OrderSlot(maker), executed(Liquidity::Added));
        out.event(taker, executed(Liquidity::Removed));
        out.feed.executed(locate, order_ref, quantity, match_number);
        quantity
    }

    /// Rests the remainder of a day order, or cancels that of an immediate one.
    #[inline(always)]
    fn finish<E: Events>(&mut self, out: &mut Outlets<'_, E>, order: &NewOrder, order_ref: u64, quantity: Quantity) {
        if quantity.is_zero() {
            return;
        }
        if order.immediate {
            let reason = CancelReason::ImmediateOrCancel;
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

    /// Whether the order would have to rest at a new level while the pool is used up. An order that trades first does not
    /// count: it rests only after it has emptied a level, which it can then use.
    #[inline(always)]
    fn lacks_room(&mut self, order: &NewOrder) -> bool {
        !order.immediate && !self.books.has_room(order.locate, order.side, order.price) && self.maker(order).is_none()
    }

    /// The next order to trade with this one.
    #[inline]
    fn maker(&mut self, order: &NewOrder) -> Option<u32> {
        self.books.best_match(order.locate, order.side, order.price)
    }

    fn next_order_ref(&mut self) -> u64 {
        self.last_order_ref += 1;
        self.last_order_ref
    }

    fn symbol(&self, locate: Locate) -> Symbol {
        self.instruments[locate.index()].symbol
    }
}
