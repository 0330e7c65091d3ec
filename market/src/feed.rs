//! A reader that counts a venue's publications.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use corelane_codecs::itch::Message;
use corelane_codecs::mold::{Content, Packet, SessionName};

/// The receive buffer requested from the kernel, which may grant less, so that a stall of the tester loses nothing.
const RECEIVE_BUFFER_BYTES: usize = 8 * 1024 * 1024;
/// The maximum number of datagrams per poll, to keep it short.
const DATAGRAMS_PER_POLL: usize = 32;

/// The counts of a feed so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedReport {
    /// The session of the first packet.
    pub session: Option<SessionName>,
    /// The next expected sequence number; 0 before the first packet.
    pub next_sequence: u64,
    /// The number of packets with messages.
    pub packets: u64,
    /// The number of heartbeats.
    pub heartbeats: u64,
    /// The number of messages, each counted once.
    pub messages: u64,
    /// The number of gaps: places where sequence numbers were missing when the next packet arrived. The reader requests
    /// no retransmission.
    pub gaps: u64,
    /// The number of messages missing in these gaps.
    pub messages_missed: u64,
    /// The number of messages that arrived a second time, or after their gap was counted.
    pub messages_repeated: u64,
    /// The number of orders added.
    pub adds: u64,
    /// The number of executions of displayed orders.
    pub executions: u64,
    /// The number of shares of these executions.
    pub executed_shares: u64,
    /// The number of partial cancels.
    pub cancels: u64,
    /// The number of orders deleted.
    pub deletes: u64,
    /// The number of orders replaced.
    pub replaces: u64,
    /// The number of messages of other types.
    pub others: u64,
    /// The number of invalid datagrams or messages, including those of another session.
    pub invalid: u64,
    /// Whether the session has ended.
    pub ended: bool,
}

/// A reader of one feed.
#[derive(Debug)]
pub struct FeedReader {
    socket: UdpSocket,
    datagram: Box<[u8]>,
    report: FeedReport,
}

impl FeedReader {
    /// Binds to the address that the venue sends to: an address of this host, or a multicast group, which is joined on
    /// `interface`.
    ///
    /// # Errors
    /// Socket errors, for example if the port is in use.
    pub fn bind(feed: SocketAddr, interface: Ipv4Addr) -> io::Result<Self> {
        let socket = match feed.ip() {
            IpAddr::V4(group) if group.is_multicast() => {
                let socket = UdpSocket::bind(feed)?;
                socket.join_multicast_v4(&group, &interface)?;
                socket
            }
            _ => UdpSocket::bind(feed)?,
        };
        socket.set_nonblocking(true)?;
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER_BYTES)?;
        Ok(Self { socket, datagram: vec![0; 65_536].into_boxed_slice(), report: FeedReport::default() })
    }

    /// The address that it is bound to.
    ///
    /// # Errors
    /// The error of the system call.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The counts so far.
    #[must_use]
    pub fn report(&self) -> &FeedReport {
        &self.report
    }

    /// Reads the available datagrams, up to a bound, and returns their number.
    ///
    /// # Errors
    /// Socket errors.
    pub fn poll(&mut self) -> io::Result<usize> {
        for read in 0..DATAGRAMS_PER_POLL {
            match self.socket.recv(&mut self.datagram) {
                Ok(bytes) => self.report.take(&self.datagram[..bytes]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(read),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(DATAGRAMS_PER_POLL)
    }
}

impl FeedReport {
    /// Counts one datagram.
    pub fn take(&mut self, datagram: &[u8]) {
        let Ok(packet) = Packet::decode(datagram) else {
            self.invalid += 1;
            return;
        };
        if *self.session.get_or_insert(packet.session) != packet.session {
            self.invalid += 1;
            return;
        }
        if self.next_sequence == 0 {
            // The reader joins the feed at its current sequence number.
            self.next_sequence = packet.sequence;
        }
        match packet.content {
            Content::Messages(_) => self.packets += 1,
            Content::Heartbeat => self.heartbeats += 1,
            Content::EndOfSession => self.ended = true,
        }
        if packet.sequence > self.next_sequence {
            self.gaps += 1;
            self.messages_missed += packet.sequence - self.next_sequence;
            self.next_sequence = packet.sequence;
        }
        for message in packet.messages() {
            match message {
                Ok((sequence, _)) if sequence < self.next_sequence => self.messages_repeated += 1,
                Ok((sequence, message)) => {
                    self.next_sequence = sequence + 1;
                    self.messages += 1;
                    self.count(message);
                }
                Err(_) => self.invalid += 1,
            }
        }
    }

    fn count(&mut self, message: &[u8]) {
        match Message::decode(message) {
            Ok(Message::AddOrder(_) | Message::AddOrderMpid(_)) => self.adds += 1,
            Ok(Message::OrderExecuted(executed)) => {
                self.executions += 1;
                self.executed_shares += u64::from(executed.executed_shares.get());
            }
            Ok(Message::OrderExecutedWithPrice(executed)) => {
                self.executions += 1;
                self.executed_shares += u64::from(executed.executed_shares.get());
            }
            Ok(Message::OrderCancel(_)) => self.cancels += 1,
            Ok(Message::OrderDelete(_)) => self.deletes += 1,
            Ok(Message::OrderReplace(_)) => self.replaces += 1,
            Ok(_) => self.others += 1,
            Err(_) => self.invalid += 1,
        }
    }
}
