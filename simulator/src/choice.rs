//! What a client asks for next.

use corelane_actors::types::Instrument;
use corelane_runtime::simulation::Draw;

use crate::{
    ledger::Ledger,
    request::{Kind, Request},
};

/// Orders of a client that may be open before it cancels instead.
const OPEN_MAX: usize = 24;

/// The next request of a client whose next number is `user_ref`.
pub(crate) fn next(draw: &mut Draw, ledger: &Ledger, instruments: &[Instrument], user_ref: u32) -> (Kind, Request) {
    let live = ledger.live();
    let kind = match drawn_kind(draw) {
        Kind::Day if live.len() >= OPEN_MAX => Kind::Cancel,
        kind => kind,
    };
    // Now and then one that is not open any more.
    let target = match (live.len() as u64, draw.happens(30_000)) {
        (0, _) | (_, true) => draw.within(1, u64::from(user_ref)) as u32,
        (open, false) => live[draw.below(open) as usize],
    };
    let none = Request::default();
    let request = match kind {
        Kind::Day => enter(draw, instruments, user_ref),
        Kind::Immediate => Request { time_in_force: b'3', ..enter(draw, instruments, user_ref) },
        Kind::Wrong => spoilt(enter(draw, instruments, user_ref), draw),
        Kind::Garbled => Request { is_garbled: true, ..enter(draw, instruments, user_ref) },
        Kind::Cancel => {
            let quantity = if draw.happens(700_000) { 0 } else { draw.below(80) as u32 };
            Request { code: b'X', user_ref: target, quantity, ..none }
        }
        Kind::Replace => {
            let locate = ledger.order(target).map_or(1, |order| order.locate.max(1));
            let instrument = &instruments[usize::from(locate) - 1];
            let (quantity, price) = (quantity(draw, instrument), price(draw, instrument));
            Request { code: b'U', original: target, user_ref, quantity, price, time_in_force: b'0', ..none }
        }
        Kind::Modify => {
            let buys = ledger.order(target).is_none_or(|order| order.side == b'B');
            let side = if buys { b'B' } else { b"STE"[draw.below(3) as usize] };
            Request { code: b'M', user_ref: target, side, quantity: draw.below(60) as u32, ..none }
        }
        Kind::MassCancel => {
            let locate = draw.below(instruments.len() as u64 + 1) as u16;
            Request { code: b'C', user_ref, locate, ..none }
        }
        // Entry is enabled more often than disabled.
        Kind::EntrySwitch => Request { code: if draw.happens(300_000) { b'D' } else { b'E' }, user_ref, ..none },
        Kind::Query => Request { code: b'Q', ..none },
    };
    (kind, request)
}

fn drawn_kind(draw: &mut Draw) -> Kind {
    let mut left = draw.below(Kind::ALL.iter().map(|(_, _, share)| share).sum());
    for (_, kind, share) in Kind::ALL {
        match left.checked_sub(share) {
            Some(rest) => left = rest,
            None => return kind,
        }
    }
    Kind::Day
}

fn enter(draw: &mut Draw, instruments: &[Instrument], user_ref: u32) -> Request {
    let locate = draw.within(1, instruments.len() as u64) as u16;
    let instrument = &instruments[usize::from(locate) - 1];
    let (quantity, price) = (quantity(draw, instrument), price(draw, instrument));
    let side = b"BBBBSSST"[draw.below(8) as usize];
    Request { code: b'O', user_ref, quantity, price, side, time_in_force: b'0', locate, ..Request::default() }
}

/// The order with one of its fields wrong.
fn spoilt(order: Request, draw: &mut Draw) -> Request {
    match draw.below(6) {
        0 => Request { quantity: 0, ..order },
        1 => Request { quantity: 1_000_000, ..order },
        2 => Request { price: order.price + 1, ..order },
        3 => Request { price: order.price * 2, ..order },
        4 => Request { quantity: 990, ..order },
        _ => Request { locate: 0, ..order },
    }
}

/// Whole lots, mostly few shares, so that orders trade in parts.
fn quantity(draw: &mut Draw, instrument: &Instrument) -> u32 {
    let lot = instrument.lot.0;
    let shares = if draw.happens(30_000) { draw.within(1, 1_200) } else { draw.within(1, 60) } as u32;
    (shares / lot).max(1) * lot
}

/// A price of few ticks around the reference, so that orders meet.
fn price(draw: &mut Draw, instrument: &Instrument) -> u64 {
    let (tick, reference) = (instrument.tick.raw(), instrument.reference_price.raw());
    reference / tick * tick + tick * draw.below(9) - 4 * tick
}
