//! Counters of a publisher.

use corelane_runtime::telemetry::Counters;
corelane_runtime::metrics! {
    /// What a publisher counts.
    pub enum PublisherCount {
        /// Messages taken.
        Messages,
        /// Packets with messages sent.
        Packets,
        /// Heartbeats sent.
        Heartbeats,
        /// Sends that the network refused for now.
        Refused,
        /// Messages that had not left when the publisher was stopped.
        UnsentAtStop,
    }
}

corelane_runtime::metrics! {
    /// What a retransmission server counts.
    pub enum RetransmissionCount {
        /// Requests received.
        Requests,
        /// Answers sent.
        Answers,
        /// Messages in these.
        Messages,
        /// Requests that are none: of another length, of another session, for no message.
        Bad,
        /// Requests for messages that are not kept any more.
        TooOld,
        /// Requests for messages that were not published yet.
        TooNew,
        /// Requests that found the queue full.
        Overflows,
    }
}

/// Counters of one publisher. Cloning gives other readers of the same ones.
#[derive(Clone, Debug, Default)]
pub struct PublisherCounters {
    /// The feed.
    pub feed: Counters<PublisherCount>,
    /// Its retransmission server.
    pub retransmission: Counters<RetransmissionCount>,
}
