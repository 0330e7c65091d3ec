//! Translation of OUCH requests to commands.
//!
//! The session checks the form only. The group judges the content, because only the group numbers answers. A request
//! that is malformed, or that asks for what the venue does not offer, is forwarded as a command with a reject reason.

use std::collections::HashMap;

use corelane_codecs::{
    ouch::{self, Appendage, Inbound, RejectReason, RequestIdentity, Tag, TagValue, request_identity},
    price::Price,
    text::{Mpid, Symbol},
};

use super::number_hash::NumberHash;
use crate::types::{
    AccountQuery, Cancel, Command, Enter, EntrySwitch, Locate, Mark, MassCancel, Modify, OtherChannel, PortId,
    Quantity, Reference, Replace,
};

/// Locates by symbol. The key is the symbol's bytes as a number. Built at start and never changed.
#[derive(Debug)]
pub(super) struct SymbolLocates(HashMap<u64, Locate, NumberHash>);

impl SymbolLocates {
    /// Takes the symbols in locate order, from 1.
    ///
    /// # Errors
    /// The index of a symbol that is repeated.
    pub(super) fn new(symbols: &[Symbol]) -> Result<Self, usize> {
        let mut locates = HashMap::with_capacity_and_hasher(symbols.len(), NumberHash::default());
        for (index, symbol) in symbols.iter().enumerate() {
            if locates.insert(number_of(symbol), Locate::from_index(index)).is_some() {
                return Err(index);
            }
        }
        Ok(SymbolLocates(locates))
    }

    #[inline]
    pub(super) fn of(&self, symbol: &Symbol) -> Locate {
        self.0.get(&number_of(symbol)).copied().unwrap_or(Locate::NONE)
    }
}

/// Little-endian: the first letter varies most, and the hash spreads the low bits.
#[inline]
fn number_of(symbol: &Symbol) -> u64 {
    u64::from_le_bytes(*symbol.as_array())
}

/// Decoded payload of an unsequenced packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DecodedRequest {
    /// A valid request, to be forwarded.
    Good(Command),
    /// A malformed request with a readable number, to be forwarded as a command that the group rejects.
    Refused(Command),
    /// An enter or a replace in a channel of numbers where the venue takes no orders, with the command that rejects it.
    OtherChannel(Command),
    /// A valid cancel or modify in a channel where no order can be: it gets no answer, as one of a dead order in channel 0.
    NoOrder,
    /// A malformed request without a readable number, which gets no answer.
    Unreadable,
}

impl DecodedRequest {
    /// Decodes a payload. A replace has no locate yet.
    #[inline]
    pub(super) fn read(port: PortId, payload: &[u8], locates: &SymbolLocates) -> DecodedRequest {
        match Inbound::decode(payload) {
            Ok(Inbound::Enter(enter, options)) if takes_orders(options) => {
                DecodedRequest::Good(Command::Enter(self::enter(port, enter, options, locates)))
            }
            Ok(Inbound::Replace(replace, options)) if takes_orders(options) => {
                DecodedRequest::Good(Command::Replace(self::replace(port, replace, options)))
            }
            Ok(Inbound::Cancel(cancel, options)) if takes_orders(options) => {
                DecodedRequest::Good(Command::Cancel(Cancel {
                    port,
                    user_ref: cancel.user_ref_num.get(),
                    quantity: Quantity(cancel.quantity.get()),
                    reserved: [0; 4],
                }))
            }
            Ok(request) => other(port, payload, request, locates),
            Err(error) => refused(port, payload, error.reject_reason()),
        }
    }
}

/// A request other than enter, replace and cancel, or one in a channel where the venue takes no orders.
#[cold]
fn other(port: PortId, payload: &[u8], request: Inbound<'_>, locates: &SymbolLocates) -> DecodedRequest {
    DecodedRequest::Good(match request {
        Inbound::Enter(..) | Inbound::Replace(..) => return refused(port, payload, RejectReason::Other),
        Inbound::Modify(modify, options) if takes_orders(options) => Command::Modify(Modify {
            port,
            user_ref: modify.user_ref_num.get(),
            quantity: Quantity(modify.quantity.get()),
            side: modify.side.to_wire(),
            reserved: [0; 3],
        }),
        Inbound::MassCancel(request, options) => Command::MassCancel(mass_cancel(port, request, options, locates)),
        Inbound::DisableEntry(request, options) => {
            let (user_ref, firm) = (request.user_ref_num.get(), *request.firm.as_array());
            let channel = options.channel();
            Command::EntrySwitch(EntrySwitch { port, user_ref, firm, enabled: 0, channel, reserved: [0; 2] })
        }
        Inbound::EnableEntry(request, options) => {
            let (user_ref, firm) = (request.user_ref_num.get(), *request.firm.as_array());
            let channel = options.channel();
            Command::EntrySwitch(EntrySwitch { port, user_ref, firm, enabled: 1, channel, reserved: [0; 2] })
        }
        Inbound::AccountQuery(_, options) => {
            Command::AccountQuery(AccountQuery { port, channel: options.channel(), reserved: [0; 3] })
        }
        // OUCH has no answer to these for an order that is not live, and none is in another channel.
        Inbound::Cancel(..) | Inbound::Modify(..) => return DecodedRequest::NoOrder,
    })
}

