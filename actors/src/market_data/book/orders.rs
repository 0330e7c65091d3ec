//! Resting orders by their references.
//!
//! A feed's references are unique for the day and mostly rise by small steps, so the table is a *window* on them, paged
//! as virtual memory is: a reference is a page number and an offset, and a page with live orders has a frame of
//! [`PAGE`] slots. A direct-mapped page table finds the frame. A page returns its frame when its last order is gone.
//! When frames or places in the page table run short, the orders of an old page move to the *spill*, a map with a keyed
//! hash, since references come from outside. A feed with scattered references is slow, but needs no more memory and
//! loses no order.
//!
//! An order's slot also links it to its neighbours in the queue of its level.

use bytemuck::Zeroable;
use corelane_runtime::mem::{HugeSlice, prefetch};

use super::{
    ids::{LevelId, NIL},
    page::{PAGE, PAGE_BITS, PAGE_SLOTS, page_of, slot_in},
    price_level::PriceLevels,
    spill::Spill,
};

/// The first frame in use; the frame before it holds [`NIL`].
const FRAME_FIRST: usize = 1;
/// Slots of the window for each order that may rest. A page keeps its frame until its last order is gone.
const SLOTS_PER_ORDER: usize = 4;
/// Fewest frames of a window.
const FRAMES_MIN: usize = 4;
/// Places in the page table for each frame, so that pages that are far apart seldom collide.
const PLACES_PER_FRAME: usize = 4;
/// Frames to compare when one must be freed; the one with the fewest orders is freed.
const CANDIDATES: usize = 16;

/// A resting order.
#[derive(Clone, Copy, Debug, Zeroable)]
#[repr(C)]
pub(super) struct QueuedOrder {
    /// Open shares.
    pub shares: u32,
    /// Its level; [`LevelId::NONE`] in a free slot.
    pub level: LevelId,
    /// Slot of the order before it in the queue.
    pub older: u32,
    /// Slot of the order after it in the queue.
    pub newer: u32,
}

/// An order in the window.
pub(super) struct InWindow<'a> {
    pub order: &'a mut QueuedOrder,
    mapping: &'a mut Mapping,
    free_frames: &'a mut Vec<u32>,
    len: &'a mut usize,
}

impl InWindow<'_> {
    /// Removes the order from its slot.
    #[inline]
    pub(super) fn remove(self) -> QueuedOrder {
        let order = *self.order;
        self.order.level = LevelId::NONE;
        *self.len -= 1;
        self.mapping.release(self.free_frames);
        order
    }
}

/// Reason why an order cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Duplicate,
    Full,
}

/// An entry of the page table.
#[derive(Clone, Copy, Debug)]
struct Mapping {
    page: u64,
    frame: u32,
    live: u32,
}

impl Mapping {
    /// No reference has this page number.
    const NONE: Mapping = Mapping { page: u64::MAX, frame: 0, live: 0 };

    #[inline]
    fn is_none(&self) -> bool {
        self.page == u64::MAX
    }

    /// Takes note that an order of the page has gone.
    #[inline]
    fn release(&mut self, free_frames: &mut Vec<u32>) {
        self.live -= 1;
        if self.live == 0 {
            free_frames.push(self.frame);
            *self = Mapping::NONE;
        }
    }
}

/// The table of resting orders.
#[derive(Debug)]
pub(super) struct Orders {
    /// Frames of the window, then the slots of the spill.
    slots: HugeSlice<QueuedOrder>,
    page_table: Box<[Mapping]>,
    /// By frame: place in the page table of its page.
    mapped_at: Box<[u32]>,
    free_frames: Vec<u32>,
    /// Frame at which the next search for one to free begins.
    hand: usize,
    spill: Spill,
    len: usize,
    orders_max: usize,
}

impl std::ops::Index<u32> for Orders {
    type Output = QueuedOrder;
    #[inline]
    fn index(&self, slot: u32) -> &QueuedOrder {
        &self.slots[slot as usize]
    }
}

impl std::ops::IndexMut<u32> for Orders {
    #[inline]
    fn index_mut(&mut self, slot: u32) -> &mut QueuedOrder {
        &mut self.slots[slot as usize]
    }
}

