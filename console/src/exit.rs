//! How a command ended.

/// How a command ended, if not with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Exit {
    /// Nothing was wrong.
    Done,
    /// Something was wrong with what it worked on; the command has listed it.
    Damaged,
    /// Nothing could be done with what it should work on; the command has said why.
    NotDone,
}
