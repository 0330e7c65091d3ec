//! The header of all messages.

use core::fmt;

use thiserror::Error;
use zerocopy::big_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::wire::MessageType;

/// Nanoseconds since midnight in six bytes.
///
/// It displays as a time of day: `09:30:00.000000001`.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(transparent)]
pub struct Timestamp([u8; 6]);

/// Error: a time does not fit the six bytes of a [`Timestamp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{ns} ns since midnight need more than 48 bits")]
pub struct TimestampError {
    /// The time.
    pub ns: u64,
}

impl Timestamp {
    /// The largest value, in nanoseconds: more than three days.
    pub const MAX_NS: u64 = (1 << 48) - 1;
    /// Nanoseconds of a day; no message of a regular day has this time or a later one.
    pub const DAY_NS: u64 = 86_400_000_000_000;

    /// The time `ns` nanoseconds since midnight. Only the low 48 bits count, which hold any time of a day; convert an
    /// unchecked time with `try_from`.
    #[inline]
    #[must_use]
    pub const fn from_ns(ns: u64) -> Self {
        let [_, _, bytes @ ..] = ns.to_be_bytes();
        Self(bytes)
    }

    /// Nanoseconds since midnight.
    #[inline]
    #[must_use]
    pub const fn ns(self) -> u64 {
        // Two loads. From an array of eight bytes the compiler gathers single bytes in vector registers.
        let [a, b, c, d, e, f] = self.0;
        (u16::from_be_bytes([a, b]) as u64) << 32 | u32::from_be_bytes([c, d, e, f]) as u64
    }

    /// Whether this is before the next midnight.
    #[inline]
    #[must_use]
    pub const fn is_time_of_day(self) -> bool {
        self.ns() < Self::DAY_NS
    }
}

impl TryFrom<u64> for Timestamp {
    type Error = TimestampError;

    #[inline]
    fn try_from(ns: u64) -> Result<Self, TimestampError> {
        if ns > Self::MAX_NS { Err(TimestampError { ns }) } else { Ok(Self::from_ns(ns)) }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, ns) = (self.ns() / 1_000_000_000, self.ns() % 1_000_000_000);
        write!(f, "{:02}:{:02}:{:02}.{ns:09}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ns", self.ns())
    }
}

/// The header of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Header<const CODE: u8> {
    /// The type character.
    pub message_type: MessageType<CODE>,
    /// The day's number of the instrument, from 1; 0 if the message is not about an instrument.
    pub stock_locate: U16,
    /// The venue's internal number.
    pub tracking_number: U16,
    /// Time of the message.
    pub timestamp: Timestamp,
}

impl<const CODE: u8> Header<CODE> {
    /// A header at `timestamp_ns`, see [`Timestamp::from_ns`].
    #[inline]
    #[must_use]
    pub const fn new(stock_locate: u16, tracking_number: u16, timestamp_ns: u64) -> Self {
        Self {
            message_type: MessageType::NEW,
            stock_locate: U16::new(stock_locate),
            tracking_number: U16::new(tracking_number),
            timestamp: Timestamp::from_ns(timestamp_ns),
        }
    }
}

/// Bytes of the header: type, locate, tracking number, time.
pub const HEADER_LEN: usize = size_of::<Header<0>>();
