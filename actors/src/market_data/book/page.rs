//! Pages of order references: a page number and an offset, as in virtual memory.

pub(super) const PAGE_BITS: u32 = 10;
/// Slots of a page: enough that the page table stays small, few enough that moving a page is short.
pub(super) const PAGE: usize = PAGE_SLOTS as usize;
/// The same as a difference of slot numbers.
pub(super) const PAGE_SLOTS: u32 = 1 << PAGE_BITS;

/// Page number of a reference.
#[inline]
pub(super) fn page_of(order_ref: u64) -> u64 {
    order_ref >> PAGE_BITS
}

/// Slot of a reference whose page has this frame.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the mask keeps the low bits")]
pub(super) fn slot_in(frame: u32, order_ref: u64) -> u32 {
    frame << PAGE_BITS | (order_ref as u32 & (PAGE_SLOTS - 1))
}
