//! Order to acknowledgement over TCP through the whole venue (sequencer, risk, matching, publication), beside an echo
//! on the same net driver with the same tester, sessions, rate and frame size.
//!
//! The ratio is of orders that enter, rest and are cancelled: one answer to each request, as the echo gives. The full
//! mix of the demo, with its executions and replaces (1.7 answers to a request), is shown beside it.
//!
//! Saturation is found twice, the highest rate of each by doubling and halving in. For the ratio each request is a write
//! and a segment of its own, as from clients that send an order when they have one; tester and kernel may then be the
//! limit of both, which a ratio about 1 means. Beside it stands, once, what they take of requests that the tester
//! coalesces when it falls behind: an echo copies a whole buffer of frames for little more than one, which no venue can.
//!
//! Server on the first CPU, tester on the second, in turns; every answer of both is checked. The ratio of medians over
//! the rounds is what counts: the figures themselves are the machine's.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
    time::Duration,
};

use corelane::{demo, venue::Venue};
use corelane_actors::session::SoupFramer;
use corelane_benches::median;
use corelane_config::{Config, VENUE_TOML};
use corelane_latency_tests::{
    echo::{self, EchoSpec},
    engine::{Measured, Pacing},
    load::{self, LoadSpec},
    saturation::{LoadSummary, Search},
    script::{MarketScript, Mix},
};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    clock::UtcOffset,
    cpu,
    message::Message,
    net::{CloseReason, ConnId, DriverConfig, EndpointSpec, Flow, SendError},
    running::{RunOptions, Running},
    topology::{Idle, ShardSpec, Topology},
};

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(2);
const SATURATION_ROUNDS: usize = 3;
const SATURATION_ROUND: Duration = Duration::from_millis(700);
const WARMUP: Duration = Duration::from_millis(300);
const RATE_PER_S: f64 = 25_000.0;
const SESSIONS: usize = 8;
/// Few, so that the tester's slow model of the venue does not become the bottleneck.
const OPEN_ORDERS_MAX: usize = 8;
/// An OUCH enter order in its SoupBinTCP packet.
const FRAME_BYTES: usize = 50;
const SEARCH: Search =
    Search { start_per_s: 50_000.0, limit_per_s: 8_000_000.0, p50_bound_ns: 2_000_000, bisections: 4 };

/// Sends every frame back.
struct Echo;

#[derive(Clone, Copy)]
struct Nothing;

impl Message for Nothing {}

impl Actor for Echo {
    type In = Nothing;
    type Out = ();
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, _ctx: &mut Context<'_, ()>, _message: &Nothing) -> Step {
        Step::Done
    }
}

impl NetActor for Echo {
    fn on_frame(&mut self, ctx: &mut Context<'_, ()>, conn: ConnId, frame: &[u8]) -> Flow {
        match ctx.net.send(conn, frame) {
            Ok(()) | Err(SendError::Closed) => Flow::Taken,
            Err(_) => {
                ctx.net.close(conn, CloseReason::SlowReader);
                Flow::Taken
            }
        }
    }
}

fn main() {
    let cpus = cpu::allowed_cpus();
    let [server_cpu, tester_cpu] = match cpus[..] {
        [server, tester, ..] => [server, tester],
        _ => {
            println!("wire needs two CPUs, and this process may use {}", cpus.len());
            return;
        }
    };
    println!("wire: server on CPU {server_cpu}, tester on CPU {tester_cpu}, {SESSIONS} sessions, {RATE_PER_S}/s");
    let (mut p50, mut p50_full_mix, mut control) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let echo = echo_round(server_cpu, pacing(tester_cpu, RATE_PER_S, ROUND));
        let venue = venue_round(round as u64, Mix::ENTER_AND_CANCEL, pacing(tester_cpu, RATE_PER_S, ROUND));
        let full_mix = venue_round(round as u64, Mix::default(), pacing(tester_cpu, RATE_PER_S, ROUND));
        let echo_again = echo_round(server_cpu, pacing(tester_cpu, RATE_PER_S, ROUND));
        println!("round {round}");
        show("echo", &echo);
        show("venue", &venue);
        show("full mix", &full_mix);
        show("echo again", &echo_again);
        let at_p50 = |measured: &Measured| measured.intended.value_at_quantile(0.5) as f64;
        let floor = (at_p50(&echo) + at_p50(&echo_again)) / 2.0;
        p50.push(at_p50(&venue) / floor);
        p50_full_mix.push(at_p50(&full_mix) / floor);
        control.push(at_p50(&echo_again) / at_p50(&echo));
    }
    let (mut echo_rates, mut venue_rates) = (Vec::new(), Vec::new());
    for round in 1..=SATURATION_ROUNDS {
        let [echo, venue] = saturations(server_cpu, tester_cpu, round as u64, false);
        println!("saturation round {round}: echo {echo:.0}/s, venue {venue:.0}/s");
        echo_rates.push(echo);
        venue_rates.push(venue);
    }
    let [echo, venue] = saturations(server_cpu, tester_cpu, 1, true);
    println!("saturation by coalesced requests: echo {echo:.0}/s, venue {venue:.0}/s");
    println!("control: the echo against itself p50={:.2}", median(&control));
    println!("full mix against the echo p50={:.2}", median(&p50_full_mix));
    println!("ratio wire p50={:.2} saturation={:.2}", median(&p50), median(&venue_rates) / median(&echo_rates));
}

