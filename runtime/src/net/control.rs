//! Ancillary data of received datagrams: the sender's address and, as a control message (recvmsg(2), cmsg(3)), the
//! receive timestamp. `SO_TIMESTAMPNS` (socket(7)) is the only control message that the driver requests.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use bytemuck::{Pod, Zeroable};

use super::memory::RawAddr;

/// Room for the sender's address, padded so that the control message after it is aligned.
const NAME_BYTES: usize = RawAddr::CAPACITY.next_multiple_of(align_of::<TimeMessage>());
/// Room before a datagram in its buffer: the kernel's header (`struct io_uring_recvmsg_out`), the sender's address and
/// a timestamp. The room is the same without a timestamp; the kernel then leaves its part unwritten.
pub(super) const ROOM_BYTES: usize = 16 + NAME_BYTES + size_of::<TimeMessage>();

/// A `struct cmsghdr` followed by a `struct timespec`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct TimeMessage {
    length: usize,
    level: i32,
    kind: i32,
    seconds: i64,
    nanos: i64,
}

/// The header of a multishot `recvmsg`, which reserves room for the address and the control message.
pub(super) fn message_header() -> libc::msghdr {
    libc::msghdr {
        msg_name: std::ptr::null_mut(),
        msg_namelen: NAME_BYTES as u32,
        msg_iov: std::ptr::null_mut(),
        msg_iovlen: 0,
        msg_control: std::ptr::null_mut(),
        msg_controllen: size_of::<TimeMessage>(),
        msg_flags: 0,
    }
}

/// Requests a receive timestamp for each datagram of a socket.
pub(super) fn ask_for_times(socket: &OwnedFd) -> rustix::io::Result<()> {
    let on: libc::c_int = 1;
    let bytes = size_of_val(&on) as libc::socklen_t;
    let value = (&raw const on).cast();
    // SAFETY: the value is an int of that size and outlives the call.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, value, bytes) };
    if result == 0 {
        return Ok(());
    }
    Err(rustix::io::Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(rustix::io::Errno::INVAL))
}

/// The receive timestamp in a datagram's control data, in nanoseconds since 1970 UTC; `None` if there is none.
#[inline]
pub(super) fn kernel_utc_ns(control: &[u8]) -> Option<u64> {
    let message: TimeMessage = bytemuck::pod_read_unaligned(control.get(..size_of::<TimeMessage>())?);
    let is_time = message.length == size_of::<TimeMessage>()
        && (message.level, message.kind) == (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS);
    let seconds_ns = u64::try_from(message.seconds).ok()?.checked_mul(1_000_000_000)?;
    seconds_ns.checked_add(u64::try_from(message.nanos).ok()?).filter(|_| is_time)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: TimeMessage = TimeMessage {
        length: size_of::<TimeMessage>(),
        level: libc::SOL_SOCKET,
        kind: libc::SCM_TIMESTAMPNS,
        seconds: 1_700_000_000,
        nanos: 999_999_999,
    };

    #[test]
    fn a_timestamp_is_read_and_nothing_else_is_mistaken_for_one() {
        // The struct repeats the layouts of this platform's headers.
        assert_eq!(size_of::<TimeMessage>(), size_of::<libc::cmsghdr>() + size_of::<libc::timespec>());
        assert_eq!((NAME_BYTES, ROOM_BYTES), (32, 80));
        let bytes = bytemuck::bytes_of(&TIME);
        assert_eq!(kernel_utc_ns(bytes), Some(1_700_000_000_999_999_999));
        for short in 0..bytes.len() {
            assert_eq!(kernel_utc_ns(&bytes[..short]), None);
        }
        let others = [
            TimeMessage { length: 0, ..TIME },
            TimeMessage { level: libc::SOL_IP, ..TIME },
            TimeMessage { kind: libc::SO_RXQ_OVFL, ..TIME },
            // Times before 1970 and after the year 2554.
            TimeMessage { seconds: -1, ..TIME },
            TimeMessage { nanos: -1, ..TIME },
            TimeMessage { seconds: i64::MAX, ..TIME },
            TimeMessage { seconds: (u64::MAX / 1_000_000_000) as i64, ..TIME },
        ];
        for other in others {
            assert_eq!(kernel_utc_ns(bytemuck::bytes_of(&other)), None);
        }
    }
}
