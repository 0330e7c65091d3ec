//! The overflow policy of an edge.

/// The overflow policy of an edge. There is no default: each edge declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The producer waits: its step runs only when there is room. The pressure goes back to ingress.
    Backpressure,
    /// The newest message is dropped and counted. For telemetry, and for streams whose messages are numbered so that a
    /// reader sees what it missed: never for what a client waits for.
    DropNewest,
    /// The edge never fills up: a message replaces the previous one of the same key, which is counted as conflated if it
    /// was not read. The values seen depend on when the reader looks, so a sequenced actor cannot have such an input.
    Conflate,
    /// Each priority has a queue of its own, and the newest message is dropped and counted if its priority is full
    /// ([`Topology::mailbox`](crate::topology::Topology::mailbox)).
    Prioritize,
}
