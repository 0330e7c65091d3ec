//! Prices: fixed point with four implied decimals, and index values with eight.
//!
//! [`Price`] is the type to compute with. [`Price4`] is the 32-bit price of ITCH, which converts to it without loss.
//! [`Price8`] has the eight decimals of the market-wide circuit breaker's levels. [`WirePrice`], [`WirePrice4`] and
//! [`WirePrice8`] are their encodings in messages.
//!
//! ```
//! use corelane_codecs::price::{Price, Price4};
//!
//! let price: Price = "63.02".parse().unwrap();
//! assert_eq!(price.raw(), 630_200);
//! assert_eq!(price.to_string(), "63.0200");
//! assert_eq!(Price4::try_from(price).unwrap().raw(), 630_200);
//! assert!("1.00001".parse::<Price>().is_err());
//! ```

use core::fmt;
use core::str::FromStr;

use bytemuck::{Pod, Zeroable};
use thiserror::Error;
use zerocopy::big_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A price in ten-thousandths.
///
/// It represents every value of the wire; [`Price::is_limit`] tells whether an order can rest at it. It is plain old data,
/// so that records can hold it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub struct Price(u64);

/// A price in ten-thousandths in 32 bits, as ITCH carries it (up to 429 496.7295).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Price4(u32);

/// An index value in hundred-millionths, as ITCH carries the levels of the market-wide circuit breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Price8(u64);

/// A [`Price`] in a message: eight bytes, big-endian.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(transparent)]
pub struct WirePrice(U64);

/// A [`Price4`] in a message: four bytes, big-endian.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(transparent)]
pub struct WirePrice4(U32);

/// A [`Price8`] in a message: eight bytes, big-endian.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(transparent)]
pub struct WirePrice8(U64);

/// Error in making a price of a text or a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PriceError {
    /// The text is not digits with at most one decimal point among them.
    #[error("not a price: write digits with at most one point, as in 63.02")]
    Syntax,
    /// The text has more decimals than the price type.
    #[error("a price has at most {decimals} decimals")]
    TooPrecise {
        /// Decimals of the type.
        decimals: usize,
    },
    /// The value needs more bits than the type has.
    #[error("price is larger than its field can hold")]
    TooLarge,
}

impl Price {
    /// The highest limit price that OUCH 5.0 allows: 199 999.9900.
    pub const MAX_LIMIT: Self = Self(1_999_999_900);
    /// "Market" in OUCH 5.0 for an order into a cross.
    pub const MARKET_FOR_CROSS: Self = Self(0x7fff_ffff);
    /// "Market" in OUCH 5.0: 200 000.0000.
    pub const MARKET: Self = Self(2_000_000_000);

    /// Whether this is one of the codes for "at the market" of OUCH 5.0: [`Price::MARKET`],
    /// [`Price::MARKET_FOR_CROSS`] or all bits set.
    #[inline]
    #[must_use]
    pub const fn is_market(self) -> bool {
        matches!(self.0, 2_000_000_000 | 0x7fff_ffff | u64::MAX)
    }

    /// Whether this is a limit price: above zero, up to [`Price::MAX_LIMIT`].
    #[inline]
    #[must_use]
    pub const fn is_limit(self) -> bool {
        self.0 != 0 && self.0 <= Self::MAX_LIMIT.0
    }

    /// Whether it is a whole number of ticks.
    ///
    /// # Panics
    /// If `tick` is zero.
    #[inline]
    #[must_use]
    pub const fn is_multiple_of(self, tick: Self) -> bool {
        self.0.is_multiple_of(tick.0)
    }

    /// Price times `quantity` in ten-thousandths of currency, `None` if it exceeds 64 bits.
    #[inline]
    #[must_use]
    pub const fn checked_notional(self, quantity: u32) -> Option<u64> {
        self.0.checked_mul(quantity as u64)
    }
}

impl Price4 {
    /// The highest price that ITCH 5.0 allows: 200 000.0000. The 32 bits could hold more.
    pub const HIGHEST: Self = Self(2_000_000_000);

