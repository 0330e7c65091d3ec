//! The venue's feed: ITCH messages packed into MoldUDP64 packets.
//!
//! A packet is sent when it is full and at the end of a batch, a heartbeat after a silence, and the end of the session
//! on stop. If the network refuses a packet, it waits in a bounded queue. If the queue is full, the publisher takes no
//! further message ([`Step::More`](corelane_runtime::actor::Step::More)), so its producers wait. It drops nothing.
//! Subscribers can request messages that the network lost from the [retransmission server](RetransmissionConfig).

mod actor;
mod config;
mod counts;
mod packet_queue;
mod retransmission;

pub use actor::Publisher;
pub use config::{PAYLOAD_MIN, PublisherConfig, PublisherConfigError, RetransmissionConfig};
pub use counts::{PublisherCount, PublisherCounters, RetransmissionCount};
pub use retransmission::ANSWERS_PER_BATCH_MAX;
