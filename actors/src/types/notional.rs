//! Price times quantity.

use corelane_codecs::price::Price4;

use super::quantity::Quantity;

/// Price times quantity, in ten-thousandths of currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Notional(pub u64);

impl Notional {
    /// The largest.
    pub const MAX: Notional = Notional(u64::MAX);

    /// That of `quantity` shares at `price`. Both have 32 bits, so it is exact.
    #[inline]
    #[must_use]
    pub const fn of(price: Price4, quantity: Quantity) -> Notional {
        Notional(price.raw() as u64 * quantity.0 as u64)
    }
}
