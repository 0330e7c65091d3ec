//! Messages about orders, from which the book is built.
#![expect(
    missing_debug_implementations,
    reason = "the messages implement Debug, the helper types that zerocopy derives do not"
)]

use zerocopy::big_endian::{U32, U64};

use super::codes::WireSide;
use super::layout::itch_messages;
use crate::price::WirePrice4;
use crate::text::{Mpid, Symbol};
use crate::wire::YesNo;

itch_messages! {
    /// Add order (`A`), 36 bytes.
    pub struct AddOrder: b'A' "add order (A)" [side: WireSide] {
        /// The day's reference of the order.
        order_ref: U64,
        /// Side.
        side: WireSide,
        /// Displayed shares.
        shares: U32,
        /// Symbol.
        stock: Symbol,
        /// Displayed price.
        price: WirePrice4,
    }

    /// Add order with attribution (`F`), 40 bytes.
    pub struct AddOrderMpid: b'F' "add order with MPID (F)" [side: WireSide] {
        /// The day's reference of the order.
        order_ref: U64,
        /// Side.
        side: WireSide,
        /// Displayed shares.
        shares: U32,
        /// Symbol.
        stock: Symbol,
        /// Displayed price.
        price: WirePrice4,
        /// The firm.
        attribution: Mpid,
    }

    /// Order executed (`E`), 31 bytes.
    pub struct OrderExecuted: b'E' "order executed (E)" {
        /// The order.
        order_ref: U64,
        /// Shares executed; they leave the displayed quantity.
        executed_shares: U32,
        /// The trade.
        match_number: U64,
    }

    /// Order executed at another price (`C`), 36 bytes.
    pub struct OrderExecutedWithPrice: b'C' "order executed with price (C)" {
        /// The order.
        order_ref: U64,
        /// Shares executed; they leave the level at which the order is displayed.
        executed_shares: U32,
        /// The trade.
        match_number: U64,
        /// `N` if a cross print will report it again, see [`OrderExecutedWithPrice::is_printable`].
        printable: u8 as printable: YesNo,
        /// Price of the execution.
        execution_price: WirePrice4,
    }

    /// Order partly cancelled (`X`), 23 bytes.
    pub struct OrderCancel: b'X' "order cancel (X)" {
        /// The order.
        order_ref: U64,
        /// Shares that leave it.
        cancelled_shares: U32,
    }

    /// Order deleted (`D`), 19 bytes.
    pub struct OrderDelete: b'D' "order delete (D)" {
        /// The order.
        order_ref: U64,
    }

    /// Order replaced (`U`), 35 bytes. Side, symbol and attribution stay; priority is lost.
    pub struct OrderReplace: b'U' "order replace (U)" {
        /// The order that is replaced.
        original_order_ref: U64,
        /// The new order.
        new_order_ref: U64,
        /// Its shares.
        shares: U32,
        /// Its price.
        price: WirePrice4,
    }
}

impl OrderExecutedWithPrice {
    /// Whether the execution counts in the volume; if not, a cross print reports it again.
    #[inline]
    #[must_use]
    pub const fn is_printable(&self) -> bool {
        self.printable != b'N'
    }
}
