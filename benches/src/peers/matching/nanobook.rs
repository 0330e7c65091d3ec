//! nanobook: numbers orders itself. It keeps every order and every trade of the day unless told to forget them, which is
//! done as often as its memory would otherwise grow by a few thousand orders.

use nanobook::{Exchange, OrderId, Price, Side, TimeInForce};

use crate::engine::{Commands, Op, Totals, commands::INSTRUMENTS};

/// Commands of one book between two clearings of its history.
const CLEARED_EVERY: u32 = 4096;

pub(super) struct Books {
    books: Vec<(Exchange, u32)>,
    /// By our number of an order: its number in its book.
    ids: Vec<OrderId>,
}

impl super::Books for Books {
    fn new(commands: &Commands) -> Self {
        let books = (0..INSTRUMENTS).map(|_| (Exchange::new(), 0));
        Books { books: books.collect(), ids: vec![OrderId(0); commands.orders() + 1] }
    }

    #[inline]
    fn execute(&mut self, op: &Op, totals: &mut Totals) {
        let (Op::Enter { instrument, .. } | Op::Cancel { instrument, .. }) = *op;
        let (book, commands) = &mut self.books[usize::from(instrument)];
        match *op {
            Op::Enter { id, buys, quantity, price, .. } => {
                let side = if buys { Side::Buy } else { Side::Sell };
                let result = book.submit_limit(side, Price(price as i64), quantity.into(), TimeInForce::GTC);
                self.ids[id as usize] = result.order_id;
                totals.trades += result.trades.len() as u64;
                totals.shares += result.filled_quantity;
            }
            Op::Cancel { id, .. } => {
                let result = book.cancel(self.ids[id as usize]);
                assert!(result.success, "{op:?}: {:?}", result.error);
                totals.canceled += 1;
            }
        }
        *commands += 1;
        if *commands == CLEARED_EVERY {
            *commands = 0;
            book.clear_trades();
            book.clear_order_history();
        }
    }
}
