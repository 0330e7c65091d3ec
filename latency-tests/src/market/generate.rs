//! A made-up day of a market: small, valid, and the same for the same seed.

use corelane_codecs::IntoBytes;
use corelane_codecs::itch::{
    AddOrder, EventCode, Header, OrderCancel, OrderDelete, OrderExecuted, OrderReplace, Side, StockDirectory,
    SystemEvent,
};
use corelane_codecs::price::Price4;
use corelane_codecs::text::{Alpha, Symbol};

use crate::rng::Rng;

/// Prices wander at most so far from the reference price, in percent.
const WANDER_PERCENT: u32 = 1;
/// Orders rest within so many ticks of the middle.
const DEPTH_TICKS: u64 = 10;
/// Resting orders of one instrument, about.
const DEPTH_ORDERS: usize = 200;
/// 09:30:00.
const OPEN_NS: u64 = 34_200_000_000_000;

/// An instrument of the made-up market; its locate is its place in the list, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayInstrument {
    /// Symbol.
    pub symbol: Symbol,
    /// The price around which it trades.
    pub reference_price: Price4,
    /// Smallest price step.
    pub tick: Price4,
}

/// The made-up day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaySpec {
    /// Same seed, same day.
    pub seed: u64,
    /// What is traded.
    pub instruments: Vec<DayInstrument>,
    /// Messages that change books; those that open and close the day come on top.
    pub messages: usize,
    /// Mean distance of two messages, in nanoseconds.
    pub mean_gap_ns: u64,
}

/// The day as a BinaryFILE, end marker included: directory, open, and then adds, executions, cancels, deletes and
/// replaces whose references are valid, with increasing times and books that never cross.
pub fn generate_market(spec: &DaySpec) -> Vec<u8> {
    let mut day = Day {
        rng: Rng::new(spec.seed),
        now_ns: OPEN_NS - 1_000_000,
        next_ref: 1,
        next_match: 1,
        // An add order is the most frequent message, and about the longest.
        file: Vec::with_capacity((spec.messages + spec.instruments.len() + 8) * 40),
        books: spec.instruments.iter().map(|one| Book::new(*one)).collect(),
    };
    day.event(EventCode::StartOfMessages);
    day.event(EventCode::StartOfSystemHours);
    for index in 0..spec.instruments.len() {
        day.directory(index);
    }
    day.now_ns = OPEN_NS;
    day.event(EventCode::StartOfMarketHours);
    if !spec.instruments.is_empty() {
        for _ in 0..spec.messages {
            day.now_ns += day.rng.between(1, (2 * spec.mean_gap_ns).max(1));
            let index = day.rng.below(spec.instruments.len() as u64) as usize;
            day.change(index);
        }
    }
    day.event(EventCode::EndOfMarketHours);
    day.event(EventCode::EndOfSystemHours);
    day.event(EventCode::EndOfMessages);
    day.file.extend_from_slice(&[0, 0]);
    day.file
}

struct Day {
    rng: Rng,
    now_ns: u64,
    next_ref: u64,
    next_match: u64,
    file: Vec<u8>,
    books: Vec<Book>,
}

struct Book {
    instrument: DayInstrument,
    middle: u32,
    orders: Vec<Resting>,
}

#[derive(Clone, Copy)]
struct Resting {
    order_ref: u64,
    side: Side,
    price: u32,
    shares: u32,
}

impl Book {
    fn new(instrument: DayInstrument) -> Self {
        let tick = instrument.tick.raw().max(1);
        Self {
            instrument,
            middle: instrument.reference_price.raw() / tick * tick,
            orders: Vec::with_capacity(DEPTH_ORDERS + 64),
        }
    }

    /// The best price of a side.
    fn best(&self, side: Side) -> Option<u32> {
        let prices = self.orders.iter().filter(|one| one.side == side).map(|one| one.price);
        match side {
            Side::Buy => prices.max(),
            Side::Sell => prices.min(),
        }
    }
}

impl Day {
    fn write(&mut self, message: &[u8]) {
        // ITCH messages have at most 50 bytes.
        self.file.extend_from_slice(&(message.len() as u16).to_be_bytes());
        self.file.extend_from_slice(message);
    }

    fn header<const CODE: u8>(&self, index: usize) -> Header<CODE> {
        Header::new(index as u16 + 1, 0, self.now_ns)
    }

    fn event(&mut self, code: EventCode) {
        let event = SystemEvent { header: Header::new(0, 0, self.now_ns), event_code: code.to_wire() };
        self.write(event.as_bytes());
    }

    fn directory(&mut self, index: usize) {
        let directory = StockDirectory {
            header: self.header(index),
            stock: self.books[index].instrument.symbol,
            market_category: b'Q',
            financial_status: b'N',
            round_lot_size: 100.into(),
            round_lots_only: b'N',
            issue_classification: b'C',
            issue_sub_type: Alpha::from_bytes(*b"Z "),
            authenticity: b'P',
            short_sale_threshold: b'N',
            ipo_flag: b'N',
            luld_tier: b'1',
            etp_flag: b'N',
            etp_leverage: 0.into(),
            inverse: b'N',
        };
        self.write(directory.as_bytes());
    }

