//! Interface to the books of a crate.

use crate::engine::{Commands, Op, Totals};

/// The books of one crate. Each call answers before it returns.
pub(super) trait Books: Sized {
    /// Empty books, one for each instrument, for this stream of commands.
    fn new(commands: &Commands) -> Self;

    /// Executes one command.
    fn execute(&mut self, op: &Op, totals: &mut Totals);
}