/// Of the echo and of the venue, in requests per second.
fn saturations(server_cpu: usize, tester_cpu: usize, seed: u64, coalesce: bool) -> [f64; 2] {
    let pacing = |rate| Pacing { coalesce, ..pacing(tester_cpu, rate, SATURATION_ROUND) };
    let echo = saturation(|rate| echo_round(server_cpu, pacing(rate)));
    [echo, saturation(|rate| venue_round(seed, Mix::ENTER_AND_CANCEL, pacing(rate)))]
}

fn saturation(mut run: impl FnMut(f64) -> Measured) -> f64 {
    let summary = |measured: Measured| LoadSummary {
        asked_per_s: measured.asked_per_s,
        achieved_per_s: measured.achieved_per_s,
        p50_ns: measured.intended.value_at_quantile(0.5),
    };
    let found: Result<f64, std::convert::Infallible> = SEARCH.saturation(|rate| Ok(summary(run(rate))));
    found.unwrap_or_else(|never| match never {})
}

fn pacing(cpu: usize, rate_per_s: f64, duration: Duration) -> Pacing {
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Pacing { duration, warmup: WARMUP, cpu: Some(cpu), ..Pacing::new(nowhere, rate_per_s) }
}

fn show(name: &str, measured: &Measured) {
    let at = |quantile| measured.intended.value_at_quantile(quantile) as f64 / 1000.0;
    println!(
        "  {name:<10} p50 {:>7.1}  p99 {:>8.1}  p99.9 {:>8.1}  max {:>8.1} µs, {:.0}/s achieved",
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
        measured.achieved_per_s
    );
}

fn check(name: &str, measured: &Measured) {
    assert!(measured.faults.is_empty(), "{name}: {:?}", measured.faults);
    assert_eq!(measured.missing, 0, "{name}: answers are missing");
}

fn start_echo(cpu: usize) -> (Running, SocketAddr) {
    let mut topology = Topology::new();
    let shard =
        topology.shard(ShardSpec { name: "echo".to_owned(), cpu, idle: Idle::Spin, net: DriverConfig::default() });
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listen = EndpointSpec::Listen { addr, framer: Box::new(SoupFramer { payload_max: 1000 }), backlog: 64 };
    let echo = topology.net_actor(shard, "echo", vec![listen], |_| Echo);
    let options = RunOptions {
        housekeeping_cpu: None,
        utc_offset: UtcOffset::from_seconds(0).expect("UTC is a zone"),
        drain_deadline: Duration::from_secs(1),
    };
    let running = topology.start(options).unwrap_or_else(|error| panic!("{error}"));
    let addr = running.addresses(echo.index())[0];
    (running, addr)
}

fn echo_round(server_cpu: usize, pacing: Pacing) -> Measured {
    let (running, server) = start_echo(server_cpu);
    let spec = EchoSpec { connections: SESSIONS, frame_bytes: FRAME_BYTES, pacing: Pacing { server, ..pacing } };
    let measured = echo::run(&spec, &mut ()).unwrap_or_else(|error| panic!("{error}"));
    running.stop();
    check("echo", &measured);
    measured
}

fn venue_round(seed: u64, mix: Mix, pacing: Pacing) -> Measured {
    // Publications go to a socket that nobody reads: the venue pays for sending them, the tester for nothing.
    let feed = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a UDP port on loopback");
    let feed_port = feed.local_addr().expect("a bound socket has an address").port();
    let mut config =
        Config::parse("the embedded venue", VENUE_TOML).unwrap_or_else(|errors| panic!("{}", errors.plain()));
    config.order_entry.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.feeds.inbound = None;
    // Room for the answers of a round at any rate that is tried.
    config.order_entry.messages_per_session_max = 1 << 19;
    if let Some(out) = &mut config.feeds.outbound {
        out.to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, feed_port);
    }
    let venue = Venue::start(&config).unwrap_or_else(|error| panic!("{error}"));
    let mut spec = demo::script(&config, seed, mix).unwrap_or_else(|error| panic!("{error}"));
    spec.open_orders_max = OPEN_ORDERS_MAX;
    let mut script = MarketScript::new(spec);
    let spec =
        LoadSpec { sessions: demo::credentials(&config), pacing: Pacing { server: venue.order_entry(), ..pacing } };
    let load = load::run(&spec, &mut script, &mut ()).unwrap_or_else(|error| panic!("{error}"));
    let outcome = venue.stop();
    assert!(outcome.status.failures.is_empty(), "{:?}", outcome.status.failures);
    check("venue", &load.measured);
    load.measured
}
