//! `corelane demo`: a venue, a market and clients in one process, every answer checked, and the latency reported.
//!
//! The venue is the real one on its shards, the clients are the tester of `corelane-tester` on a CPU of its
//! own, over TCP and UDP on loopback. Each session trades its own instrument, so that every answer is known
//! beforehand whatever the sessions' timing.

use std::{
    io::{Cursor, IsTerminal, Read, stderr},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    path::Path,
    time::{Duration, Instant},
};

use corelane_codecs::{itch::Message, text::Symbol};
use corelane_config::{Config, VENUE_TOML};
use corelane_market::{Day, DaySpec, FeedReader, MessageSource, Pace, PlayError, PlayReport, PlaySpec, Player};
use corelane_runtime::cpu;
use corelane_tester::{
    configured,
    engine::{Idle, Observer, Pacing, Progress},
    jitter,
    load::{self, LoadSpec},
    report::Report,
    script::{MarketScript, Mix},
};
use corelane_tuning::Host;
use corelane_venue::Venue;
use indicatif::{ProgressBar, ProgressStyle};
use miette::{IntoDiagnostic, miette};

use crate::{cli::DemoArgs, itch::source};

/// Orders and cancels per second, over all sessions, on two CPUs and more; and on one, which server and clients share.
const RATE_PER_S: u32 = 25_000;
const RATE_PER_S_ON_ONE_CPU: u32 = 5_000;
/// Time before the measured one.
const WARMUP: Duration = Duration::from_secs(1);
/// How long the machine is watched before.
const JITTER_WATCH: Duration = Duration::from_secs(1);
/// Messages of the generated market per second.
const MARKET_MESSAGES_PER_S: u32 = 5_000;
/// Orders that rest in the generated market from its start.
const OPENING_ORDERS: u64 = 1_000;
/// How far the generated market goes from the reference prices, so that the collar moves and no order meets it.
const WANDER_PERCENT: u32 = 1;
/// Open orders that a session keeps.
const OPEN_ORDERS_MAX: usize = 64;
/// How often the venue's feed is read, and how long its end is waited for.
const FEED_READ_NS: u64 = 500_000;
const FEED_DEADLINE: Duration = Duration::from_secs(2);
/// Instruments that a recorded day may add to the venue.
const RECORDED_SYMBOLS_MAX: usize = 10_000;

