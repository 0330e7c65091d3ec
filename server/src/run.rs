//! `corelane run`: serves a topology until a signal stops it.

use std::{
    io::{self, IsTerminal},
    net::SocketAddr,
    path::Path,
    thread,
    time::Duration,
};

use corelane_actors::types::{Command, KillSwitch, Scope, SequencerIn};
use corelane_config::Config;
use corelane_console::{Exit, LostOutput, Output};
use corelane_runtime::{
    lifecycle::{ClockStatus, Outcome, Status},
    telemetry::{Counters, Metric},
};
use corelane_venue::{Venue, VenueCounters};
use miette::{IntoDiagnostic, miette};
use signal_hook::{
    consts::{SIGINT, SIGTERM, SIGUSR1, SIGUSR2},
    iterator::Signals,
};

/// How often `run` looks for signals, and whether the venue still runs.
const LOOK_PERIOD: Duration = Duration::from_millis(20);

/// Serves the topology in the file `path`.
///
/// A venue whose addresses nobody can read stops again. If standard output is lost later, the venue serves on, and the
/// exit code tells.
///
/// # Errors
/// Faults of the configuration, a part that fails to start, or lost output. Failed actors and work left in flight end
/// with [`Exit::Damaged`].
pub(crate) fn run(path: &Path, out: &mut Output) -> miette::Result<Exit> {
    log_to_stderr();
    // Installed before the start, so that an early signal does not kill the process with open sessions.
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGUSR1, SIGUSR2]).into_diagnostic()?;
    let config = Config::load(path)?;
    let mut venue = Venue::start(&config)?;
    out.say(addresses(&venue, &config))?;
    let mut is_asked_to_stop = false;
    // It ends by itself when a part has failed without which it does not go on.
    while !is_asked_to_stop && venue.is_running() {
        for signal in signals.pending() {
            match signal {
                SIGUSR1 => kill_switch(&mut venue, true),
                SIGUSR2 => kill_switch(&mut venue, false),
                _ => is_asked_to_stop = true,
            }
        }
        thread::sleep(LOOK_PERIOD);
    }
    let announced = out.say("stopping");
    let counters = venue.counters().clone();
    let outcome = venue.stop();
    let exit = ended(&outcome, out);
    announced?;
    print_status(&outcome.status, &counters, out)?;
    if outcome.is_clean() {
        out.say("stopped, nothing in flight was left")?;
    }
    Ok(exit)
}

/// Logs to standard error, with colours only on a terminal and unless `NO_COLOR` is set.
fn log_to_stderr() {
    let is_plain = !io::stderr().is_terminal() || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    // A log that cannot be written is nothing to panic about.
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(!is_plain).log_internal_errors(false).init();
}

/// What a client needs to know, as one text: a reader of its first line does not make the others fail.
fn addresses(venue: &Venue, config: &Config) -> String {
    let mut lines = vec![format!("order entry on {}", venue.order_entry())];
    lines.extend(feed_lines(venue, config).map(|(line, feed)| format!("market data in on {feed} ({line})")));
    lines.extend(config.feeds.outbound.as_ref().map(|feed| format!("market data out to {}", feed.to)));
    lines.extend(venue.retransmission().map(|address| format!("market data retransmission on {address}")));
    lines.push("stop with SIGINT or SIGTERM; SIGUSR1 engages the kill switch, SIGUSR2 releases it".to_owned());
    lines.join("\n")
}

/// Lists what was wrong at the end.
fn ended(outcome: &Outcome, out: &mut Output) -> Exit {
    let damage = outcome.problems();
    if damage.is_empty() {
        return Exit::Done;
    }
    out.damaged(&miette!(
        help = "the log says when and where; a stop waits five seconds for work in flight",
        "{}",
        damage.join("\n")
    ))
}

/// The lines of the incoming feed and the addresses that they arrive on.
fn feed_lines(venue: &Venue, config: &Config) -> impl Iterator<Item = (&'static str, SocketAddr)> {
    let has_line_b = config.feeds.inbound.as_ref().is_some_and(|feed| feed.line_b.is_some());
    ["line A", "line B"].into_iter().zip(venue.feed_in_addresses().to_vec()).take(1 + usize::from(has_line_b))
}

fn kill_switch(venue: &mut Venue, engaged: bool) {
    let command = KillSwitch::new(Scope::Everyone, engaged);
    let word = if engaged { "engaged" } else { "released" };
    match venue.control().send(SequencerIn::Command(Command::KillSwitch(command))) {
        Ok(()) => tracing::warn!("kill switch {word} for everyone"),
        Err(refused) => tracing::error!("kill switch not {word}: {refused}"),
    }
}

/// Prints the nonzero counters of all shards and actors.
fn print_status(status: &Status, counters: &VenueCounters, out: &mut Output) -> Result<(), LostOutput> {
    for shard in &status.shards {
        print_counts(
            &format!("shard {}", shard.name),
            shard.counts().map(|(count, value)| (count.label(), value)),
            out,
        )?;
        for timing in shard.timings.iter().filter(|timing| !timing.histogram.is_empty()) {
            let times = &timing.histogram;
            let [p50, p99] = [0.5, 0.99].map(|quantile| times.value_at_quantile(quantile));
            out.say(format_args!(
                "shard {}, {}: n={} p50={p50} p99={p99} max={}",
                shard.name,
                timing.label,
                times.len(),
                times.max()
            ))?;
        }
    }
    print_counters("order entry", &counters.session, out)?;
    print_counters("group", &counters.group, out)?;
    print_counters("feed in", &counters.feed_in.feed, out)?;
    for (line, counters) in ["A", "B"].iter().zip(&counters.feed_in.lines) {
        print_counters(&format!("feed in, line {line}"), counters, out)?;
    }
    print_counters("feed in, recovery", &counters.feed_in.recovery, out)?;
    print_counters("feed out", &counters.feed_out.feed, out)?;
    print_counters("feed out, retransmission", &counters.feed_out.retransmission, out)?;
    let ClockStatus { time_of_day_ns, offset_ns, .. } = status.clock;
    out.say(format_args!("clock: time_of_day_ns={time_of_day_ns} wall_clock_ahead_ns={offset_ns}"))?;
    Ok(())
}

fn print_counters<K: Metric>(what: &str, counters: &Counters<K>, out: &mut Output) -> Result<(), LostOutput> {
    print_counts(what, counters.iter().map(|(count, value)| (count.label(), value)), out)
}

fn print_counts(
    what: &str,
    counts: impl Iterator<Item = (&'static str, u64)>,
    out: &mut Output,
) -> Result<(), LostOutput> {
    let shown: Vec<String> =
        counts.filter(|(_, value)| *value > 0).map(|(name, value)| format!("{name}={value}")).collect();
    if shown.is_empty() {
        return Ok(());
    }
    out.say(format_args!("{what}: {}", shown.join(" ")))
}
