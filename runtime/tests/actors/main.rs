//! What an actor is told and may do: hooks, steps, timers, connections, panics.

#[path = "../support/mod.rs"]
mod support;

mod answers_first;
mod net;
mod panics;
mod sequenced;
mod steps;
mod timers;
