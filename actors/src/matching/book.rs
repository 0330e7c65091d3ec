//! The price-time books of all instruments: which orders rest, in which order they trade, and whose they are.

use super::levels::{Levels, NONE, Rank, SideLevels};
use crate::messages::{AccountSlot, Locate};

/// A resting order. It lies in the slot that the order actor gave it, so that nobody ever looks one up.
#[derive(Clone, Copy, Debug)]
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
    pub fn new(order_ref: u64, leaves: u32, account: AccountSlot, locate: Locate, buys: bool) -> Resting {
        let (level, older, younger, account_previous, account_next) = (NONE, NONE, NONE, NONE, NONE);
        Resting { order_ref, leaves, account, locate, buys, level, older, younger, account_previous, account_next }
    }
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
            orders: vec![Resting::new(0, 0, 0, 0, false); orders_max as usize],
            levels: Levels::with_capacity(levels_max),
            sides: vec![[SideLevels::EMPTY; 2]; instruments + 1],
            accounts: vec![AccountOrders { first: NONE, last: NONE }; accounts],
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

    /// Puts an order behind all others of its price.
    ///
    /// # Panics
    /// If [`Books::has_room`] was not asked.
    pub fn rest(&mut self, slot: u32, price: u32, mut order: Resting) {
        let side = &mut self.sides[usize::from(order.locate)][usize::from(order.buys)];
        let rank = Rank::of(price, order.buys);
        let found = self.levels.find(side, rank).or_else(|| self.levels.insert(side, rank));
        let level = found.expect("the caller asked for room");
        let youngest = self.levels[level].tail;
        match youngest {
            NONE => self.levels[level].head = slot,
            youngest => self.orders[youngest as usize].younger = slot,
        }
        self.levels[level].tail = slot;
        let account = &mut self.accounts[order.account as usize];
        let previous = std::mem::replace(&mut account.last, slot);
        match previous {
            NONE => account.first = slot,
            previous => self.orders[previous as usize].account_next = slot,
        }
        order.level = level;
        order.older = youngest;
        order.account_previous = previous;
        self.orders[slot as usize] = order;
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
        let order = self.orders[slot as usize];
        match order.older {
            NONE => self.levels[order.level].head = order.younger,
            older => self.orders[older as usize].younger = order.younger,
        }
        match order.younger {
            NONE => self.levels[order.level].tail = order.older,
            younger => self.orders[younger as usize].older = order.older,
        }
        if self.levels[order.level].head == NONE {
            let side = &mut self.sides[usize::from(order.locate)][usize::from(order.buys)];
            self.levels.remove(side, order.level);
        }
        let account = &mut self.accounts[order.account as usize];
        match order.account_previous {
            NONE => account.first = order.account_next,
            previous => self.orders[previous as usize].account_next = order.account_next,
        }
        match order.account_next {
            NONE => account.last = order.account_previous,
            next => self.orders[next as usize].account_previous = order.account_previous,
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
