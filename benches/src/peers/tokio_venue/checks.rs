//! Checks that every order must pass before it can trade, in the order of our venue's checks.

use corelane_actors::types::{Increase, Instrument, Limits, Notional, Quantity};
use corelane_codecs::{
    YesNo,
    ouch::{CrossType, Display, Enter, MAX_QUANTITY, RejectReason, Replace, TimeInForce},
    price::{Price, Price4},
};

/// Checks the fields of a new order.
pub(super) fn enter(order: &Enter, instrument: &Instrument) -> Result<(), RejectReason> {
    quantity(order.quantity.get(), instrument)?;
    time_in_force(order.time_in_force)?;
    display(order.display, order.intermarket_sweep)?;
    if order.cross_type != CrossType::Continuous {
        return Err(RejectReason::InvalidCrossOrder);
    }
    price(order.price.get(), instrument)
}

/// Checks what a replace changes.
pub(super) fn replace(request: &Replace, instrument: &Instrument) -> Result<(), RejectReason> {
    quantity(request.quantity.get(), instrument)?;
    time_in_force(request.time_in_force)?;
    display(request.display, request.intermarket_sweep)?;
    price(request.price.get(), instrument)
}

/// Checks what an order raises against the limits; the collar is around the instrument's configured price.
pub(super) fn risk(
    limits: &Limits,
    instrument: &Instrument,
    price: Price,
    quantity: u32,
    increase: Increase,
) -> Result<(), RejectReason> {
    const WHOLE: u128 = 1_000_000;
    if price.is_market() {
        return Err(RejectReason::RiskMarketOrderNotAllowed);
    }
    if increase.quantity && quantity > limits.quantity_max.0 {
        return Err(RejectReason::RiskMaxQuantity);
    }
    if increase.notional && Notional::of(price4(price), Quantity(quantity)) > limits.notional_max {
        return Err(RejectReason::RiskSingleOrderNotional);
    }
    let (anchor, collar) = (instrument.reference_price.raw(), limits.collar_parts_per_million);
    let is_within = anchor == 0
        || !(increase.quantity || increase.price)
        || u128::from(price.raw().abs_diff(anchor)) * WHOLE <= u128::from(anchor) * u128::from(collar);
    if is_within { Ok(()) } else { Err(RejectReason::RiskFatFinger) }
}

/// The price as ITCH has it; a code for "at the market" has no meaning there.
pub(super) fn price4(price: Price) -> Price4 {
    Price4::from_raw(price.raw() as u32)
}

fn quantity(quantity: u32, instrument: &Instrument) -> Result<(), RejectReason> {
    let valid = (1..=MAX_QUANTITY).contains(&quantity) && quantity.is_multiple_of(instrument.lot.0);
    if valid { Ok(()) } else { Err(RejectReason::InvalidQuantity) }
}

fn time_in_force(time_in_force: TimeInForce) -> Result<(), RejectReason> {
    match time_in_force {
        TimeInForce::Day | TimeInForce::ImmediateOrCancel => Ok(()),
        _ => Err(RejectReason::Other),
    }
}

fn display(display: Display, sweep: YesNo) -> Result<(), RejectReason> {
    if display != Display::Visible {
        return Err(RejectReason::InvalidDisplay);
    }
    if sweep == YesNo::No { Ok(()) } else { Err(RejectReason::IsoNotAllowed) }
}

fn price(price: Price, instrument: &Instrument) -> Result<(), RejectReason> {
    let valid = price.is_market() || (price.is_limit() && price.raw().is_multiple_of(instrument.tick.raw()));
    if valid { Ok(()) } else { Err(RejectReason::InvalidPrice) }
}
