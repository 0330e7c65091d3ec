//! An allocator that counts its calls: those of each thread by itself, and those of watched threads together.
//!
//! ```
//! use corelane_test_support::allocator::{CountingAllocator, calls_within};
//!
//! #[global_allocator]
//! static ALLOCATOR: CountingAllocator = CountingAllocator;
//!
//! # fn main() {
//! assert_eq!(calls_within(|| drop(std::hint::black_box(Box::new(1)))), 2);
//! # }
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// Calls of all watched threads.
static WATCHED_CALLS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    // Without destructors, so that a thread that ends may still free.
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
}

/// The system's allocator, counting. Make it the `#[global_allocator]` of a test binary.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator;

/// How often this thread allocates, grows and frees within `work`.
pub fn calls_within(work: impl FnOnce()) -> u64 {
    let before = CALLS.get();
    work();
    CALLS.get() - before
}

/// Whether calls of this thread count for [`take_watched_calls`].
pub fn watch_this_thread(is_watched: bool) {
    IS_WATCHED.set(is_watched);
}

/// Calls of watched threads since this was last asked.
pub fn take_watched_calls() -> u64 {
    WATCHED_CALLS.swap(0, Ordering::Relaxed)
}

fn count() {
    CALLS.set(CALLS.get() + 1);
    if IS_WATCHED.get() {
        WATCHED_CALLS.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract; counting neither
// allocates nor unwinds.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as the caller promised.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as the caller promised.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
