//! Arbitration: one gapless sequence from the two lines and the retransmission of a MoldUDP64 session.
//!
//! - The first copy of a message wins, from either line or from retransmission.
//! - A message that comes too early waits in a bounded buffer.
//! - If neither line brings a message within the configured wait, the arbiter requests it. If that fails too, the
//!   message is lost, and the sequence continues after it.
//! - What is missing below a number that only one packet speaks for is requested, and given up only if another packet
//!   confirms it ([`frontier`]).
//! - Joining a session late is a gap at its start, so requesting that gap replays the session.
//! - A run may be replayed once beside the live sequence, for books that the feed has contradicted ([`rejoin`]).
//! - When the feed begins a new session, or begins again under the same name, the arbiter follows it ([`succession`]).
//!
//! # Fault model
//!
//! Lines and servers send anything, in any order. No I/O, no clock: packets and the time go in, messages and requests
//! come out. All memory is allocated at the start, and numbers from peers are compared, never used as sizes. MoldUDP64
//! has no authentication, so the arbiter cannot detect a forged message that fits the session.

mod arbiter;
mod claims;
mod config;
mod ended;
mod fingerprints;
mod frontier;
mod gap_age;
mod gap_fill;
mod line_state;
mod message_sink;
mod readable;
mod rejoin;
mod reorder;
mod replay;
mod succession;
mod successor;

pub use arbiter::Arbiter;
pub use config::{ArbitrationConfig, GapFillConfig};
pub use gap_fill::DueRequest;
pub use message_sink::MessageSink;
pub use reorder::MESSAGE_BYTES_MAX;
