//! The result of a run: what is printed, written as JSON, compared and drawn.
//!
//! One [`Run`] holds [`Scenario`]s. A scenario measures its [`Contender`]s in turns, round by round: ours, peers, a
//! *baseline* (what the machine gives without us) and a *control* (the baseline once more). A [`Ratio`] compares two
//! contenders within each round, because the machine's speed drifts between rounds. A [`Promise`] is a figure of one
//! contender by itself that has a threshold.
//!
//! Units are in the names: `_ns` nanoseconds, `_s` seconds, `_per_s` per second, `_bytes`; shares are from 0 to 1. A
//! field that is absent was not measured; zero was. [`SCHEMA_VERSION`] grows when a reader of an older version would
//! misread; readers take what they do not know for absent.

mod contender;
mod judged;
mod latency;
mod run;
mod scenario;
mod stats;
#[cfg(test)]
mod tests;

pub use contender::{
    Availability, Contender, Counts, Hop, Interval, Rate, Recovery, Resources, Role, Round, SweepPoint,
};
pub use judged::{Control, Judgement, Promise, Ratio, Threshold, Unjudged};
pub use latency::{EncodedHistogram, HistogramError, Latency, Percentiles};
pub use run::{Context, Host, HostKind, Jitter, ResultError, Run, SCHEMA_VERSION, Scaling, ScalingPoint, Verdict};
pub use scenario::{Category, Scenario};
pub use stats::{Spread, growth_exponent, median};
