//! Values published last of each instrument, and the instruments that have changed since.

use std::collections::VecDeque;

use super::publication::TopOfBook;
use crate::types::{Locate, Reference};

/// A value that is published of each instrument.
pub(super) trait Publishable: Copy + Default {
    /// Whether it must be published after `published`.
    fn differs_from(&self, published: &Self) -> bool;
}

impl Publishable for Reference {
    fn differs_from(&self, published: &Self) -> bool {
        (published.bid, published.ask, published.stale) != (self.bid, self.ask, self.stale)
    }
}

impl Publishable for TopOfBook {
    fn differs_from(&self, published: &Self) -> bool {
        let fields = |top: &Self| (top.bid, top.ask, top.stale, top.trading_state);
        fields(self) != fields(published)
    }
}

/// The value published last of each instrument, and the list of changed instruments.
#[derive(Debug)]
pub(super) struct LastPublished<N> {
    /// By our locate, less 1: the value, and whether the instrument is in `changed`.
    published: Box<[(N, bool)]>,
    /// In the order in which they changed: if all change all the time, each is still published in its turn.
    changed: VecDeque<Locate>,
}

impl<N: Publishable> LastPublished<N> {
    /// Nothing is published yet of this number of instruments.
    pub(super) fn new(instruments: usize) -> Self {
        LastPublished {
            published: vec![(N::default(), false); instruments].into(),
            changed: VecDeque::with_capacity(instruments),
        }
    }

    /// Marks an instrument as changed.
    #[inline]
    pub(super) fn mark(&mut self, locate: Locate) {
        let (_, is_marked) = &mut self.published[locate.index()];
        if !*is_marked {
            *is_marked = true;
            self.changed.push_back(locate);
        }
    }

    /// Marks all instruments as changed.
    pub(super) fn mark_all(&mut self) {
        for locate in Locate::first(self.published.len()) {
            self.mark(locate);
        }
    }

    /// Removes the instrument that changed first from the list of changed ones; returns its locate.
    pub(super) fn next_changed(&mut self) -> Option<Locate> {
        let locate = self.changed.pop_front()?;
        self.published[locate.index()].1 = false;
        Some(locate)
    }

    /// Whether an instrument has changed.
    pub(super) fn is_due(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Notes `update` as published; false if it need not be published.
    pub(super) fn publish(&mut self, locate: Locate, update: N) -> bool {
        let (published, _) = &mut self.published[locate.index()];
        let is_update = update.differs_from(published);
        if is_update {
            *published = update;
        }
        is_update
    }
}
