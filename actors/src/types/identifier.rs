//! What numbers a port, an account, a firm, an instrument and an order.

use std::fmt;

use bytemuck::{Pod, Zeroable};

/// An instrument: its ITCH stock locate code, 1 and up in the configured order. The feed's own locates, which change each
/// day, stay plain numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub struct Locate(pub u16);

impl fmt::Display for Locate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Locate {
    /// No such symbol.
    pub const NONE: Locate = Locate(0);

    /// The instrument at this place of the configuration.
    ///
    /// # Panics
    /// If the place is 65,535 or more.
    #[inline]
    pub fn from_index(index: usize) -> Locate {
        let locate = index.checked_add(1).and_then(|locate| u16::try_from(locate).ok());
        Locate(locate.expect("a configuration has fewer than 2¹⁶ instruments"))
    }

    /// Its place in the configuration. [`Locate::NONE`] gives `usize::MAX`, which is outside every table.
    #[inline]
    pub const fn index(self) -> usize {
        self.row().wrapping_sub(1)
    }

    /// Its row in a table that has a row for [`Locate::NONE`] first.
    #[inline]
    pub const fn row(self) -> usize {
        self.0 as usize
    }

    /// The locates of the first `count` instruments.
    ///
    /// # Panics
    /// If `count` is above 65,535.
    pub fn first(count: usize) -> impl DoubleEndedIterator<Item = Locate> + ExactSizeIterator {
        (0..count).map(Locate::from_index)
    }
}

/// Index of an order in the tables of all state machines of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderSlot(pub u32);

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
        #[repr(transparent)]
        pub struct $name(pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl $name {
            /// The one at this place of the configuration.
            ///
            /// # Panics
            /// If the place needs more than 32 bits.
            #[inline]
            pub fn from_index(index: usize) -> Self {
                Self(u32::try_from(index).expect("a configuration has fewer than 2³² of each"))
            }

            /// Its place in the configuration.
            #[inline]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index! {
    /// A port: a client's session, with its user reference numbers, its answer numbers and its replay log. Index in
    /// [`GroupConfig::ports`](super::GroupConfig::ports).
    PortId
}

index! {
    /// An account, which holds positions and limits; several ports may trade for it. Index in
    /// [`GroupConfig::accounts`](super::GroupConfig::accounts).
    AccountId
}

index! {
    /// A firm, which holds accounts. Index in [`GroupConfig::firms`](super::GroupConfig::firms).
    FirmId
}
