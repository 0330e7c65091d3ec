//! The answers to requests.
#![expect(
    missing_debug_implementations,
    reason = "the messages implement Debug, the helper types that zerocopy derives do not"
)]

use zerocopy::big_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, TryFromBytes, Unaligned};

use super::{
    codes::{
        BrokenReason, CancelReason, Capacity, CrossType, Display, EventCode, Liquidity, OrderState, RestateReason,
        Side, TimeInForce,
    },
    form::appendable,
    reject_reason::RejectReason,
};
use crate::price::{Price, WirePrice};
use crate::text::{ClOrdId, Mpid, Symbol};
use crate::wire::{MessageType, YesNo, wire_message};

/// Declares an answer: type, time, and the given fields.
macro_rules! answers {
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
                /// The type character.
                pub message_type: MessageType<$code>,
                /// Nanoseconds since midnight.
                pub timestamp: U64,
                $($(#[$field_meta])* pub $field: $type,)*
            }
        )+
    };
}

answers! {
    /// System event (`S`), 10 bytes.
    pub struct SystemEvent: b'S', TryFromBytes {
        /// Which event.
        event_code: EventCode,
    }

    /// Order accepted (`A`), 64 bytes and the appendage.
    pub struct Accepted: b'A', TryFromBytes {
        /// The request.
        user_ref_num: U32,
        /// Side.
        side: Side,
        /// Shares accepted.
        quantity: U32,
        /// Instrument.
        symbol: Symbol,
        /// Price as accepted, which may differ from the requested one.
        price: WirePrice,
        /// How long it stays.
        time_in_force: TimeInForce,
        /// How it is shown.
        display: Display,
        /// The venue's reference of the order, unique in the day.
        order_ref: U64,
        /// For whom.
        capacity: Capacity,
        /// Intermarket sweep eligible.
        intermarket_sweep: YesNo,
        /// Which cross.
        cross_type: CrossType,
        /// Live, or dead: no further answer follows.
        order_state: OrderState,
        /// The client's identifier.
        cl_ord_id: ClOrdId,
        /// Bytes of the appendage after this struct.
        appendage_len: U16,
    }

    /// Order replaced (`U`), 68 bytes and the appendage.
    pub struct Replaced: b'U', TryFromBytes {
        /// The order that was replaced.
        orig_user_ref_num: U32,
        /// The request, and the order that it made.
        user_ref_num: U32,
        /// Side.
        side: Side,
        /// Shares outstanding now.
        quantity: U32,
        /// Instrument.
        symbol: Symbol,
        /// Price as accepted.
        price: WirePrice,
        /// How long it stays.
        time_in_force: TimeInForce,
        /// How it is shown.
        display: Display,
        /// The venue's reference of the new order.
        order_ref: U64,
        /// For whom.
        capacity: Capacity,
        /// Intermarket sweep eligible.
        intermarket_sweep: YesNo,
        /// Which cross.
        cross_type: CrossType,
        /// Live, or dead: no further answer follows.
        order_state: OrderState,
        /// The client's identifier.
        cl_ord_id: ClOrdId,
        /// Bytes of the appendage after this struct.
        appendage_len: U16,
    }

    /// Order canceled, wholly or in part (`C`), 18 bytes in the usual short form.
    pub struct Canceled: b'C', FromBytes {
        /// The order.
        user_ref_num: U32,
        /// Shares removed by this cancel (not in total).
        quantity: U32,
        /// A [`CancelReason`], see [`Canceled::reason`].
        reason_code: u8,
    }

    /// Order canceled because it would have matched an order of the same owner (`D`), 32 bytes in the short form.
    pub struct AiqCanceled: b'D', FromBytes {
        /// The order.
        user_ref_num: U32,
        /// Shares removed.
        quantity: U32,
        /// `Q`, the [`CancelReason::SelfMatch`].
        reason_code: u8,
        /// Shares that were prevented from executing.
        quantity_prevented: U32,
        /// Price at which they would have executed.
        price: WirePrice,
        /// A [`Liquidity`] flag.
        liquidity_flag: u8,
        /// The strategy by which it was prevented.
        strategy: u8,
    }

    /// Order executed, wholly or in part (`E`), 36 bytes and the appendage.
    pub struct Executed: b'E', FromBytes {
        /// The order.
        user_ref_num: U32,
        /// Shares executed.
        quantity: U32,
        /// Price of the execution.
        price: WirePrice,
        /// A [`Liquidity`] flag, see [`Executed::liquidity`].
        liquidity_flag: u8,
        /// Number of the trade, the same for both sides.
        match_number: U64,
        /// Bytes of the appendage after this struct.
        appendage_len: U16,
    }

    /// Broken trade (`B`), 36 bytes in the short form.
    pub struct BrokenTrade: b'B', FromBytes {
        /// The order.
        user_ref_num: U32,
        /// The trade.
        match_number: U64,
        /// A [`BrokenReason`], see [`BrokenTrade::reason`].
        reason_code: u8,
        /// The client's identifier of the order.
        cl_ord_id: ClOrdId,
    }

    /// Request rejected (`J`), 29 bytes in the usual short form. Its number is consumed.
    pub struct Rejected: b'J', FromBytes {
        /// The request.
        user_ref_num: U32,
        /// A [`RejectReason`], see [`Rejected::reason`].
        reason_code: U16,
        /// The client's identifier of the order.
        cl_ord_id: ClOrdId,
    }

    /// The venue will cancel the order later (`P`), 13 bytes in the short form.
    pub struct CancelPending: b'P', FromBytes {
        /// The order.
        user_ref_num: U32,
    }

    /// The venue cannot cancel the order (`I`), 13 bytes in the short form.
    pub struct CancelReject: b'I', FromBytes {
        /// The order.
        user_ref_num: U32,
    }

    /// The order has a new priority (`T`), 30 bytes in the short form.
    pub struct PriorityUpdate: b'T', TryFromBytes {
        /// The order.
        user_ref_num: U32,
        /// Its price.
        price: WirePrice,
        /// How it is shown.
        display: Display,
        /// The venue's new reference of the order.
        order_ref: U64,
    }

    /// The order was modified (`M`), 18 bytes in the short form.
    pub struct Modified: b'M', TryFromBytes {
        /// The order.
        user_ref_num: U32,
        /// Its side now.
        side: Side,
        /// Shares outstanding now; 0 means that the order is dead.
        quantity: U32,
    }

    /// The orders that a mass cancel names are being cancelled (`X`), 27 bytes and the appendage.
    pub struct MassCancelResponse: b'X', FromBytes {
        /// The request.
        user_ref_num: U32,
        /// The firm, as requested.
        firm: Mpid,
        /// The instrument, as requested.
        symbol: Symbol,
        /// Bytes of the appendage after this struct.
        appendage_len: U16,
    }

    /// Order entry is disabled (`G`), 19 bytes and the appendage.
    pub struct DisableEntryResponse: b'G', FromBytes {
        /// The request.
        user_ref_num: U32,
        /// The firm, as requested.
        firm: Mpid,
        /// Bytes of the appendage after this struct.
        appendage_len: U16,
    }

    /// Order entry is enabled (`K`), 19 bytes and the appendage.
    pub struct EnableEntryResponse: b'K', FromBytes {
        /// The request.
        user_ref_num: U32,
        /// The firm, as requested.
        firm: Mpid,
        /// Bytes of the appendage after this struct.
        appendage_len: U16,
    }

    /// Answer to an account query (`Q`), 13 bytes in the short form.
    pub struct AccountQueryResponse: b'Q', FromBytes {
        /// The least number that the next request may have.
        next_user_ref_num: U32,
    }

    /// Order restated (`R`), 16 bytes and the appendage, which says what has changed.
    pub struct Restated: b'R', FromBytes {
        /// The order.
        user_ref_num: U32,
        /// A [`RestateReason`], see [`Restated::reason`].
        reason_code: u8,
        /// Bytes of the appendage after this struct.
        appendage_len: U16,
    }
}

