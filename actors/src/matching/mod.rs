//! Matching: price-time priority books for limit orders, day and immediate-or-cancel.
//!
//! An order trades at the prices of the orders that rest, best price first and oldest first within a price. What
//! then remains of a day order rests, what remains of an immediate-or-cancel order is cancelled. A replaced order
//! loses its priority; one that is reduced keeps it. An account's orders may trade with each other.
//!
//! Everything that may take long (a sweep, a mass cancel, the stock directory) is cut into steps of at most
//! [`OUTPUTS_MAX`](Actor::OUTPUTS_MAX) messages per port.

mod book;
mod feed;
mod levels;

use corelane_codecs::{
    itch::EventCode,
    ouch::{CancelReason, Liquidity, RejectReason},
    text::Symbol,
};
use corelane_runtime::{
    actor::{Actor, Context, Step},
    message::Message,
    ports,
};

use self::{
    book::{Books, Resting},
    feed::Feed,
};
use crate::{
    group::{GroupConfig, Instrument},
    messages::{AccountSlot, Locate, MarketEvent, Publication},
    order::OrderIn,
};

/// Executions in one step. Each makes two events; a step also says what became of the order itself.
const EXECUTIONS_PER_STEP: usize = 7;

/// Cancels, or directory entries, in one step.
const ENTRIES_PER_STEP: usize = 2 * EXECUTIONS_PER_STEP;

/// Index of an order in the tables of the order actor and of matching alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderSlot(pub u32);

/// A new order that has passed all checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Where it lies.
    pub slot: OrderSlot,
    /// Whose it is.
    pub account: AccountSlot,
    /// Instrument.
    pub locate: Locate,
    /// Buys or sells.
    pub buys: bool,
    /// Immediate-or-cancel; otherwise a day order.
    pub immediate: bool,
    /// Shares to trade.
    pub quantity: u32,
    /// Limit price, four implied decimals.
    pub price: u32,
    /// Most executions that can still be reported to the account; what remains after them is cancelled.
    pub executions_max: u32,
}

/// What risk lets pass to matching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchingIn {
    /// A new order.
    Enter(NewOrder),
    /// Takes the order in the slot out, and enters this one there.
    Replace(NewOrder),
    /// Takes shares off an order; all that are left, if it has no more than these.
    Cancel {
        /// The order.
        slot: OrderSlot,
        /// Shares.
        quantity: u32,
        /// Why.
        reason: CancelReason,
    },
    /// Cancels all orders of an account, or of everyone.
    MassCancel {
        /// The account; `None` for everyone.
        account: Option<AccountSlot>,
        /// Why.
        reason: CancelReason,
    },
    /// The market's day goes on.
    MarketEvent(MarketEvent),
}

impl Message for MatchingIn {
    fn kind(&self) -> u16 {
        match self {
            MatchingIn::Enter(_) => 1,
            MatchingIn::Replace(_) => 2,
            MatchingIn::Cancel { .. } => 3,
            MatchingIn::MassCancel { .. } => 4,
            MatchingIn::MarketEvent(_) => 5,
        }
    }
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The order.
    pub slot: OrderSlot,
    /// What happened.
    pub what: Outcome,
}

/// What happened to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is live.
    Accepted {
        /// The venue's reference of it: 1 and up, no gap.
        order_ref: u64,
    },
    /// It is refused: there is no room for it.
    Rejected(RejectReason),
    /// It has taken the place of the one that was in its slot.
    Replaced {
        /// The venue's reference of it: 1 and up, no gap.
        order_ref: u64,
    },
    /// It has traded.
    Executed {
        /// Shares.
        quantity: u32,
        /// At this price, four implied decimals.
        price: u32,
        /// Whether it rested or came in.
        liquidity: Liquidity,
        /// The trade: 1 and up, no gap.
        match_number: u64,
    },
    /// Shares were taken off.
    Canceled {
        /// Shares.
        quantity: u32,
        /// Why.
        reason: CancelReason,
    },
}

ports! {
    /// Where matching sends.
    pub struct MatchingOut {
        /// What became of orders.
        events: OrderIn,
        /// The venue's feed.
        publications: Publication,
    }
}

/// The matching actor.
pub struct Matching {
    books: Books,
    instruments: Vec<Instrument>,
    last_order_ref: u64,
    last_match_number: u64,
    /// What the input whose last step asked for another still needs.
    work: Work,
}

/// What an input still needs.
#[derive(Clone, Copy)]
enum Work {
    Nothing,
    Sweep(Sweep),
    MassCancel { account: AccountSlot, last_account: AccountSlot, reason: CancelReason },
    Directory { next: usize },
}

/// An order that trades with what rests.
#[derive(Clone, Copy)]
struct Sweep {
    order: NewOrder,
    order_ref: u64,
    leaves: u32,
    executions_left: u32,
}

