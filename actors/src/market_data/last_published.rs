//! What readers were published of each instrument, and which instruments they have to be published about.

use crate::types::{Locate, Reference};

use super::publication::TopOfBook;

/// What is published of an instrument.
pub trait Publishable: Copy + Default {
    /// Whether it says anything that `published` did not.
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

/// By instrument: what was published last, and whether something is due.
#[derive(Debug)]
pub struct LastPublished<N> {
    /// By our locate, less 1: what is known, and whether the instrument is on the list of changed ones.
    published: Box<[(N, bool)]>,
    changed: Vec<Locate>,
}

impl<N: Publishable> LastPublished<N> {
    /// Nothing is known of so many instruments.
    pub fn new(instruments: usize) -> Self {
        LastPublished {
            published: vec![(N::default(), false); instruments].into(),
            changed: Vec::with_capacity(instruments),
        }
    }

    /// Something of an instrument may have changed.
    #[inline]
    pub fn mark(&mut self, locate: Locate) {
        let (_, is_marked) = &mut self.published[usize::from(locate) - 1];
        if !*is_marked {
            *is_marked = true;
            self.changed.push(locate);
        }
    }

    /// Something that concerns all instruments has changed.
    pub fn mark_all(&mut self) {
        for locate in 1..=self.published.len() as Locate {
            self.mark(locate);
        }
    }

    /// Takes an instrument off the list of changed ones.
    pub fn next_changed(&mut self) -> Option<Locate> {
        let locate = self.changed.pop()?;
        self.published[usize::from(locate) - 1].1 = false;
        Some(locate)
    }

    /// Whether instruments are on the list.
    pub fn is_due(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Notes `update` as published; false if it is none.
    pub fn publish(&mut self, locate: Locate, update: N) -> bool {
        let (published, _) = &mut self.published[usize::from(locate) - 1];
        let is_update = update.differs_from(published);
        if is_update {
            *published = update;
        }
        is_update
    }
}
