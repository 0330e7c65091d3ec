//! The permits of a venue's work beside order entry.

use corelane_config::Config;
use corelane_runtime::resilience::Permits;

/// How much work of each class may be under way at once. A clone has the same permits.
#[derive(Clone, Debug)]
pub(crate) struct WorkPermits {
    /// Requests of market data to retransmission servers.
    pub fetch: Permits,
    /// Requests of the operator that change the venue.
    pub venue: Permits,
    /// Records of failures on their way to the disk.
    pub storage: Permits,
    /// Queries of the operator.
    pub analytics: Permits,
}

impl WorkPermits {
    pub(crate) fn new(config: &Config) -> WorkPermits {
        let corelane_config::Permits { fetch, venue, storage, analytics } = config.bulkhead.permits;
        let [fetch, venue, storage, analytics] = [fetch, venue, storage, analytics].map(Permits::new);
        WorkPermits { fetch, venue, storage, analytics }
    }

    /// A line for each class.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let WorkPermits { fetch, venue, storage, analytics } = self;
        let classes = [("fetch", fetch), ("venue", venue), ("storage", storage), ("analytics", analytics)];
        classes.into_iter().map(|(class, permits)| {
            format!("permits {class}: {} of {} in use, {} refused", permits.in_use(), permits.max(), permits.refused())
        })
    }
}
