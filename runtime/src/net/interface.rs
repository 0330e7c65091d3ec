//! The network as its users see it: handles, events, operations and framing.

use std::net::SocketAddr;

use super::NetError;

/// A handle of a connection. The generation keeps a stale handle from reaching a later connection in the same slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnId {
    /// The index in the driver's table, below `connections_max` plus the number of outgoing endpoints.
    pub slot: u32,
    /// The number of times that the slot has been reused.
    pub generation: u32,
}

/// A configured socket (a listener, an outgoing connection or a UDP socket), by its index in the order of declaration
/// on its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EndpointId(pub u32);

/// A received datagram, borrowed for the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// The sender's address.
    pub from: SocketAddr,
    /// The kernel's software receive timestamp (`SO_TIMESTAMPNS`, taken before the socket's queue), in nanoseconds of
    /// `CLOCK_REALTIME` since 1970 UTC. `None` unless the endpoint requests it (see [`UdpSpec::kernel_times`](super::UdpSpec::kernel_times)).
    pub kernel_utc_ns: Option<u64>,
    /// The payload.
    pub payload: &'a [u8],
}

/// An actor's answer to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// The actor consumed the frame.
    Taken,
    /// The actor has no room for what the frame leads to. The driver offers the same frame again in a later cycle and stops reading
    /// this connection until then, so that TCP applies backpressure to the peer.
    Hold,
}

/// The reason why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CloseReason {
    /// The peer closed its side of the connection, and the handler then closed ours.
    Peer,
    /// The handler closed the connection.
    Local,
    /// The peer sent bytes that cannot be a frame, or a frame that is too long (see [`FrameError`]). By default
    /// [`DriverConfig::max_frame_bytes`](super::DriverConfig::max_frame_bytes) is 1,024.
    BadFrame,
    /// The peer read too slowly, and its send buffer was full.
    SlowReader,
    /// The socket failed (reset, unreachable, refused).
    Socket,
    /// All `connections_max` slots were taken; the connection was closed straight after accept.
    TooMany,
    /// The shard is stopping.
    Shutdown,
}

impl CloseReason {
    /// All reasons, in the order of their numbers. Counters are indexed by this number.
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

/// The reason why a send was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The send buffer (or, for datagrams, the send slots) has no room. Nothing was queued. The handler of a connection
    /// either waits for [`NetHandler::on_writable`] or closes with [`CloseReason::SlowReader`].
    #[error("the send buffer is full; wait for on_writable, or close the slow reader")]
    Full,
    /// The connection no longer exists, or the endpoint cannot send.
    #[error(
        "the connection is closed, or the endpoint cannot send: a datagram needs UdpSpec::to or send_datagram_to, and send_slots"
    )]
    Closed,
    /// The bytes can never be sent: a datagram is longer than the socket's `payload_max`, or a stream send is longer
    /// than the whole send buffer.
    #[error(
        "the send is longer than the socket's payload_max (datagrams) or send_buffer_bytes (streams); raise that setting"
    )]
    TooLong,
}

/// An error of the framing. The driver closes the connection with [`CloseReason::BadFrame`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The frame is longer than [`DriverConfig::max_frame_bytes`](super::DriverConfig::max_frame_bytes).
    #[error("frame of {length} bytes is longer than max_frame_bytes")]
    TooLong {
        /// The length that the peer announced, in bytes.
        length: usize,
    },
    /// The bytes violate the framing's rules, for example by a length of zero.
    #[error("malformed frame")]
    Malformed,
}

/// Splits a byte stream into frames. The runtime knows no protocol; each endpoint brings the framing of its codec.
pub trait Framer: Send {
    /// The length of the first frame in `bytes`, header included, in bytes. `None` if `bytes` is too short to tell or
    /// does not hold the whole frame. A framer may return the length of an incomplete frame, and should do so as early
    /// as possible: a frame longer than [`DriverConfig::max_frame_bytes`](super::DriverConfig::max_frame_bytes) is then rejected at once, instead of after
    /// that many bytes.
    ///
    /// # Errors
    /// [`FrameError`] if no further bytes can complete a valid frame.
    fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError>;
}

/// The network operations available to an actor.
pub trait Net {
    /// Queues `bytes` on a connection, all or nothing. They leave when the shard next enters the kernel. If a send has failed
    /// since, because the peer has reset the connection, they are discarded: frames that were received before are still
    /// delivered, and then [`NetHandler::on_close`] follows.
    ///
    /// # Errors
    /// [`SendError::Full`], [`SendError::Closed`], or [`SendError::TooLong`] if the bytes would not fit even an empty
    /// send buffer.
    fn send(&mut self, conn: ConnId, bytes: &[u8]) -> Result<(), SendError>;

