//! Runs scenarios: sides in turns, round by round.
//!
//! | module | what it runs |
//! |---|---|
//! | `order_ack` | orders at a rate, beside echoes |
//! | `saturation` | orders at the highest rate |
//! | `feed` | a market into the venue |
//! | `hop` | messages between shards |
//! | `engine` | commands in process |
//! | `market_data` | ITCH from memory |
//! | [`scaling`] | sweeps over sizes |
//! | [`estimate`] | how long it all takes, before it starts |

mod client;
mod engine;
pub mod estimate;
mod feed;
mod hop;
mod hops;
mod load;
mod market;
mod market_data;
mod order_ack;
mod reconnecting;
mod recorder;
mod relay;
mod rivals;
mod saturation;
pub mod scaling;
mod side;
mod slow_reader;
mod stalls;

use std::{io, time::Duration};

use corelane_market::PlayError;
use corelane_tester::engine::LoadError;
use corelane_venue::VenueError;

pub use self::market_data::MARKET_DATA_THREAD;
use crate::{
    judge,
    profiler::stages::Stages,
    progress::Progress,
    result::{self, HostKind},
    scenario::{ArrivalError, Kind, Scenario},
};

/// Where things run, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Bench<'a> {
    /// The server's CPU and the tester's.
    pub cpus: [usize; 2],
    /// Turns of all sides.
    pub rounds: usize,
    /// Measured time of each side in each round.
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
    pub floor_saturation: Option<FloorSaturation>,
    /// Shows how far it is.
    pub progress: &'a Progress,
    /// Hears where the turns of ours are, for a profile.
    pub stages: &'a Stages,
}

/// The highest rate of the echo on our driver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FloorSaturation {
    /// Over so many sessions.
    pub sessions: usize,
    /// Requests per second.
    pub per_s: f64,
}

impl FloorSaturation {
    /// What a search for it showed, if that is what was run.
    pub fn of(scenario: &Scenario, seen: &[result::Scenario]) -> Option<Self> {
        let [seen] = seen else { return None };
        let per_s = judge::rounds(&seen.sides, order_ack::ECHO, "saturation")?;
        let per_s = result::median(&per_s).filter(|_| scenario.kind == Kind::Saturation)?;
        Some(Self { sessions: scenario.sessions, per_s })
    }
}

/// Why a scenario could not be run at all. What goes wrong under load is in the rounds' problems.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum MeasureError {
    /// The venue does not start.
    #[error("the venue does not start")]
    Venue(#[from] VenueError),
    /// The load cannot be started.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The market cannot be played.
    #[error("the market cannot be played")]
    Play(#[from] PlayError),
    /// The recorded arrivals cannot be had.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Arrival(#[from] ArrivalError),
    /// A socket of the tester.
    #[error("a socket of the tester failed")]
    Socket(#[from] io::Error),
}

/// Runs one scenario: a result for each of its rates.
///
/// # Errors
/// [`MeasureError`] if it cannot be run at all.
pub fn scenario(name: &str, scenario: &Scenario, bench: &Bench<'_>) -> Result<Vec<result::Scenario>, MeasureError> {
    Ok(match scenario.kind {
        Kind::Hop => vec![hop::run(name, scenario, bench)],
        Kind::Engine => vec![engine::run(name, scenario, bench)],
        Kind::Decode | Kind::Books => vec![market_data::run(name, scenario, bench)],
        Kind::OrderAck => order_ack::run(name, scenario, bench)?,
        Kind::Saturation => vec![saturation::run(name, scenario, bench)?],
        Kind::FeedToBook => vec![feed::run(name, scenario, bench)?],
    })
}
