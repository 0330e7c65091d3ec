//! Quantities of shares.

use std::{
    fmt,
    ops::{AddAssign, Sub, SubAssign},
};

use bytemuck::{Pod, Zeroable};

/// Shares of an order. Its arithmetic is that of `u32`: an overflow is a bug, and panics where overflow checks are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub struct Quantity(pub u32);

impl Quantity {
    /// No shares.
    pub const ZERO: Quantity = Quantity(0);
    /// More than any order has.
    pub const MAX: Quantity = Quantity(u32::MAX);

    /// Whether there are no shares.
    #[inline]
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether it is so many whole lots.
    #[inline]
    #[must_use]
    pub const fn is_multiple_of(self, lot: Quantity) -> bool {
        self.0.is_multiple_of(lot.0)
    }

    /// The whole lots of it.
    ///
    /// # Panics
    /// If `lot` is zero.
    #[inline]
    #[must_use]
    pub const fn whole_lots(self, lot: Quantity) -> Quantity {
        Quantity(self.0 - self.0 % lot.0)
    }

    /// The lesser of the two.
    #[inline]
    #[must_use]
    pub fn min(self, other: Quantity) -> Quantity {
        Quantity(self.0.min(other.0))
    }

    /// The difference, zero if `other` is larger.
    #[inline]
    #[must_use]
    pub const fn saturating_sub(self, other: Quantity) -> Quantity {
        Quantity(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for Quantity {
    #[inline]
    fn add_assign(&mut self, other: Quantity) {
        self.0 += other.0;
    }
}

impl Sub for Quantity {
    type Output = Quantity;

    #[inline]
    fn sub(self, other: Quantity) -> Quantity {
        Quantity(self.0 - other.0)
    }
}

impl SubAssign for Quantity {
    #[inline]
    fn sub_assign(&mut self, other: Quantity) {
        self.0 -= other.0;
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