impl Sweep {
    fn new(order: NewOrder, order_ref: u64) -> Sweep {
        Sweep { order, order_ref, leaves: order.quantity, executions_left: order.executions_max }
    }
}

type Ctx<'a> = Context<'a, MatchingOut>;

impl Matching {
    /// Empty books, sized by `config`.
    pub fn new(config: &GroupConfig) -> Matching {
        let GroupConfig { orders_max, levels_max, accounts, .. } = *config;
        Matching {
            books: Books::new(orders_max, levels_max, config.instruments.len(), accounts as usize),
            instruments: config.instruments.clone(),
            last_order_ref: 0,
            last_match_number: 0,
            work: Work::Nothing,
        }
    }

    fn enter(&mut self, ctx: &mut Ctx<'_>, order: NewOrder) -> Work {
        if self.lacks_room(&order) {
            event(ctx, order.slot, Outcome::Rejected(RejectReason::ProcessingError));
            return Work::Nothing;
        }
        let order_ref = self.next_order_ref();
        event(ctx, order.slot, Outcome::Accepted { order_ref });
        self.sweep(ctx, Sweep::new(order, order_ref))
    }

    /// The old order goes in any case: if the new one has no room, it was the client's wish that it goes.
    fn replace(&mut self, ctx: &mut Ctx<'_>, order: NewOrder) -> Work {
        let old = *self.books.order(order.slot.0);
        self.books.remove(order.slot.0);
        if self.lacks_room(&order) {
            feed(ctx).deleted(old.locate, old.order_ref);
            let (quantity, reason) = (old.leaves, CancelReason::System);
            event(ctx, order.slot, Outcome::Canceled { quantity, reason });
            return Work::Nothing;
        }
        let order_ref = self.next_order_ref();
        event(ctx, order.slot, Outcome::Replaced { order_ref });
        if self.trades_at_once(&order) || order.immediate {
            feed(ctx).deleted(old.locate, old.order_ref);
            return self.sweep(ctx, Sweep::new(order, order_ref));
        }
        feed(ctx).replaced(order.locate, old.order_ref, order_ref, order.quantity, order.price);
        self.rest(&order, order_ref, order.quantity);
        Work::Nothing
    }

    fn cancel(&mut self, ctx: &mut Ctx<'_>, slot: OrderSlot, quantity: u32, reason: CancelReason) {
        let Resting { order_ref, leaves, locate, .. } = *self.books.order(slot.0);
        let quantity = quantity.min(leaves);
        match self.books.reduce(slot.0, quantity) {
            0 => feed(ctx).deleted(locate, order_ref),
            _ => feed(ctx).reduced(locate, order_ref, quantity),
        }
        event(ctx, slot, Outcome::Canceled { quantity, reason });
    }

    fn all_of(&self, account: Option<AccountSlot>, reason: CancelReason) -> Work {
        let last_account = account.unwrap_or(self.books.accounts() - 1);
        Work::MassCancel { account: account.unwrap_or(0), last_account, reason }
    }

    fn market_event(&mut self, ctx: &mut Ctx<'_>, code: u8) -> Work {
        feed(ctx).system_event(code);
        match EventCode::from_wire(code) {
            Some(EventCode::StartOfMessages) => self.directory(ctx, 1),
            Some(EventCode::EndOfMarketHours | EventCode::EndOfSystemHours) => {
                let work = self.all_of(None, CancelReason::Closed);
                self.go_on(ctx, work)
            }
            _ => Work::Nothing,
        }
    }

    /// One step of what is left to do; returns what then is.
    fn go_on(&mut self, ctx: &mut Ctx<'_>, work: Work) -> Work {
        match work {
            Work::Nothing => Work::Nothing,
            Work::Sweep(sweep) => self.sweep(ctx, sweep),
            Work::MassCancel { account, last_account, reason } => self.mass_cancel(ctx, account, last_account, reason),
            Work::Directory { next } => self.directory(ctx, next),
        }
    }

    /// Keeps what is left for the next step.
    #[inline]
    fn keep(&mut self, work: Work) -> Step {
        if matches!(work, Work::Nothing) {
            return Step::Done;
        }
        self.work = work;
        Step::More
    }

    fn sweep(&mut self, ctx: &mut Ctx<'_>, mut sweep: Sweep) -> Work {
        let order = sweep.order;
        for _ in 0..EXECUTIONS_PER_STEP {
            let maker = match self.books.best_match(order.locate, order.buys, order.price) {
                Some(maker) if sweep.leaves > 0 && sweep.executions_left > 0 => maker,
                more => {
                    self.finish(ctx, &sweep, more.is_some());
                    return Work::Nothing;
                }
            };
            let quantity = self.execute(ctx, maker, &sweep);
            sweep.leaves -= quantity;
            sweep.executions_left -= 1;
        }
        Work::Sweep(sweep)
    }

