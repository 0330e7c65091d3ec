//! The header of packets and requests.

use zerocopy::big_endian::{U16, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::text::Alpha;

/// Bytes of the header of a packet, and of a whole request.
pub const HEADER_LEN: usize = 20;

/// The most messages in one packet. The next higher count means the end of the session.
pub const MAX_COUNT: u16 = END_OF_SESSION - 1;

/// Bytes of UDP payload in a standard Ethernet frame; Nasdaq sends packets up to this size.
pub const ETHERNET_PAYLOAD: usize = 1472;

pub(super) const END_OF_SESSION: u16 = 0xffff;
pub(super) const LENGTH_BYTES: usize = 2;

/// Name of a session: ten bytes, by convention text padded on the right.
pub type SessionName = Alpha<10>;

/// The header of a packet or a request on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Header {
    pub session: SessionName,
    pub sequence: U64,
    pub count: U16,
}
