//! Requests from client to venue.

use zerocopy::big_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, TryFromBytes, Unaligned};

use super::{
    appendage::{Appendage, Elements},
    codes::{Capacity, CrossType, Display, Side, TimeInForce},
    error::OuchError,
    form::{appendable, decode},
    tags::TagValue,
};
use crate::price::WirePrice;
use crate::text::{ClOrdId, Mpid, Symbol};
use crate::wire::{MessageType, WireMessage, YesNo, wire_message};

/// The largest quantity of one order, in shares.
pub const MAX_QUANTITY: u32 = 999_999;

/// Enter order (`O`), 47 bytes and the appendage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Enter {
    /// `O`.
    pub message_type: MessageType<b'O'>,
    /// The client's number of this request: from 1, strictly increasing through the day.
    pub user_ref_num: U32,
    /// Side.
    pub side: Side,
    /// Shares, 1 to [`MAX_QUANTITY`].
    pub quantity: U32,
    /// Instrument.
    pub symbol: Symbol,
    /// Limit price, or one of the codes for market.
    pub price: WirePrice,
    /// How long it stays.
    pub time_in_force: TimeInForce,
    /// How it is shown; not [`Display::Z`].
    pub display: Display,
    /// For whom.
    pub capacity: Capacity,
    /// Intermarket sweep eligible.
    pub intermarket_sweep: YesNo,
    /// Which cross.
    pub cross_type: CrossType,
    /// The client's identifier, returned in the answer; not checked for uniqueness.
    pub cl_ord_id: ClOrdId,
    /// Bytes of the appendage after this struct.
    pub appendage_len: U16,
}

/// Replace order (`U`), 40 bytes and the appendage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Replace {
    /// `U`.
    pub message_type: MessageType<b'U'>,
    /// The order to replace.
    pub orig_user_ref_num: U32,
    /// The number of this request and of the order that it makes.
    pub user_ref_num: U32,
    /// Total shares for which the client is liable, including those executed before.
    pub quantity: U32,
    /// Limit price, or one of the codes for market.
    pub price: WirePrice,
    /// How long it stays; not [`TimeInForce::AfterHours`].
    pub time_in_force: TimeInForce,
    /// How it is shown; not [`Display::Z`].
    pub display: Display,
    /// Intermarket sweep eligible.
    pub intermarket_sweep: YesNo,
    /// The client's identifier, returned in the answer.
    pub cl_ord_id: ClOrdId,
    /// Bytes of the appendage after this struct.
    pub appendage_len: U16,
}

/// Cancel order (`X`), 9 bytes in the usual short form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Cancel {
    /// `X`.
    pub message_type: MessageType<b'X'>,
    /// The order.
    pub user_ref_num: U32,
    /// The new intended total size of the order, 0 to cancel all of it.
    pub quantity: U32,
}

/// Modify order (`M`), 10 bytes in the short form: changes it without loss of priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Modify {
    /// `M`.
    pub message_type: MessageType<b'M'>,
    /// The order.
    pub user_ref_num: U32,
    /// The new side: any of the three that sell, if the order sells.
    pub side: Side,
    /// The new intended total size of the order, at most the present one.
    pub quantity: U32,
}

/// Mass cancel (`C`), 19 bytes and the appendage, which may name a side and a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct MassCancel {
    /// `C`.
    pub message_type: MessageType<b'C'>,
    /// The client's number of this request, as of an enter.
    pub user_ref_num: U32,
    /// The firm of the orders.
    pub firm: Mpid,
    /// The instrument of the orders; blank for all.
    pub symbol: Symbol,
    /// Bytes of the appendage after this struct.
    pub appendage_len: U16,
}

/// Disable order entry of a firm (`D`), 11 bytes and the appendage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct DisableEntry {
    /// `D`.
    pub message_type: MessageType<b'D'>,
    /// The client's number of this request, as of an enter.
    pub user_ref_num: U32,
    /// The firm.
    pub firm: Mpid,
    /// Bytes of the appendage after this struct.
    pub appendage_len: U16,
}

/// Enable order entry of a firm again (`E`), 11 bytes and the appendage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct EnableEntry {
    /// `E`.
    pub message_type: MessageType<b'E'>,
    /// The client's number of this request, as of an enter.
    pub user_ref_num: U32,
    /// The firm.
    pub firm: Mpid,
    /// Bytes of the appendage after this struct.
    pub appendage_len: U16,
}

/// Account query (`Q`), 1 byte in the short form: asks for the next number of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct AccountQuery {
    /// `Q`.
    pub message_type: MessageType<b'Q'>,
}

wire_message!(
    Enter, "enter order (O)",
    side: Side, time_in_force: TimeInForce, display: Display, capacity: Capacity, intermarket_sweep: YesNo,
    cross_type: CrossType,
);
wire_message!(
    Replace, "replace order (U)",
    time_in_force: TimeInForce, display: Display, intermarket_sweep: YesNo,
);
wire_message!(Cancel, "cancel order (X)");

wire_message!(Modify, "modify order (M)", side: Side);
wire_message!(MassCancel, "mass cancel (C)");
wire_message!(DisableEntry, "disable order entry (D)");
wire_message!(EnableEntry, "enable order entry (E)");
wire_message!(AccountQuery, "account query (Q)");

appendable!(field: Enter, Replace, MassCancel, DisableEntry, EnableEntry);
appendable!(short: Cancel, Modify, AccountQuery);