wire_message!(SystemEvent, "system event (S)", event_code: EventCode);
wire_message!(
    Accepted, "accepted (A)",
    side: Side, time_in_force: TimeInForce, display: Display, capacity: Capacity, intermarket_sweep: YesNo,
    cross_type: CrossType, order_state: OrderState,
);
wire_message!(
    Replaced, "replaced (U)",
    side: Side, time_in_force: TimeInForce, display: Display, capacity: Capacity, intermarket_sweep: YesNo,
    cross_type: CrossType, order_state: OrderState,
);
wire_message!(Canceled, "canceled (C)");
wire_message!(AiqCanceled, "AIQ canceled (D)");
wire_message!(Executed, "executed (E)");
wire_message!(BrokenTrade, "broken trade (B)");
wire_message!(Rejected, "rejected (J)");
wire_message!(CancelPending, "cancel pending (P)");
wire_message!(CancelReject, "cancel reject (I)");
wire_message!(PriorityUpdate, "priority update (T)", display: Display);
wire_message!(Restated, "restated (R)");

wire_message!(Modified, "modified (M)", side: Side);
wire_message!(MassCancelResponse, "mass cancel response (X)");
wire_message!(DisableEntryResponse, "disable order entry response (G)");
wire_message!(EnableEntryResponse, "enable order entry response (K)");
wire_message!(AccountQueryResponse, "account query response (Q)");

