//! The network interface for actors: operations ([`Net`]), events ([`NetHandler`]) and the framing of byte streams
//! ([`Framer`]).
//!
//! [`Driver`] implements it on raw `io_uring`. Connections, receive buffers and send buffers are bounded and allocated
//! at start. A callback borrows received bytes. Bytes that a callback sends are copied to the connection's send buffer
//! and leave in the next `enter`, streams before datagrams, so that answers overtake publications.
//!
//! This room knows bytes and sockets. It knows no protocol (a [`Framer`] is plugged in), no message, no actor and no shard.
//! Nothing that a peer sends may size an allocation, index a table unchecked or make the driver wait. No system call but
//! those that [`Driver`] lists may be added, and memory that the kernel writes is touched only in `memory` and `buffers`.
//!
//! ```
//! use corelane_runtime::net::{FrameError, Framer};
//!
//! /// A two-byte big-endian length, then that many bytes.
//! struct TwoByteLength;
//!
//! impl Framer for TwoByteLength {
//!     fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
//!         let Some(length) = bytes.first_chunk() else { return Ok(None) };
//!         Ok(Some(2 + usize::from(u16::from_be_bytes(*length))))
//!     }
//! }
//!
//! assert_eq!(TwoByteLength.frame_len(&[0])?, None);
//! assert_eq!(TwoByteLength.frame_len(&[0, 3, b'a'])?, Some(5));
//! # Ok::<(), FrameError>(())
//! ```
//!
//! `runtime/examples/network_echo.rs` is a whole server.

mod buffers;
mod close;
mod close_time;
mod completion;
mod config;
mod connection;
mod control;
mod counters;
mod datagram;
mod delivery;
mod descriptors;
mod driver;
mod endpoint;
mod error;
pub(crate) mod framing;
mod interface;
mod memory;
mod parking;
mod ring;
mod submission;
mod table;

pub use self::config::DriverConfig;
pub use self::counters::NetCounters;
pub(crate) use self::delivery::FRAMES_PER_POLL;
pub(crate) use self::descriptors::descriptors;
pub use self::driver::{Driver, Owners};
pub(crate) use self::endpoint::probe;
pub use self::endpoint::{EndpointSpec, MulticastGroup, UdpSpec};
pub use self::error::NetError;
pub use self::interface::{
    CloseReason, ConnId, Datagram, EndpointId, Flow, FrameError, Framer, Net, NetHandler, SendError,
};
