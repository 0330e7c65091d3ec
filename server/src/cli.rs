//! The command line.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use corelane_codecs::{mold::SessionName, text::Symbol};
use corelane_simulator::Profile;

/// A colocated trading server on a thread-per-core actor runtime.
///
/// Without a command, runs the demo: starts a venue, plays a market into it, sends orders over TCP, checks every answer
/// and reports the latency.
#[derive(Debug, Parser)]
#[command(name = "corelane", version, arg_required_else_help = false)]
pub(crate) struct Cli {
    /// The command to run [default: demo].
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Ask a running venue for its status, bring its trading day forward, turn a kill switch or a circuit breaker, or stop it.
    ///
    /// Speaks to the Unix socket that `[admin]` of the topology names. A command that changes trading is answered when the group
    /// has carried it out. docs/operations.md says more.
    Admin(AdminArgs),
    /// Serve a topology until SIGINT, SIGTERM, SIGHUP, SIGXCPU or `corelane admin stop` ends its day (SIGUSR1 engages the kill
    /// switch, SIGUSR2 releases it).
    Run {
        /// The topology, for example config/venue.toml.
        topology: PathBuf,
    },
    /// Check a topology and this host, and print CPUs, edges, overflow policies, memory and open files, and the proof that it
    /// cannot deadlock.
    Check {
        /// The topology.
        topology: PathBuf,
    },
    /// Run a venue, a market and clients for some seconds, check every answer and report the latency.
    Demo(DemoArgs),
    /// List the records of failures that a venue has kept, or show one.
    ///
    /// A record says what failed, where and on what, what the shard did last, and what the supervisor decided. The records are in
    /// the directory that `[incidents]` of the topology names. The venue need not be running. docs/operations.md says more. The
    /// exit code is 1 if a record is damaged.
    Incidents(IncidentsArgs),
    /// Work with ITCH 5.0: files (length-prefixed) and packet captures of MoldUDP64 (pcap, pcapng), plain or gzip.
    ///
    /// Every command recognises its input by content; - stands for standard input. From a capture, each message of a
    /// session is read once, in sequence, and only from the first session unless another is chosen; `decode` prints all
    /// messages as captured. Damage is listed on standard error; the rest is used all the same, and the exit code is 1. If
    /// the input is neither ITCH nor a capture, one line says what it is, and the exit code is 2. An empty input is no
    /// damage.
    #[command(subcommand)]
    Itch(ItchCommand),
    /// Run a venue in a simulated world with faults, and judge every message.
    ///
    /// A seed decides what happens: clients, feeds and an operator trade, cancel, fail and misbehave; links lose, delay and
    /// reorder; threads stall, are paused and panic; the incoming feed begins again; the host's clock is set. A slow model
    /// predicts every answer and every message of the feed. The same seed gives the same run, on every host and in every build.
    /// The last line sums up the runs, the one before it says which fault sites were reached. If a rule was broken, the command
    /// that repeats the run is printed, and the exit code is 1.
    Sim(SimArgs),
}

/// Arguments of `sim`.
#[derive(Debug, Args)]
pub(crate) struct SimArgs {
    /// The topology [default: a built-in one with a shard per role and small bounds].
    #[arg(short, long, value_name = "FILE")]
    pub topology: Option<PathBuf>,
    /// The first seed.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// The number of seeds to run, one after the other.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: u64,
    /// The requests of each run.
    #[arg(long, value_name = "R", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub requests: u64,
    /// Which faults happen: none, network, feed, clients, operator, panics or all.
    #[arg(long, value_name = "PROFILE", default_value = "all")]
    pub faults: Profile,
    /// Repeat the run that `--shrink` has written to this file, instead of running seeds.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "seeds", "requests", "faults"])]
    pub replay: Option<PathBuf>,
    /// Make a run that breaks a rule smaller, and write it to corelane-sim-SEED.replay.
    #[arg(long)]
    pub shrink: bool,
}

