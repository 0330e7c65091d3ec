//! The tester's side: an open-loop load generator, a market player, and what judges their figures.
//!
//! | module | what it does |
//! |---|---|
//! | [`load`] | sends orders at a fixed schedule over TCP and measures every answer from its *intended* send time |
//! | [`script`] | decides what is sent, and predicts every answer with a slow, obvious model of the venue |
//! | [`echo`] | the same load with the same timing code against an echo server |
//! | [`saturation`] | searches the highest rate that a server sustains |
//! | [`market`] | plays ITCH messages as MoldUDP64, makes a synthetic day, and counts what a venue publishes |
//! | [`jitter`] | measures the machine itself: what an event due at any instant would have waited |
//! | [`report`] | table, JSON and percentile plot, and whether the run is valid at all |
//!
//! Nothing here shares code with the server but the wire formats: plain sockets, plain system calls, one thread.
//! That is the point. A generator that waits for an answer before it sends the next request leaves out exactly the
//! requests that a stall would have delayed (*coordinated omission*), and one built on the server's own driver
//! shares its blind spots.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod clock;
pub mod echo;
pub mod engine;
pub mod jitter;
pub mod load;
pub mod market;
pub mod report;
pub mod saturation;
pub mod script;

mod pin;
mod rng;
