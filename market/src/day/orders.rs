//! Messages that change books, and trade messages.

use corelane_codecs::IntoBytes;
use corelane_codecs::itch::{
    AddOrder, AddOrderMpid, OrderCancel, OrderDelete, OrderExecuted, OrderExecutedWithPrice, OrderReplace, Side, Trade,
};
use corelane_codecs::text::Mpid;

use super::Day;
use super::book::{BookPosition, Resting};
use super::mix::draw_kind;

/// The firms of attributed orders and market makers.
pub(super) const FIRMS: [Mpid; 4] =
    [Mpid::from_bytes(*b"FRMA"), Mpid::from_bytes(*b"FRMB"), Mpid::from_bytes(*b"FRMC"), Mpid::from_bytes(*b"FRMD")];

impl Day {
    pub(super) fn opening_order(&mut self) {
        self.add(false);
    }

    /// One message of trading hours. If no instrument or order fits its type, it becomes an add.
    pub(super) fn trade_on(&mut self) {
        match draw_kind(&mut self.rng) {
            b'A' => self.add(false),
            b'F' => self.add(true),
            b'D' => self.delete(),
            b'U' => self.replace(),
            b'X' => self.cancel(),
            b'E' => self.execute(false),
            b'C' => self.execute(true),
            b'P' => self.trade(),
            kind => self.notice(kind),
        }
    }

    fn side(&mut self) -> Side {
        if self.rng.below(2) == 0 { Side::Buy } else { Side::Sell }
    }

    /// A random quantity, mostly in round lots.
    fn shares(&mut self) -> u32 {
        let shares = match self.rng.below(10) {
            0 => self.rng.between(1, 99),
            1 => 100 * self.rng.between(1, 20),
            _ => 100 * self.rng.between(1, 4),
        };
        shares as u32
    }

    /// The next reference: higher than the last one, with the low two bits of the instrument.
    fn take_ref(&mut self, index: usize) -> u64 {
        let next = self.last_ref + 1;
        self.last_ref = next + ((index as u64).wrapping_sub(next) & 3);
        self.last_ref
    }

    pub(super) fn add(&mut self, is_attributed: bool) {
        let index = self.any();
        let (side, shares, order_ref) = (self.side(), self.shares(), self.take_ref(index));
        let tick = self.books[index].draw_tick(&mut self.rng, side);
        let price = self.price(index, tick).into();
        let stock = self.instruments[index].symbol;
        self.books[index].add(tick, Resting { order_ref, shares });
        let (order_ref, shares) = (order_ref.into(), shares.into());
        if is_attributed {
            let attribution = FIRMS[self.rng.below(4) as usize];
            let header = self.header(index);
            self.put(
                AddOrderMpid { header, order_ref, side: side.into(), shares, stock, price, attribution }.as_bytes(),
            );
        } else {
            self.put(
                AddOrder { header: self.header(index), order_ref, side: side.into(), shares, stock, price }.as_bytes(),
            );
        }
    }

    /// Draws an instrument with orders, and one of its orders.
    fn any_order(&mut self) -> Option<(usize, BookPosition)> {
        let index = self.any_of(|day, index| day.books[index].orders() > 0)?;
        Some((index, self.books[index].draw(&mut self.rng)?))
    }

    fn delete(&mut self) {
        match self.any_order() {
            Some((index, place)) => self.delete_at(index, place),
            None => self.add(false),
        }
    }

    fn delete_at(&mut self, index: usize, place: BookPosition) {
        let order_ref = self.books[index].remove(place).order_ref.into();
        self.put(OrderDelete { header: self.header(index), order_ref }.as_bytes());
    }

    fn cancel(&mut self) {
        let Some((index, place)) = self.any_order() else { return self.add(false) };
        let Resting { order_ref, shares } = *self.books[index].order(place);
        if shares == 1 {
            return self.delete_at(index, place);
        }
        let cancelled = self.rng.between(1, u64::from(shares) - 1) as u32;
        self.books[index].order(place).shares -= cancelled;
        let (order_ref, cancelled_shares) = (order_ref.into(), cancelled.into());
        self.put(OrderCancel { header: self.header(index), order_ref, cancelled_shares }.as_bytes());
    }

    fn replace(&mut self) {
        let Some((index, place)) = self.any_order() else { return self.add(false) };
        let old = self.books[index].remove(place);
        let (shares, order_ref) = (self.shares(), self.take_ref(index));
        let tick = self.books[index].draw_tick(&mut self.rng, place.side);
        self.books[index].add(tick, Resting { order_ref, shares });
        let replace = OrderReplace {
            header: self.header(index),
            original_order_ref: old.order_ref.into(),
            new_order_ref: order_ref.into(),
            shares: shares.into(),
            price: self.price(index, tick).into(),
        };
        self.put(replace.as_bytes());
    }

    /// Executes part or all of the first order in the queue of a side; with `is_priced`, at another price than its own.
    fn execute(&mut self, is_priced: bool) {
        let found = self.any_of(|day, index| day.books[index].orders() > 0 && day.trades(index));
        let Some(index) = found else { return self.add(false) };
        let preferred = self.side();
        let both = [preferred, if preferred == Side::Buy { Side::Sell } else { Side::Buy }];
        let best = both.into_iter().find_map(|side| Some((side, self.books[index].best(side)?)));
        let (side, tick) = best.expect("an order rests");
        let place = BookPosition { side, tick, at: 0 };
        let Resting { order_ref, shares } = *self.books[index].order(place);
        let executed = if self.rng.below(2) == 0 { shares } else { self.rng.between(1, u64::from(shares)) as u32 };
        if executed == shares {
            self.books[index].remove(place);
        } else {
            self.books[index].order(place).shares -= executed;
        }
        let match_number = self.take_match(index).into();
        let (order_ref, executed_shares) = (order_ref.into(), executed.into());
        if is_priced {
            let is_printable = self.rng.below(8) > 0;
            let message = OrderExecutedWithPrice {
                header: self.header(index),
                order_ref,
                executed_shares,
                match_number,
                printable: if is_printable { b'Y' } else { b'N' },
                execution_price: self.price(index, self.books[index].middle()).into(),
            };
            self.put(message.as_bytes());
        } else {
            self.put(OrderExecuted { header: self.header(index), order_ref, executed_shares, match_number }.as_bytes());
        }
    }

    /// A trade against a non-displayed order.
    pub(super) fn trade(&mut self) {
        let Some(index) = self.any_of(Self::trades) else { return self.add(false) };
        let (shares, match_number) = (self.shares().into(), self.take_match(index).into());
        let message = Trade {
            header: self.header(index),
            order_ref: 0.into(),
            side: Side::Buy.into(),
            shares,
            stock: self.instruments[index].symbol,
            price: self.price(index, self.books[index].middle()).into(),
            match_number,
        };
        self.put(message.as_bytes());
    }
}