/// Arguments of `incidents`.
#[derive(Debug, Args)]
pub(crate) struct IncidentsArgs {
    /// The record to show [default: a list of all].
    pub id: Option<u64>,
    /// The topology, which names the directory.
    #[arg(long, value_name = "FILE", default_value = "config/venue.toml")]
    pub topology: PathBuf,
    /// The directory itself, instead of the topology.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Arguments of `admin`.
#[derive(Debug, Args)]
pub(crate) struct AdminArgs {
    /// The topology that the venue runs, which names the socket.
    #[arg(long, value_name = "FILE", default_value = "config/venue.toml", global = true)]
    pub topology: PathBuf,
    /// The socket itself, instead of the topology.
    #[arg(long, value_name = "PATH", global = true)]
    pub socket: Option<PathBuf>,
    /// What to ask for.
    #[command(subcommand)]
    pub command: AdminCommand,
}

/// What can be asked of a running venue.
#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Print the phase of the trading day, engaged kill switches, circuit breakers, counters and failures.
    Status,
    /// Bring the trading day forward to one of its events; earlier ones that are still due come first.
    Phase {
        /// The event.
        event: PhaseEvent,
    },
    /// Engage or release a kill switch.
    ///
    /// Engaging it cancels all orders of its scope; until it is released, new orders and replaces that raise something are
    /// rejected (reason 0x20). The switches of other scopes stay as they are.
    KillSwitch {
        /// Which way to turn it.
        turn: Turn,
        #[command(flatten)]
        scope: ScopeArgs,
    },
    /// Force a circuit breaker open, disable it, let it only count, or reset it.
    ///
    /// While one is open, new orders and replaces that raise something are rejected (reason 0x0A).
    Breaker {
        /// What to do with it.
        turn: BreakerTurn,
        /// Its name in `[[breaker]]`.
        name: String,
    },
    /// End the trading day and stop: new orders are rejected, open ones cancelled, clients and the feed told, and the sockets
    /// closed.
    Stop,
    /// Let a fault point of the venue fail, once.
    #[cfg(feature = "faults")]
    Fault {
        /// The fault point, or clock; an unknown one gets the list.
        site: String,
        /// panic, panic-in-drop, loop, or stall-N for N milliseconds; for the clock, the seconds by which it is set.
        #[arg(allow_hyphen_values = true)]
        kind: String,
    },
}

/// The events of the trading day.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PhaseEvent {
    /// The feed begins with the stock directory.
    StartOfMessages,
    /// Immediate-or-cancel orders are accepted; clients are told that the day has started.
    StartOfSystemHours,
    /// All orders are accepted.
    StartOfMarketHours,
    /// Day orders are cancelled.
    EndOfMarketHours,
    /// All orders are rejected; clients are told that the day has ended.
    EndOfSystemHours,
    /// The last message of the feed, followed by the end of its session.
    EndOfMessages,
}

/// The two ways to turn a switch.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Turn {
    /// Stop trading.
    Engage,
    /// Allow it again.
    Release,
}

/// What to do with a circuit breaker.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum BreakerTurn {
    /// Keep it open until it is reset.
    Open,
    /// Let it do nothing until it is reset.
    Disable,
    /// Let it count and never open until it is reset.
    MetricsOnly,
    /// Close it, with an empty window.
    Reset,
}

/// Whose kill switch.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ScopeArgs {
    /// The kill switch of the whole venue.
    #[arg(long)]
    pub everyone: bool,
    /// The kill switch of a port, by its user.
    #[arg(long, value_name = "USER")]
    pub port: Option<String>,
    /// The kill switch of an account.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// The kill switch of a firm.
    #[arg(long, value_name = "NAME")]
    pub firm: Option<String>,
}

/// Arguments of the demo.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Play this recorded day as the market instead of a generated one: a file or a capture, as for `corelane itch`.
    #[arg(long, value_name = "FILE")]
    pub itch: Option<PathBuf>,
    /// Requests per second, over all sessions [default: 25000, or 5000 if server and clients share one CPU].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: Option<u32>,
    /// Seconds of measured load, after one second of warm-up.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: u32,
    /// Seed of the generated market and orders.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Write the percentile plot (SVG) to this file.
    #[arg(long, default_value = "corelane-demo.svg", value_name = "FILE")]
    pub plot: PathBuf,
    /// Also write the report as JSON to this file.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl Default for DemoArgs {
    fn default() -> Self {
        DemoArgs { itch: None, rate: None, seconds: 10, seed: 1, plot: "corelane-demo.svg".into(), json: None }
    }
}

