//! What the sequencer knows of the best prices, and which instruments it has to be told about.

use crate::messages::{Locate, Reference};

/// By instrument: the reference that was told last, and whether another one is due.
#[derive(Debug)]
pub struct References {
    /// By our locate, less 1: what the sequencer knows, and whether the instrument is on the list of changed ones.
    told: Vec<(Reference, bool)>,
    /// Number of the message that an instrument's prices are due to.
    caused_by: Vec<u64>,
    changed: Vec<Locate>,
}

impl References {
    /// Nothing is known of so many instruments.
    pub fn new(instruments: usize) -> Self {
        References {
            told: vec![(Reference::default(), false); instruments],
            caused_by: vec![0; instruments],
            changed: Vec::with_capacity(instruments),
        }
    }

    /// A new session: no message has caused anything yet.
    pub fn begin(&mut self) {
        self.caused_by.fill(0);
    }

    /// Message `sequence` changed an instrument's book.
    #[inline]
    pub fn on_change(&mut self, locate: Locate, sequence: u64) {
        self.caused_by[usize::from(locate) - 1] = sequence;
        self.mark(locate);
    }

    /// Something that concerns all instruments has changed.
    pub fn mark_all(&mut self) {
        for locate in 1..=self.told.len() as Locate {
            self.mark(locate);
        }
    }

    /// Number of the message that an instrument's prices are due to.
    pub fn caused_by(&self, locate: Locate) -> u64 {
        self.caused_by[usize::from(locate) - 1]
    }

    /// Takes an instrument off the list of changed ones.
    pub fn next_changed(&mut self) -> Option<Locate> {
        let locate = self.changed.pop()?;
        self.told[usize::from(locate) - 1].1 = false;
        Some(locate)
    }

    /// Whether instruments are on the list.
    pub fn is_due(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Notes a reference as told; false if the sequencer knows as much already.
    pub fn tell(&mut self, locate: Locate, reference: Reference) -> bool {
        let (told, _) = &mut self.told[usize::from(locate) - 1];
        let is_news = (told.bid, told.ask, told.stale) != (reference.bid, reference.ask, reference.stale);
        if is_news {
            *told = reference;
        }
        is_news
    }

    #[inline]
    fn mark(&mut self, locate: Locate) {
        let (_, is_marked) = &mut self.told[usize::from(locate) - 1];
        if !*is_marked {
            *is_marked = true;
            self.changed.push(locate);
        }
    }
}
