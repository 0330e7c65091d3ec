//! What a made-up day is made of.

use corelane_codecs::price::Price4;
use corelane_codecs::text::Symbol;
use thiserror::Error;

use super::book::DEPTH;
use crate::rng::Rng;

/// Messages that are always there, besides four per instrument.
const FRAME_MESSAGES: u64 = 7;
/// The most messages of a day; a thousand times a real one.
const MESSAGES_MAX: u64 = 1_000_000_000_000;

/// An instrument of the made-up market; its locate is its place in the list, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayInstrument {
    /// Symbol.
    pub symbol: Symbol,
    /// The price around which it trades.
    pub reference_price: Price4,
    /// Smallest price step.
    pub tick: Price4,
}

/// The made-up day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaySpec {
    /// Same seed, same day.
    pub seed: u64,
    /// What is traded: 1 to 65,535 instruments.
    pub instruments: Vec<DayInstrument>,
    /// Messages, all of them; at least four per instrument, seven, and the opening orders.
    pub messages: u64,
    /// Orders that are there when the market opens. During the day adds and removals are about as many, so this
    /// decides how large the books are: millions of orders, if asked for.
    pub opening_orders: u64,
    /// Prices wander at most so far from the reference price, in percent.
    pub wander_percent: u32,
}

/// Why a day cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DayError {
    /// Nothing to trade, or more than locates can number.
    #[error("{instruments} instruments; a day has 1 to 65535")]
    Instruments {
        /// Those asked for.
        instruments: usize,
    },
    /// A price that leaves no place for bids below it or asks above.
    #[error(
        "{symbol}: the reference price must be 2 ticks at least, and {DEPTH} ticks below {highest} at most",
        highest = Price4::HIGHEST
    )]
    ReferencePrice {
        /// The instrument.
        symbol: Symbol,
    },
    /// The messages that open and close the day are more than there shall be.
    #[error(
        "{messages} messages are too few: directory, states, opening orders and events alone are {needed}; ask for \
         more messages or for fewer instruments or opening orders"
    )]
    TooFewMessages {
        /// Those asked for.
        messages: u64,
        /// The least.
        needed: u64,
    },
    /// More than the generator counts with.
    #[error("{messages} messages are too many; the most is {MESSAGES_MAX}")]
    TooManyMessages {
        /// Those asked for.
        messages: u64,
    },
}

impl DayInstrument {
    /// The reference price and the highest middle of a book, in ticks.
    pub(super) fn ticks(&self) -> (u32, u32) {
        let tick = self.tick.raw().max(1);
        (self.reference_price.raw() / tick, (Price4::HIGHEST.raw() / tick).saturating_sub(DEPTH))
    }
}

impl DaySpec {
    /// A day of `messages` in so many instruments with made-up names and prices; one message in four hundred is
    /// an order before the open.
    pub fn made_up(seed: u64, instruments: usize, messages: u64) -> Self {
        let mut rng = Rng::for_part(seed, 0);
        let instrument = |index| DayInstrument {
            symbol: symbol(index),
            // 2 to 512 dollars, about as many between each and its double.
            reference_price: Price4::from_raw(100 * (rng.between(200, 400) << rng.below(8)) as u32),
            tick: Price4::from_raw(100),
        };
        let instruments = (0..instruments).map(instrument).collect();
        Self { seed, instruments, messages, opening_orders: messages / 400, wander_percent: 5 }
    }

    /// Instruments, and messages of trading hours.
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

/// Four letters, which are enough for all locates: AAAA, AAAB, …
fn symbol(index: usize) -> Symbol {
    let letter = |place: u32| b'A' + (index / 26_usize.pow(place) % 26) as u8;
    let mut bytes = [b' '; 8];
    bytes[..4].copy_from_slice(&[3, 2, 1, 0].map(letter));
    Symbol::from_bytes(bytes)
}
