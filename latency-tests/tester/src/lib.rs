//! The tester: an open-loop load generator, and the checks that decide whether its figures count.
//!
//! | module | what it does |
//! |---|---|
//! | [`load`] | sends orders over TCP on a fixed schedule and measures every answer from its *intended* send time |
//! | [`script`] | chooses the requests, and predicts every answer with a slow but obvious model of the venue |
//! | [`configured`] | takes sessions, instruments and limits from a venue's configuration |
//! | [`echo`] | generates the same load with the same timing code for an echo server |
//! | [`saturation`] | searches for the highest rate that a server sustains |
//! | [`jitter`] | measures the machine itself: how long an event due at a random instant would have waited |
//! | [`report`] | renders a table, JSON and a percentile plot, and decides whether the run is valid |
//!
//! The tester shares only the wire formats and the schema of the configuration with the server. It uses plain sockets,
//! plain system calls and one thread, on purpose: a generator built on the server's own driver would share its blind
//! spots. And it never waits for an answer before it sends the next request, because then it would omit exactly the
//! requests that a stall would have delayed (*coordinated omission*).
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use corelane_codecs::price::Price;
//! use corelane_codecs::text::Symbol;
//! use corelane_tester::engine::{LoadError, Pacing};
//! use corelane_tester::load::{self, Credentials, LoadSpec};
//! use corelane_tester::script::{Instrument, Limits, MarketScript, MarketSpec, Mix, Rules};
//! use corelane_tester::{jitter, report::Report};
//!
//! # fn main() -> Result<(), LoadError> {
//! let jitter = jitter::measure(&[0, 1], Duration::from_secs(1))?;
//! let mut script = MarketScript::new(MarketSpec {
//!     seed: 1,
//!     // One session, the only one that trades this instrument.
//!     sessions: vec![vec![Instrument {
//!         symbol: Symbol::from_bytes(*b"CLN01   "),
//!         reference_price: Price::from_raw(1_000_000),
//!         tick: Price::from_raw(100),
//!         lot: 1,
//!     }]],
//!     limits: Limits {
//!         quantity_max: 100_000,
//!         notional_max: Price::from_raw(100_000_000_0000),
//!         far_percent: 25,
//!     },
//!     rules: Rules::default(),
//!     mix: Mix::default(),
//!     open_orders_max: 32,
//!     first_user_ref: 1,
//!     overload_reasons: Vec::new(),
//! });
//! let spec = LoadSpec {
//!     sessions: vec![Credentials { user: "DEMO01".into(), password: "corelane".into() }],
//!     pacing: Pacing { cpu: Some(1), ..Pacing::new("127.0.0.1:9001".parse().unwrap(), 25_000.0) },
//! };
//! let load = load::run(&spec, &mut script, &mut ())?;
//! let report = Report { title: "Demo", load: &load, jitter: &jitter, market: None, feed: None };
//! println!("{}", report.table(None));
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod clock;
pub mod configured;
pub mod echo;
pub mod engine;
pub mod jitter;
pub mod load;
pub mod report;
pub mod saturation;
pub mod script;

mod grouped;
mod load_error;
mod pin;
