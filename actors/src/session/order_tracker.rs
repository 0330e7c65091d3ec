//! The session's knowledge of a port's orders: enough to find a replace's instrument, and to bound the requests that are
//! unanswered. It refuses nothing: which orders are open is for the group to say, since an order that the session has not
//! seen answered may be dead already.
//!
//! OUCH ignores some requests silently (retransmissions, replaces of dead orders), so the tracker works out which
//! requests are unanswered. The group takes a port's requests in the order of forwarding and accepts only rising
//! user reference numbers. Hence:
//!
//! - an enter is answered (and so is a mass cancel or a switch of order entry, which use a number too) if its number is above those of all enters forwarded before, unless a replace took its number
//!   or a higher one first;
//! - once number *n* is answered, every request forwarded before it that has no answer was ignored, and every request
//!   forwarded after it with a number of at most *n* will be ignored;
//! - once an order is dead, replaces of it are ignored.
//!
//! Two unanswered requests may have one number, a replace and another request behind it. Only the first is noted. If the
//! group ignores it, the answer to the second tells what is to be known of that.

use std::collections::{HashMap, VecDeque, hash_map::Entry};

use corelane_codecs::ouch::Outbound;

use super::{number_hash::NumberHash, request::SymbolLocates};
use crate::types::{CHANNELS, Locate, Reply};

/// The type of the one answer that nobody asks for.
const SYSTEM_EVENT: u8 = b'S';
/// The type of the answer to an account query.
const ACCOUNT_QUERY_RESPONSE: u8 = b'Q';

/// An order, or a request that may become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TrackedOrder {
    /// Its instrument.
    pub locate: Locate,
    /// Whether an answer has come.
    answered: bool,
    /// Unanswered replaces of this order.
    replaces_pending: u16,
}

impl TrackedOrder {
    fn unanswered(locate: Locate) -> Self {
        TrackedOrder { locate, answered: false, replaces_pending: 0 }
    }
}

/// An unanswered request.
#[derive(Clone, Copy, Debug)]
struct PendingRequest {
    user_ref: u32,
    /// The order that it replaces; 0 for other requests.
    replaces: u32,
}

/// A port's orders.
#[derive(Debug)]
pub(super) struct OrderTracker {
    /// Its capacity is twice the most entries, so that the map removes its tombstones in place and never grows.
    orders: HashMap<u32, TrackedOrder, NumberHash>,
    /// In the order of forwarding.
    pending: VecDeque<PendingRequest>,
    in_flight_max: usize,
    /// The most unanswered requests now: `in_flight_max`, or none while a mass cancel is unanswered.
    credit_max: usize,
    /// The number of that mass cancel, else 0.
    mass_cancel: u32,
    /// Unanswered account queries.
    queries: usize,
    /// Unanswered requests in other channels than 0.
    others: usize,
    /// By channel other than 0: the highest number that was forwarded. The group answers what raises it, and ignores the rest.
    other_channels: Box<[u32; CHANNELS]>,
    /// Highest number known to be used up.
    consumed: u32,
    /// Highest number of an enter that was forwarded.
    entered: u32,
    /// Highest number in `pending`, and whether a lower one follows it there.
    pending_high: u32,
    disordered: bool,
}

impl OrderTracker {
    /// A tracker of at most `in_flight_max` unanswered requests, and of `open_max` open orders, the bound of the group.
    pub(super) fn with_capacity(open_max: usize, in_flight_max: usize) -> Self {
        let most = open_max + in_flight_max;
        OrderTracker {
            orders: HashMap::with_capacity_and_hasher(2 * most, NumberHash::default()),
            pending: VecDeque::with_capacity(in_flight_max),
            in_flight_max,
            credit_max: in_flight_max,
            mass_cancel: 0,
            queries: 0,
            others: 0,
            other_channels: Box::new([0; CHANNELS]),
            consumed: 0,
            entered: 0,
            pending_high: 0,
            disordered: false,
        }
    }

