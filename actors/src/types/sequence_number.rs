//! Numbers of messages in numbered streams.

use std::fmt;

use bytemuck::{Pod, Zeroable};

/// Number of a message in its stream (a port's answers, the feed's messages, a reader's events): 1 and up, no gap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub struct SequenceNumber(pub u64);

impl SequenceNumber {
    /// No message: the number before the first.
    pub const NONE: SequenceNumber = SequenceNumber(0);
    /// The first message.
    pub const FIRST: SequenceNumber = SequenceNumber(1);

    /// The number after this one.
    #[inline]
    #[must_use]
    pub const fn next(self) -> SequenceNumber {
        SequenceNumber(self.0 + 1)
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
