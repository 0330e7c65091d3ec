//! The load generator against a venue and an echo server within the test.

mod venue;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use corelane_codecs::price::Price;
use corelane_codecs::text::Alpha;
use corelane_tester::echo::{self, EchoSpec};
use corelane_tester::engine::{IdleStrategy, LoadError, Observer, Pacing, Progress, Timing};
use corelane_tester::load::{self, Credentials, LoadResult, LoadSpec};
use corelane_tester::script::{FillOrder, Instrument, Limits, MarketScript, MarketSpec, Mix, PriorityRule, Rules};
use venue::Misdeed;

const SESSIONS: usize = 3;

fn limits() -> Limits {
    Limits { quantity_max: 100_000, notional_max: "5000000".parse().unwrap(), far_percent: 25 }
}

fn instruments(session: usize) -> Vec<Instrument> {
    let instrument = |name: char, reference_price: &str| Instrument {
        symbol: Alpha::new(&format!("T{session}{name}")).unwrap(),
        reference_price: reference_price.parse().unwrap(),
        tick: Price::from_raw(100),
        lot: 1,
    };
    vec![instrument('A', "100"), instrument('B', "250.50")]
}

fn spec(rules: Rules, mix: Mix) -> MarketSpec {
    MarketSpec {
        seed: 42,
        sessions: (0..SESSIONS).map(instruments).collect(),
        limits: limits(),
        rules,
        mix,
        open_orders_max: 24,
        first_user_ref: 1,
        overload_reasons: Vec::new(),
    }
}

fn pacing(server: SocketAddr, rate_per_s: f64) -> Pacing {
    Pacing {
        duration: Duration::from_millis(400),
        warmup: Duration::from_millis(100),
        // Yields, because the venue needs the CPU too.
        idle: IdleStrategy::Yield,
        ..Pacing::new(server, rate_per_s)
    }
}

fn credentials(password: &str) -> Vec<Credentials> {
    let one = Credentials { user: "test".to_owned(), password: password.to_owned() };
    vec![one; SESSIONS]
}

fn run(misdeed: Misdeed, rules: Rules, mix: Mix) -> (LoadResult, MarketScript) {
    let market = spec(rules, mix);
    let server = venue::serve(market.sessions.clone(), limits(), rules, misdeed);
    let mut script = MarketScript::new(market);
    let load = LoadSpec { sessions: credentials("secret"), pacing: pacing(server, 2000.0) };
    let result = load::run(&load, &mut script, &mut ()).unwrap();
    (result, script)
}

#[test]
fn a_correct_venue_satisfies_the_script_whatever_its_choices() {
    for rules in [Rules::default(), Rules { fill_order: FillOrder::AggressorFirst, priority: PriorityRule::AlwaysLost }]
    {
        let (result, script) = run(Misdeed::None, rules, Mix::default());
        let measured = &result.measured;
        assert_eq!(measured.faults, Vec::<String>::new());
        assert_eq!((measured.missing, measured.drops, measured.unsent), (0, 0, 0));
        // 2,000/s for half a second, and the clean-up requests.
        assert!((1000..=1000 + 24 * SESSIONS as u64).contains(&measured.sent));
        assert_eq!(measured.answered + measured.silent, measured.sent);
        assert!(measured.silent > 0 && result.answers > measured.answered);
        assert!((750..=800).contains(&measured.intended.len()), "{}", measured.intended.len());
        assert_eq!(measured.send.len(), measured.intended.len());
        assert!(result.executed_resting > 0);
        assert_eq!(result.executed_resting, result.executed_incoming);
        let reasons: Vec<_> = result.rejects.iter().map(|(code, _)| *code).collect();
        assert_eq!(reasons, [0x17, 0x1d, 0x26, 0x30, 0x31]);
        for session in 0..SESSIONS {
            assert_eq!(script.open_orders(session), 0, "the book is left empty");
        }
    }
}

#[test]
fn entering_and_cancelling_gives_one_answer_each() {
    let (result, _) = run(Misdeed::None, Rules::default(), Mix::ENTER_AND_CANCEL);
    assert_eq!(result.measured.faults, Vec::<String>::new());
    assert_eq!(result.measured.silent, 0);
    assert!(result.accepted >= 400);
}