fn mass_cancel(
    port: PortId,
    request: &ouch::MassCancel,
    options: Appendage<'_>,
    locates: &SymbolLocates,
) -> MassCancel {
    let group = match options.get(Tag::GroupId) {
        Some(TagValue::GroupId(group)) => Some(group),
        _ => None,
    };
    MassCancel {
        port,
        user_ref: request.user_ref_num.get(),
        firm: *request.firm.as_array(),
        symbol: *request.symbol.as_array(),
        locate: locates.of(&request.symbol),
        group: group.unwrap_or_default(),
        has_group: group.is_some().into(),
        side: match options.get(Tag::Side) {
            // A side of 0 would be any; no side has the code 1.
            Some(TagValue::Side(side)) => side.max(1),
            _ => 0,
        },
        channel: options.channel(),
        reserved: [0; 5],
    }
}

#[inline]
fn enter(port: PortId, enter: &ouch::Enter, options: Appendage<'_>, locates: &SymbolLocates) -> Enter {
    Enter {
        price: enter.price.get(),
        user_ref: enter.user_ref_num.get(),
        quantity: Quantity(enter.quantity.get()),
        locate: locates.of(&enter.symbol),
        side: enter.side.to_wire(),
        time_in_force: enter.time_in_force.to_wire(),
        display: enter.display.to_wire(),
        capacity: enter.capacity.to_wire(),
        intermarket_sweep: enter.intermarket_sweep.to_wire(),
        cross: enter.cross_type.to_wire(),
        unsupported: unsupported(options),
        firm: firm(options),
        group: group(options),
        ..blank_enter(port, *enter.cl_ord_id.as_array())
    }
}

#[inline]
fn replace(port: PortId, replace: &ouch::Replace, options: Appendage<'_>) -> Replace {
    Replace {
        price: replace.price.get(),
        original_user_ref: replace.orig_user_ref_num.get(),
        user_ref: replace.user_ref_num.get(),
        quantity: Quantity(replace.quantity.get()),
        time_in_force: replace.time_in_force.to_wire(),
        display: replace.display.to_wire(),
        intermarket_sweep: replace.intermarket_sweep.to_wire(),
        unsupported: unsupported(options),
        ..blank_replace(port, *replace.cl_ord_id.as_array())
    }
}

#[cold]
fn refused(port: PortId, payload: &[u8], reason: RejectReason) -> DecodedRequest {
    /// Bytes of the original's number in a replace.
    const ORIGINAL: std::ops::Range<usize> = 1..5;
    let Some(RequestIdentity { user_ref_num: user_ref, cl_ord_id, channel }) = request_identity(payload) else {
        return DecodedRequest::Unreadable;
    };
    if channel != 0 {
        let cl_ord_id = *cl_ord_id.as_array();
        let request = OtherChannel { port, user_ref, cl_ord_id, channel, reserved: 0 };
        return DecodedRequest::OtherChannel(Command::OtherChannel(request));
    }
    // `request_identity` reads only enters and replaces, which are longer than this.
    DecodedRequest::Refused(match (payload[0], payload[ORIGINAL].try_into()) {
        (b'U', Ok(original)) => Command::Replace(Replace {
            original_user_ref: u32::from_be_bytes(original),
            user_ref,
            unsupported: reason.to_wire(),
            ..blank_replace(port, *cl_ord_id.as_array())
        }),
        _ => Command::Enter(Enter {
            user_ref,
            unsupported: reason.to_wire(),
            ..blank_enter(port, *cl_ord_id.as_array())
        }),
    })
}

