//! What is noticed, restarted, given up and recorded when a part fails.

#[path = "../support/mod.rs"]
mod support;

mod breaker;
mod halt;
mod halt_causes;
mod incidents;
mod restart;
mod simulated;
mod stop;
