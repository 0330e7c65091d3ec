//! `corelane demo`: a venue, a market and clients in one process. Checks every answer and reports the latency.
//!
//! The venue is the real one on its shards. The clients are the tester of `corelane-tester` on its own CPU, over TCP
//! and UDP on loopback. Each session trades its own instrument, so that every answer is predictable whatever the
//! sessions' timing.

use std::{
    io::{Cursor, IsTerminal, Read, stderr},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use corelane_codecs::{itch::Message, text::Symbol};
use corelane_config::{Config, VENUE_TOML};
use corelane_console::{Exit, Output, Unwritable, distinct, writable};
use corelane_market::{Day, DaySpec, FeedReader, Order, Pace, PlayError, PlayReport, PlaySpec, Player};
use corelane_runtime::cpu;
use corelane_tester::{
    configured,
    engine::{IdleStrategy, Observer, Pacing, Progress},
    jitter,
    load::{self, LoadSpec},
    report::Report,
    script::{MarketScript, Mix},
};
use corelane_tuning::Host;
use corelane_venue::{Venue, VenueError};
use indicatif::{ProgressBar, ProgressStyle};
use miette::{IntoDiagnostic, miette};

use crate::{
    cli::{DemoArgs, InputArgs},
    itch::input::Input,
};

/// The default rate over all sessions, in requests per second: on two or more CPUs, and on one CPU that server and
/// clients share.
const RATE_PER_S: u32 = 25_000;
const RATE_PER_S_ON_ONE_CPU: u32 = 5_000;
/// The time of load before the measurement.
const WARMUP: Duration = Duration::from_secs(1);
/// The time for measuring the machine's jitter before the load.
const JITTER_WATCH: Duration = Duration::from_secs(1);
/// The rate of the generated market, in messages per second.
const MARKET_MESSAGES_PER_S: u32 = 5_000;
/// The number of orders that rest in the generated market from the start.
const OPENING_ORDERS: u64 = 1_000;
/// The distance of the generated market from the reference prices, in percent. It moves the collar, but not so far that
/// orders violate it.
const WANDER_PERCENT: u32 = 1;
/// The maximum number of open orders per session.
const OPEN_ORDERS_MAX: usize = 64;
/// The interval for reading the venue's feed, and the time limit for its last messages.
const FEED_READ_NS: u64 = 500_000;
const FEED_DEADLINE: Duration = Duration::from_secs(2);
/// The maximum number of instruments that a recorded day adds to the venue.
const RECORDED_SYMBOLS_MAX: usize = 10_000;

/// Runs the demo.
///
/// # Errors
/// A part that failed to start. An invalid run ends with [`Exit::Damaged`] and the reasons.
pub(crate) fn demo(args: &DemoArgs, out: &mut Output) -> miette::Result<Exit> {
    // Whatever would spoil the result is found before the run.
    writable(&args.plot)?;
    args.json.as_deref().map_or(Ok(()), writable)?;
    distinct([&args.plot].into_iter().chain(&args.json).chain(&args.itch).map(PathBuf::as_path))?;
    let mut config = Config::parse("the embedded venue", VENUE_TOML)?;
    let market = market(args, &mut config)?;
    let cpus = cpu::allowed_cpus();
    let host = Host::inspect();
    out.text(&host)?;
    out.say(format_args!("measuring machine jitter for {} s …", JITTER_WATCH.as_secs()))?;
    let jitter = jitter::measure(&cpus[..cpus.len().min(2)], JITTER_WATCH).into_diagnostic()?;

    let feed = FeedReader::bind(loopback(0), Ipv4Addr::LOCALHOST).into_diagnostic()?;
    on_loopback(&mut config, feed.local_addr().into_diagnostic()?)?;
    let venue = Venue::start(&config).map_err(VenueError::of_built_in)?;
    let feed_in = venue.feed_in().ok_or_else(|| miette!("the embedded venue has no incoming feed"))?;
    out.text(format_args!(
        "venue up: {} sessions over TCP on {}, market data in on {feed_in}, {} market messages to play",
        config.ports.len(),
        venue.order_entry(),
        market.messages
    ))?;

    let mut observer = Bystander::new(&market, feed_in, feed, args)?;
    let mut script =
        MarketScript::new(configured::script(&config, args.seed, Mix::default(), OPEN_ORDERS_MAX).into_diagnostic()?);
    let spec =
        LoadSpec { sessions: configured::credentials(&config), pacing: pacing(args, &cpus, venue.order_entry()) };
    let load = load::run(&spec, &mut script, &mut observer).into_diagnostic()?;
    let (market_report, feed) = observer.finish(load.executed_resting)?;
    let stopped = venue.stop();

    let report = Report {
        title: "corelane demo: order to acknowledgement over TCP",
        load: &load,
        jitter: &jitter,
        market: Some(&market_report),
        feed: Some(feed.report()),
    };
    out.say(format_args!("\n{}", report.table(out.columns())))?;
    report.write_plot(&args.plot).into_diagnostic()?;
    out.say(format_args!("percentile plot: {}", args.plot.display()))?;
    if let Some(path) = &args.json {
        std::fs::write(path, format!("{:#}\n", report.json())).map_err(|error| Unwritable::new(path, error))?;
        out.say(format_args!("report as JSON: {}", path.display()))?;
    }
    let mut problems = report.problems();
    problems.extend(stopped.problems().into_iter().map(|problem| format!("the venue: {problem}")));
    if problems.is_empty() {
        return Ok(market.exit);
    }
    Ok(out.damaged(&miette!("the run is invalid:\n{}", problems.join("\n"))))
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// The market to play, as the bytes of a length-prefixed ITCH file.
struct Market {
    bytes: Vec<u8>,
    messages: u64,
    /// Whether a recorded day is damaged.
    exit: Exit,
}

/// A recorded day, with its instruments added to the configuration, or a generated one.
fn market(args: &DemoArgs, config: &mut Config) -> miette::Result<Market> {
    let Some(file) = &args.itch else {
        let (mut bytes, mut day) = (Vec::new(), Day::new(day(args, config)).into_diagnostic()?);
        day.read_to_end(&mut bytes).into_diagnostic()?;
        return Ok(Market { bytes, messages: day.messages(), exit: Exit::Done });
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

/// Reads a recorded file or capture, lists its damage, and returns its messages and symbols.
fn recorded(file: &Path) -> miette::Result<(Market, Vec<String>)> {
    let mut input = Input::open(&InputArgs::all_of(file.to_owned()), Order::OneSession)?;
    let (mut bytes, mut messages, mut is_itch) = (Vec::new(), 0, false);
    let mut symbols: Vec<Symbol> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    while let Some(found) = input.next() {
        messages += u64::from(found.append_to(&mut bytes));
        is_itch |= found.message.is_ok();
        let symbol = match found.message {
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
    }
    let exit = input.finish();
    if !is_itch {
        return Err(miette!(
            help = "give a recorded day, or leave out --itch to play a generated one",
            "{} has no ITCH message, so there is no market to play",
            file.display()
        ));
    }
    let symbols = symbols.iter().map(|symbol| String::from_utf8_lossy(symbol.trimmed()).into_owned()).collect();
    Ok((Market { bytes, messages, exit }, symbols))
}

/// Lets the kernel choose ports, so that the demo runs beside another venue.
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
        [_, tester, ..] => (RATE_PER_S, IdleStrategy::Busy, *tester),
        _ => (RATE_PER_S_ON_ONE_CPU, IdleStrategy::Yield, cpus[0]),
    };
    Pacing {
        duration: Duration::from_secs(args.seconds.into()),
        warmup: WARMUP,
        idle,
        cpu: Some(cpu),
        ..Pacing::new(server, args.rate.unwrap_or(rate).into())
    }
}

/// The work beside the load on the tester's thread: the market player, the feed reader and the progress bar.
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

    /// Waits until the venue's feed has reported all executions, and returns the reports.
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
        // A lost packet or a socket error shows as a gap in the feed's report.
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
