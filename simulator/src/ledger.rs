//! A client's own books: what it has asked for, what it was answered, and what it owns.

use crate::{request::Request, stream::Shown};

/// What a client knows of one of its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// No answer has come.
    Unanswered,
    /// The order is open.
    Live,
    /// The last answer has come.
    Final,
}

/// A numbered request, and the order that it made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub request: Request,
    pub state: State,
    /// Whether it has come out of the sequencer.
    pub is_sequenced: bool,
    pub side: u8,
    pub locate: u16,
    pub open: u32,
    pub order_ref: u64,
}

/// Shares and cash, in ten-thousandths, of an instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub shares: i64,
    pub cash: i128,
}

/// The books of a client. Its numbers are dense: every number up to the last is one of its requests.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// By number, from 1.
    orders: Vec<Order>,
    live: Vec<u32>,
    /// By locate.
    pub positions: Vec<Position>,
}

impl Ledger {
    pub(crate) fn new(instruments: usize) -> Ledger {
        Ledger { positions: vec![Position::default(); instruments + 1], ..Ledger::default() }
    }

    pub(crate) fn next_ref(&self) -> u32 {
        self.orders.len() as u32 + 1
    }

    /// The numbers of open orders.
    pub(crate) fn live(&self) -> &[u32] {
        &self.live
    }

    pub(crate) fn order(&self, user_ref: u32) -> Option<&Order> {
        self.orders.get((user_ref as usize).checked_sub(1)?)
    }

    pub(crate) fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// Notes a request that uses the next number.
    pub(crate) fn sent(&mut self, request: Request) {
        let Request { side, locate, .. } = request;
        let state = State::Unanswered;
        self.orders.push(Order { request, state, is_sequenced: false, side, locate, open: 0, order_ref: 0 });
    }

    pub(crate) fn sequenced(&mut self, user_ref: u32) {
        if let Some(order) = self.order_mut(user_ref) {
            order.is_sequenced = true;
        }
    }

    fn order_mut(&mut self, user_ref: u32) -> Option<&mut Order> {
        self.orders.get_mut((user_ref as usize).checked_sub(1)?)
    }

    /// Books an answer.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn answer(&mut self, bytes: &[u8]) -> Result<(), String> {
        let wrong = |why: &str| Err(format!("{why}: answer {}", Shown(bytes)));
        let answer = Fields(bytes);
        let lengths: &[(u8, usize)] = &[
            (b'A', 64),
            (b'U', 68),
            (b'C', 18),
            (b'E', 36),
            (b'M', 18),
            (b'J', 29),
            (b'X', 27),
            (b'G', 19),
            (b'K', 19),
            (b'Q', 13),
            (b'S', 10),
        ];
        let kind = bytes.first().copied().unwrap_or_default();
        if !lengths.contains(&(kind, bytes.len())) {
            return wrong("of no kind, or of another length");
        }
        match kind {
            b'S' | b'Q' => return Ok(()),
            b'U' => {
                let original = answer.u32_at(9);
                match self.order(original) {
                    Some(order) if order.state == State::Live => self.end(original),
                    _ => return wrong("replaces what is not open"),
                }
            }
            _ => {}
        }
        let user_ref = answer.u32_at(if kind == b'U' { 13 } else { 9 });
        let Some(order) = self.order_mut(user_ref) else { return wrong("to a number that was not used") };
        if !order.is_sequenced {
            return wrong("to a request that was not sequenced");
        }
        let Request { quantity, price, .. } = order.request;
        let expected = match kind {
            b'A' | b'U' | b'J' | b'X' | b'G' | b'K' => State::Unanswered,
            _ => State::Live,
        };
        if order.state != expected {
            return wrong("to an order that cannot have it");
        }
        match kind {
            b'A' => {
                if (answer.u32_at(14), answer.u64_at(26), order.request.code) != (quantity, price, b'O') {
                    return wrong("accepts another order");
                }
                (order.state, order.open, order.order_ref) = (State::Live, quantity, answer.u64_at(36));
                self.live.push(user_ref);
            }
            b'U' => {
                let open = answer.u32_at(18);
                if order.request.code != b'U' || answer.u64_at(30) != price || open > quantity || open == 0 {
                    return wrong("replaces by another order");
                }
                let original = order.request.original;
                (order.state, order.open, order.order_ref) = (State::Live, open, answer.u64_at(40));
                let (side, locate) = self.order(original).map_or((0, 0), |old| (old.side, old.locate));
                if let Some(order) = self.order_mut(user_ref) {
                    (order.side, order.locate) = (side, locate);
                }
                self.live.push(user_ref);
            }
            b'E' | b'C' => {
                let shares = answer.u32_at(13);
                if shares == 0 || shares > order.open {
                    return wrong("takes more than is open, or nothing");
                }
                order.open -= shares;
                let (open, locate, buys) = (order.open, order.locate, order.side == b'B');
                if kind == b'E' {
                    let cash = i128::from(answer.u64_at(17)) * i128::from(shares);
                    let position = &mut self.positions[usize::from(locate)];
                    let sign = if buys { 1 } else { -1 };
                    position.shares += sign * i64::from(shares);
                    position.cash -= i128::from(sign) * cash;
                }
                if open == 0 {
                    self.end(user_ref);
                }
            }
            b'M' => {
                let open = answer.u32_at(14);
                if open > order.open {
                    return wrong("modifies to more than was open");
                }
                (order.side, order.open) = (bytes[13], open);
                if open == 0 {
                    self.end(user_ref);
                }
            }
            _ => order.state = State::Final,
        }
        Ok(())
    }

    fn end(&mut self, user_ref: u32) {
        if let Some(order) = self.order_mut(user_ref) {
            (order.state, order.open) = (State::Final, 0);
        }
        self.live.retain(|live| *live != user_ref);
    }
}

/// Big-endian fields of a message.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn u32_at(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.0[at..at + 4].try_into().unwrap_or_default())
    }

    fn u64_at(&self, at: usize) -> u64 {
        u64::from_be_bytes(self.0[at..at + 8].try_into().unwrap_or_default())
    }
}
