//! The header of packets and requests.

use zerocopy::big_endian::{U16, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::text::Alpha;

/// Bytes of the header of a packet, and of a whole request.
pub const HEADER_LEN: usize = 20;

/// The most messages of one packet; the next count is the end of the session.
pub const MAX_COUNT: u16 = END_OF_SESSION - 1;

/// Bytes of payload that fit a standard Ethernet frame, as Nasdaq uses them.
pub const ETHERNET_PAYLOAD: usize = 1472;

pub(super) const END_OF_SESSION: u16 = 0xffff;
pub(super) const LENGTH_BYTES: usize = 2;

/// Name of a session; any ten bytes, by convention text padded on the right.
pub type Session = Alpha<10>;

/// The header as it stands on the wire; of a packet or of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Header {
    pub session: Session,
    pub sequence: U64,
    pub count: U16,
}