#[test]
fn every_misdeed_is_found() {
    let at = 150;
    for (misdeed, expected) in [
        (Misdeed::Swallow { at }, "expected "),
        (Misdeed::Repeat { at }, "expected "),
        (Misdeed::Falsify { at }, "expected "),
        (Misdeed::ReuseNumbers { at }, "expected a"),
        (Misdeed::TurnBackTime { at }, "expected a time of at least 10001"),
        (Misdeed::HangUp { at }, "connection lost: "),
        (Misdeed::End { at }, "ended by the server"),
        (Misdeed::Garble { at }, "length 0"),
    ] {
        let (result, _) = run(misdeed, Rules::default(), Mix::default());
        let faults = &result.measured.faults;
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{misdeed:?}: {faults:?}");
        let dropped = matches!(misdeed, Misdeed::HangUp { .. });
        assert_eq!(result.measured.drops > 0, dropped, "{misdeed:?}");
    }
}

#[test]
fn the_last_answer_is_missed_too() {
    // The closing cancels are the last requests. A session has at most 24 open orders.
    let (sound, _) = run(Misdeed::None, Rules::default(), Mix::ENTER_AND_CANCEL);
    let market = spec(Rules::default(), Mix::ENTER_AND_CANCEL);
    let one_session = MarketSpec { sessions: market.sessions[..1].to_vec(), ..market };
    assert!(sound.measured.missing == 0);
    let go = |misdeed| {
        let server = venue::serve(one_session.sessions.clone(), limits(), Rules::default(), misdeed);
        let load = LoadSpec {
            sessions: credentials("secret")[..1].to_vec(),
            pacing: Pacing { drain: Duration::from_millis(200), ..pacing(server, 1000.0) },
        };
        let mut script = MarketScript::new(one_session.clone());
        load::run(&load, &mut script, &mut ()).unwrap()
    };
    let last = go(Misdeed::None).answers;
    let result = go(Misdeed::Swallow { at: last });
    assert_eq!(result.measured.missing, 1, "{:?}", result.measured.faults);
}

#[test]
fn a_wrong_password_and_a_dead_server_are_reported_at_the_start() {
    let market = spec(Rules::default(), Mix::default());
    let server = venue::serve(market.sessions.clone(), limits(), Rules::default(), Misdeed::None);
    let mut script = MarketScript::new(market);
    let mut load = LoadSpec { sessions: credentials("wrong"), pacing: pacing(server, 1000.0) };
    let error = load::run(&load, &mut script, &mut ()).unwrap_err();
    assert!(error.to_string().contains("login failed: user test rejected: NotAuthorized"), "{error}");
    // An address of its own, because a parallel test could get the port that is released here.
    let unused = TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap();
    load.pacing.server = unused;
    let error = load::run(&load, &mut script, &mut ()).unwrap_err();
    assert!(matches!(error, LoadError::Connect { .. }), "{error}");
    load.sessions[0].user = "much too long".to_owned();
    let error = load::run(&load, &mut script, &mut ()).unwrap_err();
    assert!(matches!(error, LoadError::Credentials { .. }), "{error}");
    load.sessions.clear();
    let error = load::run(&load, &mut script, &mut ()).unwrap_err();
    assert!(matches!(error, LoadError::Setting { .. }), "{error}");
}

/// Coordinated omission: a client that waits for each answer before the next request sees a stall only once, however
/// many requests the stall would have delayed.
#[test]
fn a_stall_shows_in_intended_time_and_hides_in_a_closed_loop() {
    let stall = Duration::from_millis(100);
    let market = spec(Rules::default(), Mix::ENTER_AND_CANCEL);
    let one_session = MarketSpec { sessions: market.sessions[..1].to_vec(), ..market };
    let misdeed = Misdeed::Stall { at: 250, duration: stall };
    let server = venue::serve(one_session.sessions.clone(), limits(), Rules::default(), misdeed);
    let load = LoadSpec {
        sessions: credentials("secret")[..1].to_vec(),
        pacing: Pacing {
            // A client that waits for answers has the send times of a closed loop.
            outstanding_max: 1,
            ..pacing(server, 1000.0)
        },
    };
    let mut script = MarketScript::new(one_session);
    let result = load::run(&load, &mut script, &mut ()).unwrap();
    let measured = &result.measured;
    assert_eq!((measured.faults.len(), measured.missing), (0, 0));
    // 100 of 400 measured requests were due during the stall, and waited for half of it on average.
    let stalled = |histogram: &hdrhistogram::Histogram<u64>, ms: u64| {
        histogram.len() - histogram.count_between(0, ms * 1_000_000)
    };
    assert!(stalled(&measured.intended, 45) >= 45, "{}", stalled(&measured.intended, 45));
    assert!(measured.intended.max() >= stall.as_nanos() as u64);
    let seen = stalled(&measured.send, 90);
    assert!((1..=3).contains(&seen), "{seen}");
}

#[derive(Default)]
struct Counting {
    steps: u64,
    progress: Vec<Progress>,
}

