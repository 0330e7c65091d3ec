//! The life of every order, from the client's request to the final answer.
//!
//! The answer to each request, by the rules of OUCH 5.0:
//!
//! | request | answer |
//! |---|---|
//! | enter with a number not above the last one used | none: it is a retransmission |
//! | enter that a check refuses | Rejected; its number is used |
//! | enter | Accepted, then Executed and Canceled as it goes |
//! | replace with a used number, or of an order that is not live | none; its number is not used |
//! | replace with invalid details | the existing order is Canceled (`Z`, by the system); the number is not used |
//! | replace to no more shares than are executed | the existing order is Canceled (`U`, requested by the user); the number is not used |
//! | replace with a [mark](crate::types::Mark), or of an order of a paused instrument, that raises something | Rejected; its number is used, the existing order stays |
//! | replace that raises something outside the hours of its time in force, or while entry is disabled for the firm of the order | Rejected; its number is used, the existing order stays |
//! | replace that came with the prices of another instrument and raises the open shares or the price's aggressiveness | Rejected (0x0A); its number is used, the existing order stays |
//! | replace that risk refuses, or for which the books have no room | Rejected; its number is used, the existing order stays |
//! | replace | Replaced, for the new total less the executed shares |
//! | cancel of an order that is not live, or to no fewer shares | none |
//! | cancel | Canceled for the difference, `U`; whole lots stay open, and the order keeps its priority |
//! | modify of an order that is not live, to more shares, to another side than one of the same direction, or without a change | none |
//! | modify | Modified, with the shares outstanding now, whole lots; the order keeps its priority |
//! | mass cancel, disable or enable with a number not above the last one used | none: it is a retransmission |
//! | mass cancel | its response, then each order Canceled (`U`) in the order in which they came to rest; its number is used |
//! | disable or enable order entry | the response that says what applies now, see `entry`; its number is used |
//! | enter while entry is disabled for the firm of the order | Rejected; its number is used |
//! | account query | its response: the number after the last one used |
//! | enter or replace in another channel of numbers (`UserRefIdx`) than 0 | Rejected (0x0F); no order is touched |
//! | cancel or modify in another channel | none: the port has no order there |
//! | mass cancel in another channel | its response alone: the port has no order there |
//! | disable, enable or account query in another channel | as in channel 0 |
//!
//! The numbers of each channel rise by themselves. An answer in another channel than 0 names its channel.
//!
//! A mass cancel means the orders that match all that it names: firm, symbol, side and group. A blank firm or symbol matches
//! any; an unknown symbol or side matches none. The firm of an order is the one that its client named (option `Firm`),
//! else the port's own; a disabled blank firm is the whole port.
//!
//! Reject reasons that do not concern the fields: that of the request's [mark](crate::types::Mark), before all others; 0x07 halted
//! (its instrument is paused, because an input about it came too late); 0x02 destination closed (outside the hours of the order, see
//! [`MarketEvent`](crate::types::MarketEvent)), 0x0C firm not authorised (the client has disabled its order entry), 0x0F
//! other (too many open orders of the port), 0x0A processing error (the venue's tables are full). The reasons of the field
//! checks are in `checks`, those of risk in
//! [`risk`](super::risk).
//!
//! The venue itself cancels orders when a kill switch is engaged (`S`, supervisory), at a disconnect if so configured (`Z`,
//! system), and at the end of market hours (`E`, closed).

mod answers;
mod checks;
mod day;
mod entry;
mod open_order;
mod pauses;
mod port_state;
mod requests;
mod user_refs;

use corelane_codecs::{
    IntoBytes,
    itch::EventCode,
    ouch::{self, CancelReason, Canceled, Executed, Modified, RejectReason, Rejected, SystemEvent, TimeInForce},
    price::{Price, Price4},
    text::{ClOrdId, Symbol},
    zerocopy::Immutable,
};
use corelane_runtime::{edge::port::Port, mem};

use self::{checks::Terms, day::Day, entry::Firm, open_order::OpenOrder, pauses::Pauses, port_state::PortState};
use crate::types::{
    Cancel, Command, Enter, Event, Exposure, GroupConfig, Increase, Instrument, Locate, Mark, NewOrder, OrderSlot,
    Outcome, PortConfig, PortId, Quantity, Replace, Reply, SessionChange,
};

/// The place of an order's number: a port, and the number's home in the port's table.
#[derive(Clone, Copy, Default)]
pub(crate) struct NumberPlace {
    port: PortId,
    place: usize,
}

