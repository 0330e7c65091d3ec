//! What a market-data actor counts.

crate::counter_names! {
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
