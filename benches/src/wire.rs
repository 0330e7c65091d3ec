//! Order to acknowledgement over TCP through the whole venue (sequencer, risk, matching, publication), and the baseline: an
//! echo on the same net driver with the same tester, sessions, rate and frame size.
//!
//! The server runs on one CPU, the tester on another, which [`Pacing::cpu`] names.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
    time::Duration,
};

use corelane_actors::session::SoupFramer;
use corelane_config::{Config, VENUE_TOML};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    cpu,
    lifecycle::{Outcome, RunOptions, Running},
    message::Message,
    net::{CloseReason, ConnId, EndpointSpec, Flow, SendError},
    telemetry::ShardCount,
    topology::{Idle, ShardSpec, Topology},
};
use corelane_tester::{
    configured,
    echo::{self, EchoSpec},
    engine::{Measured, Pacing},
    load::{self, LoadSpec},
    saturation::{LoadSummary, Search},
    script::{MarketScript, Mix},
};
use corelane_venue::{Declared, declare};

/// An OUCH enter order in its SoupBinTCP packet.
pub const FRAME_BYTES: usize = 50;
/// Few, so that the tester's slow model of the venue does not become the bottleneck.
pub const OPEN_ORDERS_MAX: usize = 8;
/// Range of the search for saturation. The lowest rate is far below any server's, the highest above the tester's.
pub const SEARCH: Search =
    Search { start_per_s: 50_000.0, limit_per_s: 8_000_000.0, p50_bound_ns: 2_000_000, bisections: 4 };

/// Results of one server under one load.
#[derive(Debug)]
pub struct Run {
    /// Latencies and rates. Every answer came and was right.
    pub measured: Measured,
    /// Share of the load's time in which the server's shard had work.
    pub busy: f64,
}

impl Run {
    /// Checks that every answer came and was right; the server had work for `busy_s` seconds of the load.
    pub(crate) fn new(name: &str, measured: Measured, pacing: &Pacing, busy_s: f64) -> Run {
        assert!(measured.faults.is_empty(), "{name}: {:?}", measured.faults);
        assert_eq!(measured.missing, 0, "{name}: answers are missing");
        Run { measured, busy: busy_s / (pacing.warmup + pacing.duration).as_secs_f64() }
    }

    /// A quantile of the latency from the intended time, in nanoseconds.
    pub fn at(&self, quantile: f64) -> f64 {
        self.measured.intended.value_at_quantile(quantile) as f64
    }
}

/// The highest rate that a server sustained.
#[derive(Clone, Copy, Debug)]
pub struct Saturation {
    /// Requests per second.
    pub per_s: f64,
    /// Share of the time in which the server's shard had work, at that rate.
    pub busy: f64,
}

/// Searches the highest rate at which `run` keeps up.
pub fn saturation(mut run: impl FnMut(f64) -> Run) -> Saturation {
    let mut tried = Vec::new();
    let found: Result<f64, Infallible> = SEARCH.saturation(|rate| {
        let seen = run(rate);
        tried.push(Saturation { per_s: rate, busy: seen.busy });
        Ok(LoadSummary::from(&seen.measured))
    });
    let Ok(per_s) = found;
    tried.into_iter().find(|one| one.per_s == per_s).unwrap_or(Saturation { per_s, busy: 0.0 })
}

/// A load whose server [`echo()`] or [`venue`] starts, measured by the tester's clock alone.
pub fn pacing(tester_cpu: usize, rate_per_s: f64, warmup: Duration, duration: Duration) -> Pacing {
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Pacing { duration, warmup, cpu: Some(tester_cpu), kernel_times: false, ..Pacing::new(nowhere, rate_per_s) }
}

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

/// Starts the echo on this CPU, and says where it listens.
///
/// # Panics
/// If it does not start.
pub fn start_echo(cpu: usize) -> (Running, SocketAddr) {
    let mut topology = Topology::new();
    let shard = topology.shard(ShardSpec::new("echo", cpu).idle(Idle::Spin));
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listen = EndpointSpec::Listen { addr, framer: Box::new(SoupFramer { payload_max: 1000 }), backlog: 64 };
    let echo = topology.net_actor(shard, "echo", vec![listen], |_| Echo);
    let options = RunOptions::default().drain_deadline(Duration::from_secs(1));
    let running = topology.start(options).unwrap_or_else(|error| panic!("{error}"));
    let addr = running.addresses(echo)[0];
    (running, addr)
}

