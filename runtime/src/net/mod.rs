//! The network as actors see it: a port ([`Net`]), the events that come out of it ([`NetHandler`]) and the
//! framing it applies to byte streams ([`Framer`]).
//!
//! [`Driver`] implements the port on raw `io_uring`. Everything is bounded and allocated at start: connections,
//! receive buffers, send buffers. Bytes are borrowed in a callback; what a callback sends is copied to the
//! connection's own send buffer and leaves in the next `enter`, streams before datagrams, so that answers
//! overtake publications.

mod buffers;
mod completion;
mod config;
mod connection;
mod control;
mod counters;
mod datagram;
mod delivery;
mod driver;
mod endpoint;
mod error;
mod framing;
mod memory;
mod parking;
mod ring;
mod submission;
mod table;

use std::net::SocketAddr;

pub use config::DriverConfig;
pub use counters::NetCounters;
pub use driver::{Driver, Owners};
pub use endpoint::{EndpointSpec, MulticastGroup, UdpSpec};
pub use error::NetError;

/// A connection of a driver: slot and generation, so that a handle kept too long never reaches a later
/// connection in the same slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnId {
    /// Index in the driver's table, below `connections_max`.
    pub slot: u32,
    /// How often the slot has been reused.
    pub generation: u32,
}

/// A configured socket (a listener, an outgoing connection, a UDP socket): its index in the order of
/// declaration on its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EndpointId(pub u32);

/// A received datagram, borrowed for the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Who sent it.
    pub from: SocketAddr,
    /// When the kernel received it, by its software (`SO_TIMESTAMPNS`, before the socket's queue), in nanoseconds of
    /// `CLOCK_REALTIME` since 1970 UTC. Absent if the endpoint does not ask (see [`UdpSpec::kernel_times`]).
    pub kernel_utc_ns: Option<u64>,
    /// Its bytes.
    pub payload: &'a [u8],
}

/// What a handler did with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// The frame was consumed.
    Taken,
    /// There is no room behind the handler: offer the same frame again in a later cycle and stop reading this
    /// connection meanwhile, so that TCP pushes the peer back.
    Hold,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CloseReason {
    /// The peer closed its side.
    Peer,
    /// The handler asked for it.
    Local,
    /// The peer's bytes are no frame (see [`FrameError`]).
    BadFrame,
    /// The peer read too slowly: its send buffer was full.
    SlowReader,
    /// The socket failed (reset, unreachable, refused).
    Socket,
    /// All `connections_max` slots are taken: closed straight after accept.
    TooMany,
    /// The shard stops.
    Shutdown,
}

impl CloseReason {
    /// Every reason, in the order of their numbers; counters are indexed by it.
    pub const ALL: [CloseReason; 7] = [
        CloseReason::Peer,
        CloseReason::Local,
        CloseReason::BadFrame,
        CloseReason::SlowReader,
        CloseReason::Socket,
        CloseReason::TooMany,
        CloseReason::Shutdown,
    ];
}

/// Why a send was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The connection's send buffer has no room for the bytes; nothing of them was taken. The handler decides:
    /// wait for [`NetHandler::on_writable`], or close with [`CloseReason::SlowReader`].
    #[error("the connection's send buffer is full; wait for on_writable or close the slow reader")]
    Full,
    /// The handle's connection is gone.
    #[error("the connection is closed")]
    Closed,
    /// It could never be sent: a datagram longer than the socket's `payload_max`, or bytes beyond a connection's
    /// whole send buffer.
    #[error("longer than the socket's payload_max (datagrams) or than send_buffer_bytes (streams)")]
    TooLong,
}

/// Bytes that cannot be a frame; the connection is closed with [`CloseReason::BadFrame`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The frame's length is over the connection's `max_frame`.
    #[error("frame of {length} bytes is longer than max_frame")]
    TooLong {
        /// The length that the peer claims, in bytes.
        length: usize,
    },
    /// The bytes break the framing's rules (for example a length of zero).
    #[error("malformed frame")]
    Malformed,
}

/// Finds frames in a byte stream. The runtime knows no protocol: a codec's framing is plugged in by the
/// endpoint that uses it.
pub trait Framer: Send {
    /// The length in bytes of the first frame in `bytes` (its header included), or `None` while `bytes` is too
    /// short to tell or to hold it. A length beyond `bytes` may be told as soon as it is known: a frame over
    /// `max_frame` is then refused at once instead of after `max_frame` bytes.
    ///
    /// # Errors
    /// [`FrameError`] when no further byte can make a frame of it.
    fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError>;
}

/// What an actor may ask of the network.
pub trait Net {
    /// Queues `bytes` on a connection, all or nothing. They leave in the shard's next `enter`.
    ///
    /// # Errors
    /// [`SendError::Full`], [`SendError::Closed`], or [`SendError::TooLong`] if the bytes would not even fit an empty
    /// send buffer.
    fn send(&mut self, conn: ConnId, bytes: &[u8]) -> Result<(), SendError>;

    /// Bytes that [`Net::send`] would take on this connection now; 0 once closed.
    fn send_room(&self, conn: ConnId) -> usize;

    /// Queues one datagram on a UDP endpoint, to its configured destination. Datagrams leave after the streams'
    /// bytes of the same cycle.
    ///
    /// # Errors
    /// [`SendError::Full`] when all the endpoint's send slots are in flight, [`SendError::TooLong`],
    /// [`SendError::Closed`] if the endpoint is no UDP socket with a destination.
    fn send_datagram(&mut self, endpoint: EndpointId, payload: &[u8]) -> Result<(), SendError>;

    /// Queues one datagram on a UDP endpoint that sends, to `to`: the answer to a datagram that came from there. A
    /// destination of another address family than the endpoint's costs that datagram, as one that nobody has does.
    ///
    /// # Errors
    /// As [`Net::send_datagram`].
    fn send_datagram_to(&mut self, endpoint: EndpointId, to: SocketAddr, payload: &[u8]) -> Result<(), SendError>;

    /// Ends a connection: what is queued is still flushed where the reason allows (`Local`, `Shutdown`), then the
    /// socket is closed. [`NetHandler::on_close`] follows with `reason` once the slot is drained.
    fn close(&mut self, conn: ConnId, reason: CloseReason);

    /// The address that an endpoint is bound to (the real port where 0 was asked for); `None` for an outgoing
    /// connection, whose address is the kernel's choice.
    fn local_addr(&self, endpoint: EndpointId) -> Option<SocketAddr>;
}

/// What the network tells the actor that owns an endpoint.
pub trait NetHandler {
    /// A connection was accepted or an outgoing one is established.
    fn on_open(&mut self, net: &mut dyn Net, endpoint: EndpointId, conn: ConnId, peer: SocketAddr);
    /// One whole frame, borrowed for the call.
    fn on_frame(&mut self, net: &mut dyn Net, conn: ConnId, frame: &[u8]) -> Flow;
    /// One datagram.
    fn on_datagram(&mut self, net: &mut dyn Net, endpoint: EndpointId, datagram: &Datagram<'_>);
    /// A connection that refused a send has room again (at least half of its buffer).
    fn on_writable(&mut self, net: &mut dyn Net, conn: ConnId);
    /// A connection is gone; its handle is dead from here on. For an outgoing connection that was never
    /// established, `on_open` did not precede.
    fn on_close(&mut self, net: &mut dyn Net, endpoint: EndpointId, conn: ConnId, reason: CloseReason);
}
