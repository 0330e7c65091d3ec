//! Counters of a market-data actor.

use corelane_runtime::telemetry::Counters;

use super::feed_line::FeedLine;

corelane_runtime::metrics! {
    /// What a market-data actor counts.
    pub enum FeedCount {
        /// Packets taken.
        Packets,
        /// Messages applied.
        Messages,
        /// Messages dropped because they had been seen.
        Duplicates,
        /// Gaps in the sequence.
        Gaps,
        /// Messages missing in gaps.
        Lost,
        /// Packets that are cut short or no MoldUDP64.
        BadPackets,
        /// Packets of another session.
        ForeignSession,
        /// Messages that are no ITCH 5.0.
        BadMessages,
        /// Messages about an order that was never added.
        UnknownOrders,
        /// Adds of an order that is there already.
        DuplicateOrders,
        /// Executions and cancels of more than an order has.
        Excess,
        /// Orders without a place: the order table or a side of a book is full.
        Overflows,
        /// Times that the feed fell silent.
        Silences,
        /// References sent.
        References,
        /// Best levels sent.
        Tops,
        /// Requests for depth answered.
        Depths,
        /// Batches whose exchange time is no measure: ahead of the venue's time, or a minute and more behind it.
        ForeignTimes,
        /// The same of the kernel's receive times: after the wall clock was set, until ours has followed.
        ForeignKernelTimes,
    }
}

corelane_runtime::metrics! {
    /// Counters of one line.
    pub enum LineCount {
        /// Packets of the session that is followed.
        Packets,
        /// Messages that this line brought first.
        FirstCopies,
        /// Messages that were there already.
        Duplicates,
        /// Times that the line's numbers jumped ahead: packets that it lost or brought later.
        Gaps,
        /// Messages that were not there when it jumped.
        Missed,
        /// Times that the line fell silent.
        Silences,
    }
}

corelane_runtime::metrics! {
    /// Counters of retransmission.
    pub enum RecoveryCount {
        /// Requests sent, repeated ones included.
        Requests,
        /// Requests sent again because no answer had come.
        Repeats,
        /// Answers with messages that were missing.
        Answers,
        /// Messages that they brought first.
        Recovered,
        /// Answers that came when a line, or an answer before, had brought their first message.
        Late,
        /// Datagrams that are no answer to what was asked: another session or range, another sender, no MoldUDP64.
        Refused,
        /// Messages that came too early for the buffer, or too long for it, and have to come again.
        Unbuffered,
        /// Times that a gap stayed open for so long that prices were stale.
        TimesBehind,
    }
}

/// Counters of one feed. Cloning gives other readers of the same ones.
#[derive(Clone, Debug, Default)]
pub struct FeedCounters {
    /// The feed as a whole, and its books.
    pub feed: Counters<FeedCount>,
    /// By line, A and B.
    pub lines: [Counters<LineCount>; 2],
    /// Retransmission.
    pub recovery: Counters<RecoveryCount>,
}

impl FeedCounters {
    /// Those of one line.
    pub fn line(&self, line: FeedLine) -> &Counters<LineCount> {
        &self.lines[line as usize]
    }
}
