//! Deciding that nothing is in flight, without stopping anyone and without counting messages.

use super::Progress;

/// One look at whether a set of shards is at rest: no message waits, is on its way, or is being handled.
///
/// The coordinator
///
/// 1. notes how much work every shard has published: [`begin`](Self::begin);
/// 2. orders the round's stage: [`Stage::advance_to`](super::Stage::advance_to), and wakes who sleeps;
/// 3. samples the shards again until each has made a whole turn in the round: [`judge`](Self::judge).
///
/// The shards keep the rules of [`ProgressWriter`](super::ProgressWriter). If none of them has worked since the
/// note, all are at rest; else the coordinator begins the next round, with a later stage.
///
/// # Why it is right
///
/// For shard S let N be the publication in the note, T the whole turn in the round, and F the publication that
/// is judged. T began after the order and N was read before it, and F comes after T: the order is N, T, F. If N
/// and F show the same work, every turn between them, T included, took nothing and sent nothing.
///
/// Suppose that this is so for all shards, and yet a message from A to B is unhandled. If A sent it before N,
///
/// - the push comes before A's N (program order),
/// - N before the coordinator's note (the [seqlock](crate::seqlock) releases and acquires),
/// - the note before B's look at the stage, with which T begins (the stage releases and acquires),
/// - so that T found the message if B had not taken it before. T took nothing: B took it in an earlier turn,
///   which is over, and that is a contradiction.
///
/// If A sent it after F, in a turn that a message caused, consider the first such turn of all shards: its cause
/// was sent before its sender's N, and all those were taken before. Between N and F nothing was sent.
///
/// So nothing is in flight from the order on, and it stays so as long as shards send only in answer to messages.
/// Where one also sends for another reason, such as a timer, only the moment of the order is proved.
///
/// It follows that the note may be as old as it likes. A turn under way while it is taken, or over and not yet
/// published, belongs between N and F: its work shows in F, and the round is [`Busy`](Verdict::Busy). A turn
/// that finds a message but no room for the answer may pass for idle: then the ring that it waits for holds
/// messages which that ring's consumer finds in the round, or waits likewise. Such waits must not form a circle.
#[derive(Debug)]
pub struct Round {
    stage: u32,
    /// The work that each shard had published before the round was ordered.
    noted: Vec<u64>,
}

/// What a [`Round`] has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A shard has not yet made a whole turn in the round: judge it again.
    Pending,
    /// A shard has worked since the note: begin another round.
    Busy,
    /// Nothing is in flight.
    AtRest,
}

impl Round {
    /// Begins the round that `stage` orders, and that must be ordered only afterwards.
    ///
    /// `samples` holds one sample of each shard that exchanges messages.
    #[must_use]
    pub fn begin(stage: u32, samples: impl IntoIterator<Item = Progress>) -> Self {
        let noted = samples.into_iter().map(|sample| sample.work).collect();
        Self { stage, noted }
    }

    /// Judges the round by a new sample of each shard, in the order of [`begin`](Self::begin).
    ///
    /// Call it while [`Pending`](Verdict::Pending), or until the caller's deadline: a shard that died is pending
    /// for ever.
    ///
    /// # Panics
    ///
    /// If there are fewer or more samples than in the note.
    #[must_use]
    pub fn judge(&self, samples: impl IntoIterator<Item = Progress>) -> Verdict {
        let mut noted = self.noted.iter();
        let (mut all_reached, mut none_worked) = (true, true);
        for sample in samples {
            let work = noted.next().expect("a round judges as many shards as it noted");
            all_reached &= sample.stage_reached >= self.stage;
            none_worked &= sample.work == *work;
        }
        assert_eq!(noted.len(), 0, "a round judges as many shards as it noted");
        match (all_reached, none_worked) {
            (false, _) => Verdict::Pending,
            (true, false) => Verdict::Busy,
            (true, true) => Verdict::AtRest,
        }
    }
}
