//! lobster.

use lobster::{OrderBook, OrderEvent, OrderType, Side};

use crate::engine::{Commands, Op, Totals, commands::INSTRUMENTS};

/// Orders that its tables begin with, for each that rests: more than there will be.
const ORDERS: usize = 4;
/// Number of resting orders for each place that a queue has from the beginning: mostly more places than there will be
/// orders.
const QUEUES: usize = 16;

pub(super) struct Books {
    books: Vec<OrderBook>,
}

impl super::books::Books for Books {
    fn new(commands: &Commands) -> Self {
        let resting = commands.resting_max();
        let book = || OrderBook::new(ORDERS * resting, resting / QUEUES, false);
        Books { books: (0..INSTRUMENTS).map(|_| book()).collect() }
    }

    #[inline]
    fn execute(&mut self, op: &Op, totals: &mut Totals) {
        let (instrument, order) = match *op {
            Op::Enter { instrument, id, side, quantity, price, .. } => {
                let side = if side.is_buy() { Side::Bid } else { Side::Ask };
                (instrument, OrderType::Limit { id: id.into(), side, qty: quantity.into(), price })
            }
            Op::Cancel { instrument, id, .. } => (instrument, OrderType::Cancel { id: id.into() }),
        };
        match self.books[usize::from(instrument)].execute(order) {
            OrderEvent::Filled { filled_qty, fills, .. } | OrderEvent::PartiallyFilled { filled_qty, fills, .. } => {
                totals.trades += fills.len() as u64;
                totals.shares += filled_qty;
            }
            OrderEvent::Canceled { .. } => totals.canceled += 1,
            OrderEvent::Placed { .. } | OrderEvent::Unfilled { .. } => {}
        }
    }
}
