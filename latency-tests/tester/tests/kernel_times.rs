//! The kernel's timestamps attribute delays to the server or to the tester.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread::{self, sleep};
use std::time::Duration;

use corelane_tester::echo::{self, EchoSpec};
use corelane_tester::engine::{IdleStrategy, Measured, Observer, Pacing, SENT_SAMPLED};

const RATE_PER_S: f64 = 200.0;
const SLOW: Duration = Duration::from_millis(2);
const SLOW_NS: u64 = SLOW.as_nanos() as u64;

/// An echo server that answers after `delay`.
fn echo_server(delay: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let mut frame = [0; 50];
        while stream.read_exact(&mut frame).is_ok() {
            sleep(delay);
            if stream.write_all(&frame).is_err() {
                return;
            }
        }
    });
    address
}

/// An observer that keeps the tester from its sockets.
struct Busy(Duration);

impl Observer for Busy {
    fn step(&mut self, now_ns: u64) -> u64 {
        sleep(self.0);
        now_ns
    }
}

fn measure(delay: Duration, busy: Duration, kernel_times: bool) -> Measured {
    let pacing = Pacing {
        duration: Duration::from_secs(1),
        warmup: Duration::from_millis(200),
        idle: IdleStrategy::Yield,
        kernel_times,
        ..Pacing::new(echo_server(delay), RATE_PER_S)
    };
    let spec = EchoSpec { connections: 1, frame_bytes: 50, pacing };
    let measured = echo::run(&spec, &mut Busy(busy)).unwrap();
    assert_eq!((measured.missing, measured.faults.len()), (0, 0), "{:?}", measured.faults);
    measured
}

#[test]
fn a_slow_server_shows_between_the_kernels_times_and_a_slow_tester_outside() {
    let measured = measure(SLOW, Duration::ZERO, true);
    let times = measured.kernel_times.unwrap();
    assert!(times.away.min() >= SLOW_NS * 99 / 100, "{} ns", times.away.min());
    assert!(times.reading.value_at_quantile(0.5) < SLOW_NS / 2, "{} ns", times.reading.value_at_quantile(0.5));
    assert!(times.sending.value_at_quantile(0.5) < SLOW_NS / 2, "{} ns", times.sending.value_at_quantile(0.5));
    // Answers that a stalled machine delivers together share a timestamp, but most arrive alone. Of the few requests that are
    // sampled, a stall may take most.
    let answers = measured.intended.len();
    assert!((answers / 2..=answers).contains(&times.reading.len()), "{} of {answers}", times.reading.len());
    let sampled = measured.sent / u64::from(SENT_SAMPLED) - 1;
    for known in [times.away.len(), times.sending.len()] {
        assert!((1..=sampled + 1).contains(&known), "{known} of {sampled}");
    }

    let measured = self::measure(Duration::ZERO, SLOW, true);
    let times = measured.kernel_times.unwrap();
    // The answer arrives at once, while the tester is away.
    assert!(times.reading.value_at_quantile(0.5) > SLOW_NS / 4, "{} ns", times.reading.value_at_quantile(0.5));
    assert!(times.away.value_at_quantile(0.5) < SLOW_NS / 2, "{} ns", times.away.value_at_quantile(0.5));
    assert!(measured.late.value_at_quantile(0.5) > SLOW_NS / 8, "{} ns", measured.late.value_at_quantile(0.5));
}

#[test]
fn without_the_kernels_times_all_else_is_measured() {
    let measured = measure(Duration::ZERO, Duration::ZERO, false);
    assert!(measured.kernel_times.is_none());
    assert_eq!(measured.late.len(), measured.intended.len());
}
