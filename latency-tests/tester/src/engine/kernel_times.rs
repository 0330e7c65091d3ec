//! The kernel's software timestamps of sent requests and received answers (`SO_TIMESTAMPING`,
//! Documentation/networking/timestamping.rst).
//!
//! The documentation says little about TCP. The tests here verify that Linux behaves as follows:
//!
//! - A read returns the timestamp of the segment that carried its last byte, even if the queue has coalesced segments.
//!   An answer thus has its own timestamp if a read ends with it.
//! - If [`SENT`] is set while a segment is sent, the socket's error queue receives a timestamp when the segment is
//!   passed to the network device, along with the number of its last byte. On loopback that happens within the write
//!   call.

use std::io::{self, IoSliceMut};
use std::net::TcpStream;
use std::num::NonZeroU64;
use std::os::fd::AsRawFd;

use hdrhistogram::Histogram;
use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, TimestampingFlag, Timestamps, recvmsg, setsockopt, sockopt::Timestamping,
};
use nix::sys::time::TimeSpec;

use super::sent::Sent;
use crate::jitter::latency_histogram;

/// The sampling interval of send timestamps: one in this many writes of a session. A sample costs three short system
/// calls, two of them after the write.
pub const SENT_SAMPLED: u32 = 32;

/// The tolerance between kernel and tester times, in nanoseconds. If they are out of order by more, somebody has set
/// the system clock meanwhile.
const OUT_OF_ORDER_NS: u64 = 1_000;

/// Receive timestamps. Sent bytes are numbered from the first time this is set.
const RECEIVED: TimestampingFlag = TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE
    .union(TimestampingFlag::SOF_TIMESTAMPING_RX_SOFTWARE)
    .union(TimestampingFlag::SOF_TIMESTAMPING_OPT_ID)
    .union(TimestampingFlag::SOF_TIMESTAMPING_OPT_TSONLY);
/// Receive and send timestamps.
const SENT: TimestampingFlag = RECEIVED.union(TimestampingFlag::SOF_TIMESTAMPING_TX_SOFTWARE);

/// A breakdown of latencies by the kernel's timestamps, in nanoseconds, after the warm-up.
#[derive(Clone, Debug)]
pub struct KernelTimes {
    /// The time from the socket to the network device, for the last request of every [`SENT_SAMPLED`]th write of a
    /// session: the send path of the tester's kernel.
    pub sending: Histogram<u64>,
    /// The time from the network device until the tester's kernel received the answer, if a read ended with that
    /// answer: everything outside the tester.
    pub away: Histogram<u64>,
    /// The time from the arrival of an answer in the tester's kernel until the tester read it, for all answers with
    /// which a read ended.
    pub reading: Histogram<u64>,
}

impl KernelTimes {
    /// Empty histograms.
    #[must_use]
    pub fn new() -> Self {
        Self { sending: latency_histogram(), away: latency_histogram(), reading: latency_histogram() }
    }

    /// Records the known times of a request whose answer reached the kernel at `arrived_ns` and was read at `read_ns`,
    /// unless the times are out of order.
    #[inline]
    pub(super) fn record(&mut self, sent: &Sent, arrived_ns: Option<u64>, read_ns: u64) {
        let between = |from_ns: u64, to_ns: u64| {
            (to_ns + OUT_OF_ORDER_NS >= from_ns).then(|| to_ns.saturating_sub(from_ns).max(1))
        };
        let left_ns = sent.left_ns.map(NonZeroU64::get);
        if let Some(sending_ns) = left_ns.and_then(|left_ns| between(sent.sent_ns, left_ns)) {
            self.sending.saturating_record(sending_ns);
        }
        if let Some(arrived_ns) = arrived_ns
            && let Some(reading_ns) = between(arrived_ns, read_ns)
            && between(sent.sent_ns, arrived_ns).is_some()
        {
            self.reading.saturating_record(reading_ns);
            if let Some(away_ns) = left_ns.and_then(|left_ns| between(left_ns, arrived_ns)) {
                self.away.saturating_record(away_ns);
            }
        }
    }
}

impl Default for KernelTimes {
    fn default() -> Self {
        Self::new()
    }
}

/// An aligned buffer for the control messages of a read: three timestamps of 16 bytes, and a `struct sock_extended_err`
/// with an address of up to 28 bytes, each with a header of 16 bytes.
#[repr(align(8))]
struct Control([u8; 128]);

impl Control {
    fn new() -> Self {
        Self([0; 128])
    }
}

/// The result of one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Received {
    /// The number of bytes; zero if the peer has closed the connection.
    pub bytes: usize,
    /// The time at which the kernel received the last byte, in nanoseconds since 1970 UTC.
    pub utc_ns: Option<u64>,
}

/// The timestamping state of one connection.
#[derive(Debug)]
pub(super) struct SocketTimes {
    /// The number of bytes written, modulo 2^32 as in the kernel.
    written: u32,
    until_sample: u32,
    armed: bool,
}