/// The commands on ITCH files.
#[derive(Debug, Subcommand)]
pub(crate) enum ItchCommand {
    /// Print every change of a best bid or offer as CSV: message number, time, instrument, prices in ten-thousandths,
    /// quantities.
    Bbo {
        #[command(flatten)]
        input: InputArgs,
    },
    /// Print the books at the end of a file or capture, or at a time of its day.
    Book(BookArgs),
    /// Print one line per message.
    ///
    /// A line begins with the number of the message: its position in the file, or its sequence number in a capture. If
    /// a capture holds several sessions, the name of the session comes before it; a session that begins after the
    /// first 4 MiB is named from its first line on. Invalid messages are listed on standard error with their offset and
    /// the reason, the first 20 of them, and skipped.
    Decode {
        #[command(flatten)]
        input: InputArgs,
    },
    /// Write a synthetic day: the message mix of a real one, valid references throughout, the same for the same seed.
    Generate(GenerateArgs),
    /// Send a file or capture as MoldUDP64 packets over UDP, on one or two lines, paced by its timestamps.
    ///
    /// SIGINT, SIGTERM, SIGHUP and SIGXCPU end the session after what was sent; the exit code is then 1.
    Play(Box<PlayArgs>),
    /// Count messages by type. Everything else, unknown types included, counts as an error.
    Stats {
        #[command(flatten)]
        input: InputArgs,
        /// Print JSON with messages by type, instruments, first and last time, errors, and the sessions of a capture.
        #[arg(long)]
        json: bool,
    },
}

/// The file or capture that a command reads.
#[derive(Debug, Args)]
pub(crate) struct InputArgs {
    /// The ITCH file or capture, plain or gzip; - for standard input.
    pub file: PathBuf,
    /// From a capture, read only what was sent to this UDP port.
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// From a capture, read only this MoldUDP64 session.
    #[arg(long, value_name = "NAME", value_parser = parse_session)]
    pub session: Option<SessionName>,
}

impl InputArgs {
    /// A whole file, or the first session of a capture.
    pub(crate) fn all_of(file: PathBuf) -> Self {
        InputArgs { file, port: None, session: None }
    }
}

/// Arguments of `itch book`.
#[derive(Debug, Args)]
pub(crate) struct BookArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// Stop after the last message at or before this time [default: the end of the file].
    #[arg(long, value_name = "HH:MM:SS.nnnnnnnnn", value_parser = parse_time_of_day)]
    pub at: Option<u64>,
    /// Print only this instrument.
    #[arg(long, value_name = "S", value_parser = parse_symbol)]
    pub symbol: Option<Symbol>,
    /// Print only the best N levels of each side [default: 10, with --json all].
    #[arg(long, value_name = "N")]
    pub depth: Option<usize>,
    /// Print JSON: an array of objects with symbol, bids and asks (each [price, quantity, orders], best first), and
    /// state.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `itch generate`.
#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// Seed of the day. The same seed gives the same bytes.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Number of instruments, 1 to 65535; some are much busier than others.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub instruments: u16,
    /// Total number of messages; at least 7, plus 4 per instrument, plus the opening orders.
    #[arg(long, value_name = "M")]
    pub messages: u64,
    /// Number of orders that rest when the market opens, which sets the size of the books [default: M/400].
    #[arg(long, value_name = "ORDERS")]
    pub opening_orders: Option<u64>,
    /// The file to write; compressed if its name ends in .gz; - for standard output.
    #[arg(value_name = "OUT")]
    pub out: PathBuf,
}

