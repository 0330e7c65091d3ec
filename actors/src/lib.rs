//! The trading actors: session, market data, order, risk, matching and publisher, as state machines without I/O.
#![deny(missing_docs)]
#![deny(clippy::disallowed_methods, clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]

pub mod counters;
pub mod engine;
pub mod market_data;
mod price_tree;
pub mod publisher;
pub mod record;
pub mod sequencer_policy;
pub mod session;
pub mod types;
