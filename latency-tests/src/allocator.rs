//! The system's allocator, with every call told to [`corelane_latency::profiler::allocations`]. While nothing is
//! profiled, that is one look at a number that never changes.

use std::alloc::{GlobalAlloc, Layout, System};

use corelane_latency::profiler::allocations::{Call, count};

/// The program's allocator.
pub struct Counted;

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract; counting does not
// unwind, and what it allocates itself comes here again and is passed on without being counted.
unsafe impl GlobalAlloc for Counted {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(Call::Allocate, layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(Call::Allocate, layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(Call::Release, layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(Call::Grow, size);
        // SAFETY: as the caller promised.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
