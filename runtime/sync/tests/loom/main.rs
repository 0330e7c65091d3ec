//! Models of all protocols of the crate, run by `cargo xtask loom`, and with weakened orderings by `cargo xtask
//! mutants`.
//!
//! Loom runs each model through all interleavings (up to a given number of preemptions, where there is one) and lets
//! each load return every value that the memory model allows. A lost wake-up shows as a deadlock.

#![cfg(corelane_loom)]

mod conflate;
mod rest;
mod seqlock;
mod stage;
mod trail;
mod wake;

/// Explores every interleaving of `model`.
fn exhaustive(model: impl Fn() + Send + Sync + 'static) {
    loom::model::Builder::new().check(model);
}

/// Explores every interleaving of `model` with at most `preemptions` involuntary switches.
fn bounded(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}
