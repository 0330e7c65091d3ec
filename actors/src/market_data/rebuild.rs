//! The second set of books, built from a replay of the run while the live ones go on.
//!
//! When the replay has reached the live sequence, the two sets are compared, a few instruments at a time, since that takes a
//! market's worth of cache misses (87 ms for a million orders). Meanwhile both follow the live sequence, and an instrument
//! that has changed since is compared again.

use std::collections::VecDeque;

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
    /// The instruments to compare, in turn.
    uncompared: VecDeque<Locate>,
    /// By our locate, less 1: whether it is among them.
    is_uncompared: Box<[bool]>,
    /// How many came among them since the last comparison.
    added: usize,
}

impl Rebuild {
    /// `books` are empty.
    pub(super) fn new(books: Books, instruments: usize) -> Self {
        Rebuild {
            books,
            counters: Counters::default(),
            is_used: false,
            uncompared: VecDeque::with_capacity(instruments),
            is_uncompared: vec![false; instruments].into(),
            added: 0,
        }
    }

    /// Empties the books for the next run of the feed, unless they are empty.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.is_used) {
            self.books.clear();
            self.uncompared.clear();
            self.is_uncompared.fill(false);
        }
    }

    /// Applies the next message; returns the instrument whose book it changed.
    #[cold]
    pub(super) fn apply(&mut self, message: &[u8]) -> Option<Locate> {
        self.is_used = true;
        match Message::decode(message) {
            Ok(message) => self.books.apply(&message, &self.counters),
            Err(_) => {
                self.books.note_unreadable(message, &self.counters);
                None
            }
        }
    }

    /// Lets all instruments be compared.
    #[cold]
    pub(super) fn begin_comparing(&mut self) {
        Locate::first(self.is_uncompared.len()).for_each(|locate| self.mark(locate));
        self.added = 0;
    }

    /// Lets an instrument be compared, again perhaps.
    pub(super) fn mark(&mut self, locate: Locate) {
        if !std::mem::replace(&mut self.is_uncompared[locate.index()], true) {
            self.uncompared.push_back(locate);
            self.added += 1;
        }
    }

    /// Compares `most` instruments with the live books, which have applied as many messages, and as many more as have changed since
    /// the last comparison, so that it ends however busy the feed is. Returns whether all that are
    /// fresh there have the same price levels and the same state here, once that is known. If not, the servers' copy is no better than the lines', or
    /// is that of another run. Every level counts: one below the best may be the best next.
    #[cold]
    pub(super) fn compare(&mut self, live: &Books, most: usize) -> Option<bool> {
        for _ in 0..most + std::mem::take(&mut self.added) {
            let Some(locate) = self.uncompared.pop_front() else { break };
            self.is_uncompared[locate.index()] = false;
            let ((bids, asks), (live_bids, live_asks)) = (self.books.levels(locate), live.levels(locate));
            let has_same_state = self.books.state(locate) == live.state(locate);
            let is_same = live.is_doubtful(locate) || (has_same_state && bids.eq(live_bids) && asks.eq(live_asks));
            if !is_same {
                return Some(false);
            }
        }
        let is_sound = |locate| live.is_doubtful(locate) || !self.books.is_doubtful(locate);
        self.uncompared.is_empty().then(|| Locate::first(self.is_uncompared.len()).all(is_sound))
    }
}
