//! Order entry: the server side of SoupBinTCP for all connections of a shard, with OUCH 5.0 inside.
//!
//! | | |
//! |---|---|
//! | log-in | either form; wrong user or password: reject `A`; another session than today's, or a sequence number that is still to come: reject `S` |
//! | requested sequence | 1 or blank: from the start; *n*: from *n*; 0: only what is new |
//! | answers | kept per port, whether or not the client is there; a client that comes back is sent the same bytes again |
//! | second log-in of a user | takes over; the first connection is closed |
//! | slow reader | a client that was up to date and falls behind by more than a bound is closed; nothing is lost, it reads on at its next log-in |
//! | malformed request | answered by the group if its number is readable, else counted; too many end the connection |
//! | sequence used up | requests are ignored, the group is told that the client is gone, and the session ends when its last order is dead |
//! | group failed | what was not answered is rejected, what was open is cancelled, once; new orders are rejected |
//!
//! # Fault model
//!
//! Clients send anything, at any speed, and may stop reading. They choose no size, no table index and no probe
//! length here. The driver may refuse any send. The edge to the sequencer may be full at any time: requests are then
//! left in the socket, and what has to be said without one (log-ins, disconnects) is kept per port until there is
//! room. An answer that does not have the port's next number fails the actor: a stream with a hole must not reach
//! a client.

mod actor;
mod admission;
mod announcements;
mod answers;
mod config;
mod connections;
mod counts;
mod framer;
mod log;
mod log_in;
mod number_hash;
mod order_entry;
mod order_tracker;
mod request;
mod state;

pub use self::{
    admission::MALFORMED_MAX,
    config::{CONNECTIONS_MAX, Credentials, SessionConfig, SessionConfigError},
    counts::SessionCount,
    framer::SoupFramer,
    log::{MESSAGES_MAX, replay_log_bytes},
    order_entry::{Session, SessionOut},
};
