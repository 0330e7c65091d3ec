//! The parameters of a synthetic day.

use corelane_codecs::price::Price4;
use corelane_codecs::text::Symbol;
use thiserror::Error;

use super::book::DEPTH;
use crate::rng::Rng;

/// The number of messages in every day, besides four per instrument.
const FRAME_MESSAGES: u64 = 7;
/// The maximum number of messages of a day; more than a thousand times a real one.
const MESSAGES_MAX: u64 = 1_000_000_000_000;

/// An instrument of the synthetic market. Its locate is its position in the list, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayInstrument {
    /// The symbol.
    pub symbol: Symbol,
    /// The price around which it trades.
    pub reference_price: Price4,
    /// The smallest price step.
    pub tick: Price4,
}

/// The parameters of a synthetic day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaySpec {
    /// The seed. The same seed gives the same day.
    pub seed: u64,
    /// The traded instruments, 1 to 65,535.
    pub instruments: Vec<DayInstrument>,
    /// The total number of messages; at least seven, plus four per instrument, plus the opening orders, and at most
    /// 10^12.
    pub messages: u64,
    /// The number of orders that rest when the market opens. Adds and removals are about equally frequent during the
    /// day, so this number decides the size of the books, up to millions of orders.
    pub opening_orders: u64,
    /// The maximum distance of mid prices from the reference price, in percent.
    pub wander_percent: u32,
}

/// The reason why a day cannot be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DayError {
    /// There is no instrument, or there are more than locates can number.
    #[error("{instruments} instruments are out of range; a day has 1 to 65535")]
    Instruments {
        /// The requested number.
        instruments: usize,
    },
    /// The reference price leaves no room for bids below it or asks above it.
    #[error(
        "{symbol}: the reference price must be at least 2 ticks, and at least {DEPTH} ticks below {highest}",
        highest = Price4::HIGHEST
    )]
    ReferencePrice {
        /// The instrument.
        symbol: Symbol,
    },
    /// The day has too few messages for its opening, its opening orders and its close.
    #[error(
        "{messages} messages are too few: the directory, states, opening orders and events need {needed}; configure \
         more messages or for fewer instruments or opening orders"
    )]
    TooFewMessages {
        /// The requested number.
        messages: u64,
        /// The minimum.
        needed: u64,
    },
    /// The day has more messages than the generator supports.
    #[error("{messages} messages are too many; the maximum is {MESSAGES_MAX}")]
    TooManyMessages {
        /// The requested number.
        messages: u64,
    },
}

impl DayInstrument {
    /// The reference price and the highest mid price of the book, in ticks.
    pub(super) fn ticks(&self) -> (u32, u32) {
        let tick = self.tick.raw().max(1);
        (self.reference_price.raw() / tick, (Price4::HIGHEST.raw() / tick).saturating_sub(DEPTH))
    }
}

impl DaySpec {
    /// A day of `messages` messages in `instruments` instruments with generated symbols and prices. One message in four
    /// hundred is an order before the open.
    #[must_use]
    pub fn made_up(seed: u64, instruments: usize, messages: u64) -> Self {
        let mut rng = Rng::for_part(seed, 0);
        let instrument = |index| DayInstrument {
            symbol: symbol(index),
            // 2 to 512 dollars, with about equally many instruments in each octave.
            reference_price: Price4::from_raw(100 * (rng.between(200, 400) << rng.below(8)) as u32),
            tick: Price4::from_raw(100),
        };
        let instruments = (0..instruments).map(instrument).collect();
        Self { seed, instruments, messages, opening_orders: messages / 400, wander_percent: 5 }
    }

    /// Checks the parameters, and returns the numbers of instruments and of messages in trading hours.
    pub(super) fn check(&self) -> Result<(u16, u64), DayError> {
        let Self { messages, opening_orders, .. } = *self;
        let count = self.instruments.len();
        let instruments = u16::try_from(count).ok().filter(|count| *count > 0);
        let instruments = instruments.ok_or(DayError::Instruments { instruments: count })?;
        for one in &self.instruments {
            let (reference, highest) = one.ticks();
            if one.tick == Price4::ZERO || !(2..=highest).contains(&reference) {
                return Err(DayError::ReferencePrice { symbol: one.symbol });
            }
        }
        if messages > MESSAGES_MAX {
            return Err(DayError::TooManyMessages { messages });
        }
        let needed = opening_orders.saturating_add(FRAME_MESSAGES + 4 * u64::from(instruments));
        match messages.checked_sub(needed) {
            Some(trading) => Ok((instruments, trading)),
            None => Err(DayError::TooFewMessages { messages, needed }),
        }
    }
}

/// A symbol of four letters, which suffice for all locates: AAAA, AAAB, …
fn symbol(index: usize) -> Symbol {
    let letter = |place: u32| b'A' + (index / 26_usize.pow(place) % 26) as u8;
    let mut bytes = [b' '; 8];
    bytes[..4].copy_from_slice(&[3, 2, 1, 0].map(letter));
    Symbol::from_bytes(bytes)
}
