//! The second set of books, built from a replay of the run while the live ones go on.

use corelane_codecs::itch::Message;
use corelane_runtime::telemetry::Counters;

use super::{book::Books, counts::FeedCount};
use crate::types::Locate;

/// Books built from a replay. All memory is allocated at the start.
pub(super) struct Rebuild {
    pub books: Books,
    /// What the replay contradicts; the live books have counted it.
    counters: Counters<FeedCount>,
    is_used: bool,
}

impl Rebuild {
    /// `books` are empty.
    pub(super) fn new(books: Books) -> Self {
        Rebuild { books, counters: Counters::default(), is_used: false }
    }

    /// Empties the books for the next run of the feed, unless they are empty.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.is_used) {
            self.books.clear();
        }
    }

    /// Applies the next message of the replay.
    #[cold]
    pub(super) fn apply(&mut self, message: &[u8]) {
        self.is_used = true;
        match Message::decode(message) {
            Ok(message) => {
                self.books.apply(&message, &self.counters);
            }
            Err(_) => self.books.note_unreadable(message, &self.counters),
        }
    }

    /// Whether instruments that are fresh in the live books, which have applied as many messages, have the same price levels
    /// here. If not, the servers' copy is no better than the lines', or is that of another run. Looks at every level, once in a
    /// run of the feed: one below the best may be the best next.
    #[cold]
    pub(super) fn keeps_what_is_fresh(&self, live: &Books, instruments: usize) -> bool {
        let is_same = |locate| {
            let ((bids, asks), (live_bids, live_asks)) = (self.books.levels(locate), live.levels(locate));
            !self.books.is_doubtful(locate) && bids.eq(live_bids) && asks.eq(live_asks)
        };
        Locate::first(instruments).all(|locate| live.is_doubtful(locate) || is_same(locate))
    }
}