impl Orders {
    /// A table for `orders_max` orders with any references.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "slots have 32 bits, which is checked, and there are fewer frames"
    )]
    pub(super) fn with_capacity(orders_max: usize) -> Self {
        let frames = Self::frames(orders_max);
        let window = (FRAME_FIRST + frames) * PAGE;
        assert!(window + orders_max <= u32::MAX as usize, "{orders_max} orders are more than 32-bit slots can number");
        Orders {
            slots: HugeSlice::zeroed(window + orders_max),
            page_table: vec![Mapping::NONE; (PLACES_PER_FRAME * frames).next_power_of_two()].into(),
            mapped_at: vec![0; FRAME_FIRST + frames].into(),
            free_frames: (FRAME_FIRST as u32..(FRAME_FIRST + frames) as u32).rev().collect(),
            hand: 0,
            spill: Spill::new(window as u32, orders_max),
            len: 0,
            orders_max,
        }
    }

    /// Memory of a table for `orders_max` orders, in bytes.
    pub(super) fn bytes(orders_max: usize) -> usize {
        let frames = Self::frames(orders_max);
        let slots = (FRAME_FIRST + frames) * PAGE + orders_max;
        let places = (PLACES_PER_FRAME * frames).next_power_of_two();
        slots * size_of::<QueuedOrder>()
            + places * size_of::<Mapping>()
            + 2 * frames * size_of::<u32>()
            + Spill::bytes(orders_max)
    }

    fn frames(orders_max: usize) -> usize {
        (SLOTS_PER_ORDER * orders_max).div_ceil(PAGE).max(FRAMES_MIN)
    }

    #[expect(clippy::cast_possible_truncation, reason = "slots have 32 bits, and there are fewer frames")]
    pub(super) fn clear(&mut self) {
        for mapping in &mut self.page_table {
            if !mapping.is_none() {
                let first = slot_in(mapping.frame, 0) as usize;
                self.slots[first..first + PAGE].fill(QueuedOrder::zeroed());
                *mapping = Mapping::NONE;
            }
        }
        self.free_frames.clear();
        self.free_frames.extend((FRAME_FIRST as u32..self.mapped_at.len() as u32).rev());
        self.spill.clear();
        self.len = 0;
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the mask keeps the low bits")]
    fn place(&self, page: u64) -> usize {
        page as usize & (self.page_table.len() - 1)
    }

    /// The slot of an order.
    #[inline]
    pub(super) fn find(&self, order_ref: u64) -> Option<u32> {
        let page = page_of(order_ref);
        let mapping = self.page_table[self.place(page)];
        if mapping.page == page {
            let slot = slot_in(mapping.frame, order_ref);
            if self[slot].level.exists() {
                return Some(slot);
            }
        }
        if self.spill.may_hold(page) { self.spill.find(order_ref) } else { None }
    }

    /// The order with this reference, unless it is in the spill.
    #[inline]
    pub(super) fn find_in_window(&mut self, order_ref: u64) -> Option<InWindow<'_>> {
        let page = page_of(order_ref);
        let place = self.place(page);
        let mapping = &mut self.page_table[place];
        if mapping.page != page {
            return None;
        }
        let order = &mut self.slots[slot_in(mapping.frame, order_ref) as usize];
        let found = InWindow { order, mapping, free_frames: &mut self.free_frames, len: &mut self.len };
        found.order.level.exists().then_some(found)
    }

    /// Prefetches the slot that [`Orders::find`] and [`Orders::insert`] will read.
    #[inline]
    pub(super) fn prefetch(&self, order_ref: u64) {
        prefetch(&self.slots, self.guess(order_ref) as usize);
    }

    /// The slot of an order if its page has a frame; any slot if not.
    #[inline]
    pub(super) fn guess(&self, order_ref: u64) -> u32 {
        slot_in(self.page_table[self.place(page_of(order_ref))].frame, order_ref)
    }

    /// Prefetches a slot.
    #[inline]
    pub(super) fn prefetch_slot(&self, slot: u32) {
        prefetch(&self.slots, slot as usize);
    }

    /// Allocates a slot for a new order. The caller must write the order to it at once.
    #[inline]
    pub(super) fn insert(&mut self, order_ref: u64, levels: &mut PriceLevels) -> Result<u32, Refused> {
        let page = page_of(order_ref);
        let place = self.place(page);
        let mapping = self.page_table[place];
        if mapping.page != page || self.spill.may_hold(page) {
            return self.insert_slowly(order_ref, levels);
        }
        let slot = slot_in(mapping.frame, order_ref);
        if self[slot].level.exists() {
            return Err(Refused::Duplicate);
        }
        if self.len >= self.orders_max {
            return Err(Refused::Full);
        }
        self.page_table[place].live += 1;
        self.len += 1;
        Ok(slot)
    }

    /// Removes an order from its slot.
    #[inline]
    pub(super) fn remove(&mut self, order_ref: u64, slot: u32) {
        self[slot].level = LevelId::NONE;
        self.len -= 1;
        if slot >= self.spill.first {
            return self.spill.remove(order_ref, slot);
        }
        let place = self.place(page_of(order_ref));
        self.page_table[place].release(&mut self.free_frames);
    }

    /// Writes a new order to its slot, behind the youngest of its queue.
    #[inline]
    pub(super) fn append(&mut self, slot: u32, order: QueuedOrder) {
        let slots = &mut self.slots[..];
        slots[order.older as usize].newer = slot;
        slots[slot as usize] = order;
    }

    /// Links the neighbours of an order that has left its queue. Those of the first and the last one are [`NIL`], whose
    /// slot may be written to.
    #[inline]
    pub(super) fn unlink(&mut self, order: &QueuedOrder) {
        let slots = &mut self.slots[..];
        slots[order.older as usize].newer = order.newer;
        slots[order.newer as usize].older = order.older;
    }

    /// The reference of the order in a slot.
    pub(super) fn reference(&self, slot: u32) -> u64 {
        if slot >= self.spill.first {
            return self.spill.reference(slot);
        }
        let frame = slot >> PAGE_BITS;
        let mapping = self.page_table[self.mapped_at[frame as usize] as usize];
        mapping.page << PAGE_BITS | u64::from(slot & (PAGE_SLOTS - 1))
    }

    /// The slots of all orders, for checks.
    pub(super) fn live(&self) -> impl Iterator<Item = u32> + '_ {
        let mapped = self.page_table.iter().filter(|mapping| !mapping.is_none());
        let slots = mapped.flat_map(|mapping| {
            let first = slot_in(mapping.frame, 0);
            first..first + PAGE_SLOTS
        });
        slots.filter(|&slot| self[slot].level.exists()).chain(self.spill.slots())
    }

    /// Inserts an order whose page has no frame, or which the spill may hold.
    #[cold]
    #[inline(never)]
    fn insert_slowly(&mut self, order_ref: u64, levels: &mut PriceLevels) -> Result<u32, Refused> {
        if self.find(order_ref).is_some() {
            return Err(Refused::Duplicate);
        }
        if self.len >= self.orders_max {
            return Err(Refused::Full);
        }
        self.len += 1;
        let page = page_of(order_ref);
        let place = self.place(page);
        let mapping = self.page_table[place];
        if mapping.page != page {
            if !mapping.is_none() && mapping.page > page {
                // An old reference does not displace a younger page.
                return Ok(self.spill.insert(order_ref));
            }
            if !mapping.is_none() {
                self.evict(place, levels);
            } else if self.free_frames.is_empty() {
                let victim = self.victim();
                self.evict(victim, levels);
            }
            let frame = self.free_frames.pop().expect("one was freed if there was none");
            #[expect(
                clippy::cast_possible_truncation,
                reason = "slots have 32 bits, and the page table has fewer places"
            )]
            let mapped_at = place as u32;
            self.mapped_at[frame as usize] = mapped_at;
            self.page_table[place] = Mapping { page, frame, live: 0 };
        }
        let mapping = &mut self.page_table[place];
        mapping.live += 1;
        Ok(slot_in(mapping.frame, order_ref))
    }

    /// Chooses the page with the fewest orders among the next frames; returns its place in the page table. All frames
    /// must be in use.
    fn victim(&mut self) -> usize {
        let mapped_at = &self.mapped_at[FRAME_FIRST..];
        let frames = mapped_at.len();
        let candidates = (0..CANDIDATES.min(frames)).map(|step| mapped_at[(self.hand + step) % frames] as usize);
        let victim = candidates.min_by_key(|&place| self.page_table[place].live).expect("a window has frames");
        self.hand = (self.hand + CANDIDATES) % frames;
        victim
    }

    /// Moves the orders of a page to the spill and frees its frame.
    fn evict(&mut self, place: usize, levels: &mut PriceLevels) {
        let Mapping { page, frame, .. } = std::mem::replace(&mut self.page_table[place], Mapping::NONE);
        for offset in 0..PAGE as u64 {
            let order_ref = page << PAGE_BITS | offset;
            let from = slot_in(frame, order_ref);
            let order = self[from];
            if order.level.exists() {
                let to = self.spill.insert(order_ref);
                self[from].level = LevelId::NONE;
                self[to] = order;
                match order.older {
                    NIL => levels[order.level].head = to,
                    older => self[older].newer = to,
                }
                match order.newer {
                    NIL => levels[order.level].tail = to,
                    newer => self[newer].older = to,
                }
            }
        }
        self.free_frames.push(frame);
    }
}
