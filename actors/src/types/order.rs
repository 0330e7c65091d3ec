//! A new order on its way to the book.

use corelane_codecs::{
    ouch,
    price::{Price, Price4},
};

use super::{
    identifier::{Locate, OrderSlot, PortId},
    quantity::Quantity,
    reference::Reference,
};

/// The side of the book that an order rests on: an index of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Side {
    /// Sells.
    Sell = 0,
    /// Buys.
    Buy = 1,
}

impl Side {
    /// Whether it buys.
    #[inline]
    #[must_use]
    pub const fn is_buy(self) -> bool {
        matches!(self, Side::Buy)
    }

    /// The side that it trades with.
    #[inline]
    #[must_use]
    pub const fn opposite(self) -> Side {
        match self {
            Side::Sell => Side::Buy,
            Side::Buy => Side::Sell,
        }
    }
}

impl From<ouch::Side> for Side {
    #[inline]
    fn from(side: ouch::Side) -> Side {
        if side.is_buy() { Side::Buy } else { Side::Sell }
    }
}

/// A new order that has passed all checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Where it lies.
    pub slot: OrderSlot,
    /// Whose it is.
    pub port: PortId,
    /// Instrument.
    pub locate: Locate,
    /// Buys or sells.
    pub side: Side,
    /// Immediate-or-cancel; otherwise a day order.
    pub immediate: bool,
    /// Shares to trade.
    pub quantity: Quantity,
    /// Limit price.
    pub price: Price4,
    /// Most executions that can still be reported to the port; what remains after them is cancelled.
    pub executions_max: u32,
}

/// An order with what risk must know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The order as matching would get it. Its price means nothing where `price` is at the market.
    pub order: NewOrder,
    /// The price as it came, perhaps one of the codes for "at the market".
    pub price: Price,
    /// Shares for which the port is liable, those that were executed before a replace included.
    pub total_quantity: Quantity,
    /// The best prices when it was sequenced.
    pub reference: Reference,
}
