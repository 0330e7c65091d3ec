//! `corelane run`: serves a topology until told to stop.

use std::{io, path::Path};

use corelane_actors::{
    counters::{CounterName, Counters},
    messages::{Command, KillSwitch, SequencerIn},
    session::Count,
};
use corelane_config::Config;
use corelane_runtime::running::Status;
use miette::{IntoDiagnostic, miette};
use signal_hook::{
    consts::{SIGINT, SIGTERM, SIGUSR1, SIGUSR2},
    iterator::Signals,
};

use crate::venue::Venue;

/// Serves the topology in the file `path`.
///
/// # Errors
/// Faults of the configuration, what refuses to start, and a stop that could not finish what was in flight.
pub fn run(path: &Path) -> miette::Result<()> {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    // Before the start: a signal that comes early must not kill the process with sessions open.
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGUSR1, SIGUSR2]).into_diagnostic()?;
    let config = Config::load(path)?;
    let mut venue = Venue::start(&config)?;
    println!("order entry on {}", venue.order_entry());
    if let Some(feed) = venue.feed_in() {
        println!("market data in on {feed}");
    }
    if let Some(feed) = &config.feeds.outbound {
        println!("market data out to {}", feed.to);
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
    let session_counts = venue.session_counts().clone();
    let outcome = venue.stop();
    print_status(&outcome.status, &session_counts);
    if outcome.drained {
        println!("stopped, nothing in flight was left");
        Ok(())
    } else {
        Err(miette!(
            help = "raise the deadline, or look for a shard that stalled in the log",
            "stopped with work in flight"
        ))
    }
}

fn kill_switch(venue: &mut Venue, engaged: bool) {
    let command = KillSwitch { account: KillSwitch::EVERYONE, engaged: engaged.into() };
    let word = if engaged { "engaged" } else { "released" };
    match venue.control().send(SequencerIn::Command(Command::KillSwitch(command))) {
        Ok(()) => tracing::warn!("kill switch {word} for every account"),
        Err(_) => {
            tracing::error!("kill switch not {word}: the sequencer does not take commands; send the signal again")
        }
    }
}

/// Counters of every shard and of order entry that are not zero, and failures.
fn print_status(status: &Status, session_counts: &Counters<Count>) {
    for shard in &status.shards {
        let counters = corelane_runtime::telemetry::Counter::ALL.iter().zip(shard.counters);
        print_counts(&format!("shard {}", shard.name), counters.map(|(counter, value)| (counter.label(), value)));
    }
    print_counts("order entry", session_counts.iter().map(|(count, value)| (count.name(), value)));
    for (actor, failure) in &status.failures {
        println!("actor {actor} failed at {} on input {}", failure.place, failure.header.sequence);
    }
}

fn print_counts(what: &str, counts: impl Iterator<Item = (&'static str, u64)>) {
    let shown: Vec<String> =
        counts.filter(|(_, value)| *value > 0).map(|(name, value)| format!("{name}={value}")).collect();
    println!("{what}: {}", shown.join(" "));
}
