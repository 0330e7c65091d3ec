//! The trading actors: session, market data, order, risk, matching and publisher, as state machines without I/O.
#![deny(missing_docs)]
#![deny(clippy::disallowed_methods, clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]

pub mod group;
pub mod market_data;
pub mod matching;
pub mod messages;
pub mod order;
mod price_tree;
pub mod publisher;
pub mod record;
pub mod risk;
pub mod sequencer_policy;
pub mod session;
pub mod telemetry;
