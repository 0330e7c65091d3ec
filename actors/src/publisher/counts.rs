//! Counters of a publisher.

use corelane_runtime::telemetry::Counters;

corelane_runtime::metrics! {
    /// Counters of the feed.
    pub enum PublisherCount {
        /// Messages published.
        Messages,
        /// Packets with messages sent.
        Packets,
        /// Heartbeats sent.
        Heartbeats,
        /// Ends of the session sent.
        Ends,
        /// Sends that the network refused, to be tried again.
        Refused,
        /// Messages not sent when the publisher stopped.
        UnsentAtStop,
    }
}

corelane_runtime::metrics! {
    /// Counters of a retransmission server.
    pub enum RetransmissionCount {
        /// Requests received.
        Requests,
        /// Answers sent.
        Answers,
        /// Messages in answers.
        Messages,
        /// Invalid requests: wrong length, another session, or no message requested.
        Bad,
        /// Requests for messages that are no longer kept.
        TooOld,
        /// Requests for messages that are not published yet.
        TooNew,
        /// Requests dropped because too many of their source, or of too many sources, were waiting.
        Overflows,
    }
}

/// Counters of one publisher. A clone reads the same counters.
#[derive(Clone, Debug, Default)]
pub struct PublisherCounters {
    /// The feed.
    pub feed: Counters<PublisherCount>,
    /// Its retransmission server.
    pub retransmission: Counters<RetransmissionCount>,
}
