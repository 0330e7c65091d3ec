//! A new order on its way to the books.

use corelane_codecs::{
    ouch,
    price::{Price, Price4},
};

use super::{
    identifier::{Locate, OrderSlot, PortId},
    notional::Notional,
    quantity::Quantity,
    reference::Reference,
};

/// The side of an order; also the index of its side of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Side {
    /// A sell order.
    Sell = 0,
    /// A buy order.
    Buy = 1,
}

impl Side {
    /// Whether this is the buy side.
    #[inline]
    #[must_use]
    pub const fn is_buy(self) -> bool {
        matches!(self, Side::Buy)
    }

    /// The side that it trades against.
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
    /// Its slot in all tables of the group.
    pub slot: OrderSlot,
    /// The port that sent it.
    pub port: PortId,
    /// Instrument.
    pub locate: Locate,
    /// Buy or sell.
    pub side: Side,
    /// Immediate-or-cancel; otherwise a day order.
    pub immediate: bool,
    /// Shares to trade.
    pub quantity: Quantity,
    /// Limit price.
    pub price: Price4,
}

/// What a replace raises. Risk checks only that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Increase {
    /// More shares are open.
    pub quantity: bool,
    /// The open shares times the price are more.
    pub notional: bool,
    /// The price is more aggressive: higher for a buy, lower for a sell.
    pub price: bool,
}

impl Increase {
    /// That of a new order.
    pub const ALL: Increase = Increase { quantity: true, notional: true, price: true };

    /// That of a replace by `new` shares and price of what is `open`.
    #[must_use]
    pub fn between(side: Side, open: (Quantity, Price4), new: (Quantity, Price4)) -> Increase {
        let [(old_quantity, old_price), (quantity, price)] = [open, new];
        Increase {
            quantity: quantity > old_quantity,
            notional: Notional::of(price, quantity) > Notional::of(old_price, old_quantity),
            price: if side.is_buy() { price > old_price } else { price < old_price },
        }
    }

    /// Whether anything is raised.
    #[must_use]
    pub const fn is_any(self) -> bool {
        self.quantity || self.notional || self.price
    }
}

/// An order, and the further details that risk checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The order as matching would receive it. Its price is meaningless if `price` is "at the market".
    pub order: NewOrder,
    /// The price as received, possibly one of the codes for "at the market".
    pub price: Price,
    /// Shares for which the port is liable, including those that were executed before a replace.
    pub total_quantity: Quantity,
    /// The best prices when it was sequenced.
    pub reference: Reference,
}
