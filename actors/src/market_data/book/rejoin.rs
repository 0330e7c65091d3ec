//! Building doubtful books anew from a replay of the session, while all other books go on.
//!
//! Such a book is emptied, and live messages about its instrument are ignored as those of a foreign one, until the replay has
//! reached the live sequence. A book is built anew once per session: if the replay contradicts it too, the feed is wrong.

use corelane_codecs::itch::Message;
use corelane_runtime::telemetry::Counters;

use super::{books::Books, ids::SideId, prefetch::LOCATE};
use crate::{market_data::counts::FeedCount, types::Locate};

impl Books {
    /// Whether books are doubtful that a replay of the session may put right.
    #[inline]
    #[must_use]
    pub fn wants_replay(&self) -> bool {
        self.doubts.wants_replay()
    }

    /// Empties these books. The messages of the session follow by [`Books::replay`].
    #[cold]
    pub fn begin_replay(&mut self) {
        for locate in Locate::first(self.states.len()) {
            if self.doubts.begin_replay(locate) {
                for side in [true, false].map(|is_bid| SideId::of(locate, is_bid)) {
                    while self.sides.best(side).exists() {
                        let slot = self.levels[self.sides.best(side)].head;
                        self.take(self.orders.reference(slot), slot);
                    }
                }
                self.locates.suspend(locate);
            }
        }
    }

    /// Applies a replayed message, if it is about a book that is built anew.
    #[cold]
    #[inline(never)]
    pub fn replay(&mut self, bytes: &[u8], counters: &Counters<FeedCount>) {
        let Some(feed_locate) = bytes.get(LOCATE) else { return };
        let feed_locate = u16::from_be_bytes([feed_locate[0], feed_locate[1]]);
        if self.locates.resume(feed_locate) {
            match Message::decode(bytes) {
                Ok(message) => {
                    self.apply(&message, counters);
                }
                Err(_) => self.note_unreadable(bytes, counters),
            }
            self.locates.suspend_again(feed_locate);
        }
    }

    /// Ends a replay: the books are those of the live sequence, if it has reached it.
    #[cold]
    pub fn end_replay(&mut self, is_complete: bool) {
        self.locates.resume_all();
        for locate in Locate::first(self.states.len()) {
            self.doubts.end_replay(locate, is_complete);
        }
    }
}