    /// The number of bytes that [`Net::send`] would accept on this connection now; 0 if it is closed.
    fn send_room(&self, conn: ConnId) -> usize;

    /// Queues one datagram on a UDP endpoint, to its configured destination. Datagrams leave after the stream bytes of
    /// the same cycle, and in the order of queueing. If the socket's send buffer (sysctl `net.core.wmem_default`) is full
    /// meanwhile, those of one cycle may leave in another order, as the network may reorder them too.
    ///
    /// # Errors
    /// [`SendError::Full`] if all the endpoint's send slots are taken, [`SendError::TooLong`], or [`SendError::Closed`]
    /// if the endpoint is not a UDP socket with a destination.
    fn send_datagram(&mut self, endpoint: EndpointId, payload: &[u8]) -> Result<(), SendError>;

    /// Queues one datagram on a sending UDP endpoint to the address `to`, such as the answer to a datagram from there.
    /// If the address family of `to` differs from the endpoint's, the datagram is lost, as with an unreachable address.
    ///
    /// # Errors
    /// As [`Net::send_datagram`].
    fn send_datagram_to(&mut self, endpoint: EndpointId, to: SocketAddr, payload: &[u8]) -> Result<(), SendError>;

    /// Closes a connection. With the reasons `Local`, `Shutdown` and `Peer`, queued bytes are flushed first.
    /// [`NetHandler::on_close`] follows with `reason` when the slot is drained. Until then, another reason frees the slot at
    /// once: bytes not yet sent are lost, and so may be sent ones that the peer has not read, if it still sends.
    fn close(&mut self, conn: ConnId, reason: CloseReason);

    /// Ends the input of a connection: what the kernel has received so far is still delivered, and then
    /// [`NetHandler::on_half_close`] follows. What the peer sends later is lost. A handler that closes a connection only then
    /// discards no frame that it has held. It makes two system calls. Nothing happens if the peer has ended its side, or if the
    /// connection is closing.
    fn end_input(&mut self, conn: ConnId);

    /// Opens an outgoing connection again, after its [`NetHandler::on_close`]. [`NetHandler::on_open`] follows, or
    /// [`NetHandler::on_close`] if it cannot be established. It makes two system calls. An actor that waits between attempts sets
    /// a timer.
    ///
    /// # Errors
    /// [`NetError::Reconnect`] if the endpoint is not an outgoing connection, if its last connection is not closed yet, or
    /// if the shard is stopping; also socket errors, such as a lack of descriptors.
    fn reconnect(&mut self, endpoint: EndpointId) -> Result<ConnId, NetError>;

    /// The address that an endpoint is bound to, with the actual port if port 0 was configured. `None` for an outgoing
    /// connection, whose address the kernel chooses.
    fn local_addr(&self, endpoint: EndpointId) -> Option<SocketAddr>;
}

/// The network events of the actor that owns an endpoint.
pub trait NetHandler {
    /// A connection was accepted, or an outgoing connection was established.
    fn on_open(&mut self, net: &mut dyn Net, endpoint: EndpointId, conn: ConnId, peer: SocketAddr);
    /// A complete frame, borrowed for the call.
    fn on_frame(&mut self, net: &mut dyn Net, conn: ConnId, frame: &[u8]) -> Flow;
    /// A datagram, borrowed for the call.
    fn on_datagram(&mut self, net: &mut dyn Net, endpoint: EndpointId, datagram: &Datagram<'_>);
    /// The peer has ended its side of the connection (FIN), or the handler has by [`Net::end_input`], and all that was received
    /// before has been taken. The peer may still read: whether it does cannot be told. The handler can send until it calls
    /// [`Net::close`] with [`CloseReason::Peer`], which it must in the end, at once if it owes nothing.
    fn on_half_close(&mut self, net: &mut dyn Net, conn: ConnId);
    /// A connection that rejected a send has room again: at least half of its send buffer.
    fn on_writable(&mut self, net: &mut dyn Net, conn: ConnId);
    /// A connection ended, and its handle is invalid from now on. An outgoing connection that could not be established
    /// reports `on_close` without `on_open`.
    fn on_close(&mut self, net: &mut dyn Net, endpoint: EndpointId, conn: ConnId, reason: CloseReason);
}
