//! Corelane's runtime.
#![deny(missing_docs)]

pub mod net;