/// All ports and their open orders.
pub(crate) struct Order {
    ports: Vec<PortState>,
    instruments: Vec<Instrument>,
    /// Open orders by slot; `None` if the slot is free.
    orders: Vec<Option<OpenOrder>>,
    free: Vec<OrderSlot>,
    /// The replace that the current input asks for, if it is one.
    replacing: Option<(Replace, TimeInForce)>,
    day: Day,
    pauses: Pauses,
    cancel_on_disconnect: bool,
}

impl Order {
    /// Ports without orders, sized by `config`.
    pub(crate) fn new(config: &GroupConfig) -> Order {
        let port_state = |port: &PortConfig| {
            let firm = config.accounts[port.account.index()].firm;
            PortState::new(config.open_orders_per_port_max, *config.firms[firm.index()].mpid.as_array())
        };
        Order {
            ports: config.ports.iter().map(port_state).collect(),
            instruments: config.instruments.clone(),
            orders: vec![None; config.orders_max as usize],
            free: (0..config.orders_max).rev().map(OrderSlot).collect(),
            replacing: None,
            day: Day::new(config.opens_at_start),
            pauses: Pauses::new(config.pause_ns, config.instruments.len()),
            cancel_on_disconnect: config.cancel_on_disconnect,
        }
    }

    /// Memory of the open orders, and of the users' numbers of all ports, in bytes.
    pub(crate) fn bytes(config: &GroupConfig) -> usize {
        let order = size_of::<Option<OpenOrder>>() + size_of::<OrderSlot>();
        let port = PortState::bytes(config.open_orders_per_port_max);
        config.orders_max as usize * order + config.ports.len() * port
    }

    /// Prefetches the place of a request's order number.
    #[inline]
    pub(crate) fn prefetch_place(&self, command: &Command) -> Option<NumberPlace> {
        let (port, user_ref) = command.order_key()?;
        let place = self.ports.get(port.index())?.live.prefetch(user_ref);
        Some(NumberPlace { port, place })
    }

    /// The slot of the order whose number lies at a place; an arbitrary slot if none does.
    #[inline]
    pub(crate) fn at(&self, NumberPlace { port, place }: NumberPlace) -> OrderSlot {
        self.ports[port.index()].live.at(place)
    }

    /// Prefetches an order.
    #[inline]
    pub(crate) fn prefetch_order(&self, slot: OrderSlot) {
        mem::prefetch(&self.orders, slot.0 as usize);
    }

    /// Records a log-in.
    pub(crate) fn log_in(&mut self, change: &SessionChange) {
        if let Some(port) = self.ports.get_mut(change.port.index()) {
            port.generation = port.generation.max(change.generation);
        }
    }

    /// Whether a disconnect cancels the port's orders.
    #[cold]
    pub(crate) fn cancels_at(&self, change: &SessionChange) -> bool {
        self.ports.get(change.port.index()).is_some_and(|port| {
            self.cancel_on_disconnect && change.generation >= port.generation && port.open_orders > 0
        })
    }

    /// Takes a market event; false if it does not come next in the day, and must be ignored.
    pub(crate) fn market_event(&mut self, event: EventCode) -> bool {
        let comes_next = self.day.advance(event);
        if self.day.is_closed() {
            // Nothing is traded any more: nobody needs to be told.
            self.pauses.clear();
        }
        comes_next
    }

    /// The number of instruments that take no new orders.
    pub(crate) fn paused(&self) -> usize {
        self.pauses.count()
    }

    /// The instrument whose pause the current input has begun.
    pub(crate) fn take_begun_pause(&mut self) -> Option<Locate> {
        self.pauses.take_begun()
    }

    /// Ends the next pause that is over.
    pub(crate) fn end_pause(&mut self, now_ns: u64) -> Option<Locate> {
        self.pauses.end(now_ns)
    }

    /// Tells a port's client of the start or the end of its day.
    pub(crate) fn announce(&mut self, port: PortId, event: ouch::EventCode, replies: &mut Replies<'_>) {
        let message = SystemEvent::new(replies.time_ns, event);
        send_to_port(replies, port, &mut self.ports[port.index()], |reply| answers::write(reply, &message));
    }

