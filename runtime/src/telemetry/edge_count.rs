//! What an edge counts for who watches it.

crate::metrics! {
    /// What an edge counts, see [`Topology::watch`](crate::topology::Topology::watch).
    pub enum EdgeCount {
        /// Times its producer looked for room in it for one step, and found none.
        Holds,
    }
}
