//! The server: wires the actors into a venue as a configuration says, and the commands around it.

pub mod check;
pub mod cli;
pub mod demo;
mod feeds;
pub mod itch;
pub mod placement;
pub mod run;
mod tables;
pub mod venue;
