//! Limits on orders: those of the venue, and those of firms, accounts and ports. The lowest limit decides.

use super::{notional::Notional, quantity::Quantity};

/// A full set of limits: the venue's, or the lowest of all levels, which a port's orders are checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest quantity, in shares.
    pub quantity_max: Quantity,
    /// The largest price times quantity.
    pub notional_max: Notional,
    /// How far a price may be from the reference price on either side, in millionths of the reference price. `docs/rules.md`
    /// says which price that is.
    pub collar_parts_per_million: u32,
    /// What happens without a reference price.
    pub without_reference: WithoutReference,
}

/// What happens to an order while its instrument has no reference price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutReference {
    /// The collar is skipped.
    Accept,
    /// The order is rejected.
    Reject,
}

/// The limits of one firm, account or port; `None` means that this level does not set the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LevelLimits {
    /// See [`Limits::quantity_max`].
    pub quantity_max: Option<Quantity>,
    /// See [`Limits::notional_max`].
    pub notional_max: Option<Notional>,
    /// See [`Limits::collar_parts_per_million`].
    pub collar_parts_per_million: Option<u32>,
    /// See [`Limits::without_reference`]; `Reject` is the stricter one.
    pub without_reference: Option<WithoutReference>,
}

impl Limits {
    /// The lower of each of these limits and the limit of another level.
    #[must_use]
    pub fn least(self, level: &LevelLimits) -> Limits {
        let rejects = [Some(self.without_reference), level.without_reference].contains(&Some(WithoutReference::Reject));
        Limits {
            quantity_max: level.quantity_max.map_or(self.quantity_max, |most| most.min(self.quantity_max)),
            notional_max: level.notional_max.map_or(self.notional_max, |most| most.min(self.notional_max)),
            collar_parts_per_million: level
                .collar_parts_per_million
                .map_or(self.collar_parts_per_million, |most| most.min(self.collar_parts_per_million)),
            without_reference: if rejects { WithoutReference::Reject } else { WithoutReference::Accept },
        }
    }
}
