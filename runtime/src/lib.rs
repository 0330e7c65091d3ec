//! Corelane's runtime: pinned shards that host actors, edges between them, a sequencer and deterministic groups, and
//! a network driver on raw `io_uring`.
//!
//! Start at [`topology::Topology`]: declare shards, actors and edges, [`check`](topology::Topology::check) the whole,
//! and start it; or [`simulate`](topology::Topology::simulate) it on one thread. An actor is an implementation of
//! [`actor::Actor`].
#![deny(missing_docs)]
#![deny(clippy::disallowed_methods, clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]
#![warn(missing_debug_implementations)]

pub mod actor;
pub mod clock;
pub mod cpu;
pub mod edge;
pub mod lifecycle;
pub mod mem;
pub mod message;
pub mod net;
pub mod prelude;
pub mod sequencer;
pub mod shard;
pub mod simulation;
pub mod telemetry;
pub mod topology;

pub use shard::{Failure, panics::Place};
