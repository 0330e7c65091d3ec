//! What the frames of a capture carry, by link type.

use etherparse::err::packet::SliceError;
use etherparse::{EtherType, IpNumber, LaxSlicedPacket, SlicedPacket, TransportSlice};
use pcap_parser::Linktype;
use thiserror::Error;

/// The values of BSD's and Linux's address families for IPv4 and IPv6, in the headers of loopback captures.
const FAMILIES_OF_IP: [u32; 5] = [2, 10, 24, 28, 30];
/// The link type of raw IP in captures of OpenBSD and of other BSDs, beside the one of the standard.
const RAW_OF_BSD: [i32; 2] = [12, 14];
/// The headers of Linux's `any` interface, in bytes: SLL and SLL2, and where the EtherType is in each.
const SLL: (usize, usize) = (16, 14);
const SLL2: (usize, usize) = (20, 0);
/// The header of a loopback capture, in bytes: the address family.
const LOOPBACK_BYTES: usize = 4;

/// The reason why the datagram of a frame cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The link type is not supported.
    #[error("link type {0} is not supported; capture Ethernet, Linux cooked (any), loopback or raw IP")]
    LinkType(i32),
    /// The frame belongs to an interface that the capture does not describe.
    #[error("the capture does not describe interface {0} before its frame; it is damaged or incomplete")]
    Interface(u32),
    /// The headers of a UDP datagram, or those before them, are truncated or contradict each other.
    #[error("{0}")]
    Headers(#[from] SliceError),
    /// The frame holds a fragment of a UDP datagram.
    #[error("the frame holds an IP fragment; only whole datagrams are supported")]
    Fragment,
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameContent<'a> {
    /// A UDP datagram.
    Udp {
        /// The destination port.
        port: u16,
        /// The payload.
        payload: &'a [u8],
    },
    /// A TCP segment.
    Tcp {
        /// The destination port.
        port: u16,
        /// The payload.
        payload: &'a [u8],
    },
    /// Anything else.
    Other,
}

/// The link types by interface. A pcap capture has one interface.
#[derive(Debug, Default)]
pub(crate) struct Links(pub(crate) Vec<Linktype>);

impl Links {
    /// Reads a frame of `interface`.
    pub(crate) fn content<'a>(&self, interface: u32, frame: &'a [u8]) -> Result<FrameContent<'a>, FrameError> {
        let Linktype(link) = *self.0.get(interface as usize).ok_or(FrameError::Interface(interface))?;
        match Linktype(link) {
            Linktype::ETHERNET => content(SlicedPacket::from_ethernet(frame), || lax_ethernet(frame)),
            Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 => ip(frame),
            _ if RAW_OF_BSD.contains(&link) => ip(frame),
            Linktype::NULL | Linktype::LOOP => loopback(frame),
            Linktype::LINUX_SLL => cooked(frame, SLL),
            Linktype::LINUX_SLL2 => cooked(frame, SLL2),
            _ => Err(FrameError::LinkType(link)),
        }
    }
}

fn ip(packet: &[u8]) -> Result<FrameContent<'_>, FrameError> {
    content(SlicedPacket::from_ip(packet), || LaxSlicedPacket::from_ip(packet).ok())
}

/// A frame of a BSD's loopback interface. NULL has the family in the byte order of the host that captured, LOOP in that
/// of the network.
fn loopback(frame: &[u8]) -> Result<FrameContent<'_>, FrameError> {
    let Some((family, packet)) = frame.split_first_chunk::<LOOPBACK_BYTES>() else { return Ok(FrameContent::Other) };
    let families = [u32::from_le_bytes(*family), u32::from_be_bytes(*family)];
    if families.iter().any(|family| FAMILIES_OF_IP.contains(family)) { ip(packet) } else { Ok(FrameContent::Other) }
}

/// A frame of Linux's `any` interface, which puts a header of its own in place of the link's.
// etherparse's reader of SLL does not know the hardware type of the loopback interface.
fn cooked(frame: &[u8], (header, ether_type): (usize, usize)) -> Result<FrameContent<'_>, FrameError> {
    let Some((header, packet)) = frame.split_at_checked(header) else { return Ok(FrameContent::Other) };
    let ether_type = EtherType(u16::from_be_bytes([header[ether_type], header[ether_type + 1]]));
    content(SlicedPacket::from_ether_type(ether_type, packet), || {
        Some(LaxSlicedPacket::from_ether_type(ether_type, packet))
    })
}

