//! The wire structs.

use core::fmt;

use zerocopy::big_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, TryFromBytes, Unaligned};

use crate::price::WirePrice4;
use crate::text::{Alpha, Mpid, Symbol};
use crate::wire::{MessageType, wire_enum, wire_message};

/// Nanoseconds since midnight in six bytes.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(transparent)]
pub struct Timestamp([u8; 6]);

impl Timestamp {
    /// The largest value, in nanoseconds: more than three days.
    pub const MAX_NS: u64 = (1 << 48) - 1;

    /// `ns` nanoseconds since midnight; only the low 48 bits are kept, which hold any time of a day.
    #[inline]
    pub const fn from_ns(ns: u64) -> Self {
        let [_, _, bytes @ ..] = ns.to_be_bytes();
        Self(bytes)
    }

    /// Nanoseconds since midnight.
    #[inline]
    pub const fn ns(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ns", self.ns())
    }
}

/// What every message begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Header<const CODE: u8> {
    /// The type character.
    pub message_type: MessageType<CODE>,
    /// The day's number of the instrument, from 1; 0 if the message is about none.
    pub stock_locate: U16,
    /// The venue's own.
    pub tracking_number: U16,
    /// When.
    pub timestamp: Timestamp,
}

impl<const CODE: u8> Header<CODE> {
    /// A header at `timestamp_ns`, see [`Timestamp::from_ns`].
    #[inline]
    pub const fn new(stock_locate: u16, tracking_number: u16, timestamp_ns: u64) -> Self {
        Self {
            message_type: MessageType::NEW,
            stock_locate: U16::new(stock_locate),
            tracking_number: U16::new(tracking_number),
            timestamp: Timestamp::from_ns(timestamp_ns),
        }
    }
}

wire_enum! {
    /// Side of a displayed order.
    pub enum Side {
        /// Buy.
        Buy = b'B',
        /// Sell.
        Sell = b'S',
    }
}

wire_enum! {
    /// Event of the trading day.
    pub enum EventCode {
        /// First message of the day.
        StartOfMessages = b'O',
        /// Orders can be entered.
        StartOfSystemHours = b'S',
        /// The market is open.
        StartOfMarketHours = b'Q',
        /// The market is closed.
        EndOfMarketHours = b'M',
        /// No more orders.
        EndOfSystemHours = b'E',
        /// Last message of the day.
        EndOfMessages = b'C',
    }
}

/// Declares a message: header and fields.
macro_rules! message_structs {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident: $code:literal, $derive:ident {
            $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
        }
    )+) => {
        $(
            $(#[$meta])*
            #[derive(
                Clone, Copy, Debug, PartialEq, Eq, $derive, IntoBytes, KnownLayout, Immutable, Unaligned,
            )]
            #[repr(C)]
            pub struct $name {
                /// Type, instrument and time.
                pub header: Header<$code>,
                $($(#[$field_meta])* pub $field: $type,)*
            }
        )+
    };
}