impl Cancel {
    /// Reduces the order to `quantity` shares in total.
    #[inline]
    #[must_use]
    pub fn new(user_ref_num: u32, quantity: u32) -> Self {
        Self { message_type: MessageType::NEW, user_ref_num: user_ref_num.into(), quantity: quantity.into() }
    }
}

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inbound<'a> {
    /// Enter order.
    Enter(&'a Enter, Appendage<'a>),
    /// Replace order.
    Replace(&'a Replace, Appendage<'a>),
    /// Cancel order, in either form.
    Cancel(&'a Cancel, Appendage<'a>),
    /// Modify order, in either form.
    Modify(&'a Modify, Appendage<'a>),
    /// Mass cancel.
    MassCancel(&'a MassCancel, Appendage<'a>),
    /// Disable order entry.
    DisableEntry(&'a DisableEntry, Appendage<'a>),
    /// Enable order entry.
    EnableEntry(&'a EnableEntry, Appendage<'a>),
    /// Account query, in either form.
    AccountQuery(&'a AccountQuery, Appendage<'a>),
}

impl<'a> Inbound<'a> {
    /// Decodes the payload of an unsequenced packet.
    ///
    /// # Errors
    /// Any [`OuchError`] except [`OuchError::NoRoom`]. [`request_identity`] reads what a reject needs.
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Result<Self, OuchError> {
        match bytes.first() {
            Some(b'O') => {
                let (enter, appendage) = decode::<Enter>(bytes)?;
                refuse_answer_only_display::<Enter>(enter.display)?;
                Ok(Self::Enter(enter, appendage))
            }
            Some(b'U') => {
                let (replace, appendage) = decode::<Replace>(bytes)?;
                refuse_answer_only_display::<Replace>(replace.display)?;
                if replace.time_in_force == TimeInForce::AfterHours {
                    return Err(refused::<Replace>("time_in_force", replace.time_in_force.to_wire()));
                }
                Ok(Self::Replace(replace, appendage))
            }
            Some(b'X') => decode(bytes).map(|(cancel, appendage)| Self::Cancel(cancel, appendage)),
            Some(b'M') => decode(bytes).map(|(modify, appendage)| Self::Modify(modify, appendage)),
            Some(b'C') => decode(bytes).map(|(request, appendage)| Self::MassCancel(request, appendage)),
            Some(b'D') => decode(bytes).map(|(request, appendage)| Self::DisableEntry(request, appendage)),
            Some(b'E') => decode(bytes).map(|(request, appendage)| Self::EnableEntry(request, appendage)),
            Some(b'Q') => decode(bytes).map(|(query, appendage)| Self::AccountQuery(query, appendage)),
            Some(&kind) => Err(OuchError::UnknownType { kind }),
            None => Err(OuchError::Empty),
        }
    }

    /// The number of the request; of a cancel or a modify, that of its order; of an account query, which has none, 0.
    #[inline]
    #[must_use]
    pub fn user_ref_num(&self) -> u32 {
        match self {
            Self::Enter(enter, _) => enter.user_ref_num.get(),
            Self::Replace(replace, _) => replace.user_ref_num.get(),
            Self::Cancel(cancel, _) => cancel.user_ref_num.get(),
            Self::Modify(modify, _) => modify.user_ref_num.get(),
            Self::MassCancel(request, _) => request.user_ref_num.get(),
            Self::DisableEntry(request, _) => request.user_ref_num.get(),
            Self::EnableEntry(request, _) => request.user_ref_num.get(),
            Self::AccountQuery(..) => 0,
        }
    }
}

/// What a reject says of a request that [`Inbound::decode`] refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestIdentity {
    /// The number of the request.
    pub user_ref_num: u32,
    /// The client's identifier.
    pub cl_ord_id: ClOrdId,
    /// The channel of numbers that it names ([`Tag::UserRefIdx`](super::Tag::UserRefIdx)), as far as its options can be read; else 0.
    pub channel: u8,
}

/// The identity of a request that [`Inbound::decode`] refuses. `None` unless the bytes are an enter or a replace that is
/// long enough to have a number and an identifier.
#[must_use]
pub fn request_identity(bytes: &[u8]) -> Option<RequestIdentity> {
    let (number_at, cl_ord_id_at, options_at) = match bytes.first()? {
        b'O' => {
            (core::mem::offset_of!(Enter, user_ref_num), core::mem::offset_of!(Enter, cl_ord_id), size_of::<Enter>())
        }
        b'U' => {
            let number_at = core::mem::offset_of!(Replace, user_ref_num);
            (number_at, core::mem::offset_of!(Replace, cl_ord_id), size_of::<Replace>())
        }
        _ => return None,
    };
    let (user_ref_num, _) = U32::read_from_prefix(bytes.get(number_at..)?).ok()?;
    let (cl_ord_id, _) = ClOrdId::read_from_prefix(bytes.get(cl_ord_id_at..)?).ok()?;
    let channel =
        Elements::readable(bytes.get(options_at..).unwrap_or_default()).find_map(|element| match element.typed() {
            Some(TagValue::UserRefIdx(channel)) => Some(channel),
            _ => None,
        });
    Some(RequestIdentity { user_ref_num: user_ref_num.get(), cl_ord_id, channel: channel.unwrap_or_default() })
}

#[inline]
fn refuse_answer_only_display<M: WireMessage>(display: Display) -> Result<(), OuchError> {
    if display == Display::Z { Err(refused::<M>("display", display.to_wire())) } else { Ok(()) }
}

/// Error for a code that is valid in the field, but not in this message.
#[cold]
fn refused<M: WireMessage>(field: &'static str, value: u8) -> OuchError {
    let offset = M::CODED.iter().find(|coded| coded.name == field).map_or(0, |coded| coded.offset);
    OuchError::BadField { message: M::NAME, field, offset, value }
}
