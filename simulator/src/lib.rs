//! A venue in a simulated world: clients, feeds and an operator that misbehave, and an oracle that judges every message.
//!
//! A [`Spec`] names the venue's configuration, a seed, the number of requests and a [`Profile`] of faults; [`run`] plays it and
//! returns a [`Report`]. The same spec gives the same run, message by message, in every build and on every host. The venue is the
//! one that the server runs, declared by the same function, with its bytes going through the same framers.
//!
//! The fault model is the list of [`Profile`]s. What is judged:
//!
//! - each request comes out of the sequencer once, unchanged and in its client's order, or its connection was lost;
//! - each answer and each message of the feed is, byte by byte, that of the slow model for the sequenced inputs, with no
//!   number missing or twice, across reconnects;
//! - each order gets one final answer, executions are within what is open, shares and cash are conserved over all clients;
//! - the feed rebuilds the book; prices of the incoming feed are those of the other venue once it is complete;
//! - each mark of a bulkhead or a circuit breaker has its reason, and none is missing; the desk answers what it is asked for;
//! - a client that reads has each answer in time; a gap in the incoming feed is asked for;
//! - no connection ends without a cause; the counters agree;
//! - after a panic, who is restarted goes on; else the venue ends in the one way to stop, and only what was in flight is
//!   unanswered;
//! - faults off, everything comes to rest with every request answered within [`REST_NS_MAX`].
//!
//! Disks, replicas and recovery have their place beside the profiles once they exist.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod choice;
mod client;
mod feed;
mod host;
mod ledger;
mod marks;
mod operator;
mod oracle;
mod panics;
mod profile;
mod replay;
mod request;
mod shrink;
mod sites;
mod spec;
mod stage;
mod stream;
mod tape;

pub use panics::HAS_FAULT_POINTS;
pub use profile::Profile;
pub use replay::Replay;
pub use request::Kind;
pub use shrink::shrink;
pub use sites::sites;
pub use spec::{Broken, Report, Spec};
pub use stage::{REST_NS_MAX, run};

/// The venue that is simulated if none is given: a shard per role, and small bounds.
pub const VENUE_TOML: &str = include_str!("venue.toml");
