//! The checks of a topology before it starts, with the proof that full edges cannot deadlock it.
//!
//! # What is proved
//!
//! A checked topology never stands still while a message waits in it: as long as one does, some actor can run a step. Nothing
//! is lost on an edge with backpressure.
//!
//! It is not proved that the messages ever come to an end: two actors that answer each answer keep each other busy.
//!
//! # Why
//!
//! The cell runs a step only while every edge with backpressure out of its actor has room for all that the step may send
//! (`OUTPUTS_MAX`). That is all that a step waits for. So an actor that cannot run has a full edge, and waits for the consumer
//! of that edge. An actor never waits for
//!
//! - an edge that drops its newest message, or conflates, or is a mailbox;
//! - an *admission* edge: a step that answers a message may not send there. Only network and timer callbacks do. A frame is
//!   taken only with room for two steps on every edge, and stays outside otherwise;
//! - an *in-flight* edge: the protocol of its two actors bounds what is on it, and check demands room for that and for two
//!   steps more;
//! - an edge to a reader outside the topology, as long as that reader keeps reading or is gone.
//!
//! Check refuses the topology if the edges that remain have a circle. Without one, walk from any actor that has a message and
//! cannot run along its full edges: each step leads to an actor that has a message too, and the walk ends, at an actor with
//! messages and no full edge. That one runs.
//!
//! # What it rests on
//!
//! - Every edge with backpressure takes two steps of its producer, so that an empty one never blocks (checked here).
//! - A step sends at most `OUTPUTS_MAX` messages per edge, no answer on an admission edge, and no more than declared on an
//!   in-flight edge; an actor that does fails (the port enforces it).
//! - A failed actor's messages are taken off its edges, so that nobody waits for it (its cell does). A supervised one's wait for
//!   its next generation, or for the end (its supervisor brings one of the two).
//! - A shard polls each of its actors in every turn, or every few turns (the shard does).
//! - Each step returns, and its actor answers [`Step::Done`](crate::actor::Step::Done) in the end (the actor's word).
//! - Readers outside the topology keep reading (their word).
//!
//! What hooks that cannot be put off send (start, a timer, end of batch, a neighbour's failure, a closed connection) waits in
//! the port if there is no room. It goes before anything else that its actor sends, and delays a step like a full edge does. An
//! actor that leaves more waiting than a batch of steps may send fails (the port enforces it). While anything waits, no timer
//! fires (its cell does).

mod cpus;
mod deadlock;
mod edges;
mod error;
mod names;
mod net;
mod report;
mod sequenced;
mod supervision;

pub use self::error::{TopologyError, TopologyErrors};
pub use self::report::{Checked, CheckedEdge, CheckedShard, CheckedSupervisor};
