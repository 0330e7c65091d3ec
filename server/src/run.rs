//! `corelane run`: serves a topology until it is told to stop.

use std::{
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use corelane_actors::types::{KillSwitch, Scope};
use corelane_config::Config;
use corelane_console::{Exit, LostOutput, Output, stop_signals};
use corelane_runtime::{
    cpu,
    lifecycle::{ClockStatus, Status},
    telemetry::{Counters, Metric},
};
use corelane_venue::{Request, Stopped, Venue, VenueCounters, check_address_space, declare, spare_address_space};
use miette::miette;
use signal_hook::consts::SIGHUP;

use crate::{connection_log::ConnectionLog, incidents::incidents_directory, log::Log, signals::Signals};

/// How often `run` looks for signals, and whether the venue still runs.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Serves the topology in the file `path`.
///
/// A venue whose addresses cannot be written stops again. If standard output is lost later, or its reader stands still, the
/// venue serves on, and the exit code tells.
///
/// # Errors
/// Faults of the configuration, a part that fails to start, or lost output. Failed actors and work left in flight end
/// with [`Exit::Damaged`].
pub(crate) fn run(path: &Path, out: &mut Output) -> miette::Result<Exit> {
    spare_address_space();
    // Before any thread starts, so that all signals come to this one.
    let signals = Signals::install()?;
    let log = signals.kept_to_this_thread(Log::to_stderr)?;
    // A reader that stands still keeps neither a signal nor the stop.
    signals.kept_to_this_thread(|| out.write_aside())?;
    let config = Config::load(path)?;
    let socket = admin_socket(path, &config);
    check_address_space(&config)?;
    let mut declared = declare(&config, &cpu::allowed_cpus())?;
    declared.count_lost_log_lines_in(log.lost());
    if let Some(directory) = incidents_directory(path, &config) {
        declared.record_incidents(&directory);
    }
    // So far nothing is to be stopped, and the file may have come from a pipe that says nothing.
    signals.stop_in_order();
    let mut venue = signals.kept_to_this_thread(|| declared.start_with_socket(&config, socket.as_deref()))?;
    let mut connections = venue.take_connection_ends().map(|ends| ConnectionLog::new(ends, &config));
    let mut said = out.say(addresses(&venue, &config, socket.as_deref()));
    // It ends by itself when a part has failed without which it does not go on.
    while said.is_ok() && !signals.say_stop() && !venue.is_stopping() && venue.is_running() {
        if let Some(engaged) = signals.kill_switch() {
            // What the group has done, or has not, is in the log.
            let _ = venue.ask(Request::KillSwitch(KillSwitch::new(Scope::Everyone, engaged)));
        }
        connections.iter_mut().for_each(ConnectionLog::write);
        thread::sleep(LOOK_AGAIN);
        said = out.flush().map_err(LostOutput::from);
    }
    if signals.say_cpu_time_is_used() {
        tracing::error!(
            "the process has used the CPU time that it may have (RLIMIT_CPU or RLIMIT_RTTIME); raise the limit \
             (`ulimit -t`, in systemd LimitCPU= or LimitRTTIME=)"
        );
    }
    tracing::info!("stopping");
    let counters = venue.counters().clone();
    let stopped = venue.stop();
    // Nobody could find the venue.
    said?;
    connections.iter_mut().for_each(ConnectionLog::write);
    // What is left is a report. If nobody reads it, a second signal ends the process.
    signals.end_the_process();
    drop(log);
    let exit = ended(&stopped, out);
    print_status(&stopped.outcome.status, &counters, out)?;
    if stopped.problems().is_empty() {
        out.say("stopped, nothing in flight was left")?;
    }
    Ok(exit)
}

/// What a client needs to know, as one text: a reader of its first line does not make the others fail.
fn addresses(venue: &Venue, config: &Config, socket: Option<&Path>) -> String {
    let mut lines = vec![format!("order entry on {}", venue.order_entry())];
    lines.extend(feed_lines(venue, config).map(|(line, feed)| format!("market data in on {feed} ({line})")));
    lines.extend(config.feeds.outbound.as_ref().map(|feed| format!("market data out to {}", feed.to)));
    lines.extend(venue.retransmission().map(|address| format!("market data retransmission on {address}")));
    lines.extend(socket.map(|socket| format!("admin socket {}", socket.display())));
    // Under `nohup`, it stops on no SIGHUP.
    let stops =
        if stop_signals().any(|signal| signal == SIGHUP) { "SIGINT, SIGTERM or SIGHUP" } else { "SIGINT or SIGTERM" };
    lines.push(format!("stop with {stops}; SIGUSR1 engages the kill switch, SIGUSR2 releases it"));
    lines.join("\n")
}

/// Lists what was wrong at the end.
fn ended(stopped: &Stopped, out: &mut Output) -> Exit {
    let damage = stopped.problems();
    if damage.is_empty() {
        return Exit::Done;
    }
    out.damaged(&miette!(
        help = "the log says when and where; a stop waits five seconds for work in flight, and two for clients to read",
        "{}",
        damage.join("\n")
    ))
}

/// The path of the operator's socket; a relative one begins at the folder of the topology.
pub(crate) fn admin_socket(topology: &Path, config: &Config) -> Option<PathBuf> {
    let folder = topology.parent().unwrap_or(Path::new(""));
    config.admin.as_ref().map(|admin| folder.join(&admin.socket))
}

/// The lines of the incoming feed and the addresses that they arrive on.
fn feed_lines(venue: &Venue, config: &Config) -> impl Iterator<Item = (&'static str, SocketAddr)> {
    let has_line_b = config.feeds.inbound.as_ref().is_some_and(|feed| feed.line_b.is_some());
    ["line A", "line B"].into_iter().zip(venue.feed_in_addresses().to_vec()).take(1 + usize::from(has_line_b))
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