/// Arguments of `itch play`.
#[derive(Debug, Args)]
pub(crate) struct PlayArgs {
    /// The ITCH file or capture, plain or gzip; - for standard input.
    pub file: PathBuf,
    /// From a capture, play only what was sent to this UDP port.
    #[arg(long, value_name = "PORT")]
    pub from_port: Option<u16>,
    /// From a capture, play only this MoldUDP64 session.
    #[arg(long, value_name = "NAME", value_parser = parse_session)]
    pub from_session: Option<SessionName>,
    /// Destination of line A.
    #[arg(long, value_name = "ADDR", value_parser = parse_destination)]
    pub to: SocketAddr,
    /// Destination of line B, which gets the same packets.
    #[arg(long, value_name = "ADDR", value_parser = parse_destination)]
    pub to_b: Option<SocketAddr>,
    /// Delay of line B behind line A, in milliseconds.
    #[arg(long, default_value_t = 0, value_name = "MS", requires = "to_b", value_parser = clap::value_parser!(u32).range(..=60_000))]
    pub skew: u32,
    /// Answer MoldUDP64 retransmission requests on this address.
    #[arg(long, value_name = "ADDR")]
    pub retransmission: Option<SocketAddr>,
    /// Number of messages kept for retransmission; the oldest are evicted first.
    #[arg(long, default_value_t = 4_194_304, value_name = "N", requires = "retransmission")]
    pub keep: usize,
    /// Seconds after the last message in which to repeat the end of session and answer requests [default: 3 with
    /// --retransmission, else 0].
    #[arg(long, value_name = "S")]
    pub linger: Option<u32>,
    /// Speed relative to the recorded pace, or `max` for as fast as the socket accepts packets.
    #[arg(long, default_value = "1", value_name = "N|max", value_parser = parse_speed)]
    pub speed: Speed,
    /// Probability that a packet is not sent, on each line.
    #[arg(long, default_value_t = 0.0, value_name = "P", value_parser = parse_probability)]
    pub loss: f64,
    /// Instead of --loss, for line A.
    #[arg(long, value_name = "P", value_parser = parse_probability)]
    pub loss_a: Option<f64>,
    /// Instead of --loss, for line B.
    #[arg(long, value_name = "P", value_parser = parse_probability, requires = "to_b")]
    pub loss_b: Option<f64>,
    /// Probability that a packet is sent twice, on each line.
    #[arg(long, default_value_t = 0.0, value_name = "P", value_parser = parse_probability)]
    pub dup: f64,
    /// Instead of --dup, for line A.
    #[arg(long, value_name = "P", value_parser = parse_probability)]
    pub dup_a: Option<f64>,
    /// Instead of --dup, for line B.
    #[arg(long, value_name = "P", value_parser = parse_probability, requires = "to_b")]
    pub dup_b: Option<f64>,
    /// Probability that a packet is sent after its successor, on each line.
    #[arg(long, default_value_t = 0.0, value_name = "P", value_parser = parse_probability)]
    pub reorder: f64,
    /// Instead of --reorder, for line A.
    #[arg(long, value_name = "P", value_parser = parse_probability)]
    pub reorder_a: Option<f64>,
    /// Instead of --reorder, for line B.
    #[arg(long, value_name = "P", value_parser = parse_probability, requires = "to_b")]
    pub reorder_b: Option<f64>,
    /// Seed of loss, duplication and reordering, which hit different packets on the two lines.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Session name in the packets, 1 to 10 printable ASCII characters [default: a new one for each run, because a
    /// receiver ignores a session that it has read].
    #[arg(long, value_name = "NAME", value_parser = parse_session)]
    pub session: Option<SessionName>,
}

/// The speed of playing a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Speed {
    /// A multiple of the recorded pace.
    Times(f64),
    /// As fast as the socket accepts packets.
    Max,
}

fn parse_speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    match text.parse() {
        Ok(times) if f64::is_finite(times) && times > 0.0 => Ok(Speed::Times(times)),
        _ => Err("expected a factor above 0, or max".to_owned()),
    }
}

fn parse_symbol(text: &str) -> Result<Symbol, String> {
    Symbol::new(text).map_err(|error| error.to_string())
}