impl SocketTimes {
    /// Requests timestamps for a connection on which nothing has been written yet.
    pub(super) fn ask(stream: &TcpStream) -> io::Result<Self> {
        setsockopt(stream, Timestamping, &RECEIVED)?;
        Ok(Self { written: 0, until_sample: SENT_SAMPLED, armed: false })
    }

    /// Reads once, like read(2).
    #[inline]
    pub(super) fn receive(&self, stream: &TcpStream, buffer: &mut [u8]) -> io::Result<Received> {
        let mut control = Control::new();
        let mut buffers = [IoSliceMut::new(buffer)];
        let message = recvmsg::<()>(stream.as_raw_fd(), &mut buffers, Some(&mut control.0), MsgFlags::empty())?;
        let utc_ns = message.cmsgs().ok().and_then(|mut messages| messages.find_map(|one| software_utc_ns(&one)));
        Ok(Received { bytes: message.bytes, utc_ns })
    }

    /// Counts written bytes.
    #[inline]
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.written = self.written.wrapping_add(bytes as u32);
    }

    /// Prepares for a write, and requests a send timestamp for every [`SENT_SAMPLED`]th.
    #[inline]
    pub(super) fn before_write(&mut self, stream: &TcpStream) {
        self.until_sample -= 1;
        if self.until_sample == 0 {
            self.until_sample = SENT_SAMPLED;
            self.armed = setsockopt(stream, Timestamping, &SENT).is_ok();
        }
    }

    /// The time at which the kernel sent the last byte written, in nanoseconds since 1970 UTC, if it was requested and
    /// is already known.
    #[inline]
    pub(super) fn after_write(&mut self, stream: &TcpStream) -> Option<u64> {
        if !self.armed {
            return None;
        }
        self.armed = false;
        // Fails only on a socket that is broken, which the next call on it reports.
        let _ = setsockopt(stream, Timestamping, &RECEIVED);
        self.sent_utc_ns(stream)
    }

    /// Drains late timestamps from the error queue, so that poll(2) does not report it over and over.
    #[cold]
    pub(super) fn forget_late(&self, stream: &TcpStream) {
        self.sent_utc_ns(stream);
    }

    fn sent_utc_ns(&self, stream: &TcpStream) -> Option<u64> {
        let last_byte = self.written.wrapping_sub(1);
        let mut sent_utc_ns = None;
        loop {
            let mut control = Control::new();
            let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
            let message = match recvmsg::<()>(stream.as_raw_fd(), &mut [], Some(&mut control.0), flags) {
                Ok(message) => message,
                Err(Errno::EINTR) => continue,
                Err(_) => return sent_utc_ns,
            };
            let (mut utc_ns, mut is_last) = (None, false);
            for one in message.cmsgs().into_iter().flatten() {
                is_last |= number(&one) == Some(last_byte);
                utc_ns = utc_ns.or(software_utc_ns(&one));
            }
            sent_utc_ns = utc_ns.filter(|_| is_last).or(sent_utc_ns);
        }
    }
}

/// The software timestamp in a control message.
fn software_utc_ns(message: &ControlMessageOwned) -> Option<u64> {
    let ControlMessageOwned::ScmTimestampsns(Timestamps { system, .. }) = message else { return None };
    utc_ns(system)
}

/// The time in nanoseconds; `None` for zero, which stands for no software timestamp.
fn utc_ns(time: &TimeSpec) -> Option<u64> {
    let seconds_ns = u64::try_from(time.tv_sec()).ok()?.checked_mul(1_000_000_000)?;
    seconds_ns.checked_add(u64::try_from(time.tv_nsec()).ok()?).filter(|utc_ns| *utc_ns > 0)
}

/// The number of the byte that a timestamp in the error queue belongs to.
fn number(message: &ControlMessageOwned) -> Option<u32> {
    let error = match message {
        ControlMessageOwned::Ipv4RecvErr(error, _) => error,
        ControlMessageOwned::Ipv6RecvErr(error, _) => error,
        _ => return None,
    };
    (u32::from(error.ee_origin) == SO_EE_ORIGIN_TIMESTAMPING).then_some(error.ee_data)
}

