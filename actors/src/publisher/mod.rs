//! The venue's feed: ITCH messages packed into MoldUDP64 packets.
//!
//! A packet is sent when it is full and at the end of a batch, and a heartbeat after a silence. The session is over when the
//! group has published the end of messages (system event C); the end of the session then follows it and takes the place of
//! heartbeats, so that it stays the last packet. If the network refuses a packet, it waits in a bounded queue. If the queue is full, the publisher takes no
//! further message ([`Step::Wait`](corelane_runtime::actor::Step::Wait)), so its producers wait. It drops nothing.
//! Subscribers can request messages that the network lost from the [retransmission server](RetransmissionConfig).

mod actor;
mod config;
mod counts;
mod packet_queue;
mod requests;
mod retransmission;

pub use actor::Publisher;
pub use config::{PAYLOAD_MIN, PublisherConfig, PublisherConfigError, RetransmissionConfig};
pub use counts::{PublisherCount, PublisherCounters, RetransmissionCount};
pub use retransmission::ANSWERS_PER_BATCH_MAX;