    /// One change of one book; roughly the mix of a real day, in which most orders are deleted.
    fn change(&mut self, index: usize) {
        self.wander(index);
        let full = self.books[index].orders.len() >= DEPTH_ORDERS;
        if self.books[index].orders.is_empty() {
            return self.add(index);
        }
        match self.rng.below(100) {
            0..45 if !full => self.add(index),
            0..80 => self.delete(index),
            80..90 => self.replace(index),
            90..95 => self.cancel(index),
            _ => self.execute(index),
        }
    }

    fn wander(&mut self, index: usize) {
        let book = &mut self.books[index];
        let tick = book.instrument.tick.raw().max(1);
        let reference = book.instrument.reference_price.raw();
        let moved = match self.rng.below(50) {
            0 => book.middle + tick,
            1 => book.middle.saturating_sub(tick),
            _ => return,
        };
        if moved.abs_diff(reference) <= (reference / 100 * WANDER_PERCENT).max(tick) {
            book.middle = moved;
        }
    }

    /// A price near the middle at which nothing on the other side would trade.
    fn price(&mut self, index: usize, side: Side) -> u32 {
        let distance = self.rng.between(1, DEPTH_TICKS) as u32;
        let book = &self.books[index];
        let tick = book.instrument.tick.raw().max(1);
        match side {
            Side::Buy => {
                let below = book.best(Side::Sell).map_or(u32::MAX, |ask| ask - tick);
                book.middle.saturating_sub(distance * tick).min(below).max(tick)
            }
            Side::Sell => {
                let above = book.best(Side::Buy).map_or(0, |bid| bid + tick);
                (book.middle + distance * tick).max(above)
            }
        }
    }

    fn add(&mut self, index: usize) {
        let side = if self.rng.below(2) == 0 { Side::Buy } else { Side::Sell };
        let order = Resting {
            order_ref: self.take_ref(),
            side,
            price: self.price(index, side),
            shares: 100 * self.rng.between(1, 10) as u32,
        };
        let add = AddOrder {
            header: self.header(index),
            order_ref: order.order_ref.into(),
            side,
            shares: order.shares.into(),
            stock: self.books[index].instrument.symbol,
            price: Price4::from_raw(order.price).into(),
        };
        self.write(add.as_bytes());
        self.books[index].orders.push(order);
    }

    fn delete(&mut self, index: usize) {
        let at = self.any(index);
        let order = self.books[index].orders.swap_remove(at);
        let delete = OrderDelete { header: self.header(index), order_ref: order.order_ref.into() };
        self.write(delete.as_bytes());
    }

    fn cancel(&mut self, index: usize) {
        let at = self.any(index);
        let order = &mut self.books[index].orders[at];
        let cancelled = order.shares / 2;
        if cancelled == 0 {
            return self.delete(index);
        }
        order.shares -= cancelled;
        let order_ref = order.order_ref;
        let cancel =
            OrderCancel { header: self.header(index), order_ref: order_ref.into(), cancelled_shares: cancelled.into() };
        self.write(cancel.as_bytes());
    }

    fn replace(&mut self, index: usize) {
        let at = self.any(index);
        let old = self.books[index].orders.swap_remove(at);
        let new = Resting {
            order_ref: self.take_ref(),
            side: old.side,
            price: self.price(index, old.side),
            shares: 100 * self.rng.between(1, 10) as u32,
        };
        let replace = OrderReplace {
            header: self.header(index),
            original_order_ref: old.order_ref.into(),
            new_order_ref: new.order_ref.into(),
            shares: new.shares.into(),
            price: Price4::from_raw(new.price).into(),
        };
        self.write(replace.as_bytes());
        self.books[index].orders.push(new);
    }

    /// Part or all of the order that is first in the queue of its side.
    fn execute(&mut self, index: usize) {
        let side = if self.rng.below(2) == 0 { Side::Buy } else { Side::Sell };
        let orders = &self.books[index].orders;
        let best = self.books[index].best(side);
        let first = (0..orders.len())
            .filter(|&at| orders[at].side == side && Some(orders[at].price) == best)
            .min_by_key(|&at| orders[at].order_ref);
        let Some(at) = first else {
            return self.add(index);
        };
        let order = self.books[index].orders[at];
        let shares = self.rng.between(1, u64::from(order.shares)) as u32;
        let executed = OrderExecuted {
            header: self.header(index),
            order_ref: order.order_ref.into(),
            executed_shares: shares.into(),
            match_number: self.next_match.into(),
        };
        self.next_match += 1;
        self.write(executed.as_bytes());
        if shares == order.shares {
            self.books[index].orders.swap_remove(at);
        } else {
            self.books[index].orders[at].shares -= shares;
        }
    }

    fn any(&mut self, index: usize) -> usize {
        self.rng.below(self.books[index].orders.len() as u64) as usize
    }

    fn take_ref(&mut self) -> u64 {
        let order_ref = self.next_ref;
        self.next_ref += 1;
        order_ref
    }
}
