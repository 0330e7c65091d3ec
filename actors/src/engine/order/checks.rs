//! Checks of an order's fields, before risk sees the order.

use corelane_codecs::{
    ouch::{Capacity, CrossType, Display, MAX_QUANTITY, RejectReason, Side, TimeInForce},
    price::Price,
};

use crate::types::{Enter, Instrument, Quantity, Replace};

/// The coded fields of an accepted order. All orders are displayed; the venue supports neither intermarket sweeps nor
/// crosses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub side: Side,
    pub time_in_force: TimeInForce,
    pub capacity: Capacity,
}

/// Checks an enter. The first fault in this order gives the reject reason:
///
/// `unsupported` options (reported by the session), symbol 0x17, side 0x09, quantity 0x13, time in force 0x0F (OUCH has
/// no specific reason for it), display 0x03, capacity 0x0F, sweep 0x08, cross 0x14, price 0x1D.
#[inline(always)]
pub(super) fn enter(order: &Enter, instruments: &[Instrument]) -> Result<Terms, RejectReason> {
    supported(order.unsupported)?;
    let instrument = instruments.get(order.locate.index());
    let instrument = instrument.ok_or(RejectReason::InvalidSymbol)?;
    let side = Side::from_wire(order.side).ok_or(RejectReason::InvalidSide)?;
    quantity(order.quantity, instrument)?;
    let time_in_force = time_in_force(order.time_in_force)?;
    display(order.display)?;
    let capacity = Capacity::from_wire(order.capacity).ok_or(RejectReason::Other)?;
    sweep(order.intermarket_sweep)?;
    if order.cross != CrossType::Continuous.to_wire() {
        return Err(RejectReason::InvalidCrossOrder);
    }
    price(order.price, instrument)?;
    Ok(Terms { side, time_in_force, capacity })
}

/// Checks the fields that a replace changes, and returns the new time in force.
pub(super) fn replace(request: &Replace, instrument: &Instrument) -> Result<TimeInForce, RejectReason> {
    supported(request.unsupported)?;
    quantity(request.quantity, instrument)?;
    let time_in_force = time_in_force(request.time_in_force)?;
    display(request.display)?;
    sweep(request.intermarket_sweep)?;
    price(request.price, instrument)?;
    Ok(time_in_force)
}

fn supported(unsupported: u16) -> Result<(), RejectReason> {
    match unsupported {
        0 => Ok(()),
        code => Err(RejectReason::from_wire(code).unwrap_or(RejectReason::Other)),
    }
}

fn quantity(quantity: Quantity, instrument: &Instrument) -> Result<(), RejectReason> {
    let valid = (1..=MAX_QUANTITY).contains(&quantity.0) && quantity.is_multiple_of(instrument.lot);
    if valid { Ok(()) } else { Err(RejectReason::InvalidQuantity) }
}

fn time_in_force(code: u8) -> Result<TimeInForce, RejectReason> {
    match TimeInForce::from_wire(code) {
        Some(known @ (TimeInForce::Day | TimeInForce::ImmediateOrCancel)) => Ok(known),
        _ => Err(RejectReason::Other),
    }
}

fn display(code: u8) -> Result<(), RejectReason> {
    if code == Display::Visible.to_wire() { Ok(()) } else { Err(RejectReason::InvalidDisplay) }
}

fn sweep(code: u8) -> Result<(), RejectReason> {
    if code == b'N' { Ok(()) } else { Err(RejectReason::IsoNotAllowed) }
}

/// Checks a price. The codes for "at the market" pass, because risk has its own reject reason for them.
fn price(price: Price, instrument: &Instrument) -> Result<(), RejectReason> {
    let valid = price.is_market() || (price.is_limit() && price.is_multiple_of(instrument.tick));
    if valid { Ok(()) } else { Err(RejectReason::InvalidPrice) }
}