    /// Handles an enter; returns the new order for risk to check.
    #[inline(always)]
    pub(crate) fn enter(&mut self, enter: &Enter, replies: &mut Replies<'_>) -> Option<Exposure> {
        let port = self.ports.get_mut(enter.port.index())?;
        if enter.user_ref <= port.last_user_ref {
            return None;
        }
        port.last_user_ref = enter.user_ref;
        port.live.prefetch(enter.user_ref);
        match self.admit(enter, replies.time_ns) {
            Ok((slot, terms, firm)) => {
                self.open(slot, enter, terms, firm);
                let order = NewOrder {
                    slot,
                    port: enter.port,
                    locate: enter.locate,
                    side: terms.side.into(),
                    immediate: terms.time_in_force == TimeInForce::ImmediateOrCancel,
                    quantity: enter.quantity,
                    price: in_book(enter.price),
                };
                let Enter { price, quantity: total_quantity, reference, .. } = *enter;
                Some(Exposure { order, price, total_quantity, reference })
            }
            Err(reason) => {
                let id = ClOrdId::from_bytes(enter.cl_ord_id);
                self.reject(enter.port, enter.user_ref, reason, id, replies);
                None
            }
        }
    }

    /// Runs the checks that need no reference price, and takes a slot for an order that passes.
    #[inline(always)]
    fn admit(&mut self, enter: &Enter, now_ns: u64) -> Result<(OrderSlot, Terms, Firm), RejectReason> {
        if let Some(reason) = self.why_not_now(enter.mark, enter.locate, now_ns) {
            return Err(reason);
        }
        let port = &self.ports[enter.port.index()];
        if !self.day.accepts(enter.time_in_force) {
            return Err(RejectReason::DestinationClosed);
        }
        let firm = port.firm_of(enter.firm);
        if port.disabled.has(firm) {
            return Err(RejectReason::FirmNotAuthorised);
        }
        let terms = checks::enter(enter, &self.instruments)?;
        if !port.has_room_for_order() {
            return Err(RejectReason::Other);
        }
        let slot = self.free.pop().ok_or(RejectReason::ProcessingError)?;
        Ok((slot, terms, firm))
    }

    /// Why nothing may be entered or raised now, whoever asks: the request has a mark, or its instrument is paused. A mark of a
    /// delay begins a pause.
    #[inline(always)]
    fn why_not_now(&mut self, mark: Mark, locate: Locate, now_ns: u64) -> Option<RejectReason> {
        let is_usual = mark == Mark::None && self.pauses.count() == 0;
        if is_usual { None } else { self.why_marked_or_paused(mark, locate, now_ns) }
    }

    #[cold]
    fn why_marked_or_paused(&mut self, mark: Mark, locate: Locate, now_ns: u64) -> Option<RejectReason> {
        if mark == Mark::Delay && !self.day.is_closed() {
            self.pauses.begin(locate, now_ns);
        }
        mark.reject_reason().or_else(|| self.pauses.has(locate).then_some(RejectReason::Halted))
    }

    /// Puts a new order into its slot.
    #[inline(always)]
    fn open(&mut self, slot: OrderSlot, enter: &Enter, terms: Terms, firm: Firm) {
        let port = &mut self.ports[enter.port.index()];
        port.open_orders += 1;
        self.orders[slot.0 as usize] = Some(OpenOrder {
            port: enter.port,
            user_ref: enter.user_ref,
            order_ref: 0,
            price: enter.price,
            leaves: enter.quantity,
            cum_qty: Quantity::ZERO,
            locate: enter.locate,
            group: enter.group,
            firm,
            terms,
            cl_ord_id: ClOrdId::from_bytes(enter.cl_ord_id),
        });
    }

    /// Handles a replace; returns what happens to the existing order.
    #[inline(never)]
    pub(crate) fn replace(&mut self, replace: &Replace, replies: &mut Replies<'_>) -> Option<Replacement> {
        let port = self.ports.get_mut(replace.port.index())?;
        if replace.user_ref <= port.last_user_ref {
            return None;
        }
        let slot = port.live.find(replace.original_user_ref)?;
        let existing = self.orders[slot.0 as usize]?;
        let is_disabled = port.disabled.has(existing.firm);
        let instrument = &self.instruments[existing.locate.index()];
        Some(match checks::replace(replace, instrument) {
            Err(_) => Replacement::Cancel(slot, CancelReason::System),
            Ok(_) if replace.quantity <= existing.cum_qty => Replacement::Cancel(slot, CancelReason::UserRequested),
            Ok(time_in_force) => {
                let price = replace.price;
                let order = NewOrder {
                    slot,
                    port: replace.port,
                    locate: existing.locate,
                    side: existing.terms.side.into(),
                    immediate: time_in_force == TimeInForce::ImmediateOrCancel,
                    quantity: replace.quantity - existing.cum_qty,
                    price: in_book(price),
                };
                let increase = Increase::between(
                    order.side,
                    (existing.leaves, in_book(existing.price)),
                    (order.quantity, order.price),
                );
                let needs_collar = increase.quantity || increase.price;
                let is_misled = needs_collar && replace.locate != existing.locate;
                let refusal = match increase.is_any() {
                    true => self
                        .why_not_now(replace.mark, existing.locate, replies.time_ns)
                        .or_else(|| self.why_not_raise(replace, is_disabled, is_misled)),
                    false => None,
                };
                if let Some(reason) = refusal {
                    self.refuse_replace(replace, reason, replies);
                    return None;
                }
                self.replacing = Some((*replace, time_in_force));
                let Replace { quantity: total_quantity, reference, .. } = *replace;
                Replacement::Order(Exposure { order, price, total_quantity, reference }, increase)
            }
        })
    }

