//! Corelane's runtime.
#![deny(missing_docs)]

pub mod clock;
pub mod cpu;
pub mod net;
pub mod telemetry;
pub mod timer;
