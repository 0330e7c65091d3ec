//! Identifiers of ports, accounts, firms, instruments and orders.

use std::fmt;

use bytemuck::{Pod, Zeroable};

/// An instrument: its ITCH stock locate code, from 1 in the configured order. The locates of an incoming feed, which change
/// every day, stay plain numbers.
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

    /// The instrument with this index in the configuration.
    ///
    /// # Panics
    /// If the index is 65,535 or more.
    #[inline]
    pub fn from_index(index: usize) -> Locate {
        let locate = index.checked_add(1).and_then(|locate| u16::try_from(locate).ok());
        Locate(locate.expect("a configuration has fewer than 2¹⁶ instruments"))
    }

    /// The index in the configuration; `usize::MAX`, which is outside every table, for [`Locate::NONE`].
    #[inline]
    pub const fn index(self) -> usize {
        self.row().wrapping_sub(1)
    }

    /// The row in a table whose first row is that of [`Locate::NONE`].
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

/// An order's index in the tables of all state machines of the group.
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
            /// The identifier with this index in the configuration.
            ///
            /// # Panics
            /// If the index needs more than 32 bits.
            #[inline]
            pub fn from_index(index: usize) -> Self {
                Self(u32::try_from(index).expect("a configuration has fewer than 2³² of each"))
            }

            /// The index in the configuration.
            #[inline]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index! {
    /// A port: one client's log-in, with its own user reference numbers, answer numbers and replay log. An index in
    /// [`GroupConfig::ports`](super::GroupConfig::ports).
    PortId
}

index! {
    /// An account: it holds positions and limits, and several ports may trade for it. An index in
    /// [`GroupConfig::accounts`](super::GroupConfig::accounts).
    AccountId
}

index! {
    /// A firm: it holds accounts. An index in [`GroupConfig::firms`](super::GroupConfig::firms).
    FirmId
}
