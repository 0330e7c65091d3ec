//! The timings of the trading actors.

corelane_runtime::metrics! {
    /// Timings of an order's way through the venue, taken by the session actor.
    pub enum OrderTiming {
        /// From the reaping of the batch that held a request to the arrival of its first answer from the group, for one
        /// request in [`TIMED_ONE_IN`](corelane_runtime::telemetry::TIMED_ONE_IN).
        OrderToDecision = "order_to_decision_ns",
        /// From the reaping of the batch that held an order to the hand-over of the answer to the net driver.
        OrderToAnswer = "order_to_answer_ns",
    }
}

corelane_runtime::metrics! {
    /// Timings of market data's way through the venue, taken by the market-data actor.
    pub enum FeedTiming {
        /// From the reaping of a batch of market data that changed a book to the last publication of that change.
        FeedToPublication = "feed_to_publication_ns",
        /// From the exchange's timestamp of the first such message to the same publication. It has a meaning only if the
        /// exchange's clock is synchronized with this host's.
        ExchangeToPublication = "exchange_to_publication_ns",
        /// From the kernel's receive timestamp of the datagram that held that message to the same publication.
        KernelToPublication = "kernel_to_publication_ns",
    }
}
