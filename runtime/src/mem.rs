//! Zeroed memory for large tables, on huge pages where the kernel grants them, and prefetch hints.

use std::{
    fmt, io,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    slice,
};

use bytemuck::Zeroable;
use memmap2::{Advice, MmapMut};

/// A slice of `T` with a fixed length, initially all zero, in its own memory mapping.
///
/// Requests huge pages (`MADV_HUGEPAGE`), so that random access to a table of hundreds of megabytes does not miss the
/// TLB every time. If the kernel refuses, the pages are ordinary ones. Memory is committed on first write, not when the
/// table is created.
pub struct HugeSlice<T> {
    map: MmapMut,
    len: usize,
    values: PhantomData<T>,
}

impl<T: Zeroable + Copy> HugeSlice<T> {
    /// Creates a table of `len` zeroed values.
    ///
    /// # Panics
    /// If the address space has no room for the table, as with any allocation.
    #[must_use]
    pub fn zeroed(len: usize) -> Self {
        const { assert!(align_of::<T>() <= 4096 && size_of::<T>() > 0) };
        let bytes = len.checked_mul(size_of::<T>()).expect("a table's size fits the address space");
        // The kernel refuses an empty mapping.
        let map = MmapMut::map_anon(bytes.max(1)).unwrap_or_else(|error: io::Error| {
            panic!("cannot map a table of {bytes} bytes: {error}; lower its capacity")
        });
        // Fails on a kernel without huge pages. The table is then slower, but works.
        let _ = map.advise(Advice::HugePage);
        HugeSlice { map, len, values: PhantomData }
    }
}

impl<T> Deref for HugeSlice<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: the map is page-aligned, which is enough for `T`, holds `len` values of it and is borrowed with
        // `self`; the values began as zeros, which `T: Zeroable` allows, and were only written as `T` since.
        unsafe { slice::from_raw_parts(self.map.as_ptr().cast(), self.len) }
    }
}

impl<T> DerefMut for HugeSlice<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and the map is borrowed mutably with `self`.
        unsafe { slice::from_raw_parts_mut(self.map.as_mut_ptr().cast(), self.len) }
    }
}

impl<T> fmt::Debug for HugeSlice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HugeSlice({} values)", self.len)
    }
}

/// Prefetches `values[index]` into the L1 cache. The index may be out of bounds. Does nothing on processors other than
/// x86-64.
#[inline(always)]
pub fn prefetch<T>(values: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and cannot fault, whatever the address; SSE is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(values.as_ptr().wrapping_add(index).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, index);
}

/// Prefetches the cache lines of the value at `place` for writing, in exclusive state. Does nothing on processors other
/// than x86-64.
// Assembly, because the intrinsic compiles to a prefetch for reading if the target is not known to have `prfchw`.
#[inline(always)]
pub(crate) fn prefetch_to_write<T>(place: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    for line in (0..size_of::<T>()).step_by(64) {
        // SAFETY: a prefetch changes no program state and cannot fault, whatever the address. A processor that lacks
        // this instruction executes it as a `nop`.
        unsafe {
            let line = place.wrapping_byte_add(line);
            std::arch::asm!("prefetchw [{}]", in(reg) line, options(nostack, preserves_flags, readonly));
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = place;
}

/// The bytes of a value as they lie in memory, padding included. Empty on processors other than x86-64.
pub(crate) fn copy_of_bytes<T: Copy>(value: &T) -> Box<[u8]> {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        let mut bytes = vec![0; size_of::<T>()].into_boxed_slice();
        // Assembly, because reading padding is undefined in Rust. To the processor every byte has a value.
        // SAFETY: both places have this length, and only the new one is written; the direction flag is clear, as the ABI has it.
        unsafe {
            let (from, to, length) = (std::ptr::from_ref(value), bytes.as_mut_ptr(), bytes.len());
            std::arch::asm!(
                "rep movsb",
                inout("rcx") length => _,
                inout("rsi") from => _,
                inout("rdi") to => _,
                options(nostack, preserves_flags)
            );
        }
        bytes
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    {
        let _ = value;
        Box::default()
    }
}

/// How far ahead [`streamed`] prefetches, in bytes: a few dozen messages, and well beyond the hardware prefetcher,
/// which stops at page boundaries.
const STREAM_AHEAD: usize = 1024;

/// Iterates over contiguous slices, such as the frames of a file in memory, and prefetches the bytes ahead of each one.
/// Without that, the processor would wait for every cache line in turn, because it learns where the next slice begins
/// only when it has the length of the current one.
#[inline]
pub fn streamed<'a>(slices: impl Iterator<Item = &'a [u8]> + Clone) -> impl Iterator<Item = &'a [u8]> + Clone {
    slices.inspect(|slice| prefetch(slice, STREAM_AHEAD))
}

/// Lets all threads allocate from one arena from now on, where the C library would reserve 64 MiB of address space for each
/// thread that allocates. Those that have one keep it. It does nothing on a C library without arenas.
pub fn share_one_arena() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it sets a number of the allocator under the allocator's own lock. Should it refuse, all is as before.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_begins_as_zeros_and_keeps_what_is_written() {
        let mut table = HugeSlice::<u64>::zeroed(1 << 20);
        assert!(table.iter().all(|value| *value == 0));
        for (index, value) in table.iter_mut().enumerate() {
            *value = index as u64;
        }
        prefetch(&table, 5);
        prefetch(&table, usize::MAX);
        assert_eq!((table[5], table[(1 << 20) - 1], table.len()), (5, (1 << 20) - 1, 1 << 20));
    }

    #[test]
    fn streamed_slices_are_the_same() {
        let bytes = [7_u8; 300];
        assert!(streamed(bytes.chunks(33)).eq(bytes.chunks(33)));
    }

    #[test]
    fn the_bytes_of_a_value_are_copied_in_their_order() {
        assert_eq!(*copy_of_bytes(&0x0403_0201_u32), [1, 2, 3, 4]);
        // The padding is whatever it is.
        let bytes = copy_of_bytes(&(7_u64, 9_u8));
        assert_eq!((bytes.len(), bytes.iter().filter(|byte| **byte == 9).count() > 0), (16, true));
        assert!(copy_of_bytes(&()).is_empty());
    }

    #[test]
    fn an_empty_table_is_one() {
        assert!(HugeSlice::<u32>::zeroed(0).is_empty());
    }
}
