//! What every measurement needs to know, and why one cannot be made.

use std::{io, time::Duration};

use corelane_market::PlayError;
use corelane_tester::engine::LoadError;
use corelane_venue::VenueError;

use crate::{progress::Progress, result::HostKind, scenario::ArrivalError};

/// Where things run, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Bench<'a> {
    /// The server's CPU and the tester's.
    pub cpus: [usize; 2],
    /// Turns of all contenders.
    pub rounds: usize,
    /// Measured time of each contender in each round.
    pub round: Duration,
    /// Load before.
    pub warmup: Duration,
    /// Length of an interval of the time series.
    pub interval: Duration,
    /// Seed of orders, markets and arrivals; each round takes the next.
    pub seed: u64,
    /// What tails of this host mean.
    pub host: HostKind,
    /// What the echo on our driver sustained in this run, if that was searched for.
    pub baseline_saturation: Option<BaselineSaturation>,
    /// Shows how far it is.
    pub progress: &'a Progress,
}

/// The highest rate of the echo on our driver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BaselineSaturation {
    /// Over so many sessions.
    pub sessions: usize,
    /// Requests per second.
    pub per_s: f64,
}

/// Why a scenario could not be run at all. What goes wrong under load is in the rounds' problems.
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
    /// The recorded arrivals cannot be had.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Arrival(#[from] ArrivalError),
    /// A socket of the tester.
    #[error("a socket of the tester failed")]
    Socket(#[from] io::Error),
}
