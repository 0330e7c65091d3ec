//! The latency harness: what `corelane-latency` is made of.
//!
//! | module | what it does |
//! |---|---|
//! | [`result`] | the model of a run's result: written as JSON, compared, drawn |

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod cli;
pub mod result;
