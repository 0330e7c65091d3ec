//! How a command ended.

/// How a command ended that did what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Exit {
    /// Nothing was wrong.
    Done,
    /// Something was wrong with what it worked on; the command has listed it.
    Damaged,
}
