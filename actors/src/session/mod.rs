//! Order entry: the server side of SoupBinTCP with OUCH 5.0, for all connections of a shard.
//!
//! | | |
//! |---|---|
//! | log-in | either form; wrong user or password: reject `A`; another session than today's, or a future sequence number: reject `S` |
//! | requested sequence | 1 or blank: from the start; *n*: from *n*; 0: new messages only; a message that is no longer kept: reject `S`, never a stream with a hole |
//! | answers | logged per port, also while the client is disconnected; on its return the client gets the same bytes again. The log is a window over the newest answers, of a given size in bytes; their number is not bounded |
//! | channel of numbers (`UserRefIdx`) | orders are taken in channel 0 only: an enter or a replace in another is rejected, a cancel or a modify has no effect, as for any order that is not live. Other requests are served in each |
//! | second log-in of a user | closes the first connection. It is answered once all requests of that connection are taken |
//! | end of a connection by the venue | after a time-out, a slow reader or a second log-in, requests that waited are taken first, within the client time-out; a packet that ends its connection ends it at its place |
//! | connections without a log-in | at a bound, in all or of one source address, the oldest is closed for the new one, so that silent connections lock nobody out |
//! | half-close | a client that ends its side gets all answers, then the cancels of cancel-on-disconnect, then the end |
//! | mass cancel | while a mass cancel of a port is unanswered, the port's other requests that use a number wait, so that other ports wait for one mass cancel at a time |
//! | bulkheads | an enter or a replace beyond the rate of its port, account or firm, or beyond their unanswered requests, is marked, and the group rejects it |
//! | shut gate | while the venue's breakers shut it, enters and replaces are marked |
//! | slow reader | a client that falls behind by more than a bound is disconnected; at its next log-in it continues, and nothing is lost |
//! | malformed request | an enter or a replace with a readable number is rejected by the group; any other is counted as unreadable, and too many of these in a minute, over all connections of a port, end its connection |
//! | failed group or sequencer | requests stay in the socket: nobody answers for the group. Answers that it has already sent still leave |
//!
//! # Fault model
//!
//! - Clients send anything, at any speed, and may stop reading. No size, table index or probe length depends on them.
//! - The driver may refuse any send.
//! - The edge to the sequencer may be full at any time. Requests then stay in the socket; log-ins and disconnects wait,
//!   one state per port, until there is room.
//! - An answer without the port's next number fails the actor, because a client must not get a stream with a hole.

mod actor;
mod admission;
mod announcements;
mod answers;
mod bulkhead;
mod config;
mod connections;
mod counts;
mod framer;
mod gate;
mod log;
mod log_in;
mod log_ins;
mod number_hash;
mod order_entry;
mod order_tracker;
mod request;
mod state;
mod strangers;

pub use self::{
    config::{CONNECTIONS_MAX, Compartment, Credentials, Level, SessionConfig, SessionConfigError},
    counts::SessionCount,
    framer::SoupFramer,
    gate::EntryGate,
    log::replay_log_bytes,
    order_entry::{ConnectionEnd, REPLY_LOG_SPARE_BYTES, Session, SessionOut},
};