fn blank_enter(port: PortId, cl_ord_id: [u8; 14]) -> Enter {
    Enter {
        reference: Reference::default(),
        price: Price::ZERO,
        port,
        user_ref: 0,
        quantity: Quantity::ZERO,
        locate: Locate::NONE,
        side: 0,
        time_in_force: 0,
        display: 0,
        capacity: 0,
        intermarket_sweep: 0,
        cross: 0,
        cl_ord_id,
        unsupported: 0,
        firm: *Mpid::BLANK.as_array(),
        group: 0,
        mark: Mark::None,
        reserved: [0; 5],
    }
}

fn blank_replace(port: PortId, cl_ord_id: [u8; 14]) -> Replace {
    Replace {
        reference: Reference::default(),
        price: Price::ZERO,
        port,
        original_user_ref: 0,
        user_ref: 0,
        quantity: Quantity::ZERO,
        locate: Locate::NONE,
        time_in_force: 0,
        display: 0,
        intermarket_sweep: 0,
        mark: Mark::None,
        cl_ord_id,
        unsupported: 0,
        reserved: [0; 2],
    }
}

/// Whether the venue takes orders in the channel of numbers that a request names. It does so in channel 0 only, so that one
/// number finds an order of the port.
#[inline]
fn takes_orders(options: Appendage<'_>) -> bool {
    options.is_empty() || options.channel() == 0
}

/// The firm that an order is for, blank if it names none.
#[inline]
fn firm(options: Appendage<'_>) -> [u8; 4] {
    match options.get(Tag::Firm) {
        Some(TagValue::Firm(firm)) => *firm.as_array(),
        _ => *Mpid::BLANK.as_array(),
    }
}

/// The group that an order is in, 0 if it names none.
#[inline]
fn group(options: Appendage<'_>) -> u16 {
    match options.get(Tag::GroupId) {
        Some(TagValue::GroupId(group)) => group,
        _ => 0,
    }
}

/// Reject reason of the first option that would change the meaning of the order, 0 if there is none. Firm and group are
/// for mass cancels and for disabling entry; informative options (customer type, locates, weight) are accepted and not
/// used.
#[inline]
fn unsupported(options: Appendage<'_>) -> u16 {
    if options.is_empty() {
        return 0;
    }
    let refusal = options.values().find_map(refusal);
    refusal.map_or(0, RejectReason::to_wire)
}

fn refusal(option: TagValue) -> Option<RejectReason> {
    let unless = |is_neutral: bool, reason| (!is_neutral).then_some(reason);
    match option {
        TagValue::MinQty(quantity) => unless(quantity == 0, RejectReason::InvalidMinQuantity),
        TagValue::MaxFloor(quantity) => unless(quantity == 0, RejectReason::InvalidMaxFloor),
        TagValue::RandomReserves(quantity) => unless(quantity == 0, RejectReason::InvalidMaxFloor),
        TagValue::PriceType(code) => unless(code == b'L', RejectReason::PeggingNotAllowed),
        TagValue::PegOffset(offset) => unless(offset == 0, RejectReason::PeggingNotAllowed),
        TagValue::DiscretionPegOffset(offset) => unless(offset == 0, RejectReason::PeggingNotAllowed),
        TagValue::DiscretionPrice(price) => unless(price == 0, RejectReason::InvalidPrice),
        TagValue::DiscretionPriceType(code) => unless(code == b'L', RejectReason::PeggingNotAllowed),
        TagValue::PostOnly(code) => unless(code == b'N', RejectReason::Other),
        TagValue::Route(route) => unless(route.is_blank(), RejectReason::RoutingNotAllowed),
        TagValue::ExpireTime(_) => Some(RejectReason::Other),
        TagValue::TradeNow(code) => unless(code == b'N', RejectReason::Other),
        TagValue::HandleInst(code) => unless(code == b' ', RejectReason::Other),
        TagValue::DisplayQty(quantity) => unless(quantity == 0, RejectReason::InvalidDisplay),
        TagValue::DisplayPrice(price) => unless(price == 0, RejectReason::InvalidDisplay),
        TagValue::SecondaryOrderRef(_)
        | TagValue::Firm(_)
        | TagValue::CustomerType(_)
        | TagValue::BboWeight(_)
        | TagValue::GroupId(_)
        | TagValue::SharesLocated(_)
        | TagValue::LocateBroker(_)
        | TagValue::Side(_)
        | TagValue::UserRefIdx(_) => None,
    }
}
