//! Actor frameworks: an actor on each of two pinned threads, each with a runtime that never sleeps, so that no message
//! waits for a wake-up by the kernel.
//!
//! `tell` sends a message to the other actor, which sends one back, as our actors do; `ask` awaits the answer of one
//! actor outside of another.

mod actix;
mod framework;
mod kameo;
mod ractor;

use super::peer::Peer;

/// All of them.
pub const ALL: &[Peer] = &[actix::TELL, actix::ASK, kameo::TELL, kameo::ASK, ractor::TELL, ractor::ASK];
