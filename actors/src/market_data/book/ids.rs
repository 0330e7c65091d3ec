//! Indices into the tables of the books.

use bytemuck::Zeroable;

use crate::types::Locate;

/// Slot of no order. It may be written to, so the first and the last order of a queue need no branches.
pub(super) const NIL: u32 = 0;

/// Index of a level in the pool; [`LevelId::NONE`] is no level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Zeroable)]
#[repr(transparent)]
pub(super) struct LevelId(pub u32);

impl LevelId {
    /// No level. It is zero, so a zeroed table holds none.
    pub(super) const NONE: LevelId = LevelId(0);

    #[inline]
    pub(super) fn exists(self) -> bool {
        self != Self::NONE
    }
}

/// One side of one book: twice the book's index, plus 1 for asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Zeroable)]
#[repr(transparent)]
pub(super) struct SideId(pub u32);

impl SideId {
    /// The side of the book with this locate.
    #[inline]
    pub(super) fn of(locate: Locate, is_bid: bool) -> Self {
        SideId((u32::from(locate.0) - 1) << 1 | u32::from(!is_bid))
    }

    /// Locate of the book.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "every book has a locate")]
    pub(super) fn locate(self) -> Locate {
        Locate(self.book() as u16 + 1)
    }

    #[inline]
    pub(super) fn book(self) -> usize {
        (self.0 >> 1) as usize
    }

    #[inline]
    pub(super) fn is_bid(self) -> bool {
        self.0 & 1 == 0
    }

    #[inline]
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}
