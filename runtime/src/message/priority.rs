//! Priorities of work that no sequencer numbers.

use super::Message;

/// How soon a message in a mailbox ([`Topology::mailbox`](crate::topology::Topology::mailbox)) is taken.
///
/// Messages are taken in rounds. In a round, each priority that waits gives up to its [weight](Self::weight) of messages, the
/// most urgent first. A round ends when no priority that waits has any of its weight left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Nine in a round: work that must not wait for other work, such as an operator's halt.
    Critical,
    /// Seven in a round.
    High,
    /// Five in a round.
    Normal,
    /// Three in a round.
    Low,
    /// One in a round: work that may wait for all other work, such as a report.
    Batch,
}

impl Priority {
    /// All of them, the most urgent first.
    pub const ALL: [Priority; 5] =
        [Priority::Critical, Priority::High, Priority::Normal, Priority::Low, Priority::Batch];

    /// The most messages of this priority in a round: 9, 7, 5, 3 and 1.
    #[must_use]
    pub const fn weight(self) -> usize {
        9 - 2 * self as usize
    }

    /// The starvation bound: the most messages of other priorities that are taken before a message that has `ahead` messages of
    /// its own priority before it. With none before it, that is 16, 27, 36, 43 and 48, from critical to batch.
    ///
    /// In the round in which it comes, the other priorities may have all of their weight left, and its own none; the same holds for
    /// each further round that its priority needs for those ahead. In the round in which it is taken, only more urgent priorities
    /// come before it.
    #[must_use]
    pub const fn others_max(self, ahead: usize) -> usize {
        let rounds = (ahead + 1).div_ceil(self.weight());
        rounds * (ROUND - self.weight()) + self.more_urgent()
    }

    /// The weights of the priorities above this one.
    const fn more_urgent(self) -> usize {
        let index = self as usize;
        index * (10 - index)
    }
}

/// All weights.
const ROUND: usize = Priority::Batch.weight() + Priority::Batch.more_urgent();

/// A message that says how urgent it is, for edges that take by priority
/// ([`Topology::mailbox`](crate::topology::Topology::mailbox)).
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no priority, by which a mailbox takes messages",
    label = "not `Prioritized`",
    note = "write `impl Prioritized for` it"
)]
pub trait Prioritized: Message {
    /// Its priority. Messages of one priority are taken in the order in which they were sent.
    fn priority(&self) -> Priority;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_bounds_are_those_that_are_stated() {
        assert_eq!(Priority::ALL.map(Priority::weight), [9, 7, 5, 3, 1]);
        assert_eq!(ROUND, 25);
        assert_eq!(Priority::ALL.map(|priority| priority.others_max(0)), [16, 27, 36, 43, 48]);
        assert_eq!((Priority::Critical.others_max(8), Priority::Critical.others_max(9)), (16, 32));
        assert_eq!(Priority::Batch.others_max(2), 3 * 24 + 24);
    }
}
