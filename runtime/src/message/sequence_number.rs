//! Numbers of messages in numbered streams.

use std::{
    fmt,
    ops::{Add, Sub},
};

use bytemuck::{Pod, Zeroable};

/// Number of a message in its stream (a sequencer's inputs, a port's answers, a feed's messages): 1 and up, no gap.
///
/// A number plus a count is a number, and the difference of two numbers is a count:
///
/// ```
/// use corelane_runtime::message::SequenceNumber;
///
/// let (missing, arrived) = (SequenceNumber::FIRST.next(), SequenceNumber(7));
/// assert_eq!((arrived - missing, missing + 5), (5, arrived));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub struct SequenceNumber(pub u64);

impl SequenceNumber {
    /// No message: the number before the first.
    pub const NONE: SequenceNumber = SequenceNumber(0);
    /// The first message.
    pub const FIRST: SequenceNumber = SequenceNumber(1);
    /// The highest number.
    pub const MAX: SequenceNumber = SequenceNumber(u64::MAX);

    /// Whether this is [`SequenceNumber::NONE`].
    #[inline]
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The number after this one.
    #[inline]
    #[must_use]
    pub const fn next(self) -> SequenceNumber {
        SequenceNumber(self.0 + 1)
    }

    /// The number `messages` after this one, at most [`SequenceNumber::MAX`].
    #[inline]
    #[must_use]
    pub const fn saturating_add(self, messages: u64) -> SequenceNumber {
        SequenceNumber(self.0.saturating_add(messages))
    }
}

impl Add<u64> for SequenceNumber {
    type Output = SequenceNumber;
    #[inline]
    fn add(self, messages: u64) -> SequenceNumber {
        SequenceNumber(self.0 + messages)
    }
}

impl Sub for SequenceNumber {
    /// Messages from `earlier` to this one.
    type Output = u64;
    #[inline]
    fn sub(self, earlier: SequenceNumber) -> u64 {
        self.0 - earlier.0
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
