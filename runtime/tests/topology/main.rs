//! What a topology accepts, proves and delivers.

mod random_topology;
#[path = "../support/mod.rs"]
mod support;

mod check;
mod conflate;
mod delivery;
mod edge_watch;
mod mailbox;
mod rest;
mod start;
