//! The latency harness, the library behind `corelane-latency`.
//!
//! | module | what it does |
//! |---|---|
//! | [`run`], [`faults`], [`shipped`] | the commands, one module each |
//! | [`scenario`], [`profile`] | what is measured and how long, as TOML |
//! | [`measure`] | runs the contenders of a scenario in turns |
//! | [`target`] | the servers under load: the venue, echoes |
//! | [`judge`] | ratios and promises, and whether they are met |
//! | [`confidence`] | confidence intervals of a factor |
//! | [`result`] | the model of a run's result: written as JSON, compared, drawn |
//! | [`budget`] | figures beside their limits, for the gate |
//! | [`compare`] | what changed between two runs |
//! | [`report`] | tables, files, the last lines |
//!
//! Server and tester share a process and nothing else: the server is the real one on its own pinned threads, and the
//! tester ([`corelane_tester`]) has plain sockets and a CPU of its own.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod budget;
pub mod cli;
pub mod compare;
pub mod confidence;
mod context;
pub mod faults;
pub mod judge;
pub mod measure;
mod memory;
pub mod profile;
pub mod progress;
pub mod report;
pub mod result;
pub mod run;
pub mod scenario;
pub mod shipped;
pub mod target;