message_structs! {
    /// System event (`S`), 12 bytes.
    pub struct SystemEvent: b'S', FromBytes {
        /// An [`EventCode`], see [`SystemEvent::event`].
        event_code: u8,
    }

    /// Stock directory (`R`), 39 bytes. All codes are kept as they came.
    pub struct StockDirectory: b'R', FromBytes {
        /// Symbol of the instrument that has this locate today.
        stock: Symbol,
        /// Listing market: `Q`, `G`, `S` (Nasdaq tiers), `N`, `A`, `P`, `Z`, `V`, or space.
        market_category: u8,
        /// Financial status.
        financial_status: u8,
        /// Shares of a round lot.
        round_lot_size: U32,
        /// Only round lots: `Y` or `N`.
        round_lots_only: u8,
        /// Classification of the issue.
        issue_classification: u8,
        /// Its sub-type.
        issue_sub_type: Alpha<2>,
        /// Live `P` or test `T`.
        authenticity: u8,
        /// Under the short sale threshold rule: `Y`, `N` or space.
        short_sale_threshold: u8,
        /// New by IPO: `Y`, `N` or space.
        ipo_flag: u8,
        /// Limit-up limit-down tier: `1`, `2` or space.
        luld_tier: u8,
        /// Exchange-traded product: `Y`, `N` or space.
        etp_flag: u8,
        /// Its leverage.
        etp_leverage: U32,
        /// Inverse product: `Y` or `N`.
        inverse: u8,
    }

    /// Add order (`A`), 36 bytes.
    pub struct AddOrder: b'A', TryFromBytes {
        /// The day's reference of the order.
        order_ref: U64,
        /// Side.
        side: Side,
        /// Displayed shares.
        shares: U32,
        /// Symbol.
        stock: Symbol,
        /// Displayed price.
        price: WirePrice4,
    }

    /// Add order with attribution (`F`), 40 bytes.
    pub struct AddOrderMpid: b'F', TryFromBytes {
        /// The day's reference of the order.
        order_ref: U64,
        /// Side.
        side: Side,
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
    pub struct OrderExecuted: b'E', FromBytes {
        /// The order.
        order_ref: U64,
        /// Shares executed; they leave the displayed quantity.
        executed_shares: U32,
        /// The trade.
        match_number: U64,
    }

    /// Order executed at another price (`C`), 36 bytes.
    pub struct OrderExecutedWithPrice: b'C', FromBytes {
        /// The order.
        order_ref: U64,
        /// Shares executed; they leave the level at which the order is displayed.
        executed_shares: U32,
        /// The trade.
        match_number: U64,
        /// `N` if a cross print will report it again, see [`OrderExecutedWithPrice::is_printable`].
        printable: u8,
        /// Price of the execution.
        execution_price: WirePrice4,
    }

    /// Order partly cancelled (`X`), 23 bytes.
    pub struct OrderCancel: b'X', FromBytes {
        /// The order.
        order_ref: U64,
        /// Shares that leave it.
        cancelled_shares: U32,
    }

    /// Order deleted (`D`), 19 bytes.
    pub struct OrderDelete: b'D', FromBytes {
        /// The order.
        order_ref: U64,
    }

    /// Order replaced (`U`), 35 bytes. Side, symbol and attribution stay; priority is lost.
    pub struct OrderReplace: b'U', FromBytes {
        /// The order that goes.
        original_order_ref: U64,
        /// The order that comes.
        new_order_ref: U64,
        /// Its shares.
        shares: U32,
        /// Its price.
        price: WirePrice4,
    }

    /// Trade against a non-displayed order (`P`), 44 bytes. It does not touch the displayed book.
    pub struct Trade: b'P', TryFromBytes {
        /// Always 0 since 2010.
        order_ref: U64,
        /// Always buy since July 2014.
        side: Side,
        /// Shares.
        shares: U32,
        /// Symbol.
        stock: Symbol,
        /// Price.
        price: WirePrice4,
        /// The trade.
        match_number: U64,
    }
}

wire_message!(SystemEvent, "system event (S)");
wire_message!(StockDirectory, "stock directory (R)");
wire_message!(AddOrder, "add order (A)", side: Side);
wire_message!(AddOrderMpid, "add order with MPID (F)", side: Side);
wire_message!(OrderExecuted, "order executed (E)");
wire_message!(OrderExecutedWithPrice, "order executed with price (C)");
wire_message!(OrderCancel, "order cancel (X)");
wire_message!(OrderDelete, "order delete (D)");
wire_message!(OrderReplace, "order replace (U)");
wire_message!(Trade, "trade (P)", side: Side);

impl SystemEvent {
    /// The event, `None` if its code is unknown.
    #[inline]
    pub const fn event(&self) -> Option<EventCode> {
        EventCode::from_wire(self.event_code)
    }
}

impl OrderExecutedWithPrice {
    /// Whether the execution counts in the volume; if not, a cross print reports it again.
    #[inline]
    pub const fn is_printable(&self) -> bool {
        self.printable != b'N'
    }
}
