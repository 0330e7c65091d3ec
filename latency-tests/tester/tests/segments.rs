//! The number of TCP segments for the tester's requests.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

use corelane_tester::echo::{self, EchoSpec};
use corelane_tester::engine::{IdleStrategy, Observer, Pacing};

/// Makes the tester late repeatedly, so that about four requests are due whenever it sends.
struct Sleepy;

impl Observer for Sleepy {
    fn step(&mut self, now_ns: u64) -> u64 {
        thread::sleep(Duration::from_millis(4));
        now_ns
    }
}

/// The number of data segments that the kernel has received on a connection.
fn segments_with_payload(stream: &TcpStream) -> u32 {
    // SAFETY: all zeros is a valid value of this plain struct.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut bytes = size_of_val(&info) as libc::socklen_t;
    // SAFETY: the kernel writes at most `bytes` bytes to the struct, which outlives the call.
    let result = unsafe {
        libc::getsockopt(stream.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, (&raw mut info).cast(), &raw mut bytes)
    };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    assert!(bytes as usize > std::mem::offset_of!(libc::tcp_info, tcpi_data_segs_in), "Linux 4.6 or newer");
    info.tcpi_data_segs_in
}

/// Runs the tester, and returns the number of requests and of segments that carried them.
fn sent_and_segments(coalesce: bool) -> (u64, u64) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap();
    let echo = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let mut buffer = [0; 4096];
        while let Ok(bytes @ 1..) = stream.read(&mut buffer) {
            stream.write_all(&buffer[..bytes]).unwrap();
        }
        segments_with_payload(&stream)
    });
    let pacing = Pacing {
        duration: Duration::from_millis(500),
        warmup: Duration::ZERO,
        idle: IdleStrategy::Yield,
        // Below the initial congestion window of ten segments, so that no request waits and is coalesced with others.
        outstanding_max: 8,
        coalesce,
        ..Pacing::new(server, 1000.0)
    };
    let measured = echo::run(&EchoSpec { connections: 1, frame_bytes: 50, pacing }, &mut Sleepy).unwrap();
    assert_eq!(measured.faults, Vec::<String>::new());
    assert_eq!(measured.bytes_sent, 50 * measured.sent);
    (measured.sent, echo.join().unwrap().into())
}

#[test]
fn requests_that_are_due_together_leave_in_one_segment_or_one_each() {
    let (sent, segments) = sent_and_segments(true);
    assert!(sent > 300 && segments <= sent * 3 / 4, "{sent} requests in {segments} segments");
    let (sent, segments) = sent_and_segments(false);
    // Segments that a timer retransmits on a busy machine count twice.
    assert!(sent > 300 && segments >= sent, "{sent} requests in {segments} segments");
}
