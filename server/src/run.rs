//! `corelane run`: serves a topology until a signal stops it.

use std::{io, net::SocketAddr, path::Path};

use corelane_actors::types::{Command, KillSwitch, Scope, SequencerIn};
use corelane_config::Config;
use corelane_runtime::{
    lifecycle::Status,
    telemetry::{Counters, Metric},
};
use corelane_venue::{Venue, VenueCounters};
use miette::{IntoDiagnostic, miette};
use signal_hook::{
    consts::{SIGINT, SIGTERM, SIGUSR1, SIGUSR2},
    iterator::Signals,
};

/// Serves the topology in the file `path`.
///
/// # Errors
/// Faults of the configuration, a part that fails to start, or a stop that left work in flight.
pub(crate) fn run(path: &Path) -> miette::Result<()> {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    // Installed before the start, so that an early signal does not kill the process with open sessions.
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGUSR1, SIGUSR2]).into_diagnostic()?;
    let config = Config::load(path)?;
    let mut venue = Venue::start(&config)?;
    println!("order entry on {}", venue.order_entry());
    for (line, feed) in feed_lines(&venue, &config) {
        println!("market data in on {feed} ({line})");
    }
    if let Some(feed) = &config.feeds.outbound {
        println!("market data out to {}", feed.to);
    }
    if let Some(address) = venue.retransmission() {
        println!("market data retransmission on {address}");
    }
    println!("stop with SIGINT or SIGTERM; SIGUSR1 engages the kill switch, SIGUSR2 releases it");
    for signal in signals.forever() {
        match signal {
            SIGUSR1 => kill_switch(&mut venue, true),
            SIGUSR2 => kill_switch(&mut venue, false),
            _ => break,
        }
    }
    println!("stopping");
    let counters = venue.counters().clone();
    let outcome = venue.stop();
    print_status(&outcome.status, &counters);
    if outcome.drained {
        println!("stopped, nothing in flight was left");
        Ok(())
    } else {
        Err(miette!(
            help = "a stop waits five seconds for work in flight; look in the log for a stalled shard",
            "stopped with work in flight"
        ))
    }
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
        Err(_) => {
            tracing::error!("kill switch not {word}: the sequencer accepts no commands; send the signal again")
        }
    }
}

/// Prints the nonzero counters of all shards and actors, and the failures.
fn print_status(status: &Status, counters: &VenueCounters) {
    for shard in &status.shards {
        print_counts(&format!("shard {}", shard.name), shard.counts().map(|(count, value)| (count.label(), value)));
        for timing in shard.timings.iter().filter(|timing| !timing.histogram.is_empty()) {
            let times = &timing.histogram;
            let [p50, p99] = [0.5, 0.99].map(|quantile| times.value_at_quantile(quantile));
            println!(
                "shard {}, {}: n={} p50={p50} p99={p99} max={}",
                shard.name,
                timing.label,
                times.len(),
                times.max()
            );
        }
    }
    print_counters("order entry", &counters.session);
    print_counters("feed in", &counters.feed_in.feed);
    for (line, counters) in ["A", "B"].iter().zip(&counters.feed_in.lines) {
        print_counters(&format!("feed in, line {line}"), counters);
    }
    print_counters("feed in, recovery", &counters.feed_in.recovery);
    print_counters("feed out", &counters.feed_out.feed);
    print_counters("feed out, retransmission", &counters.feed_out.retransmission);
    for (actor, failure) in &status.failures {
        println!("actor {actor}, on input {}, {failure}", failure.header.sequence);
    }
}

fn print_counters<K: Metric>(what: &str, counters: &Counters<K>) {
    print_counts(what, counters.iter().map(|(count, value)| (count.label(), value)));
}

fn print_counts(what: &str, counts: impl Iterator<Item = (&'static str, u64)>) {
    let shown: Vec<String> =
        counts.filter(|(_, value)| *value > 0).map(|(name, value)| format!("{name}={value}")).collect();
    if !shown.is_empty() {
        println!("{what}: {}", shown.join(" "));
    }
}