    /// Memory of a tracker, in bytes. The map has a power of two of places, at most seven eighths of them used.
    pub(super) fn bytes(open_max: usize, in_flight_max: usize) -> usize {
        let most = open_max + in_flight_max;
        let places = (2 * most * 8 / 7).next_power_of_two();
        places * (size_of::<(u32, TrackedOrder)>() + 1) + CHANNELS * size_of::<u32>()
    }

    /// Orders and unanswered requests.
    pub(super) fn len(&self) -> usize {
        self.orders.len() + self.queries + self.others
    }

    /// Unanswered requests that use a number, of whatever channel.
    #[inline]
    pub(super) fn in_flight(&self) -> usize {
        self.pending.len() + self.others
    }

    /// Whether another request that uses a number may be forwarded before an answer comes.
    #[inline]
    pub(super) fn has_credit(&self) -> bool {
        self.in_flight() < self.credit_max
    }

    /// The instrument of an order, 0 if unknown.
    #[inline]
    pub(super) fn locate_of(&self, user_ref: u32) -> Locate {
        self.orders.get(&user_ref).map_or(Locate::NONE, |order| order.locate)
    }

    /// Notes that a number is used up.
    fn consume(&mut self, user_ref: u32) {
        self.consumed = self.consumed.max(user_ref);
    }

    /// Notes an enter that is forwarded, unless the group is sure to ignore it.
    #[inline]
    pub(super) fn on_enter(&mut self, user_ref: u32, locate: Locate) {
        if user_ref <= self.consumed.max(self.entered) {
            return;
        }
        // Also if a replace has the number: one of the two uses it.
        self.entered = user_ref;
        if let Entry::Vacant(place) = self.orders.entry(user_ref) {
            place.insert(TrackedOrder::unanswered(locate));
            self.note(PendingRequest { user_ref, replaces: 0 });
        }
    }

    /// Notes an account query.
    #[cold]
    pub(super) fn on_query(&mut self) {
        self.queries += 1;
    }

    /// Whether a request with this number is unanswered.
    #[cold]
    pub(super) fn is_pending(&self, user_ref: u32) -> bool {
        self.orders.get(&user_ref).is_some_and(|request| !request.answered)
    }

    /// Notes a mass cancel, whose number must not be pending. While the group looks for its orders among all that rest of the port,
    /// everybody waits; so no other request that uses a number is forwarded until the group has begun with it, and answered.
    #[cold]
    pub(super) fn on_mass_cancel(&mut self, user_ref: u32) {
        self.on_other(0, user_ref);
        if let Some(request) = self.orders.get_mut(&user_ref)
            && !request.answered
        {
            // As if it were an order that is replaced, so that its end is noticed.
            request.replaces_pending = 1;
            self.mass_cancel = user_ref;
            self.credit_max = 0;
        }
    }

    /// Notes a request that uses a number and makes no order, unless the group is sure to ignore it.
    #[cold]
    pub(super) fn on_other(&mut self, channel: u8, user_ref: u32) {
        if channel != 0 {
            let last = &mut self.other_channels[usize::from(channel)];
            self.others += usize::from(user_ref > *last);
            *last = user_ref.max(*last);
            return;
        }
        self.on_enter(user_ref, Locate::NONE);
    }

    /// Notes a replace that is forwarded, unless the group is sure to ignore it.
    #[inline]
    pub(super) fn on_replace(&mut self, original: u32, user_ref: u32) {
        if user_ref <= self.consumed.max(self.entered) || self.orders.contains_key(&user_ref) {
            return;
        }
        let Some(order) = self.orders.get_mut(&original) else {
            return;
        };
        order.replaces_pending = order.replaces_pending.saturating_add(1);
        let locate = order.locate;
        self.orders.insert(user_ref, TrackedOrder::unanswered(locate));
        self.note(PendingRequest { user_ref, replaces: original });
    }

    /// Lists a request among those that are unanswered.
    fn note(&mut self, request: PendingRequest) {
        self.disordered |= request.user_ref < self.pending_high;
        self.pending_high = self.pending_high.max(request.user_ref);
        self.pending.push_back(request);
    }

