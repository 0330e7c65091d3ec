//! The fault points of a venue: the places of its code that `fault!` names. This is their only list: the operator's request, the
//! simulator and the fault matrix read it, and `cargo xtask tidy fault-points` compares it with the sources.

/// What a panic at a fault point does to a venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterPanic {
    /// Its actor is restarted, and trading goes on.
    Restart,
    /// The venue ends by itself.
    End,
    /// The same; no simulated venue passes the place.
    EndUnsimulated,
}

/// All fault points, in the order of their names.
pub const FAULT_POINTS: [(&str, AfterPanic); 13] = {
    use AfterPanic::{End, EndUnsimulated, Restart};
    [
        ("group.command", End),
        ("group.more", End),
        ("housekeeping.turn", EndUnsimulated),
        ("market-data.datagram", Restart),
        ("market-data.timer", Restart),
        ("publisher.message", End),
        ("publisher.request", End),
        ("sequencer.message", End),
        ("session.close", End),
        ("session.frame", End),
        ("session.framer", End),
        ("session.reply", End),
        ("shard.turn", End),
    ]
};

/// The names of the fault points with this end.
pub fn fault_points(after: AfterPanic) -> impl Iterator<Item = &'static str> {
    FAULT_POINTS.into_iter().filter(move |(_, one)| *one == after).map(|(name, _)| name)
}