    /// Why a replace may raise nothing, whatever risk says. One `is_misled` that came with the prices of another instrument
    /// than its order's, so that nobody can tell whether it keeps to the collar.
    fn why_not_raise(&self, replace: &Replace, is_disabled: bool, is_misled: bool) -> Option<RejectReason> {
        let is_closed = !self.day.accepts(replace.time_in_force);
        let closed = is_closed.then_some(RejectReason::DestinationClosed);
        let disabled = is_disabled.then_some(RejectReason::FirmNotAuthorised);
        let misled = is_misled.then_some(RejectReason::ProcessingError);
        closed.or(disabled).or(misled)
    }

    /// Handles a cancel; returns the shares to take off.
    #[inline(always)]
    pub(crate) fn cancel(&mut self, cancel: &Cancel) -> Option<Reduction> {
        let port = self.ports.get(cancel.port.index())?;
        let slot = port.live.find(cancel.user_ref)?;
        let order = self.orders[slot.0 as usize].as_ref()?;
        let leaves = cancel.quantity.saturating_sub(order.cum_qty);
        if leaves >= order.leaves {
            return None;
        }
        Some(Reduction { slot, quantity: order.leaves - whole_lots(&self.instruments, order.locate, leaves) })
    }

    /// Answers an event of matching, whose slot always holds an order.
    #[inline(always)]
    pub(crate) fn event(&mut self, event: &Event, replies: &mut Replies<'_>) {
        let slot = event.slot;
        if let Outcome::Rejected(reason) = event.what {
            return self.refuse(slot, reason, replies);
        }
        let Some(order) = self.orders[slot.0 as usize].as_mut() else {
            return;
        };
        let port = &mut self.ports[order.port.index()];
        match event.what {
            Outcome::Rejected(_) => {}
            Outcome::Accepted { order_ref } => {
                order.order_ref = order_ref;
                port.live.push(order.user_ref, slot);
                let symbol = symbol(&self.instruments, order.locate);
                send_answer(replies, port, order, 0, |time_ns| answers::accepted(time_ns, order, symbol));
            }
            Outcome::Replaced { order_ref } => {
                let Some((replace, time_in_force)) = self.replacing.take() else {
                    return;
                };
                let original = order.user_ref;
                order.user_ref = replace.user_ref;
                order.order_ref = order_ref;
                order.price = replace.price;
                order.leaves = replace.quantity - order.cum_qty;
                order.terms.time_in_force = time_in_force;
                order.cl_ord_id = ClOrdId::from_bytes(replace.cl_ord_id);
                port.last_user_ref = replace.user_ref;
                port.live.remove(original);
                port.live.push(order.user_ref, slot);
                let symbol = symbol(&self.instruments, order.locate);
                send_answer(replies, port, order, original, |time_ns| {
                    answers::replaced(time_ns, original, order, symbol)
                });
            }
            Outcome::Executed { quantity, price, liquidity, match_number } => {
                order.cum_qty += quantity;
                order.leaves -= quantity;
                let price = Price::from(price);
                send_answer(replies, port, order, 0, |time_ns| {
                    Executed::new(time_ns, order.user_ref, quantity.0, price, liquidity, match_number)
                });
            }
            Outcome::Modified { quantity } => {
                order.leaves -= quantity;
                send_answer(replies, port, order, 0, |time_ns| {
                    Modified::new(time_ns, order.user_ref, order.terms.side, order.leaves.0)
                });
            }
            Outcome::Canceled { quantity, reason } => {
                order.leaves -= quantity;
                send_answer(replies, port, order, 0, |time_ns| {
                    Canceled::new(time_ns, order.user_ref, quantity.0, reason)
                });
            }
        }
        if order.leaves.is_zero() {
            port.live.remove(order.user_ref);
            port.open_orders -= 1;
            self.vacate(slot);
        }
    }