    /// One trade with the order in slot `maker`; returns its shares.
    #[inline]
    fn execute(&mut self, ctx: &mut Ctx<'_>, maker: u32, sweep: &Sweep) -> u32 {
        let Resting { order_ref, leaves, locate, .. } = *self.books.order(maker);
        let price = self.books.price(maker);
        let quantity = sweep.leaves.min(leaves);
        self.books.reduce(maker, quantity);
        self.last_match_number += 1;
        let match_number = self.last_match_number;
        let executed = |liquidity| Outcome::Executed { quantity, price, liquidity, match_number };
        event(ctx, OrderSlot(maker), executed(Liquidity::Added));
        event(ctx, sweep.order.slot, executed(Liquidity::Removed));
        feed(ctx).executed(locate, order_ref, quantity, match_number);
        quantity
    }

    /// What remains rests or is cancelled. `crosses` says that it could trade on, but has no executions left.
    fn finish(&mut self, ctx: &mut Ctx<'_>, sweep: &Sweep, crosses: bool) {
        let Sweep { order, order_ref, leaves: quantity, .. } = *sweep;
        if quantity == 0 {
            return;
        }
        if order.immediate || crosses {
            let reason = if order.immediate { CancelReason::ImmediateOrCancel } else { CancelReason::System };
            event(ctx, order.slot, Outcome::Canceled { quantity, reason });
        } else {
            let stock = self.symbol(order.locate);
            feed(ctx).added(order.locate, stock, order_ref, order.buys, quantity, order.price);
            self.rest(&order, order_ref, quantity);
        }
    }

    fn mass_cancel(
        &mut self,
        ctx: &mut Ctx<'_>,
        mut account: AccountSlot,
        last_account: AccountSlot,
        reason: CancelReason,
    ) -> Work {
        for _ in 0..ENTRIES_PER_STEP {
            match self.books.first_of(account) {
                Some(slot) => self.cancel(ctx, OrderSlot(slot), u32::MAX, reason),
                None if account == last_account => return Work::Nothing,
                None => account += 1,
            }
        }
        Work::MassCancel { account, last_account, reason }
    }

    fn directory(&mut self, ctx: &mut Ctx<'_>, first: usize) -> Work {
        for locate in first..first + ENTRIES_PER_STEP {
            let Some(instrument) = self.instruments.get(locate - 1) else {
                return Work::Nothing;
            };
            feed(ctx).directory(locate as Locate, instrument.symbol, instrument.lot);
        }
        Work::Directory { next: first + ENTRIES_PER_STEP }
    }

    fn rest(&mut self, order: &NewOrder, order_ref: u64, leaves: u32) {
        let resting = Resting::new(order_ref, leaves, order.account, order.locate, order.buys);
        self.books.rest(order.slot.0, order.price, resting);
    }

    /// Whether the order would have to rest where no level can be made. One that trades first and rests then has
    /// emptied a level by that, so it finds room.
    fn lacks_room(&mut self, order: &NewOrder) -> bool {
        !order.immediate && !self.books.has_room(order.locate, order.buys, order.price) && !self.trades_at_once(order)
    }

    fn trades_at_once(&self, order: &NewOrder) -> bool {
        self.books.best_match(order.locate, order.buys, order.price).is_some()
    }

    fn next_order_ref(&mut self) -> u64 {
        self.last_order_ref += 1;
        self.last_order_ref
    }

    fn symbol(&self, locate: Locate) -> Symbol {
        self.instruments[usize::from(locate) - 1].symbol
    }
}

impl Actor for Matching {
    type In = MatchingIn;
    type Out = MatchingOut;
    /// Two events per execution and the acceptance before them; as many entries and the system event before them.
    const OUTPUTS_MAX: usize = 2 * EXECUTIONS_PER_STEP + 1;

    #[inline]
    fn on_message(&mut self, ctx: &mut Ctx<'_>, message: &MatchingIn) -> Step {
        let work = match *message {
            MatchingIn::Enter(order) => self.enter(ctx, order),
            MatchingIn::Replace(order) => self.replace(ctx, order),
            MatchingIn::Cancel { slot, quantity, reason } => {
                self.cancel(ctx, slot, quantity, reason);
                Work::Nothing
            }
            MatchingIn::MassCancel { account, reason } => {
                let work = self.all_of(account, reason);
                self.go_on(ctx, work)
            }
            MatchingIn::MarketEvent(MarketEvent { code }) => self.market_event(ctx, code),
        };
        self.keep(work)
    }

    fn on_more(&mut self, ctx: &mut Ctx<'_>) -> Step {
        let work = self.go_on(ctx, self.work);
        self.keep(work)
    }
}

#[inline]
fn event(ctx: &mut Ctx<'_>, slot: OrderSlot, what: Outcome) {
    ctx.out.events.send(OrderIn::Event(Event { slot, what }));
}

#[inline]
fn feed<'a>(ctx: &'a mut Ctx<'_>) -> Feed<'a> {
    let time_ns = ctx.time_ns();
    Feed { port: &mut ctx.out.publications, time_ns }
}
