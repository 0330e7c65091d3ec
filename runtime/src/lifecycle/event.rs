//! What wakes housekeeping before its period is over.

use std::{
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
    /// A shard has let go of all that it held.
    Ended { shard: usize },
    /// A test wants the clock to fail.
    ClockFault(ClockFault),
}

/// A shard's way to tell how it ends. Dropped last, however its thread ends: that is the [`Event::Ended`].
pub(super) struct Presence {
    pub shard: usize,
    pub events: mpsc::Sender<Event>,
}

impl Presence {
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

impl Drop for Presence {
    fn drop(&mut self) {
        let _ = self.events.send(Event::Ended { shard: self.shard });
    }
}