    /// Rejects a replace; the existing order stays.
    #[cold]
    pub(crate) fn refuse_replace(&mut self, replace: &Replace, reason: RejectReason, replies: &mut Replies<'_>) {
        self.replacing = None;
        self.ports[replace.port.index()].last_user_ref = replace.user_ref;
        let id = ClOrdId::from_bytes(replace.cl_ord_id);
        self.reject(replace.port, replace.user_ref, reason, id, replies);
    }

    /// Rejects a new order that was not accepted yet, and frees its slot.
    pub(crate) fn refuse(&mut self, slot: OrderSlot, reason: RejectReason, replies: &mut Replies<'_>) {
        let Some(order) = self.orders[slot.0 as usize] else {
            return;
        };
        self.ports[order.port.index()].open_orders -= 1;
        self.vacate(slot);
        self.reject(order.port, order.user_ref, reason, order.cl_ord_id, replies);
    }

    fn vacate(&mut self, slot: OrderSlot) {
        self.orders[slot.0 as usize] = None;
        self.free.push(slot);
    }

    #[cold]
    fn reject(&mut self, port: PortId, user_ref: u32, reason: RejectReason, id: ClOrdId, replies: &mut Replies<'_>) {
        let rejected = Rejected::new(replies.time_ns, user_ref, reason, id);
        send_to_port(replies, port, &mut self.ports[port.index()], |reply| {
            reply.user_ref = user_ref;
            answers::write(reply, &rejected);
        });
    }
}

/// The book price of an order that passed the field checks. A code for "at the market" is truncated, which does no harm:
/// risk checks the whole price and rejects the order.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "limit prices have 31 bits, see Price::MAX_LIMIT")]
fn in_book(price: Price) -> Price4 {
    Price4::from_raw(price.raw() as u32)
}

/// The outcome of a replace for the existing order.
pub(crate) enum Replacement {
    /// If it passes risk, this order takes the slot of the existing one.
    Order(Exposure, Increase),
    /// The existing order is cancelled, for this reason.
    Cancel(OrderSlot, CancelReason),
}

/// Shares to take off an order at its client's request.
pub(crate) struct Reduction {
    pub slot: OrderSlot,
    pub quantity: Quantity,
}

impl Reduction {
    pub(crate) const REASON: CancelReason = CancelReason::UserRequested;
}

/// The output for answers, and the time of the current input.
pub(crate) struct Replies<'a> {
    pub port: &'a mut Port<Reply>,
    pub time_ns: u64,
}

/// Sends an answer that is about no open order.
fn send_to_port(replies: &mut Replies<'_>, port: PortId, state: &mut PortState, write: impl FnOnce(&mut Reply)) {
    let number = state.next_number();
    replies.port.send_filled(|reply| {
        reply.number = number;
        reply.port = port;
        write(reply);
    });
}

/// Sends an answer about an order. Always inlined, so that the answer is built in the edge's slot.
#[inline(always)]
fn send_answer<M: IntoBytes + Immutable>(
    replies: &mut Replies<'_>,
    port: &mut PortState,
    order: &OpenOrder,
    replaced_user_ref: u32,
    answer: impl FnOnce(u64) -> M,
) {
    let (number, time_ns) = (port.next_number(), replies.time_ns);
    replies.port.send_filled(|reply| {
        reply.number = number;
        reply.port = order.port;
        reply.user_ref = order.user_ref;
        reply.leaves_qty = order.leaves;
        reply.replaced_user_ref = replaced_user_ref;
        answers::write(reply, &answer(time_ns));
    });
}

/// The shares that stay open of an order that is reduced to `leaves`: whole lots, rounded down, so that no more stays open
/// than the client wants.
#[inline(always)]
fn whole_lots(instruments: &[Instrument], locate: Locate, leaves: Quantity) -> Quantity {
    match leaves {
        Quantity::ZERO => leaves,
        _ => leaves.whole_lots(instruments[locate.index()].lot),
    }
}

fn symbol(instruments: &[Instrument], locate: Locate) -> Symbol {
    instruments[locate.index()].symbol
}
