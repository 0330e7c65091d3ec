//! matchcore: numbers the commands of each book itself, and orders by the command that entered them.
//!
//! Version 0.4.0 matches a limit order that crosses the best price without looking at its limit again
//! (`submit_crossable_order` passes none on), so that a large one trades through it. Here no order can: it is submitted
//! in parts, each for what rests at the best opposite price within the limit, and what is left over rests.

use matchcore::{
    CancelCmd, Command, CommandFailure, CommandKind, CommandMeta, CommandOutcome, CommandReport, LimitOrder, NewOrder,
    OrderBook, OrderFlags, OrderId, OrderKind, Price, Quantity, QuantityPolicy, SequenceNumber, Side, SubmitCmd,
    TimeInForce, Timestamp,
};

use crate::engine::{Commands, Op, Totals, commands::INSTRUMENTS};

pub(super) struct Books {
    books: Vec<Book>,
    /// Order numbers in the books, by our number of the order.
    ids: Vec<u64>,
}

struct Book {
    book: OrderBook,
    next_number: u64,
}

impl super::books::Books for Books {
    fn new(commands: &Commands) -> Self {
        let books = (0..INSTRUMENTS).map(|index| Book { book: OrderBook::new(&format!("SYM{index}")), next_number: 0 });
        Books { books: books.collect(), ids: vec![0; commands.orders() + 1] }
    }

    #[inline]
    fn execute(&mut self, op: &Op, totals: &mut Totals) {
        match *op {
            Op::Enter { instrument, id, side, quantity, price, .. } => {
                let book = &mut self.books[usize::from(instrument)];
                let side = if side.is_buy() { Side::Buy } else { Side::Sell };
                let mut left = Quantity(quantity.into());
                while let Some(size) = book.size_within(side, Price(price)).filter(|_| !left.is_zero()) {
                    let part = left.min(size);
                    book.submit(side, part, Price(price), totals);
                    left -= part;
                }
                if !left.is_zero() {
                    self.ids[id as usize] = book.submit(side, left, Price(price), totals);
                }
            }
            Op::Cancel { instrument, id, .. } => {
                let order_id = OrderId(self.ids[id as usize]);
                let kind = CommandKind::Cancel(CancelCmd { order_id, order_kind: OrderKind::Limit });
                self.books[usize::from(instrument)].execute(kind, totals);
            }
        }
    }
}

impl Book {
    /// Shares at the best price that an order of this side trades with, if that price is within its limit.
    fn size_within(&self, side: Side, limit: Price) -> Option<Quantity> {
        let book = self.book.limit();
        let (&price, &level) = match side {
            Side::Buy => book.asks().first_key_value().filter(|(price, _)| **price <= limit),
            Side::Sell => book.bids().last_key_value().filter(|(price, _)| **price >= limit),
        }?;
        let size = book.levels()[level].visible_quantity();
        assert!(!size.is_zero(), "an empty level at {price:?}");
        Some(size)
    }

    /// Submits a limit order and returns its number.
    fn submit(&mut self, side: Side, quantity: Quantity, price: Price, totals: &mut Totals) -> u64 {
        let number = self.next_number;
        let policy = QuantityPolicy::Standard { quantity };
        let order = LimitOrder::new(price, policy, OrderFlags::new(side, false, TimeInForce::Gtc));
        self.execute(CommandKind::Submit(SubmitCmd { order: NewOrder::Limit(order) }), totals);
        number
    }

    fn execute(&mut self, kind: CommandKind, totals: &mut Totals) {
        let number = self.next_number;
        self.next_number += 1;
        let meta = CommandMeta { sequence_number: SequenceNumber(number), timestamp: Timestamp(number) };
        match self.book.execute(&Command { meta, kind }) {
            CommandOutcome::Applied(CommandReport::Submit(effects)) => {
                if let Some(result) = effects.target_order().match_result() {
                    totals.trades += result.trades().len() as u64;
                    totals.shares += result.executed_quantity().0;
                }
            }
            CommandOutcome::Applied(CommandReport::Cancel) => totals.canceled += 1,
            // It has traded already. Then the totals differ, and the report says so.
            CommandOutcome::Rejected(CommandFailure::OrderNotFound) => {}
            other => panic!("command {number}: {other:?}"),
        }
    }
}
