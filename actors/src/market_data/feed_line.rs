//! The two lines of a feed.

/// A line of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FeedLine {
    /// The first line.
    A,
    /// The second line; it carries the same packets over another path.
    B,
}

impl FeedLine {
    /// Both lines, in the order of their counters.
    pub const BOTH: [FeedLine; 2] = [FeedLine::A, FeedLine::B];
}