fn lax_ethernet(frame: &[u8]) -> Option<LaxSlicedPacket<'_>> {
    LaxSlicedPacket::from_ethernet(frame).ok()
}

/// What a packet carries. An error in the headers counts only if the packet may be a UDP datagram, which `lax` tells.
fn content<'a>(
    packet: Result<SlicedPacket<'a>, SliceError>,
    lax: impl FnOnce() -> Option<LaxSlicedPacket<'a>>,
) -> Result<FrameContent<'a>, FrameError> {
    let packet = match packet {
        Ok(packet) => packet,
        Err(error) => {
            let protocol = lax().and_then(|lax| Some(lax.ip_payload()?.ip_number));
            let is_other = protocol.is_some_and(|protocol| protocol != IpNumber::UDP);
            return if is_other { Ok(FrameContent::Other) } else { Err(error.into()) };
        }
    };
    match &packet.transport {
        Some(TransportSlice::Udp(udp)) => {
            Ok(FrameContent::Udp { port: udp.destination_port(), payload: udp.payload() })
        }
        Some(TransportSlice::Tcp(tcp)) => {
            Ok(FrameContent::Tcp { port: tcp.destination_port(), payload: tcp.payload() })
        }
        None if packet.ip_payload().is_some_and(|ip| ip.fragmented && ip.ip_number == IpNumber::UDP) => {
            Err(FrameError::Fragment)
        }
        _ => Ok(FrameContent::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv4 packet of `protocol`, from port 1 to port 2 if it is UDP.
    fn packet(protocol: u8) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 32, 0, 0, 0, 0, 1, protocol, 0, 0, 10, 0, 0, 1, 239, 0, 0, 1];
        packet.extend([0, 1, 0, 2, 0, 12, 0, 0]);
        packet.extend(b"data");
        packet
    }

    fn behind(header: &[u8], packet: &[u8]) -> Vec<u8> {
        [header, packet].concat()
    }

    // T6
    #[test]
    fn every_common_link_type_is_read() {
        let udp = packet(17);
        let vlan = [&[2; 12][..], &[0x81, 0, 0, 5, 0x81, 0, 0, 6, 8, 0]].concat();
        let sll = |hardware: u8| [0, 0, 3, hardware, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 8, 0];
        let sll2 = [8, 0, 0, 0, 0, 0, 0, 1, 3, 4, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0];
        let expected = Ok(FrameContent::Udp { port: 2, payload: b"data" });
        for (link, frame) in [
            (1, behind(&[&[2; 12][..], &[8, 0]].concat(), &udp)),
            (1, behind(&vlan, &udp)),
            (101, udp.clone()),
            (12, udp.clone()),
            (14, udp.clone()),
            (228, udp.clone()),
            (0, behind(&[2, 0, 0, 0], &udp)),
            (0, behind(&[0, 0, 0, 2], &udp)),
            (108, behind(&[0, 0, 0, 2], &udp)),
            (113, behind(&sll(1), &udp)),
            // The loopback interface.
            (113, behind(&sll(4), &udp)),
            (276, behind(&sll2, &udp)),
        ] {
            let links = Links(vec![Linktype(link)]);
            assert_eq!(links.content(0, &frame), expected, "link type {link}");
            // Cut anywhere: no panic, and no datagram.
            for length in 0..frame.len() {
                let content = links.content(0, &frame[..length]);
                assert!(!matches!(content, Ok(FrameContent::Udp { .. })), "link type {link}, {length} bytes");
            }
        }
        assert_eq!(Links(vec![Linktype(105)]).content(0, &udp), Err(FrameError::LinkType(105)));
        assert_eq!(Links(vec![]).content(3, &udp), Err(FrameError::Interface(3)));
    }

    #[test]
    fn only_errors_of_udp_count() {
        let raw = Links(vec![Linktype::RAW]);
        let fragment = |protocol| {
            let mut packet = packet(protocol);
            packet[6] = 0x20;
            packet
        };
        assert_eq!(raw.content(0, &fragment(17)), Err(FrameError::Fragment));
        assert_eq!(raw.content(0, &fragment(6)), Ok(FrameContent::Other));
        assert!(matches!(raw.content(0, &packet(17)[..25]), Err(FrameError::Headers(_))));
        assert_eq!(raw.content(0, &packet(6)[..25]), Ok(FrameContent::Other));
        assert_eq!(Links(vec![Linktype::NULL]).content(0, &[7, 0, 0, 0, 1, 2]), Ok(FrameContent::Other));
    }
}
