//! The group: orders, risk and matching as one sequenced actor.

#[path = "../group_support/mod.rs"]
mod group_support;

mod channels;
mod day;
mod delay;
mod marks;
mod model;
mod reference_restart;
mod replay;
mod rules;
mod wiring;
