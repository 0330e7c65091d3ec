//! The gate of order entry, by which the venue's breakers stop what raises exposure.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// A gate: open at first. A clone is the same gate. Another thread shuts and opens it; the session reads it at each enter and
/// each replace, and marks them while it is shut. So the decision is in the sequenced input, and a replay needs no gate.
#[derive(Clone, Debug, Default)]
pub struct EntryGate(Arc<AtomicBool>);

impl EntryGate {
    /// Shuts or opens it. What is read of it orders nothing else: it takes effect with one of the next requests.
    pub fn set_shut(&self, is_shut: bool) {
        self.0.store(is_shut, Relaxed);
    }

    /// Whether it is shut.
    #[inline]
    #[must_use]
    pub fn is_shut(&self) -> bool {
        self.0.load(Relaxed)
    }
}