    /// Notes an answer.
    #[inline]
    pub(super) fn on_answer(&mut self, reply: &Reply, locates: &SymbolLocates) {
        if reply.user_ref == 0 {
            return self.on_answer_about_no_order(reply.bytes[0]);
        }
        match self.orders.get_mut(&reply.user_ref).map(|order| std::mem::replace(&mut order.answered, true)) {
            Some(true) => {}
            Some(false) => self.on_first_answer(reply.user_ref),
            None => self.on_unnoted(reply, locates),
        }
        if reply.replaced_user_ref != 0 {
            // Perhaps it was noted for another request of its number.
            if let Some(original) = self.orders.get(&reply.replaced_user_ref).copied()
                && let Some(order) = self.orders.get_mut(&reply.user_ref)
            {
                order.locate = original.locate;
            }
            self.remove_dead(reply.replaced_user_ref);
        }
        if reply.leaves_qty.is_zero() {
            self.remove_dead(reply.user_ref);
        }
    }

    /// Notes an answer to an account query or to a request in another channel than 0, by the type of its message.
    #[cold]
    fn on_answer_about_no_order(&mut self, message_type: u8) {
        match message_type {
            SYSTEM_EVENT => {}
            ACCOUNT_QUERY_RESPONSE => self.queries = self.queries.saturating_sub(1),
            _ => self.others = self.others.saturating_sub(1),
        }
    }

    /// Notes the first answer to a request, and drops the requests that it shows to be ignored.
    #[inline]
    fn on_first_answer(&mut self, user_ref: u32) {
        self.consume(user_ref);
        while let Some(request) = self.pending.pop_front() {
            self.end_replacing(request.replaces);
            if request.user_ref == user_ref {
                break;
            }
            self.remove_dead(request.user_ref);
        }
        if self.disordered {
            self.drop_pending(|request| request.user_ref <= user_ref);
        }
        if self.pending.is_empty() {
            self.pending_high = 0;
            self.disordered = false;
        }
    }

    /// Notes the first answer to a request that had the number of an unanswered replace when it was forwarded, and was not noted
    /// for that. The group has ignored that replace; and of the rest, all up to this number.
    #[cold]
    fn on_unnoted(&mut self, reply: &Reply, locates: &SymbolLocates) {
        self.consume(reply.user_ref);
        self.drop_pending(|request| request.user_ref <= reply.user_ref);
        if !reply.leaves_qty.is_zero() {
            let locate = match Outbound::decode(&reply.bytes[..usize::from(reply.length)]) {
                Ok(Outbound::Accepted(order, _)) => locates.of(&order.symbol),
                Ok(Outbound::Replaced(order, _)) => locates.of(&order.symbol),
                _ => Locate::NONE,
            };
            self.orders.insert(reply.user_ref, TrackedOrder { locate, answered: true, replaces_pending: 0 });
        }
    }

    /// Removes a dead order, and the replaces of it, which the group ignores.
    #[inline]
    fn remove_dead(&mut self, user_ref: u32) {
        let order = self.orders.remove(&user_ref);
        if order.is_some_and(|order| order.replaces_pending > 0) {
            self.drop_pending(|_| false);
        }
    }

    /// Drops the unanswered requests that are `ignored`, and the replaces whose original is gone. A replace follows its
    /// original in the list, so one pass finds replaces of replaces too.
    fn drop_pending(&mut self, ignored: impl Fn(&PendingRequest) -> bool) {
        let OrderTracker { orders, pending, .. } = self;
        pending.retain(|request| {
            let is_orphan = request.replaces != 0 && !orders.contains_key(&request.replaces);
            if !is_orphan && !ignored(request) {
                return true;
            }
            orders.remove(&request.user_ref);
            if let Some(original) = orders.get_mut(&request.replaces) {
                original.replaces_pending = original.replaces_pending.saturating_sub(1);
            }
            false
        });
        if self.mass_cancel != 0 && !self.orders.contains_key(&self.mass_cancel) {
            self.credit_max = self.in_flight_max;
            self.mass_cancel = 0;
        }
    }

    fn end_replacing(&mut self, original: u32) {
        if original != 0
            && let Some(order) = self.orders.get_mut(&original)
        {
            order.replaces_pending = order.replaces_pending.saturating_sub(1);
        }
    }
}
