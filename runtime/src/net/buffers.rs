//! Provided buffers, which the kernel fills by itself as bytes arrive (`IORING_REGISTER_PBUF_RING`, see
//! io_uring_register_buf_ring(3)). Streams and datagrams have separate groups, so that a burst of one cannot starve the
//! other.

use std::io;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::Submitter;

use super::memory::{Plain, Region};

/// The end of a chain.
pub(super) const NO_BUFFER: u16 = u16::MAX;

const PAGE_BYTES: usize = 4096;

/// An entry of the ring of free buffers (`struct io_uring_buf`). The kernel reads entries while we write others, so they are
/// only written, field by field and through raw pointers, and never borrowed.
#[repr(C)]
pub(super) struct BufferEntry {
    address: u64,
    length: u32,
    id: u16,
    /// Reserved, but the tail of the ring in its first entry.
    tail: u16,
}

// SAFETY: integers.
unsafe impl Plain for BufferEntry {}

const _: () = assert!(size_of::<BufferEntry>() == size_of::<io_uring::types::BufRingEntry>());

/// A group of buffers of equal size. The kernel owns free buffers, and we own filled ones. Owned buffers can be
/// chained, so that a connection keeps its unread ones in order without allocating.
pub(super) struct BufferGroup {
    ring: Region<BufferEntry>,
    bytes: Region<u8>,
    buffers: Box<[Buffer]>,
    buffer_bytes: usize,
    stride_bytes: usize,
    tail: u16,
    ours: usize,
}

#[derive(Clone, Copy)]
struct Buffer {
    ours: bool,
    filled_bytes: u32,
    next: u16,
}

impl BufferGroup {
    /// Creates `count` buffers (a power of two up to 2^15) of `buffer_bytes` each. The kernel owns all of them, once
    /// they are registered.
    pub(super) fn new(count: u16, buffer_bytes: usize) -> Self {
        assert!(count.is_power_of_two() && count <= 1 << 15, "checked by the configuration");
        // Buffers do not share cache lines.
        let stride_bytes = buffer_bytes.next_multiple_of(64);
        let count = usize::from(count);
        let mut group = BufferGroup {
            ring: Region::aligned(count, PAGE_BYTES),
            bytes: Region::aligned(count * stride_bytes, PAGE_BYTES),
            buffers: vec![Buffer { ours: true, filled_bytes: 0, next: NO_BUFFER }; count].into(),
            buffer_bytes,
            stride_bytes,
            tail: 0,
            ours: count,
        };
        for buffer in 0..count as u16 {
            group.give_back(buffer);
        }
        group
    }

    /// The number of bytes that the kernel locks: the ring of entries, without the buffers.
    pub(super) fn locked_bytes(&self) -> u64 {
        (self.buffers.len() * size_of::<BufferEntry>()) as u64
    }

    /// Registers the group with the kernel as `id`.
    pub(super) fn register(&mut self, submitter: &Submitter<'_>, id: u16) -> io::Result<()> {
        let entries = self.buffers.len() as u16;
        // SAFETY: the ring's memory is page-aligned, has `entries` entries and lives until the driver is dropped.
        // Dropping the driver drains all operations first, or leaks the memory.
        unsafe { submitter.register_buf_ring_with_flags(self.ring.pointer(0) as u64, entries, id, 0) }
    }

    /// Takes over a buffer that the kernel has filled with `filled_bytes`.
    pub(super) fn take(&mut self, buffer: u16, filled_bytes: u32) {
        let entry = &mut self.buffers[usize::from(buffer)];
        assert!(!entry.ours && filled_bytes as usize <= self.buffer_bytes, "the kernel fills only free buffers");
        *entry = Buffer { ours: true, filled_bytes, next: NO_BUFFER };
        self.ours += 1;
    }

    /// Returns a buffer to the kernel.
    pub(super) fn give_back(&mut self, buffer: u16) {
        let entry = &mut self.buffers[usize::from(buffer)];
        assert!(entry.ours, "a buffer is returned once");
        entry.ours = false;
        self.ours -= 1;
        let mask = self.buffers.len() - 1;
        let at = self.ring.pointer(usize::from(self.tail) & mask);
        let address = self.bytes.pointer(usize::from(buffer) * self.stride_bytes) as u64;
        // SAFETY: `at` is in bounds. There are as many entries as buffers and each buffer is in the ring at most once,
        // so this entry is free: the kernel reads entries only from its head up to the published tail. Only the three
        // fields are written, not the reserved field, which is the tail in entry 0.
        unsafe {
            (&raw mut (*at).address).write(address);
            (&raw mut (*at).length).write(self.buffer_bytes as u32);
            (&raw mut (*at).id).write(buffer);
        }
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: this is the tail field of entry 0, in bounds and aligned for u16. It lives as long as the region, is written
        // only here and only read by the kernel.
        let tail = unsafe { AtomicU16::from_ptr(&raw mut (*self.ring.pointer(0)).tail) };
        // Publishes the entry.
        tail.store(self.tail, Ordering::Release);
    }

    /// The bytes from `start` on that the kernel put into a buffer that we own.
    pub(super) fn filled(&self, buffer: u16, start: u32) -> &[u8] {
        let entry = &self.buffers[usize::from(buffer)];
        assert!(entry.ours && start <= entry.filled_bytes, "only our buffers are read");
        let at = usize::from(buffer) * self.stride_bytes + start as usize;
        // SAFETY: we own the buffer, so the kernel does not write it until `give_back`, which needs `&mut self`.
        unsafe { self.bytes.slice(at, (entry.filled_bytes - start) as usize) }
    }

    /// Chains `next` behind `buffer`.
    pub(super) fn chain(&mut self, buffer: u16, next: u16) {
        self.buffers[usize::from(buffer)].next = next;
    }

    /// The buffer behind `buffer`, or [`NO_BUFFER`].
    pub(super) fn next(&self, buffer: u16) -> u16 {
        self.buffers[usize::from(buffer)].next
    }

    /// Whether no buffer is free, so that receiving would fail at once.
    pub(super) fn is_exhausted(&self) -> bool {
        self.ours == self.buffers.len()
    }

    pub(super) fn leak(&mut self) {
        self.ring.leak();
        self.bytes.leak();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_cannot_be_returned_twice_or_read_after_its_return() {
        let mut group = BufferGroup::new(4, 100);
        assert!(!group.is_exhausted());
        for buffer in 0..4 {
            group.take(buffer, 10);
        }
        assert!(group.is_exhausted());
        group.chain(2, 3);
        assert_eq!((group.next(2), group.next(3)), (3, NO_BUFFER));
        assert_eq!(group.filled(1, 4).len(), 6);
        group.give_back(1);
        assert!(!group.is_exhausted());
        let twice = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| group.give_back(1)));
        assert!(twice.is_err());
        let read_after = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| group.filled(1, 0).len()));
        assert!(read_after.is_err());
    }
}
