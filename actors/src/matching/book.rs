//! The price-time books of all instruments: which orders rest, in which order they trade, and whose they are.

use std::hint::select_unpredictable;

use corelane_runtime::mem;

use super::{
    NewOrder, OrderSlot,
    levels::{Levels, NONE, Rank, SideLevels},
};
use crate::messages::{AccountSlot, Locate};

/// A resting order in one cache line. It lies in the slot that the order actor gave it, so that nobody ever looks one up.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Resting {
    pub order_ref: u64,
    pub leaves: u32,
    pub account: AccountSlot,
    pub locate: Locate,
    pub buys: bool,
    level: u32,
    /// Next older and younger at its level.
    older: u32,
    younger: u32,
    /// Neighbours among the orders of its account, in the order in which they came.
    account_previous: u32,
    account_next: u32,
}

impl Resting {
    const NOWHERE: Resting = Resting {
        order_ref: 0,
        leaves: 0,
        account: 0,
        locate: 0,
        buys: false,
        level: NONE,
        older: NONE,
        younger: NONE,
        account_previous: NONE,
        account_next: NONE,
    };
}

/// First and last order of an account.
#[derive(Clone, Copy)]
struct AccountOrders {
    first: u32,
    last: u32,
}

/// All books.
pub(super) struct Books {
    /// By order slot; what lies in a slot that rests nowhere means nothing.
    orders: Vec<Resting>,
    levels: Levels,
    /// By locate: the orders that sell and those that buy.
    sides: Vec<[SideLevels; 2]>,
    accounts: Vec<AccountOrders>,
}

impl Books {
    pub fn new(orders_max: u32, levels_max: u32, instruments: usize, accounts: usize) -> Books {
        Books {
            orders: vec![Resting::NOWHERE; orders_max as usize],
            levels: Levels::with_capacity(levels_max),
            sides: vec![[SideLevels::EMPTY; 2]; instruments + 1],
            accounts: vec![AccountOrders { first: NONE, last: NONE }; accounts],
        }
    }

    /// Has the order in `slot` fetched.
    #[inline]
    pub fn prefetch(&self, slot: u32) {
        mem::prefetch(&self.orders, slot as usize);
    }

    /// Has fetched what changes when the order in `slot` goes, if there is such a slot.
    #[inline]
    pub fn prefetch_neighbours(&self, slot: u32) {
        // Whether there is cannot be predicted: half of the requests may be about orders that are yet to come.
        let is_slot = (slot as usize) < self.orders.len();
        let order = &self.orders[select_unpredictable(is_slot, slot as usize, 0)];
        self.levels.prefetch(order.level);
        for neighbour in [order.older, order.younger, order.account_previous, order.account_next] {
            mem::prefetch(&self.orders, neighbour as usize);
        }
    }

    /// The order in `slot`.
    #[inline]
    pub fn order(&self, slot: u32) -> &Resting {
        &self.orders[slot as usize]
    }

    /// The price at which the order in `slot` rests.
    #[inline]
    pub fn price(&self, slot: u32) -> u32 {
        let order = self.order(slot);
        self.levels[order.level].rank.price(order.buys)
    }

    /// The order that an order which `buys` up to `limit` (or sells down to it) trades with next.
    #[inline]
    pub fn best_match(&self, locate: Locate, buys: bool, limit: u32) -> Option<u32> {
        let best = self.sides[usize::from(locate)][usize::from(!buys)].best();
        if best == NONE {
            return None;
        }
        let level = &self.levels[best];
        (level.rank <= Rank::of(limit, !buys)).then_some(level.head)
    }

    /// Whether an order can rest at this price: its level is there, or one more can be made.
    #[inline]
    pub fn has_room(&mut self, locate: Locate, buys: bool, price: u32) -> bool {
        let side = &mut self.sides[usize::from(locate)][usize::from(buys)];
        self.levels.has_room() || self.levels.find(side, Rank::of(price, buys)).is_some()
    }

    /// Puts `leaves` shares of an order behind all others of its price.
    ///
    /// # Panics
    /// If [`Books::has_room`] was not asked.
    #[inline(always)]
    pub fn rest(&mut self, order: &NewOrder, order_ref: u64, leaves: u32) {
        let NewOrder { slot: OrderSlot(slot), account, locate, buys, price, .. } = *order;
        let side = &mut self.sides[usize::from(locate)][usize::from(buys)];
        let rank = Rank::of(price, buys);
        let found = self.levels.find(side, rank).or_else(|| self.levels.insert(side, rank));
        let level = found.expect("the caller asked for room");
        let youngest = self.levels[level].tail;
        match youngest {
            NONE => self.levels[level].head = slot,
            youngest => self.orders[youngest as usize].younger = slot,
        }
        self.levels[level].tail = slot;
        let of_account = &mut self.accounts[account as usize];
        let previous = std::mem::replace(&mut of_account.last, slot);
        match previous {
            NONE => of_account.first = slot,
            previous => self.orders[previous as usize].account_next = slot,
        }
        self.orders[slot as usize] = Resting {
            order_ref,
            leaves,
            account,
            locate,
            buys,
            level,
            older: youngest,
            younger: NONE,
            account_previous: previous,
            account_next: NONE,
        };
    }

    /// Takes `quantity` shares off an order, which goes when none are left; returns what is left.
    #[inline]
    pub fn reduce(&mut self, slot: u32, quantity: u32) -> u32 {
        let order = &mut self.orders[slot as usize];
        order.leaves -= quantity;
        let leaves = order.leaves;
        if leaves == 0 {
            self.remove(slot);
        }
        leaves
    }

    /// Takes an order out, and its level if it was the last there.
    pub fn remove(&mut self, slot: u32) {
        // Each field by itself, as it was written.
        let order = &self.orders[slot as usize];
        let Resting { level, older, younger, account, locate, buys, account_previous, account_next, .. } = *order;
        match older {
            NONE => self.levels[level].head = younger,
            older => self.orders[older as usize].younger = younger,
        }
        match younger {
            NONE => self.levels[level].tail = older,
            younger => self.orders[younger as usize].older = older,
        }
        if self.levels[level].head == NONE {
            let side = &mut self.sides[usize::from(locate)][usize::from(buys)];
            self.levels.remove(side, level);
        }
        let of_account = &mut self.accounts[account as usize];
        match account_previous {
            NONE => of_account.first = account_next,
            previous => self.orders[previous as usize].account_next = account_next,
        }
        match account_next {
            NONE => of_account.last = account_previous,
            next => self.orders[next as usize].account_previous = account_previous,
        }
    }

    /// The account's order that came first.
    #[inline]
    pub fn first_of(&self, account: AccountSlot) -> Option<u32> {
        let first = self.accounts[account as usize].first;
        (first != NONE).then_some(first)
    }

    /// How many accounts there are.
    pub fn accounts(&self) -> AccountSlot {
        self.accounts.len() as AccountSlot
    }
}
