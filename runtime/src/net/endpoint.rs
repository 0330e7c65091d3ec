//! The configuration and the opening of a driver's sockets. Sockets are opened at start and on
//! [`Net::reconnect`](super::Net::reconnect).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::error::NetError;
use super::{EndpointId, Framer, control};

/// A socket to open at start, for [`Topology::net_actor`](crate::topology::Topology::net_actor). Its [`EndpointId`] is its
/// index among the sockets of its shard; the actor's factory is given the ids of the actor's own.
pub enum EndpointSpec {
    /// A listener for TCP connections.
    Listen {
        /// The address to bind. With port 0 the kernel chooses the port (see
        /// [`Running::addresses`](crate::lifecycle::Running::addresses) and [`Net::local_addr`](super::Net::local_addr)).
        addr: SocketAddr,
        /// The framing of the accepted connections. By default a frame has at most 1,024 bytes
        /// ([`DriverConfig::max_frame_bytes`](super::DriverConfig::max_frame_bytes) of the shard).
        framer: Box<dyn Framer>,
        /// The number of established connections that may wait to be accepted; capped by `net.core.somaxconn`.
        backlog: u16,
    },
    /// An outgoing TCP connection, opened at start. Once it has closed, its actor opens it again by
    /// [`Net::reconnect`](super::Net::reconnect).
    Connect {
        /// The peer's address.
        addr: SocketAddr,
        /// The framing of the connection.
        framer: Box<dyn Framer>,
    },
    /// A UDP socket, unicast or IPv4 multicast, for receiving, sending or both.
    Udp(UdpSpec),
}

impl fmt::Debug for EndpointSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EndpointSpec::Listen { addr, framer: _, backlog } => {
                f.debug_struct("Listen").field("addr", addr).field("backlog", backlog).finish_non_exhaustive()
            }
            EndpointSpec::Connect { addr, framer: _ } => {
                f.debug_struct("Connect").field("addr", addr).finish_non_exhaustive()
            }
            EndpointSpec::Udp(udp) => f.debug_tuple("Udp").field(udp).finish(),
        }
    }
}

impl EndpointSpec {
    /// The number of datagram sends that can be in flight.
    pub(super) fn send_slots(&self) -> usize {
        match self {
            EndpointSpec::Udp(udp) => usize::from(udp.send_slots),
            _ => 0,
        }
    }

    /// What it asks for that no socket can do, and what to do about it.
    pub(crate) fn contradiction(&self) -> Option<&'static str> {
        match self {
            EndpointSpec::Udp(udp) => udp.contradiction(),
            EndpointSpec::Listen { .. } | EndpointSpec::Connect { .. } => None,
        }
    }

    /// The address that it is bound to, if that is not the kernel's choice.
    pub(crate) fn bound(&self) -> Option<SocketAddr> {
        let addr = match self {
            EndpointSpec::Listen { addr, .. } => *addr,
            EndpointSpec::Udp(udp) => udp.bind,
            EndpointSpec::Connect { .. } => return None,
        };
        (addr.port() != 0).then_some(addr)
    }

    /// Whether only one of the two can be opened at a time.
    pub(crate) fn collides_with(&self, other: &EndpointSpec) -> bool {
        let is_possible = match (self, other) {
            (EndpointSpec::Listen { .. }, EndpointSpec::Listen { .. }) => true,
            // Those that join groups share their address.
            (EndpointSpec::Udp(one), EndpointSpec::Udp(other)) => one.groups.is_empty() || other.groups.is_empty(),
            _ => false,
        };
        // An IPv4 address that is written as one of IPv6 is one of IPv4.
        let canonical = |addr: SocketAddr| SocketAddr::new(addr.ip().to_canonical(), addr.port());
        let (Some(one), Some(other)) = (self.bound().map(canonical), other.bound().map(canonical)) else {
            return false;
        };
        let includes = |any: SocketAddr, one: SocketAddr| {
            // The unspecified address of IPv6 takes IPv4 too.
            any.ip().is_unspecified() && (any.is_ipv6() || one.is_ipv4())
        };
        is_possible
            && one.port() == other.port()
            && (one.ip() == other.ip() || includes(one, other) || includes(other, one))
    }
}

