//! matchcore: numbers the commands of each book itself, and orders by the command that entered them.

use matchcore::{
    CancelCmd, Command, CommandFailure, CommandKind, CommandMeta, CommandOutcome, CommandReport, LimitOrder, NewOrder,
    OrderBook, OrderFlags, OrderId, OrderKind, Price, Quantity, QuantityPolicy, SequenceNumber, Side, SubmitCmd,
    TimeInForce, Timestamp,
};

use crate::engine::{Commands, Op, Totals, commands::INSTRUMENTS};

pub(super) struct Books {
    books: Vec<(OrderBook, u64)>,
    /// By our number of an order: its number in its book.
    ids: Vec<u64>,
}

impl super::Books for Books {
    fn new(commands: &Commands) -> Self {
        let books = (0..INSTRUMENTS).map(|index| (OrderBook::new(&format!("SYM{index}")), 0));
        Books { books: books.collect(), ids: vec![0; commands.orders() + 1] }
    }

    #[inline]
    fn execute(&mut self, op: &Op, totals: &mut Totals) {
        let (Op::Enter { instrument, .. } | Op::Cancel { instrument, .. }) = *op;
        let (book, next) = &mut self.books[usize::from(instrument)];
        let number = *next;
        *next += 1;
        let meta = CommandMeta { sequence_number: SequenceNumber(number), timestamp: Timestamp(number) };
        let kind = match *op {
            Op::Enter { id, buys, quantity, price, .. } => {
                self.ids[id as usize] = number;
                let policy = QuantityPolicy::Standard { quantity: Quantity(quantity.into()) };
                let side = if buys { Side::Buy } else { Side::Sell };
                let order = LimitOrder::new(Price(price), policy, OrderFlags::new(side, false, TimeInForce::Gtc));
                CommandKind::Submit(SubmitCmd { order: NewOrder::Limit(order) })
            }
            Op::Cancel { id, .. } => {
                let order_id = OrderId(self.ids[id as usize]);
                CommandKind::Cancel(CancelCmd { order_id, order_kind: OrderKind::Limit })
            }
        };
        match book.execute(&Command { meta, kind }) {
            CommandOutcome::Applied(CommandReport::Submit(effects)) => {
                if let Some(result) = effects.target_order().match_result() {
                    totals.trades += result.trades().len() as u64;
                    totals.shares += result.executed_quantity().0;
                }
            }
            CommandOutcome::Applied(CommandReport::Cancel) => totals.canceled += 1,
            // It has traded here, where time priority is kept otherwise; the totals show how far that goes.
            CommandOutcome::Rejected(CommandFailure::OrderNotFound) => {}
            other => panic!("{op:?}: {other:?}"),
        }
    }
}
