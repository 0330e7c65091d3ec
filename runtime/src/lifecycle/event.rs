//! What wakes housekeeping before its period is over.

use std::{
    cell::Cell,
    sync::{Arc, mpsc},
    time::Instant,
};

use crate::{
    clock::ClockFault,
    shard::ShardEvent,
    shard::panics::{self, PanicLocation, PanicMessage},
};

/// What wakes housekeeping. Shards are their positions in the order of declaration.
#[expect(clippy::large_enum_variant, reason = "events are rare, and a panic is handled without allocating")]
pub(super) enum Event {
    /// Somebody wants the topology to stop.
    Stop,
    /// A shard has reported something of its actors.
    Reported,
    /// A shard panicked outside of its actors.
    Panicked {
        shard: usize,
        place: PanicLocation,
        message: PanicMessage,
        events: Arc<[ShardEvent]>,
        at: Option<Instant>,
    },
    /// A shard's thread has ended.
    Ended { shard: usize },
    /// A test wants the clock to fail.
    ClockFault(ClockFault),
}

/// A shard's way to tell how it ends.
#[derive(Clone)]
pub(super) struct Presence {
    pub shard: usize,
    pub events: mpsc::Sender<Event>,
}

thread_local! {
    /// The thread's and not the task's: an executor that panics, because the kernel refuses its ring, forgets its task, which is
    /// never dropped.
    static LEAVES: Cell<Option<Leaves>> = const { Cell::new(None) };
}

/// Dropped as its thread ends, however it does: that is the [`Event::Ended`].
struct Leaves(Presence);

impl Drop for Leaves {
    fn drop(&mut self) {
        let _ = self.0.events.send(Event::Ended { shard: self.0.shard });
    }
}

impl Presence {
    /// Tells the end of this thread when it comes.
    pub(super) fn tell_end_of_thread(&self) {
        LEAVES.set(Some(Leaves(self.clone())));
    }

    /// A way to wake housekeeping.
    pub(super) fn waker(&self) -> Box<dyn Fn()> {
        let events = self.events.clone();
        Box::new(move || _ = events.send(Event::Reported))
    }

    pub(super) fn panicked(&self, place: PanicLocation, message: PanicMessage, events: Arc<[ShardEvent]>) {
        // Without a receiver there is no housekeeping yet, and the start fails.
        let at = panics::time_of_last();
        let _ = self.events.send(Event::Panicked { shard: self.shard, place, message, events, at });
    }
}
