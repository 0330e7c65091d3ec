//! A venue in a simulated world: clients, feeds and an operator that misbehave, and an oracle that judges every message.
//!
//! A [`Spec`] names the venue's configuration, a seed, the number of requests and a [`Profile`] of faults; [`run`] plays it and
//! returns a [`Report`]. The same spec gives the same run, message by message, in every build and on every host. The venue is the
//! one that the server runs, declared by the same function, with its bytes going through the same framers.
//!
//! The fault model is the list of [`Profile`]s. `docs/simulation.md` lists what is judged: every message byte by byte against the
//! slow model, every order's end, the books that follow from the feed, time limits, causes of disconnects, and what a panic may cost.
//! With the faults off, everything must come to rest within [`REST_NS_MAX`], with every request answered.
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
