//! The venue that one would write on tokio: the same SoupBinTCP, OUCH, risk, matching and ITCH feed, over the same
//! sockets, under the same tester.
//!
//! | server | how |
//! |---|---|
//! | [`channels()`] | idiomatic: tasks of each connection read and write, one task matches, one publishes; `mpsc` channels between them |
//! | [`single_threaded()`] | tuned: one runtime that never sleeps, matching called by the task that has read the order, answers written before it reads on |
//!
//! Both use our codecs, so that bytes cost them what they cost us, and collections of `std`. They keep no answers for
//! clients that come back, which our venue does: that is in their favour.

mod channels;
mod checks;
mod exchange;
mod feed;
mod inbox;
mod server;
mod single_threaded;

use corelane_tester::{engine::Pacing, script::Mix};

use self::server::Server;
use crate::wire::{self, Run};

/// Differences of [`channels()`] from our venue, for readers of a ratio to it.
pub const CHANNELS_DIFFER: &str = "idiomatic: a task reads and one writes for each connection, one matches, one publishes, \
     mpsc channels between them; no replay log: it keeps no answers for clients that come back";
/// Differences of [`single_threaded()`] from our venue.
pub const SINGLE_THREADED_DIFFERS: &str = "tuned: one runtime that never sleeps, matching is called by the task that has \
     read the order; no replay log: it keeps no answers for clients that come back";

/// tokio with channels on `cpu`, under a load of orders.
///
/// The runtime is a current-thread one: it has one CPU, on which a runtime of several threads would only switch between
/// them.
///
/// # Panics
/// If an answer is missing or wrong, there are more sessions than configured, or the server does not start.
pub fn channels(cpu: usize, sessions: usize, seed: u64, mix: Mix, pacing: Pacing) -> Run {
    run("tokio with channels", cpu, sessions, (seed, mix), pacing, channels::serve)
}

/// tokio without channels on one spinning thread on `cpu`, under a load of orders.
///
/// # Panics
/// As [`channels()`].
pub fn single_threaded(cpu: usize, sessions: usize, seed: u64, mix: Mix, pacing: Pacing) -> Run {
    run("single-threaded tokio", cpu, sessions, (seed, mix), pacing, single_threaded::serve)
}

fn run(
    name: &str,
    cpu: usize,
    sessions: usize,
    (seed, mix): (u64, Mix),
    pacing: Pacing,
    serve: fn(server::Setup) -> server::Serving,
) -> Run {
    let market = wire::Market::new(sessions);
    let server = Server::start(cpu, &market.config, serve);
    let measured = market.load(seed, mix, Pacing { server: server.address(), ..pacing.clone() });
    Run::new(name, measured, &pacing, server.stop())
}

/// Results of one round, all under the same load.
#[derive(Debug)]
pub struct Round {
    /// Our venue.
    pub ours: Run,
    /// See [`channels()`].
    pub channels: Run,
    /// See [`single_threaded()`].
    pub single_threaded: Run,
}

/// Runs one round: the three servers in turns on `server_cpu`.
///
/// # Panics
/// As [`channels()`].
pub fn round(server_cpu: usize, sessions: usize, seed: u64, mix: Mix, pacing: &Pacing) -> Round {
    Round {
        ours: wire::venue(sessions, seed, mix, pacing.clone()),
        channels: channels(server_cpu, sessions, seed, mix, pacing.clone()),
        single_threaded: single_threaded(server_cpu, sessions, seed, mix, pacing.clone()),
    }
}
