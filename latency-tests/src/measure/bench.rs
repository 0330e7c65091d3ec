//! The parameters of a measurement, and the reasons why one cannot be made.

use std::{io, time::Duration};

use corelane_market::PlayError;
use corelane_tester::engine::LoadError;
use corelane_venue::VenueError;

use crate::{progress::Progress, result::HostKind, scenario::ArrivalError};

/// CPUs, lengths and seed of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Bench<'a> {
    /// The server's CPU and the tester's.
    pub cpus: [usize; 2],
    /// Turns of all contenders.
    pub rounds: usize,
    /// Measured time of each contender in each round.
    pub round: Duration,
    /// Warm-up before it.
    pub warmup: Duration,
    /// Length of an interval of the time series.
    pub interval: Duration,
    /// Seed of orders, markets and arrivals; each round takes the next.
    pub seed: u64,
    /// Whether the host is quiet enough for its tails to be judged.
    pub host: HostKind,
    /// The rate that the echo on our driver sustained in this run, if `saturation` has run.
    pub baseline_saturation: Option<BaselineSaturation>,
    /// The progress bar.
    pub progress: &'a Progress,
}

/// The highest rate of the echo on our driver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BaselineSaturation {
    /// Number of sessions.
    pub sessions: usize,
    /// Requests per second.
    pub per_s: f64,
}

/// Reason why a scenario could not be run at all. Failures under load are in the rounds' problems.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum MeasureError {
    /// The venue does not start.
    #[error("cannot start the venue")]
    Venue(#[from] VenueError),
    /// The load cannot be started.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The market cannot be played.
    #[error("cannot play the market")]
    Play(#[from] PlayError),
    /// The recorded arrivals cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Arrival(#[from] ArrivalError),
    /// A socket of the tester.
    #[error("a socket of the tester failed")]
    Socket(#[from] io::Error),
}