appendable!(field: Accepted, Replaced, Executed, Restated, MassCancelResponse, DisableEntryResponse, EnableEntryResponse);
appendable!(
    short: Canceled, AiqCanceled, BrokenTrade, Rejected, CancelPending, CancelReject, PriorityUpdate, Modified,
    AccountQueryResponse
);

impl SystemEvent {
    /// The event at `timestamp_ns`.
    #[inline]
    #[must_use]
    pub fn new(timestamp_ns: u64, event_code: EventCode) -> Self {
        Self { message_type: MessageType::NEW, timestamp: timestamp_ns.into(), event_code }
    }
}

impl Canceled {
    /// A cancel of `quantity` shares.
    #[inline]
    #[must_use]
    pub fn new(timestamp_ns: u64, user_ref_num: u32, quantity: u32, reason: CancelReason) -> Self {
        Self {
            message_type: MessageType::NEW,
            timestamp: timestamp_ns.into(),
            user_ref_num: user_ref_num.into(),
            quantity: quantity.into(),
            reason_code: reason.to_wire(),
        }
    }

    /// The reason, `None` if its code is unknown.
    #[inline]
    #[must_use]
    pub const fn reason(&self) -> Option<CancelReason> {
        CancelReason::from_wire(self.reason_code)
    }
}

impl AiqCanceled {
    /// The liquidity flag, `None` if its code is not one of [`Liquidity`].
    #[inline]
    #[must_use]
    pub const fn liquidity(&self) -> Option<Liquidity> {
        Liquidity::from_wire(self.liquidity_flag)
    }
}

impl Executed {
    /// An execution without appendage.
    #[inline]
    #[must_use]
    pub fn new(
        timestamp_ns: u64,
        user_ref_num: u32,
        quantity: u32,
        price: Price,
        liquidity: Liquidity,
        match_number: u64,
    ) -> Self {
        Self {
            message_type: MessageType::NEW,
            timestamp: timestamp_ns.into(),
            user_ref_num: user_ref_num.into(),
            quantity: quantity.into(),
            price: price.into(),
            liquidity_flag: liquidity.to_wire(),
            match_number: match_number.into(),
            appendage_len: U16::ZERO,
        }
    }

    /// The liquidity flag, `None` if its code is not one of [`Liquidity`].
    #[inline]
    #[must_use]
    pub const fn liquidity(&self) -> Option<Liquidity> {
        Liquidity::from_wire(self.liquidity_flag)
    }
}

