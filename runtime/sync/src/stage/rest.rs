//! Quiescence detection that stops no shard and counts no messages.

use super::Progress;

/// One attempt to find a set of shards at rest, which means that no message is waiting, in flight, or being handled.
///
/// The coordinator
///
/// 1. notes how much work each shard has published: [`begin`](Self::begin);
/// 2. orders the round's stage and wakes sleeping shards: [`Stage::advance_to`](super::Stage::advance_to);
/// 3. samples the shards until each has completed a whole turn in the round: [`judge`](Self::judge).
///
/// The shards follow the rules of [`ProgressWriter`](super::ProgressWriter). If no shard has worked since the note, all
/// are at rest. Otherwise the coordinator begins the next round, with a later stage.
///
/// # Proof
///
/// For a shard S, let N be the noted publication, T the whole turn in the round, and F the judged publication. N was
/// read before the stage was ordered, T began after it, and F follows T. So they happen in the order N, T, F. If N and
/// F show the same work, then no turn between them, T included, took or sent anything.
///
/// Suppose that this holds for all shards, and yet a message from A to B is unhandled. If A sent it before its N:
///
/// - the push happens before A's N (program order),
/// - N happens before the coordinator's note (the [seqlock](crate::seqlock) releases and acquires),
/// - the note happens before B reads the stage at the beginning of its T (the stage releases and acquires),
/// - so B's T would find the message, unless B had taken it earlier. T took nothing, so B took the message in an
///   earlier turn. That turn is over, so the message is handled: a contradiction.
///
/// Between N and F, A sent nothing. If A sent the message after its F, it did so in a turn caused by another message.
/// Consider the first such turn of any shard. Its cause was sent before the N of its sender, and all such messages had
/// been taken by then: a contradiction.
///
/// So nothing is in flight from the moment the stage is ordered, and nothing will be as long as shards send only in
/// answer to messages. If a shard also sends for another reason, such as a timer, the proof holds only for that moment.
///
/// The note may be arbitrarily old. A turn that is in progress while the note is taken, or complete but not yet
/// published, lies between N and F. Its work shows in F, and the round is [`Busy`](Verdict::Busy). A turn that finds a
/// message but no room for the answer may look idle. In that case the full ring holds messages, and the consumer of
/// that ring either finds them in the round or is blocked in the same way. Such waits must not form a cycle.
#[derive(Debug)]
pub struct Round {
    stage: u32,
    /// The work that each shard had published before the stage was ordered.
    noted: Vec<u64>,
}

/// The result of a [`Round`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A shard has not yet completed a whole turn in the round. Judge again.
    Pending,
    /// A shard has worked since the note. Begin another round.
    Busy,
    /// Nothing is in flight.
    AtRest,
}

impl Round {
    /// Begins the round of `stage`. Call it before that stage is ordered.
    ///
    /// `samples` has one sample per shard that exchanges messages.
    #[must_use]
    pub fn begin(stage: u32, samples: impl IntoIterator<Item = Progress>) -> Self {
        let noted = samples.into_iter().map(|sample| sample.work).collect();
        Self { stage, noted }
    }

    /// Judges the round by one new sample per shard, in the same order as in [`begin`](Self::begin).
    ///
    /// Call it again while the result is [`Pending`](Verdict::Pending), up to a deadline of yours: a dead shard stays
    /// pending for ever.
    ///
    /// # Panics
    ///
    /// If the number of samples differs from that in the note.
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