/// Runs the demo.
///
/// # Errors
/// What did not start, and a run whose figures do not count, with the reasons.
pub fn demo(args: &DemoArgs) -> miette::Result<()> {
    let cpus = cpu::allowed_cpus();
    let host = Host::inspect();
    println!("{host}");
    println!("watching the machine for {} s …", JITTER_WATCH.as_secs());
    let jitter = jitter::measure(&cpus[..cpus.len().min(2)], JITTER_WATCH).into_diagnostic()?;

    let mut config = Config::parse("the embedded venue", VENUE_TOML)?;
    let market = market(args, &mut config)?;
    let feed = FeedReader::bind(loopback(0), Ipv4Addr::LOCALHOST).into_diagnostic()?;
    on_loopback(&mut config, feed.local_addr().into_diagnostic()?)?;
    let venue = Venue::start(&config)?;
    let feed_in = venue.feed_in().ok_or_else(|| miette!("the embedded venue has no incoming feed"))?;
    println!(
        "venue up: {} sessions over TCP on {}, market data in on {feed_in}, {} market messages to play",
        config.ports.len(),
        venue.order_entry(),
        market.messages
    );

    let mut observer = Bystander::new(&market, feed_in, feed, args)?;
    let mut script =
        MarketScript::new(configured::script(&config, args.seed, Mix::default(), OPEN_ORDERS_MAX).into_diagnostic()?);
    let spec =
        LoadSpec { sessions: configured::credentials(&config), pacing: pacing(args, &cpus, venue.order_entry()) };
    let load = load::run(&spec, &mut script, &mut observer).into_diagnostic()?;
    let (market_report, feed) = observer.finish(load.executed_resting)?;
    let outcome = venue.stop();

    let report = Report {
        title: "corelane demo: order to acknowledgement over TCP",
        load: &load,
        jitter: &jitter,
        market: Some(&market_report),
        feed: Some(feed.report()),
    };
    println!("\n{}", report.table());
    report.write_plot(&args.plot).into_diagnostic()?;
    println!("percentile plot: {}", args.plot.display());
    if let Some(path) = &args.json {
        std::fs::write(path, format!("{:#}\n", report.json())).into_diagnostic()?;
        println!("report as JSON: {}", path.display());
    }
    let mut problems = report.problems();
    problems.extend(
        outcome.status.failures.iter().map(|(actor, failure)| format!("actor {actor} failed at {}", failure.place)),
    );
    if !outcome.drained {
        problems.push("the venue stopped with work in flight".to_owned());
    }
    if problems.is_empty() { Ok(()) } else { Err(miette!("the run does not count:\n{}", problems.join("\n"))) }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// The bytes of the market to be played, as a length-prefixed ITCH file.
struct Market {
    bytes: Vec<u8>,
    messages: u64,
}

/// A recorded day, whose instruments the venue then knows too, or a generated one.
fn market(args: &DemoArgs, config: &mut Config) -> miette::Result<Market> {
    let Some(file) = &args.itch else {
        let (mut bytes, mut day) = (Vec::new(), Day::new(day(args, config)).into_diagnostic()?);
        day.read_to_end(&mut bytes).into_diagnostic()?;
        return Ok(Market { bytes, messages: day.messages() });
    };
    let (market, symbols) = recorded(file)?;
    let like = config.instruments[0].clone();
    for symbol in symbols {
        if config.instruments.iter().all(|instrument| instrument.symbol != symbol) {
            let mut instrument = like.clone();
            instrument.symbol = symbol;
            instrument.reference_price = None;
            config.instruments.push(instrument);
        }
    }
    Ok(market)
}

fn day(args: &DemoArgs, config: &Config) -> DaySpec {
    DaySpec {
        seed: args.seed,
        instruments: configured::day_instruments(config),
        messages: u64::from(MARKET_MESSAGES_PER_S * args.seconds),
        opening_orders: OPENING_ORDERS,
        wander_percent: WANDER_PERCENT,
    }
}

/// The file's bytes, and the symbols that it names.
fn recorded(file: &Path) -> miette::Result<(Market, Vec<String>)> {
    let mut bytes = Vec::new();
    source::open(file)?.read_to_end(&mut bytes).into_diagnostic()?;
    let mut symbols: Vec<Symbol> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut source = MessageSource::new(&bytes[..]);
    while let Some(message) = source.peek().into_diagnostic()? {
        let symbol = match Message::decode(message) {
            Ok(Message::StockDirectory(directory)) => Some(directory.stock),
            Ok(Message::AddOrder(add)) => Some(add.stock),
            Ok(Message::AddOrderMpid(add)) => Some(add.stock),
            _ => None,
        };
        if let Some(symbol) = symbol
            && symbols.len() < RECORDED_SYMBOLS_MAX
            && seen.insert(symbol)
        {
            symbols.push(symbol);
        }
        source.take().into_diagnostic()?;
    }
    let messages = source.taken();
    let symbols = symbols.iter().map(|symbol| String::from_utf8_lossy(symbol.trimmed()).into_owned()).collect();
    Ok((Market { bytes, messages }, symbols))
}

/// Ports of the kernel's choice, so that a venue that runs already is no obstacle.
fn on_loopback(config: &mut Config, feed_out: SocketAddr) -> miette::Result<()> {
    config.order_entry.listen = loopback(0);
    if let Some(feed) = &mut config.feeds.inbound {
        feed.listen = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    }
    if let (Some(feed), SocketAddr::V4(to)) = (&mut config.feeds.outbound, feed_out) {
        feed.to = to;
    }
    Ok(())
}

fn pacing(args: &DemoArgs, cpus: &[usize], server: SocketAddr) -> Pacing {
    let (rate, idle, cpu) = match cpus {
        [_, tester, ..] => (RATE_PER_S, Idle::Busy, *tester),
        _ => (RATE_PER_S_ON_ONE_CPU, Idle::Yield, cpus[0]),
    };
    Pacing {
        duration: Duration::from_secs(args.seconds.into()),
        warmup: WARMUP,
        idle,
        cpu: Some(cpu),
        ..Pacing::new(server, args.rate.unwrap_or(rate).into())
    }
}

/// What shares the tester's thread with the load: the market player, the reader of the venue's feed, the progress bar.
struct Bystander<'a> {
    player: Player<Cursor<&'a [u8]>>,
    player_due_ns: u64,
    feed: FeedReader,
    failure: Option<PlayError>,
    bar: ProgressBar,
}

impl<'a> Bystander<'a> {
    fn new(market: &'a Market, feed_in: SocketAddr, feed: FeedReader, args: &DemoArgs) -> miette::Result<Self> {
        let seconds = f64::from(args.seconds) + WARMUP.as_secs_f64();
        let pace = Pace::Rate { messages_per_s: market.messages.max(1) as f64 / seconds };
        let player = Player::new(PlaySpec { pace, ..PlaySpec::new(feed_in) }, Cursor::new(&market.bytes[..]));
        let bar =
            if stderr().is_terminal() { ProgressBar::new(1000).with_style(style()) } else { ProgressBar::hidden() };
        Ok(Bystander { player: player.into_diagnostic()?, player_due_ns: 0, feed, failure: None, bar })
    }

    /// Waits until the venue's feed has brought all executions, and hands the reports over.
    fn finish(mut self, executed_shares: u64) -> miette::Result<(PlayReport, FeedReader)> {
        self.bar.finish_and_clear();
        let deadline = Instant::now() + FEED_DEADLINE;
        while self.feed.report().executed_shares < executed_shares && Instant::now() < deadline {
            self.feed.poll().into_diagnostic()?;
        }
        match self.failure {
            Some(failure) => Err(failure).into_diagnostic(),
            None => Ok((*self.player.report(), self.feed)),
        }
    }
}

impl Observer for Bystander<'_> {
    fn step(&mut self, now_ns: u64) -> u64 {
        if now_ns >= self.player_due_ns && self.failure.is_none() {
            match self.player.step(now_ns) {
                Ok(step) => self.player_due_ns = if step.ended { u64::MAX } else { step.next_due_ns },
                Err(failure) => self.failure = Some(failure),
            }
        }
        // A lost packet shows as a gap in the feed's report; an error of the socket would too.
        let _ = self.feed.poll();
        self.player_due_ns.min(now_ns + FEED_READ_NS)
    }

    fn progress(&mut self, progress: &Progress) {
        let share = progress.elapsed.as_secs_f64() / progress.total.as_secs_f64();
        self.bar.set_position((share * 1000.0) as u64);
        self.bar.set_message(format!("{} requests sent, {} answered", progress.sent, progress.answered));
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {percent} % {msg}").expect("the template is a constant and valid")
}