impl Observer for Counting {
    fn step(&mut self, now_ns: u64) -> u64 {
        self.steps += 1;
        now_ns + 10_000_000
    }

    fn progress(&mut self, progress: &Progress) {
        self.progress.push(*progress);
    }
}

/// An echo server for this many clients.
fn echo_server(clients: usize, altered_byte: Option<usize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for _ in 0..clients {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                let mut seen = 0;
                while let Ok(bytes @ 1..) = stream.read(&mut buffer) {
                    if let Some(at) = altered_byte
                        && (seen..seen + bytes).contains(&at)
                    {
                        buffer[at - seen] ^= 1;
                    }
                    seen += bytes;
                    if stream.write_all(&buffer[..bytes]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[test]
fn an_echo_server_is_measured_and_observers_are_served() {
    for (timing, coalesce) in [(Timing::Constant, true), (Timing::Poisson { seed: 5 }, false)] {
        let mut observer = Counting::default();
        let spec = EchoSpec {
            connections: 4,
            frame_bytes: 50,
            pacing: Pacing { timing, coalesce, ..pacing(echo_server(4, None), 2000.0) },
        };
        let measured = echo::run(&spec, &mut observer).unwrap();
        assert_eq!(measured.faults, Vec::<String>::new());
        assert!((900..1100).contains(&measured.sent), "{}", measured.sent);
        assert_eq!(measured.answered, measured.sent);
        assert_eq!(measured.bytes_sent, 50 * measured.sent);
        assert_eq!(measured.bytes_received, measured.bytes_sent);
        assert!(measured.achieved_per_s > 1700.0, "{}", measured.achieved_per_s);
        assert!(observer.steps > 20, "{}", observer.steps);
        assert!(observer.progress.len() >= 3);
        assert!(observer.progress.is_sorted_by_key(|progress| progress.sent));
    }
}

#[test]
fn an_altered_echo_is_found() {
    let spec = EchoSpec { connections: 1, frame_bytes: 64, pacing: pacing(echo_server(1, Some(64 * 20 + 60)), 1000.0) };
    let measured = echo::run(&spec, &mut ()).unwrap();
    assert_eq!(measured.faults, ["session 0: frame 21 came back altered or out of order"]);
    assert_eq!(measured.answered, 20);
    let too_short = EchoSpec { frame_bytes: 10, ..spec };
    assert!(echo::run(&too_short, &mut ()).is_err());
}

#[test]
fn heartbeats_go_both_ways_and_the_log_out_is_last() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Answers every packet except the request with a heartbeat and free text, and returns the packets' types.
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut types = Vec::new();
        let mut header = [0; 3];
        while stream.read_exact(&mut header).is_ok() {
            let length = u16::from_be_bytes([header[0], header[1]]);
            let mut payload = vec![0; usize::from(length) - 1];
            stream.read_exact(&mut payload).unwrap();
            types.push(char::from(header[2]));
            let answer: &[u8] = match header[2] {
                b'L' => b"\0\x1fA      DAY1                   1",
                b'R' => b"\0\x01H\0\x03+hi",
                _ => b"",
            };
            stream.write_all(answer).unwrap();
        }
        types
    });
    // One request immediately, and none in the two seconds after it.
    let spec = LoadSpec {
        sessions: credentials("secret")[..1].to_vec(),
        pacing: Pacing {
            duration: Duration::from_millis(2300),
            warmup: Duration::ZERO,
            drain: Duration::from_millis(1),
            ..pacing(address, 0.1)
        },
    };
    let mut script = MarketScript::new(MarketSpec {
        sessions: vec![instruments(0)],
        ..self::spec(Rules::default(), Mix::ENTER_AND_CANCEL)
    });
    let result = load::run(&spec, &mut script, &mut ()).unwrap();
    assert_eq!(result.measured.faults, Vec::<String>::new());
    assert_eq!((result.measured.missing, result.answers), (1, 0));
    let types: String = server.join().unwrap().into_iter().collect();
    assert_eq!(types, "LURRO");
}

#[test]
fn a_server_that_reads_nothing_makes_requests_late_and_nothing_grows() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let spec = EchoSpec {
        connections: 1,
        frame_bytes: 60_000,
        pacing: Pacing {
            drain: Duration::from_millis(50),
            idle: IdleStrategy::Busy,
            ..pacing(listener.local_addr().unwrap(), 2000.0)
        },
    };
    let measured = echo::run(&spec, &mut ()).unwrap();
    assert!(measured.unsent > 0, "socket buffers do not hold 60 MB");
    assert_eq!(measured.sent + measured.unsent, 1000);
    assert_eq!(measured.missing, measured.sent);
    assert_eq!(measured.achieved_per_s, 0.0);
}
