//! Counters of a market-data actor.

use corelane_runtime::telemetry::Counters;

use super::feed_line::FeedLine;

corelane_runtime::metrics! {
    /// Counters of the feed as a whole and of its books.
    pub enum FeedCount {
        /// Packets taken.
        Packets,
        /// Messages applied.
        Messages,
        /// Messages dropped because they had come before.
        Duplicates,
        /// Gaps in the sequence.
        Gaps,
        /// Messages missing in gaps.
        Lost,
        /// Packets that are cut short or not MoldUDP64.
        BadPackets,
        /// Packets of another session, or of another run of this one, that was not followed.
        ForeignSession,
        /// Times that the feed began again under the name of the session that was followed.
        Restarts,
        /// Messages that are not ITCH 5.0.
        BadMessages,
        /// Messages about an order, of these: their instrument is stale from then on.
        UnreadableOrders,
        /// Messages about an order that was never added. The instrument is stale from then on.
        UnknownOrders,
        /// Messages about an order of another instrument. Both are stale from then on.
        ForeignOrders,
        /// Adds whose symbol is not the one of their locate. Both instruments are stale from then on.
        ForeignSymbols,
        /// Directory entries that give a locate another symbol, or an instrument another locate: not believed. Both
        /// instruments are stale from then on.
        Renames,
        /// Adds of an order that exists already. The instrument is stale from then on.
        DuplicateOrders,
        /// Executions and cancels of more shares than the order has. The instrument is stale from then on.
        Excess,
        /// Adds and replaces without shares or without a price: in no book, and never the best price.
        VoidOrders,
        /// Of these, those beyond the 1,024 that are remembered. The instrument is stale from then on.
        VoidOverflows,
        /// Orders without room: the order table or a side of a book is full. The instrument is stale from then on.
        Overflows,
        /// Instruments that the feed has contradicted and a replay has made fresh.
        Rejoined,
        /// Instruments that a replay has not made fresh: it contradicts them too, or it was given up or not believed.
        NotRejoined,
        /// Whether all prices are stale now, as they are before the first packet: 0 or 1; a state, not a total.
        PricesStale,
        /// Times that the feed fell silent.
        Silences,
        /// References sent.
        References,
        /// Best levels sent.
        Tops,
        /// Requests for depth answered.
        Depths,
        /// Batches without a latency since the exchange's time, which was ahead of ours or a minute or more behind it.
        ForeignTimes,
        /// Batches without a latency since the kernel's receive time, after the wall clock was set.
        ForeignKernelTimes,
    }
}

corelane_runtime::metrics! {
    /// Counters of one line.
    pub enum LineCount {
        /// Packets of the current session.
        Packets,
        /// Messages that came first by this line.
        FirstCopies,
        /// Messages that had come before.
        Duplicates,
        /// Jumps in the line's sequence numbers: packets that it lost or reordered.
        Gaps,
        /// Messages that these jumps skipped.
        Missed,
        /// Times that the line fell silent.
        Silences,
    }
}

corelane_runtime::metrics! {
    /// Counters of retransmission.
    pub enum RecoveryCount {
        /// Requests sent, including repeated ones.
        Requests,
        /// Requests repeated because no answer had come.
        Repeats,
        /// Answers that brought missing messages.
        Answers,
        /// Messages that came first by an answer.
        Recovered,
        /// Messages replayed for instruments that the feed has contradicted.
        Replayed,
        /// Answers whose first message had already come.
        Late,
        /// Datagrams that answer no request: wrong session, range or sender, or not MoldUDP64.
        Refused,
        /// Messages that were too early or too long for the buffer and must come again.
        Unbuffered,
        /// Times that a gap stayed open until prices were stale.
        TimesBehind,
    }
}

/// Counters of one feed. A clone reads the same counters.
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
    /// Counters of one line.
    #[must_use]
    pub fn line(&self, line: FeedLine) -> &Counters<LineCount> {
        &self.lines[line as usize]
    }
}