/// The configuration of a UDP socket. [`UdpSpec::receiver`], [`UdpSpec::sender`] and [`UdpSpec::peer`] fill in the
/// usual values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpSpec {
    /// The address to bind. For a multicast group, bind the group's address, so that the socket does not receive other
    /// groups on the same port.
    pub bind: SocketAddr,
    /// The destination of [`Net::send_datagram`](super::Net::send_datagram). Without it, the socket sends only by
    /// [`Net::send_datagram_to`](super::Net::send_datagram_to). With it, the socket needs send slots, and an address to bind from
    /// which it can be reached: an IPv4 address reaches no IPv6 address.
    pub to: Option<SocketAddr>,
    /// The multicast groups to join.
    pub groups: Vec<MulticastGroup>,
    /// The address of the interface that sends multicast. Without it, the routing table decides.
    pub multicast_interface: Option<Ipv4Addr>,
    /// Whether group members on this host receive the multicast that this socket sends (`IP_MULTICAST_LOOP`).
    pub multicast_loop: bool,
    /// The maximum number of hops of sent multicast (`IP_MULTICAST_TTL`); 1 stays on the local network.
    pub multicast_ttl: u8,
    /// Whether the socket receives datagrams.
    pub receive: bool,
    /// The longest payload to send, in bytes.
    pub payload_max: u16,
    /// The number of datagrams that may wait to be sent; further ones are rejected with
    /// [`SendError::Full`](super::SendError::Full). With 0 slots and no destination, the endpoint only receives.
    pub send_slots: u16,
    /// The size of the socket's receive buffer (`SO_RCVBUF`), which absorbs bursts, in bytes; capped by
    /// `net.core.rmem_max`. Without it, the system's default.
    pub socket_receive_bytes: Option<u32>,
    /// Whether datagrams carry the kernel's receive timestamp (`SO_TIMESTAMPNS`). If any socket of the host requests
    /// timestamps, the kernel reads the clock for every packet.
    pub kernel_times: bool,
}

impl UdpSpec {
    /// A receive-only socket.
    #[must_use]
    pub fn receiver(bind: SocketAddr) -> Self {
        UdpSpec { receive: true, send_slots: 0, ..UdpSpec::sender(bind, bind).without_destination() }
    }

    /// A send-only socket: payloads of up to 1,400 bytes, up to 256 of them per cycle, multicast loopback on, TTL 1.
    #[must_use]
    pub fn sender(bind: SocketAddr, to: SocketAddr) -> Self {
        UdpSpec {
            bind,
            to: Some(to),
            groups: Vec::new(),
            multicast_interface: None,
            multicast_loop: true,
            multicast_ttl: 1,
            receive: false,
            payload_max: 1400,
            send_slots: 256,
            socket_receive_bytes: None,
            kernel_times: false,
        }
    }

    /// A socket that receives, and sends only to explicit destinations, such as either end of a request/response
    /// protocol.
    #[must_use]
    pub fn peer(bind: SocketAddr) -> Self {
        UdpSpec { receive: true, ..UdpSpec::sender(bind, bind).without_destination() }
    }

    /// Joins `group` on the interface that has the address `interface`.
    #[must_use]
    pub fn join(mut self, group: Ipv4Addr, interface: Ipv4Addr) -> Self {
        self.groups.push(MulticastGroup { group, interface });
        self
    }

    fn contradiction(&self) -> Option<&'static str> {
        let of_both = self.bind.is_ipv6() && (self.bind.ip().is_unspecified() || mapped(self.bind));
        match self.to {
            Some(_) if self.send_slots == 0 => Some(
                "it has a destination and no send slots, so that every send would be refused; set send_slots to 1 or more, or `to` \
                 to None",
            ),
            Some(to) if self.bind.is_ipv4() && to.is_ipv6() => Some(
                "it is bound to an IPv4 address, and its destination is an IPv6 address, to which the kernel sends nothing from \
                 there; bind an IPv6 address, such as [::]:0",
            ),
            Some(to) if self.bind.is_ipv6() && to.is_ipv4() && !of_both => Some(
                "it is bound to an IPv6 address, and its destination is an IPv4 address, to which the kernel sends nothing from \
                 there; bind an IPv4 address, such as 0.0.0.0:0",
            ),
            None if self.send_slots == 0 && !self.receive => {
                Some("it neither receives nor has send slots; set receive to true, or send_slots to 1 or more")
            }
            _ if !self.groups.is_empty() && !self.receive => {
                Some("it joins multicast groups and does not receive; set receive to true, or leave the groups out")
            }
            _ if self.multicast_interface.is_some() && self.bind.is_ipv6() => Some(
                "it has an interface for multicast, which is for IPv4 only; bind an IPv4 address, such as 0.0.0.0:0, or set \
                 multicast_interface to None",
            ),
            _ => None,
        }
    }

    fn without_destination(mut self) -> Self {
        self.to = None;
        self
    }
}

/// Whether it is an IPv4 address in the form of an IPv6 address.
fn mapped(addr: SocketAddr) -> bool {
    matches!(addr.ip(), IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some())
}

/// The membership of an IPv4 multicast group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MulticastGroup {
    /// The group's address, in 224.0.0.0/4.
    pub group: Ipv4Addr,
    /// The address of the interface to join on. With 0.0.0.0 the routing table decides.
    pub interface: Ipv4Addr,
}

