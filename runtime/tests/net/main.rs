//! The net driver, seen from both ends of real sockets.

#[path = "../net_support/mod.rs"]
mod net_support;
#[path = "../support/mod.rs"]
mod support;

mod close;
mod datagram;
mod end_input;
mod live;
mod park;
mod property;
mod reset;
mod send;
mod start;
mod stream;
mod suspend;
