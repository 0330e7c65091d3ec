//! One MoldUDP64 session from two lines and from retransmission, put into one gapless sequence.
//!
//! The first copy of a message wins, wherever it comes from. What comes too early waits in a bounded buffer. Numbers that
//! neither line brings within a moment are asked for; what cannot be had is declared lost, and the sequence goes on
//! behind it. A session that is joined late begins with such a gap, so that asking for it replays the session.
//!
//! No I/O and no clock: packets and the time come in, messages and requests come out. It does not fail: memory is
//! allocated at the start, and no number that a peer sends is more than compared. What lines and servers say is believed
//! as far as it fits the session: nothing in MoldUDP64 could tell a forged message from a true one.

mod arbiter;
mod config;
mod gap_age;
mod gap_fill;
mod line_state;
mod message_sink;
mod reorder;

pub use arbiter::Arbiter;
pub use config::{ArbitrationConfig, GapFillConfig};
pub use gap_fill::DueRequest;
pub use message_sink::MessageSink;
pub use reorder::{MESSAGE_BYTES_MAX, reorder_buffer_bytes};
