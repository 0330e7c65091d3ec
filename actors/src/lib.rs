//! The trading actors: session, market data, order, risk, matching and publisher, as state machines without I/O.
#![deny(missing_docs)]
#![forbid(unsafe_code)]

pub mod counters;
pub mod market_data;
pub mod messages;
pub mod publisher;
pub mod session;