/// Tries whether an endpoint could be opened. Nothing stays open, and nobody can connect meanwhile.
pub(crate) fn probe(id: EndpointId, spec: &EndpointSpec) -> Result<(), NetError> {
    match spec {
        EndpointSpec::Listen { addr, .. } => bound_tcp_socket(id, *addr).map(drop),
        EndpointSpec::Udp(spec) => udp(id, spec).map(drop),
        // The peer decides.
        EndpointSpec::Connect { .. } => Ok(()),
    }
}

/// Opens a listening socket, and returns it with its bound address.
pub(super) fn listen(id: EndpointId, addr: SocketAddr, backlog: u16) -> Result<(OwnedFd, SocketAddr), NetError> {
    let failed = |step| move |error| NetError::socket(id.0, addr, step, error);
    let fd = bound_tcp_socket(id, addr)?;
    rustix::net::listen(&fd, i32::from(backlog)).map_err(failed("listen"))?;
    let bound = local_addr(id, addr, &fd)?;
    Ok((fd, bound))
}

fn bound_tcp_socket(id: EndpointId, addr: SocketAddr) -> Result<OwnedFd, NetError> {
    let failed = |step| move |error| NetError::socket(id.0, addr, step, error);
    let fd = tcp_socket(id, addr)?;
    // So that a restarted server need not wait for old connections to leave TIME_WAIT.
    sockopt::set_socket_reuseaddr(&fd, true).map_err(failed("SO_REUSEADDR"))?;
    rustix::net::bind(&fd, &addr).map_err(failed("bind"))?;
    Ok(fd)
}

/// Creates a TCP socket for an outgoing connection or a listener. Accepted sockets inherit `TCP_NODELAY` from the
/// listener.
///
/// The socket stays blocking. The ring then tries without blocking and waits for readiness by itself; with a
/// non-blocking socket it would return EAGAIN to us instead.
pub(super) fn tcp_socket(id: EndpointId, addr: SocketAddr) -> Result<OwnedFd, NetError> {
    let failed = |step| move |error| NetError::socket(id.0, addr, step, error);
    let fd = rustix::net::socket_with(family(addr), SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(failed("socket"))?;
    sockopt::set_tcp_nodelay(&fd, true).map_err(failed("TCP_NODELAY"))?;
    Ok(fd)
}

/// Opens a UDP socket, and returns it with its bound address.
pub(super) fn udp(id: EndpointId, spec: &UdpSpec) -> Result<(OwnedFd, SocketAddr), NetError> {
    let addr = spec.bind;
    let failed = |step| move |error| NetError::socket(id.0, addr, step, error);
    let fd = rustix::net::socket_with(family(addr), SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .map_err(failed("socket"))?;
    if !spec.groups.is_empty() {
        // Several processes on a host may listen to the same group and port.
        sockopt::set_socket_reuseaddr(&fd, true).map_err(failed("SO_REUSEADDR"))?;
    }
    if let Some(bytes) = spec.socket_receive_bytes {
        sockopt::set_socket_recv_buffer_size(&fd, bytes as usize).map_err(failed("SO_RCVBUF"))?;
    }
    if spec.kernel_times {
        control::ask_for_times(&fd).map_err(failed("SO_TIMESTAMPNS"))?;
    }
    rustix::net::bind(&fd, &addr).map_err(failed("bind"))?;
    for membership in &spec.groups {
        sockopt::set_ip_add_membership(&fd, &membership.group, &membership.interface).map_err(|error| {
            NetError::Multicast {
                endpoint: id.0,
                group: membership.group,
                interface: membership.interface,
                source: error.into(),
            }
        })?;
    }
    if addr.is_ipv4() {
        sockopt::set_ip_multicast_loop(&fd, spec.multicast_loop).map_err(failed("IP_MULTICAST_LOOP"))?;
        sockopt::set_ip_multicast_ttl(&fd, spec.multicast_ttl.into()).map_err(failed("IP_MULTICAST_TTL"))?;
        if let Some(interface) = &spec.multicast_interface {
            sockopt::set_ip_multicast_if(&fd, interface).map_err(failed("IP_MULTICAST_IF"))?;
        }
    }
    let bound = local_addr(id, addr, &fd)?;
    Ok((fd, bound))
}

fn local_addr(id: EndpointId, addr: SocketAddr, fd: &OwnedFd) -> Result<SocketAddr, NetError> {
    let failed = |error| NetError::socket(id.0, addr, "getsockname", error);
    let any = rustix::net::getsockname(fd).map_err(failed)?;
    SocketAddr::try_from(any).map_err(failed)
}

fn family(addr: SocketAddr) -> AddressFamily {
    match addr.ip() {
        IpAddr::V4(_) => AddressFamily::INET,
        IpAddr::V6(_) => AddressFamily::INET6,
    }
}