/// From linux/errqueue.h.
const SO_EE_ORIGIN_TIMESTAMPING: u32 = 4;

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread::sleep;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        near.set_nodelay(true).unwrap();
        (near, listener.accept().unwrap().0)
    }

    fn utc_now_ns() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
    }

    /// The kernel begins to take times a moment after it was first asked.
    fn settled() -> (TcpStream, TcpStream, SocketTimes) {
        let (near, mut far) = pair();
        let times = SocketTimes::ask(&near).unwrap();
        for _ in 0..100 {
            far.write_all(b"?").unwrap();
            if times.receive(&near, &mut [0; 8]).unwrap().utc_ns.is_some() {
                return (near, far, times);
            }
            sleep(Duration::from_millis(10));
        }
        panic!("this kernel gives no times of what it received");
    }

    #[test]
    fn a_read_carries_the_time_of_its_last_segment() {
        let (near, mut far, times) = settled();
        far.write_all(b"early").unwrap();
        sleep(Duration::from_millis(20));
        let before_ns = utc_now_ns();
        far.write_all(b"late").unwrap();
        let after_ns = utc_now_ns();
        sleep(Duration::from_millis(20));
        let mut buffer = [0; 64];
        let Received { bytes, utc_ns } = times.receive(&near, &mut buffer).unwrap();
        assert_eq!(&buffer[..bytes], b"earlylate");
        let utc_ns = utc_ns.unwrap();
        assert!((before_ns..after_ns).contains(&utc_ns), "{utc_ns} is not from {before_ns} to {after_ns}");
    }

    #[test]
    fn a_read_without_data_blocks_not_and_an_end_is_no_error() {
        let (near, far, times) = settled();
        near.set_nonblocking(true).unwrap();
        let nothing = times.receive(&near, &mut [0; 8]).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        drop(far);
        sleep(Duration::from_millis(10));
        assert_eq!(times.receive(&near, &mut [0; 8]).unwrap(), Received { bytes: 0, utc_ns: None });
    }

    #[test]
    fn every_so_many_th_write_tells_when_it_was_sent() {
        let (mut near, mut far, mut times) = settled();
        near.set_nonblocking(true).unwrap();
        let mut told = Vec::new();
        for write in 1..=4 * SENT_SAMPLED {
            times.before_write(&near);
            let before_ns = utc_now_ns();
            let bytes = near.write(&[b'.'; 50]).unwrap();
            let after_ns = utc_now_ns();
            times.wrote(bytes);
            if let Some(sent_ns) = times.after_write(&near) {
                assert!((before_ns..after_ns).contains(&sent_ns), "{sent_ns} is not from {before_ns} to {after_ns}");
                told.push(write);
            }
            far.read_exact(&mut [0; 50]).unwrap();
        }
        assert_eq!(told, [1, 2, 3, 4].map(|nth| nth * SENT_SAMPLED));
        // Nothing is left that would wake a poll.
        assert_eq!(times.sent_utc_ns(&near), None);
        assert_eq!(near.take_error().unwrap().map(|error| error.kind()), None);
    }

    #[test]
    fn the_time_of_another_write_is_not_taken() {
        let (mut near, _far, mut times) = settled();
        setsockopt(&near, Timestamping, &SENT).unwrap();
        let bytes = near.write(b"first").unwrap();
        times.wrote(bytes + 1);
        assert_eq!(times.sent_utc_ns(&near), None);
        let bytes = near.write(b"second").unwrap();
        times.written = bytes as u32 + 5;
        assert!(times.sent_utc_ns(&near).is_some());
    }

    #[test]
    fn times_out_of_their_order_are_left_out() {
        let sent = |left_ns| Sent { intended_ns: 0, sent_ns: 5000, left_ns: NonZeroU64::new(left_ns), measured: true };
        let mut times = KernelTimes::new();
        let counts = |times: &KernelTimes| [times.sending.len(), times.away.len(), times.reading.len()];
        times.record(&sent(0), None, 90_000);
        assert_eq!(counts(&times), [0, 0, 0]);
        times.record(&sent(0), Some(60_000), 90_000);
        assert_eq!(counts(&times), [0, 0, 1]);
        times.record(&sent(6000), None, 90_000);
        assert_eq!(counts(&times), [1, 0, 1]);
        times.record(&sent(6000), Some(60_000), 90_000);
        assert_eq!(counts(&times), [2, 1, 2]);
        assert_eq!((times.sending.max(), times.away.max() / 100, times.reading.max() / 100), (1000, 540, 300));
        // As much as two clocks may differ, and more.
        times.record(&sent(4500), Some(4100), 4000);
        assert_eq!(counts(&times), [3, 2, 3]);
        times.record(&sent(3999), Some(3999), 90_000);
        times.record(&sent(0), Some(91_001), 90_000);
        assert_eq!(counts(&times), [3, 2, 3]);
    }

    #[test]
    fn only_software_times_count() {
        let zero = TimeSpec::new(0, 0);
        let times = |system| ControlMessageOwned::ScmTimestampsns(Timestamps { system, hw_trans: zero, hw_raw: zero });
        assert_eq!(software_utc_ns(&times(TimeSpec::new(1_700_000_000, 7))), Some(1_700_000_000_000_000_007));
        assert_eq!(software_utc_ns(&times(zero)), None);
        assert_eq!(software_utc_ns(&times(TimeSpec::new(-1, 0))), None);
        assert_eq!(software_utc_ns(&ControlMessageOwned::ScmTimestampns(zero)), None);
    }
}
