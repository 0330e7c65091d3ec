//! What the trading actors time.

corelane_runtime::metrics! {
    /// The way of an order, timed by the session actor.
    pub enum OrderTiming {
        /// From the reaping of the batch that held a request to the arrival of its first answer from the group, of one in
        /// [`TIMED_ONE_IN`](corelane_runtime::telemetry::TIMED_ONE_IN).
        OrderToDecision = "order_to_decision_ns",
        /// From the reaping of the batch that held an order to the hand-over of its answer to the net driver.
        OrderToAnswer = "order_to_answer_ns",
    }
}

corelane_runtime::metrics! {
    /// The way of market data, timed by the market-data actor.
    pub enum FeedTiming {
        /// From the reaping of a batch of market data that changed a book to the last publication of that change.
        FeedToPublication = "feed_to_publication_ns",
        /// To the same publication from the exchange's timestamp of the first such message, if its clock is synchronized
        /// with ours.
        ExchangeToPublication = "exchange_to_publication_ns",
        /// To the same publication from the kernel's receive timestamp of the datagram that held that message.
        KernelToPublication = "kernel_to_publication_ns",
    }
}