/// The echo on `server_cpu` under a load of frames as long as an order.
///
/// # Panics
/// If an answer is missing or wrong, or the server does not start.
pub fn echo(server_cpu: usize, sessions: usize, pacing: Pacing) -> Run {
    let (running, server) = start_echo(server_cpu);
    let pacing = Pacing { server, ..pacing };
    let spec = EchoSpec { connections: sessions, frame_bytes: FRAME_BYTES, pacing: pacing.clone() };
    let measured = echo::run(&spec, &mut ()).unwrap_or_else(|error| panic!("{error}"));
    Run::new("echo", measured, &pacing, busy_s("echo", &running.stop()))
}

/// Seconds in which the shards had work.
fn busy_s(name: &str, outcome: &Outcome) -> f64 {
    assert!(outcome.status.failures.is_empty(), "{name}: {:?}", outcome.status.failures);
    let busy_ns = outcome.status.shards.iter().map(|shard| shard.count(ShardCount::BusyNs));
    busy_ns.sum::<u64>() as f64 / 1e9
}

/// The shipped configuration without its incoming feed, and what the sessions send to a venue that has it.
pub(crate) struct Market {
    pub config: Config,
    /// Publications go to a socket that nobody reads: the venue pays for sending them, the tester for nothing.
    _feed: UdpSocket,
}

impl Market {
    /// Creates a market for this many of the configured sessions.
    pub(crate) fn new(sessions: usize) -> Market {
        let feed = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a UDP port on loopback");
        let feed_port = feed.local_addr().expect("a bound socket has an address").port();
        let mut config =
            Config::parse("the embedded venue", VENUE_TOML).unwrap_or_else(|errors| panic!("{}", errors.plain()));
        config.order_entry.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        config.feeds.inbound = None;
        // Room for the answers of a round at any rate that is tried.
        config.order_entry.reply_log_bytes = 40 << 20;
        if let Some(out) = &mut config.feeds.outbound {
            out.to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, feed_port);
        }
        let configured = config.ports.len();
        assert!(sessions <= configured, "{sessions} sessions asked, {configured} configured");
        config.ports.truncate(sessions);
        Market { config, _feed: feed }
    }

    /// Sends orders to the venue that `pacing` names, and checks every answer.
    pub(crate) fn load(&self, seed: u64, mix: Mix, pacing: Pacing) -> Measured {
        let script = configured::script(&self.config, seed, mix, OPEN_ORDERS_MAX);
        let script = script.unwrap_or_else(|error| panic!("{error}"));
        let spec = LoadSpec { sessions: configured::credentials(&self.config), pacing };
        let load = load::run(&spec, &mut MarketScript::new(script), &mut ());
        load.unwrap_or_else(|error| panic!("{error}")).measured
    }
}

/// The venue of the shipped configuration, without its incoming feed, on the first CPU that this process may use, under
/// a load of orders.
///
/// # Panics
/// If an answer is missing or wrong, there are more sessions than configured, or the venue does not start.
pub fn venue(sessions: usize, seed: u64, mix: Mix, pacing: Pacing) -> Run {
    run_venue(sessions, seed, mix, pacing, |_| {})
}

/// As [`venue`], without a watchdog and flight recorders.
///
/// # Panics
/// As [`venue`].
pub fn unwatched_venue(sessions: usize, seed: u64, mix: Mix, pacing: Pacing) -> Run {
    run_venue(sessions, seed, mix, pacing, Declared::unwatched)
}

fn run_venue(sessions: usize, seed: u64, mix: Mix, pacing: Pacing, change: impl FnOnce(&mut Declared)) -> Run {
    let market = Market::new(sessions);
    let mut declared = declare(&market.config, &cpu::allowed_cpus()).unwrap_or_else(|error| panic!("{error}"));
    change(&mut declared);
    let venue = declared.start(&market.config).unwrap_or_else(|error| panic!("{error}"));
    let measured = market.load(seed, mix, Pacing { server: venue.order_entry(), ..pacing.clone() });
    Run::new("venue", measured, &pacing, busy_s("venue", &venue.stop().outcome))
}
