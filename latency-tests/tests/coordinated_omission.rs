//! A server that stalls for 100 ms once a second: the intended-time histogram shows it, and that of a closed loop with
//! one request under way hides it.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    thread,
    time::{Duration, Instant},
};

use corelane_tester::{
    echo::{self, EchoSpec},
    engine::{IdleStrategy, Measured, Pacing},
};

const STALL: Duration = Duration::from_millis(100);
const PERIOD: Duration = Duration::from_secs(1);
const RATE_PER_S: f64 = 1000.0;

/// An echo of one connection that stalls half a period after its first frame, and again every period.
fn stalling_echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let mut buffer = [0; 4096];
        let mut stall_at = None;
        while let Ok(bytes) = stream.read(&mut buffer)
            && bytes > 0
        {
            let at = stall_at.get_or_insert_with(|| Instant::now() + PERIOD / 2);
            if Instant::now() >= *at {
                *at += PERIOD;
                // The fault itself.
                thread::sleep(STALL);
            }
            stream.write_all(&buffer[..bytes]).unwrap();
        }
    });
    address
}

fn measure(outstanding_max: usize) -> Measured {
    let pacing = Pacing {
        duration: Duration::from_secs(3),
        warmup: Duration::ZERO,
        idle: IdleStrategy::Yield,
        outstanding_max,
        ..Pacing::new(stalling_echo(), RATE_PER_S)
    };
    let measured = echo::run(&EchoSpec { connections: 1, frame_bytes: 50, pacing }, &mut ()).unwrap();
    assert_eq!(measured.faults, Vec::<String>::new());
    assert_eq!(measured.answered, 3000);
    measured
}

#[test]
fn a_stall_shows_in_the_intended_time_and_hides_in_the_send_time_of_a_closed_loop() {
    let stall_ns = STALL.as_nanos() as u64;
    let closed = measure(1);
    // A tenth of the requests were due during a stall and waited for half of it in the mean: of all requests one in
    // twenty waited for more than that.
    let intended_p96 = closed.intended.value_at_quantile(0.96);
    assert!(intended_p96 > stall_ns / 3, "{intended_p96} ns");
    assert!(closed.intended.max() >= stall_ns);
    // Each stall met one request that was under way, of a thousand.
    let send_p99 = closed.send.value_at_quantile(0.99);
    assert!(send_p99 < stall_ns / 5, "{send_p99} ns");
    let over = closed.send.count_between(stall_ns / 2, u64::MAX);
    assert!((1..=15).contains(&over), "{over} of 3000");
    assert!(closed.send.max() >= stall_ns);

    // An open loop shows it in both, since nothing holds its requests back.
    let open = measure(16_384);
    for histogram in [&open.intended, &open.send] {
        let p96 = histogram.value_at_quantile(0.96);
        assert!(p96 > stall_ns / 3, "{p96} ns");
    }
}
