//! What clients and networks do wrong, over real sockets: each gets its protocol's reject, back-pressure, or a
//! disconnect with a counted reason, and a neighbour that trades all the time is served as before.
//!
//! | file | what is wrong |
//! |---|---|
//! | [`packets`] | what is in the bytes |
//! | [`connections`] | how connections come, stay and go |
//! | [`load`] | how much there is, and who does not read it |
//! | [`datagrams`] | what arrives on the feed's port |
//! | [`stops`] | who does not take the last answers |

mod connections;
mod datagrams;
mod load;
mod packets;
mod stops;
#[path = "../support/mod.rs"]
mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

use corelane_actors::session::SessionCount;
use corelane_runtime::telemetry::ShardCount;
use corelane_venue::Venue;
use support::until;

/// The venues run one after the other: each pins a shard to a CPU that the others would take from it.
fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A counter of order entry, and waiting for it to rise.
struct Rise<'a> {
    venue: &'a Venue,
    count: SessionCount,
    before: u64,
}

impl<'a> Rise<'a> {
    fn of(venue: &'a Venue, count: SessionCount) -> Self {
        Rise { venue, count, before: venue.session_counts().get(count) }
    }

    /// Waits until it has risen by `expected`, and checks that it was no more.
    #[track_caller]
    fn is(&self, expected: u64) {
        let rise = || self.venue.session_counts().get(self.count) - self.before;
        until(&format!("{:?} rises by {expected}", self.count), || rise() >= expected);
        assert_eq!(rise(), expected, "{:?}", self.count);
    }
}

/// A counter of the venue's only shard, as of its last hand-over.
fn shard_counter(venue: &Venue, counter: ShardCount) -> u64 {
    venue.status().shards.first().map_or(0, |shard| shard.count(counter))
}
