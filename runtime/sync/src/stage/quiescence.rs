//! Deciding that nothing is in flight, without stopping anyone: the four-counter method.

use super::Progress;

/// Decides when a set of shards has come to rest: all have reached a stage, and no message is in flight.
///
/// After Mattern, *Algorithms for distributed termination detection* (1987), the four-counter method. One pass
/// over the shards is not enough: it reads them at different moments, and may count one message's receipt in
/// place of another's that is still on its way. Two passes in sequence that find the same totals, with as many
/// messages received as sent, prove that nothing was in flight when the first pass ended: the counters only
/// grow, so that none changed in between, and at that moment all of them were valid at once.
///
/// It relies on shards that, in the stage given, send only in answer to a message, and that keep the order
/// described at [`ProgressWriter`](super::ProgressWriter). What is quiescent then stays so.
#[derive(Debug)]
pub struct Quiescence {
    stage: u32,
    /// Messages sent, and as many received, by the previous pass; `None` if that pass was not at rest.
    balanced: Option<u64>,
}

impl Quiescence {
    /// Waits for rest in `stage` or a later one.
    #[must_use]
    pub fn new(stage: u32) -> Self {
        Self {
            stage,
            balanced: None,
        }
    }

    /// Takes one pass over the shards; true if it and the previous pass prove that nothing is in flight.
    ///
    /// `samples` holds one sample of each shard that exchanges messages, all read after the previous call
    /// returned: pass a lazy iterator over [`ProgressReader::sample`](super::ProgressReader::sample). Call it
    /// until true, or until the caller's deadline: a shard that died never reports its receipts.
    pub fn observe(&mut self, samples: impl IntoIterator<Item = Progress>) -> bool {
        let balanced = self.balance(samples);
        let quiescent = balanced.is_some() && balanced == self.balanced;
        self.balanced = balanced;
        quiescent
    }

    /// The number of messages sent, if all shards have reached the stage and have received as many.
    fn balance(&self, samples: impl IntoIterator<Item = Progress>) -> Option<u64> {
        let (mut sent, mut received) = (0, 0);
        for progress in samples {
            if progress.stage_reached < self.stage {
                return None;
            }
            sent += progress.sent;
            received += progress.received;
        }
        (sent == received).then_some(sent)
    }
}
