//! The sockets a driver is configured with: what they are and how they are opened. All of this runs at start
//! (and on [`Driver::reconnect`](super::Driver::reconnect)), never while polling.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::error::NetError;
use super::{EndpointId, Framer, control};

/// A socket to open at start. Its [`EndpointId`] is its index in the list given to
/// [`Driver::new`](super::Driver::new).
pub enum EndpointSpec {
    /// Accepts TCP connections.
    Listen {
        /// Address to bind; port 0 lets the kernel choose (see [`Net::local_addr`](super::Net::local_addr)).
        addr: SocketAddr,
        /// Framing of the accepted connections.
        framer: Box<dyn Framer>,
        /// Connections that the kernel completes before they are accepted; capped by `net.core.somaxconn`.
        backlog: u16,
    },
    /// One outgoing TCP connection, begun at start and on [`Driver::reconnect`](super::Driver::reconnect).
    Connect {
        /// The peer.
        addr: SocketAddr,
        /// Framing of the connection.
        framer: Box<dyn Framer>,
    },
    /// A UDP socket, unicast or IPv4 multicast, to receive, to send or both.
    Udp(UdpSpec),
}

impl EndpointSpec {
    /// Datagram sends that can be in flight.
    pub(super) fn send_slots(&self) -> usize {
        match self {
            EndpointSpec::Udp(udp) => usize::from(udp.send_slots),
            _ => 0,
        }
    }
}

/// A UDP socket. [`UdpSpec::receiver`], [`UdpSpec::sender`] and [`UdpSpec::peer`] fill in the usual values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpSpec {
    /// Address to bind. For a multicast group bind the group's address, so that other groups on the same port
    /// stay out.
    pub bind: SocketAddr,
    /// Where [`Net::send_datagram`](super::Net::send_datagram) sends to; without it, only
    /// [`Net::send_datagram_to`](super::Net::send_datagram_to) does.
    pub to: Option<SocketAddr>,
    /// Groups to join.
    pub groups: Vec<MulticastGroup>,
    /// Interface (its address) that multicast leaves by; the routing table decides without it.
    pub multicast_interface: Option<Ipv4Addr>,
    /// Whether this host's own members get the multicast that is sent (`IP_MULTICAST_LOOP`).
    pub multicast_loop: bool,
    /// Hops that sent multicast may make (`IP_MULTICAST_TTL`); 1 stays on the network.
    pub multicast_ttl: u8,
    /// Whether datagrams are received.
    pub receive: bool,
    /// Longest payload to send, in bytes.
    pub payload_max: u16,
    /// Datagrams that may wait to be sent; further ones are refused with
    /// [`SendError::Full`](super::SendError::Full). With 0 of them and no destination, the endpoint only receives.
    pub send_slots: u16,
    /// The socket's receive buffer (`SO_RCVBUF`) in bytes, which carries bursts; capped by `net.core.rmem_max`.
    /// The system's default without it.
    pub socket_receive_bytes: Option<u32>,
    /// Whether datagrams come with the time at which the kernel received them (`SO_TIMESTAMPNS`). While one socket of
    /// the host asks, the kernel reads the clock for every packet.
    pub kernel_times: bool,
}

impl UdpSpec {
    /// A socket that only receives.
    pub fn receiver(bind: SocketAddr) -> Self {
        UdpSpec { receive: true, send_slots: 0, ..UdpSpec::sender(bind, bind).without_destination() }
    }

    /// A socket that only sends: payloads up to 1,400 bytes, 256 of them per cycle, multicast looped and kept on
    /// the network.
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

    /// A socket that receives, and sends to whom it is told: one end of requests and answers.
    pub fn peer(bind: SocketAddr) -> Self {
        UdpSpec { receive: true, ..UdpSpec::sender(bind, bind).without_destination() }
    }

    /// Joins `group` on the interface that has the address `interface`.
    #[must_use]
    pub fn join(mut self, group: Ipv4Addr, interface: Ipv4Addr) -> Self {
        self.groups.push(MulticastGroup { group, interface });
        self
    }

    fn without_destination(mut self) -> Self {
        self.to = None;
        self
    }
}

/// Membership of an IPv4 multicast group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MulticastGroup {
    /// The group, 224.0.0.0/4.
    pub group: Ipv4Addr,
    /// Address of the interface to join on; 0.0.0.0 lets the routing table decide.
    pub interface: Ipv4Addr,
}

/// Opens a listening socket; returns it with the address it got.
pub(super) fn listen(id: EndpointId, addr: SocketAddr, backlog: u16) -> Result<(OwnedFd, SocketAddr), NetError> {
    let failed = |step| move |error| NetError::socket(id, addr, step, error);
    let fd = tcp_socket(id, addr)?;
    // A restarted server must not wait for the old one's connections to leave TIME_WAIT.
    sockopt::set_socket_reuseaddr(&fd, true).map_err(failed("SO_REUSEADDR"))?;
    rustix::net::bind(&fd, &addr).map_err(failed("bind"))?;
    rustix::net::listen(&fd, i32::from(backlog)).map_err(failed("listen"))?;
    let bound = local_addr(id, addr, &fd)?;
    Ok((fd, bound))
}

/// A TCP socket for an outgoing connection, or for a listener: accepted sockets inherit `TCP_NODELAY` from it.
///
/// It is left blocking: the ring tries without blocking and then waits for readiness itself, but on a
/// non-blocking socket it would hand EAGAIN to us instead.
pub(super) fn tcp_socket(id: EndpointId, addr: SocketAddr) -> Result<OwnedFd, NetError> {
    let failed = |step| move |error| NetError::socket(id, addr, step, error);
    let fd = rustix::net::socket_with(family(addr), SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(failed("socket"))?;
    sockopt::set_tcp_nodelay(&fd, true).map_err(failed("TCP_NODELAY"))?;
    Ok(fd)
}

/// Opens a UDP socket; returns it with the address it got.
pub(super) fn udp(id: EndpointId, spec: &UdpSpec) -> Result<(OwnedFd, SocketAddr), NetError> {
    let addr = spec.bind;
    let failed = |step| move |error| NetError::socket(id, addr, step, error);
    let fd = rustix::net::socket_with(family(addr), SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .map_err(failed("socket"))?;
    if !spec.groups.is_empty() {
        // Several processes of a host may listen to one group and port.
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
    let failed = |error| NetError::socket(id, addr, "getsockname", error);
    let any = rustix::net::getsockname(fd).map_err(failed)?;
    SocketAddr::try_from(any).map_err(failed)
}

fn family(addr: SocketAddr) -> AddressFamily {
    match addr.ip() {
        IpAddr::V4(_) => AddressFamily::INET,
        IpAddr::V6(_) => AddressFamily::INET6,
    }
}
