//! The venue's feed: ITCH messages packed into MoldUDP64 packets.
//!
//! Packets leave at the end of a batch or when they are full, a heartbeat when nothing has left for a while, and the
//! end of the session on stop. What the network refuses is kept, in order, in a ring of packets; when the ring is
//! full the publisher takes no further message ([`Step::More`]), which holds its producers back. Nothing is dropped.
//! What subscribers miss all the same they can ask for again, see [`Retransmission`](RetransmissionConfig).

mod actor;
mod config;
mod counts;
mod packet_queue;
mod retransmission;

pub use actor::Publisher;
pub use config::{PAYLOAD_MIN, PublisherConfig, PublisherConfigError, RetransmissionConfig};
pub use counts::{PublisherCount, PublisherCounters, RetransmissionCount};
pub use retransmission::ANSWERS_PER_BATCH_MAX;
