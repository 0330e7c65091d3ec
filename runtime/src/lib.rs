//! Corelane's runtime: pinned shards that host actors, edges between them, a sequencer and deterministic groups, and
//! a network driver on raw `io_uring`.
//!
//! Start at [`topology::Topology`]: declare shards, actors and edges, [`check`](topology::Topology::check) the whole,
//! and start it; or [`simulate`](topology::Topology::simulate) it on one thread. An actor is an implementation of
//! [`actor::Actor`].
#![deny(missing_docs)]

pub mod actor;
mod agenda;
mod cell;
pub mod check;
pub mod clock;
mod conflated;
pub mod cpu;
mod duty;
mod group;
mod inlet;
pub mod mem;
pub mod message;
pub mod net;
mod outlet;
mod panics;
mod plan;
pub mod port;
mod queue;
pub mod running;
pub mod sequencer;
mod shard;
pub mod sim;
mod site;
mod stages;
pub mod telemetry;
pub mod time;
pub mod timer;
pub mod topology;
mod transport;
mod wake;

pub use panics::Place;
pub use shard::Failure;
