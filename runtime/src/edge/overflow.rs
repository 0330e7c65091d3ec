//! What a full edge does.

/// What happens when an edge is full. There is no default: each edge says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The producer waits: its step runs only when there is room. The pressure goes back to ingress.
    Backpressure,
    /// The newest message is dropped and counted. For telemetry, and for streams whose messages are numbered so that a
    /// reader sees what it missed: never for what a client waits for.
    DropNewest,
    /// It never is: a message replaces the one before it of the same key, and what was not read in time is counted as
    /// conflated. What is seen depends on when one looks, so a sequenced actor cannot have it as input.
    Conflate,
}
