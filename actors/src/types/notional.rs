//! Price times quantity.

use corelane_codecs::price::Price;

use super::quantity::Quantity;

/// Price times quantity, in ten-thousandths of currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Notional(pub u64);

impl Notional {
    /// The largest.
    pub const MAX: Notional = Notional(u64::MAX);

    /// That of `quantity` shares at `price`; the largest if it is larger than that.
    #[inline]
    #[must_use]
    pub const fn of(price: Price, quantity: Quantity) -> Notional {
        Notional(price.raw().saturating_mul(quantity.0 as u64))
    }

    /// Whether it is less than `quantity` shares at `price` are worth.
    #[inline]
    #[must_use]
    pub const fn is_below(self, price: Price, quantity: Quantity) -> bool {
        price.raw() as u128 * quantity.0 as u128 > self.0 as u128
    }
}
