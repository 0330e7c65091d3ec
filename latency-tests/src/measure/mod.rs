//! Runs scenarios: contenders in turns, round by round.
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

mod bench;
pub(crate) mod client;
mod contender;
mod engine;
pub mod estimate;
mod feed;
mod hop;
mod hops;
mod load;
mod market;
mod market_data;
mod order_ack;
mod peers;
mod reconnecting;
mod recorder;
mod relay;
mod saturation;
pub mod scaling;
mod slow_reader;
mod stalls;

pub use self::{
    bench::{BaselineSaturation, Bench, MeasureError},
    saturation::baseline_saturation,
};
use crate::{
    result,
    scenario::{Kind, Scenario},
};

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