/// Parses a time of day to nanoseconds since midnight.
fn parse_time_of_day(text: &str) -> Result<u64, String> {
    const EXPECTED: &str = "expected a time of day as HH:MM:SS or HH:MM:SS.nnnnnnnnn";
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let number = |digits: &str, len: usize, below: u64| {
        let is_number = digits.len() == len && digits.bytes().all(|digit| digit.is_ascii_digit());
        let value = is_number.then(|| digits.parse::<u64>().ok()).flatten();
        value.filter(|value| *value < below).ok_or_else(|| EXPECTED.to_owned())
    };
    let [hours, minutes, seconds] = clock.split(':').collect::<Vec<_>>()[..] else { return Err(EXPECTED.to_owned()) };
    let seconds = number(hours, 2, 24)? * 3600 + number(minutes, 2, 60)? * 60 + number(seconds, 2, 60)?;
    let fraction = number(&format!("{fraction:0<9}"), 9, 1_000_000_000)?;
    Ok(seconds * 1_000_000_000 + fraction)
}

fn parse_probability(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(probability) if (0.0..=1.0).contains(&probability) => Ok(probability),
        _ => Err("expected a probability between 0 and 1".to_owned()),
    }
}

/// Parses the address of a host or a multicast group, with its port.
fn parse_destination(text: &str) -> Result<SocketAddr, String> {
    let to: SocketAddr = text.parse().map_err(|_| "expected ip:port, such as 127.0.0.1:26477".to_owned())?;
    let is_broadcast = matches!(to.ip(), IpAddr::V4(ip) if ip.is_broadcast());
    match to.ip().is_unspecified() || is_broadcast || to.port() == 0 {
        true => {
            Err("nothing can be sent there; expected the address of a host or a multicast group, and a port".to_owned())
        }
        false => Ok(to),
    }
}

fn parse_session(text: &str) -> Result<SessionName, String> {
    match SessionName::new(text) {
        Ok(session) if !session.is_blank() => Ok(session),
        _ => Err("expected 1 to 10 printable ASCII characters".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_replay_takes_no_option_that_it_would_not_heed() {
        let parse =
            |options: &[&str]| Cli::try_parse_from([&["corelane", "sim", "--replay", "a.replay"], options].concat());
        assert!(parse(&["--shrink", "-t", "a.toml"]).is_ok());
        for option in ["--seed", "--seeds", "--requests"] {
            assert!(parse(&[option, "1"]).is_err(), "{option}");
        }
        assert!(parse(&["--faults", "all"]).is_err());
    }

    #[test]
    fn values_outside_their_ranges_are_refused() {
        for bad in ["0", "-1", "nan", "inf", "fast", ""] {
            assert!(parse_speed(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "9:30:00", "09:30", "24:00:00", "09:60:00", "09:30:00.1234567890", "09:30:00.x", "+9:30:00"] {
            assert!(parse_time_of_day(bad).is_err(), "{bad:?}");
        }
        assert_eq!(parse_time_of_day("09:30:00"), Ok(34_200_000_000_000));
        assert_eq!(parse_time_of_day("23:59:59.000000001"), Ok(86_399_000_000_001));
        assert_eq!(parse_time_of_day("00:00:00.5"), Ok(500_000_000));
        for bad in ["-0.1", "1.1", "nan", ""] {
            assert!(parse_probability(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "127.0.0.1", "127.0.0.1:0", "0.0.0.0:9", "[::]:9", "255.255.255.255:9"] {
            assert!(parse_destination(bad).is_err(), "{bad:?}");
        }
        for good in ["127.0.0.1:9", "239.192.0.1:9", "[::1]:9"] {
            assert_eq!(parse_destination(good), Ok(good.parse().unwrap()));
        }
        assert_eq!(parse_speed("max"), Ok(Speed::Max));
        assert_eq!(parse_speed("2.5"), Ok(Speed::Times(2.5)));
        assert_eq!(parse_probability("0.25"), Ok(0.25));
    }
}
