//! Memory that the kernel accesses while operations are in flight, allocated once and never moved.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ptr::NonNull;

use io_uring::types::Timespec;

/// Types that need no drop and for which all-zero bytes are a valid value.
///
/// # Safety
/// Both properties must hold.
pub(super) unsafe trait Plain {}
// SAFETY: an integer.
unsafe impl Plain for u8 {}
// SAFETY: integers.
unsafe impl Plain for RawAddr {}
// SAFETY: `repr(transparent)` over integers.
unsafe impl Plain for Timespec {}
// SAFETY: integers and raw pointers, which may be null.
unsafe impl Plain for libc::msghdr {}

/// A fixed array accessed only through raw pointers, because the kernel has pointers into it too.
pub(super) struct Region<T: Plain> {
    start: NonNull<T>,
    len: usize,
    layout: Layout,
    leaked: bool,
    owns: PhantomData<T>,
}

impl<T: Plain> Region<T> {
    /// Allocates `len` zeroed elements. With small alignments, pages are only reserved until first use.
    pub(super) fn zeroed(len: usize) -> Self {
        Self::aligned(len, align_of::<T>())
    }

    /// Allocates `len` zeroed elements at an address divisible by `align`.
    pub(super) fn aligned(len: usize, align: usize) -> Self {
        // A zero-sized allocation is not allowed; one inaccessible element does no harm.
        let size = len.max(1).checked_mul(size_of::<T>()).expect("the driver's memory fits the address space");
        let layout = Layout::from_size_align(size, align).expect("the driver's memory fits the address space");
        // SAFETY: the size is not zero.
        let start = unsafe { alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start.cast::<T>()) else { handle_alloc_error(layout) };
        Region { start, len, layout, leaked: false, owns: PhantomData }
    }

    /// A pointer to element `at`, valid as long as the region.
    pub(super) fn pointer(&self, at: usize) -> *mut T {
        assert!(at < self.len, "within the region");
        // SAFETY: in bounds of the allocation by the assertion.
        unsafe { self.start.as_ptr().add(at) }
    }

    /// Stores `value` at `at`.
    pub(super) fn set(&mut self, at: usize, value: T) {
        // SAFETY: `pointer` is in bounds and aligned, and we may write there.
        unsafe { self.pointer(at).write(value) }
    }

    /// Leaks the memory on drop, for operations that the kernel has not ended.
    pub(super) fn leak(&mut self) {
        self.leaked = true;
    }
}

impl<T: Plain + Copy> Region<T> {
    /// The element at `at`.
    pub(super) fn get(&self, at: usize) -> T {
        // SAFETY: in bounds and initialised: zeroed, or written by `set` or by the kernel, which writes only values of
        // plain types.
        unsafe { self.pointer(at).read() }
    }
}

impl Region<u8> {
    /// Copies `bytes` to `at`.
    pub(super) fn copy_in(&mut self, at: usize, bytes: &[u8]) {
        assert!(at <= self.len && bytes.len() <= self.len - at, "within the region");
        // SAFETY: in bounds by the assertion; `bytes` is a Rust borrow and cannot overlap memory that is only
        // reachable through this region, which is borrowed mutably.
        unsafe { self.start.as_ptr().add(at).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) }
    }

    /// The `len` bytes from `at` on.
    ///
    /// # Safety
    /// The kernel must not write them while the borrow lives.
    pub(super) unsafe fn slice(&self, at: usize, len: usize) -> &[u8] {
        assert!(at <= self.len && len <= self.len - at, "within the region");
        // SAFETY: in bounds by the assertion, initialised at allocation, and not written meanwhile, by the caller's
        // promise.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(at), len) }
    }
}

impl<T: Plain> Drop for Region<T> {
    fn drop(&mut self) {
        if !self.leaked {
            // SAFETY: allocated in `aligned` with this layout.
            unsafe { dealloc(self.start.as_ptr().cast(), self.layout) }
        }
    }
}

/// A socket address in the kernel's layout (`sockaddr_in` or `sockaddr_in6`), with its length as accept returns it.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct RawAddr {
    pub bytes: [u8; RawAddr::CAPACITY],
    pub len: u32,
}

impl RawAddr {
    /// Size of `sockaddr_in6`, the longer one.
    pub(super) const CAPACITY: usize = 28;

    /// An empty address for the kernel to fill in.
    pub(super) fn empty() -> Self {
        RawAddr { bytes: [0; Self::CAPACITY], len: Self::CAPACITY as u32 }
    }

    pub(super) fn encode(addr: SocketAddr) -> Self {
        let mut raw = RawAddr::empty();
        match addr {
            SocketAddr::V4(v4) => {
                raw.bytes[0..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
                raw.bytes[2..4].copy_from_slice(&v4.port().to_be_bytes());
                raw.bytes[4..8].copy_from_slice(&v4.ip().octets());
                raw.len = 16;
            }
            SocketAddr::V6(v6) => {
                raw.bytes[0..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
                raw.bytes[2..4].copy_from_slice(&v6.port().to_be_bytes());
                raw.bytes[4..8].copy_from_slice(&v6.flowinfo().to_be_bytes());
                raw.bytes[8..24].copy_from_slice(&v6.ip().octets());
                raw.bytes[24..28].copy_from_slice(&v6.scope_id().to_ne_bytes());
            }
        }
        raw
    }

    /// Decodes the address in `bytes`; `None` if it is not an IPv4 or IPv6 address.
    pub(super) fn decode(bytes: &[u8]) -> Option<SocketAddr> {
        let family = i32::from(u16::from_ne_bytes(*bytes.first_chunk()?));
        let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
        match family {
            libc::AF_INET => {
                let octets: [u8; 4] = *bytes.get(4..)?.first_chunk()?;
                Some(SocketAddrV4::new(Ipv4Addr::from(octets), port).into())
            }
            libc::AF_INET6 => {
                let flowinfo = u32::from_be_bytes(*bytes.get(4..)?.first_chunk()?);
                let octets: [u8; 16] = *bytes.get(8..)?.first_chunk()?;
                let scope_id = u32::from_ne_bytes(*bytes.get(24..)?.first_chunk()?);
                Some(SocketAddrV6::new(Ipv6Addr::from(octets), port, flowinfo, scope_id).into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_kernels_layout() {
        for text in ["127.0.0.1:80", "255.1.2.3:65535", "[::1]:1", "[fe80::1%7]:443"] {
            let addr: SocketAddr = text.parse().unwrap();
            let raw = RawAddr::encode(addr);
            assert_eq!(RawAddr::decode(&raw.bytes[..raw.len as usize]), Some(addr), "{text}");
        }
        for bytes in [&[][..], &[2, 0], &[2, 0, 0, 80, 127], &[1; 28]] {
            assert_eq!(RawAddr::decode(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    #[should_panic(expected = "within the region")]
    fn a_copy_beyond_the_region_panics() {
        Region::<u8>::zeroed(8).copy_in(6, &[0; 3]);
    }
}