    /// Whether ITCH 5.0 allows this price: up to [`Price4::HIGHEST`].
    #[inline]
    #[must_use]
    pub const fn is_in_range(self) -> bool {
        self.0 <= Self::HIGHEST.0
    }
}

/// Implements what all price types have; `$decimals` are implied.
macro_rules! price_value {
    ($price:ident, $raw:ty, $wire:ident, $decimals:literal) => {
        impl $price {
            /// Zero.
            pub const ZERO: Self = Self(0);
            /// The largest value of the field.
            pub const MAX: Self = Self(<$raw>::MAX);

            #[doc = concat!("A price of `raw` units of 10⁻", stringify!($decimals), ".")]
            #[inline]
            #[must_use]
            pub const fn from_raw(raw: $raw) -> Self {
                Self(raw)
            }

            #[doc = concat!("The price in units of 10⁻", stringify!($decimals), ".")]
            #[inline]
            #[must_use]
            pub const fn raw(self) -> $raw {
                self.0
            }

            /// The sum, `None` on overflow.
            #[inline]
            #[must_use]
            pub const fn checked_add(self, other: Self) -> Option<Self> {
                match self.0.checked_add(other.0) {
                    Some(raw) => Some(Self(raw)),
                    None => None,
                }
            }

            /// The difference, `None` if `other` is higher.
            #[inline]
            #[must_use]
            pub const fn checked_sub(self, other: Self) -> Option<Self> {
                match self.0.checked_sub(other.0) {
                    Some(raw) => Some(Self(raw)),
                    None => None,
                }
            }
        }

        /// All decimals, also zeros: `123.4500`.
        impl fmt::Display for $price {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                const UNITS: u64 = 10_u64.pow($decimals);
                let raw = u64::from(self.0);
                write!(f, "{}.{:0width$}", raw / UNITS, raw % UNITS, width = $decimals)
            }
        }

        /// Digits with at most one point and at most the implied decimals: `5`, `5.5`, `0.0001`.
        impl FromStr for $price {
            type Err = PriceError;

            fn from_str(text: &str) -> Result<Self, PriceError> {
                <$raw>::try_from(parse(text, $decimals)?).map(Self).map_err(|_| PriceError::TooLarge)
            }
        }

        impl $wire {
            /// The value.
            #[inline]
            #[must_use]
            pub const fn get(self) -> $price {
                $price(self.0.get())
            }
        }

        impl From<$price> for $wire {
            #[inline]
            fn from(price: $price) -> Self {
                Self(price.0.into())
            }
        }

        impl From<$wire> for $price {
            #[inline]
            fn from(wire: $wire) -> Self {
                wire.get()
            }
        }

        impl fmt::Display for $wire {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.get(), f)
            }
        }

        impl fmt::Debug for $wire {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

price_value!(Price, u64, WirePrice, 4);
price_value!(Price4, u32, WirePrice4, 4);
price_value!(Price8, u64, WirePrice8, 8);

impl From<Price4> for Price {
    #[inline]
    fn from(price: Price4) -> Self {
        Self(u64::from(price.0))
    }
}

impl TryFrom<Price> for Price4 {
    type Error = PriceError;

    #[inline]
    fn try_from(price: Price) -> Result<Self, PriceError> {
        u32::try_from(price.0).map(Self).map_err(|_| PriceError::TooLarge)
    }
}

fn parse(text: &str, decimals_max: usize) -> Result<u64, PriceError> {
    let (whole, decimals) = match text.split_once('.') {
        Some((_, "")) => return Err(PriceError::Syntax),
        Some(parts) => parts,
        None => (text, ""),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(decimals) {
        return Err(PriceError::Syntax);
    }
    if decimals.len() > decimals_max {
        return Err(PriceError::TooPrecise { decimals: decimals_max });
    }
    let padding = decimals_max - decimals.len();
    whole
        .bytes()
        .chain(decimals.bytes())
        .chain(core::iter::repeat_n(b'0', padding))
        .try_fold(0_u64, |raw, digit| raw.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
        .ok_or(PriceError::TooLarge)
}