impl BrokenTrade {
    /// The reason, `None` if its code is unknown.
    #[inline]
    #[must_use]
    pub const fn reason(&self) -> Option<BrokenReason> {
        BrokenReason::from_wire(self.reason_code)
    }
}

impl Rejected {
    /// The request `user_ref_num` is refused.
    #[inline]
    #[must_use]
    pub fn new(timestamp_ns: u64, user_ref_num: u32, reason: RejectReason, cl_ord_id: ClOrdId) -> Self {
        Self {
            message_type: MessageType::NEW,
            timestamp: timestamp_ns.into(),
            user_ref_num: user_ref_num.into(),
            reason_code: reason.to_wire().into(),
            cl_ord_id,
        }
    }

    /// The reason, `None` if its code is unknown.
    #[inline]
    #[must_use]
    pub const fn reason(&self) -> Option<RejectReason> {
        RejectReason::from_wire(self.reason_code.get())
    }
}

impl CancelPending {
    /// The cancel of `user_ref_num` waits.
    #[inline]
    #[must_use]
    pub fn new(timestamp_ns: u64, user_ref_num: u32) -> Self {
        Self { message_type: MessageType::NEW, timestamp: timestamp_ns.into(), user_ref_num: user_ref_num.into() }
    }
}

impl CancelReject {
    /// The cancel of `user_ref_num` is refused.
    #[inline]
    #[must_use]
    pub fn new(timestamp_ns: u64, user_ref_num: u32) -> Self {
        Self { message_type: MessageType::NEW, timestamp: timestamp_ns.into(), user_ref_num: user_ref_num.into() }
    }
}

impl Modified {
    /// The order has this side and these outstanding shares now.
    #[inline]
    #[must_use]
    pub fn new(timestamp_ns: u64, user_ref_num: u32, side: Side, quantity: u32) -> Self {
        Self {
            message_type: MessageType::NEW,
            timestamp: timestamp_ns.into(),
            user_ref_num: user_ref_num.into(),
            side,
            quantity: quantity.into(),
        }
    }
}

impl MassCancelResponse {
    /// The mass cancel `user_ref_num` is carried out.
    #[must_use]
    pub fn new(timestamp_ns: u64, user_ref_num: u32, firm: Mpid, symbol: Symbol) -> Self {
        let appendage_len = U16::ZERO;
        let (timestamp, user_ref_num) = (timestamp_ns.into(), user_ref_num.into());
        Self { message_type: MessageType::NEW, timestamp, user_ref_num, firm, symbol, appendage_len }
    }
}

impl DisableEntryResponse {
    /// The request `user_ref_num` is carried out.
    #[must_use]
    pub fn new(timestamp_ns: u64, user_ref_num: u32, firm: Mpid) -> Self {
        let (timestamp, user_ref_num) = (timestamp_ns.into(), user_ref_num.into());
        Self { message_type: MessageType::NEW, timestamp, user_ref_num, firm, appendage_len: U16::ZERO }
    }
}

impl EnableEntryResponse {
    /// The request `user_ref_num` is carried out.
    #[must_use]
    pub fn new(timestamp_ns: u64, user_ref_num: u32, firm: Mpid) -> Self {
        let (timestamp, user_ref_num) = (timestamp_ns.into(), user_ref_num.into());
        Self { message_type: MessageType::NEW, timestamp, user_ref_num, firm, appendage_len: U16::ZERO }
    }
}

impl AccountQueryResponse {
    /// The next request may have the number `next_user_ref_num`.
    #[must_use]
    pub fn new(timestamp_ns: u64, next_user_ref_num: u32) -> Self {
        let (timestamp, next_user_ref_num) = (timestamp_ns.into(), next_user_ref_num.into());
        Self { message_type: MessageType::NEW, timestamp, next_user_ref_num }
    }
}

impl Restated {
    /// The reason, `None` if its code is unknown.
    #[inline]
    #[must_use]
    pub const fn reason(&self) -> Option<RestateReason> {
        RestateReason::from_wire(self.reason_code)
    }
}
