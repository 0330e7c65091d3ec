//! The trading policy of the sequencer: it attaches the best prices that its shard knows to each request.

use std::fmt;

use corelane_runtime::{actor::Down, sequencer::SequencerPolicy, topology::ActorIndex};

use crate::types::{Command, Locate, Reference, ReferenceUpdate, Replace, SequencerIn};

/// A policy that keeps the latest [`Reference`] of every instrument and attaches it to enters and replaces.
pub struct ReferencePolicy {
    /// The latest prices by locate; index 0, "no such symbol", stays empty.
    references: Vec<Reference>,
    /// The actor that publishes the prices.
    market_data: Option<ActorIndex>,
    market_data_is_down: bool,
}

impl fmt::Debug for ReferencePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferencePolicy")
            .field("market_data", &self.market_data)
            .field("market_data_is_down", &self.market_data_is_down)
            .finish_non_exhaustive()
    }
}

impl ReferencePolicy {
    /// A policy for `instruments` instruments. The actor `market_data`, if there is one, publishes their prices.
    #[must_use]
    pub fn new(instruments: usize, market_data: Option<ActorIndex>) -> ReferencePolicy {
        let references = vec![Reference::default(); instruments + 1];
        ReferencePolicy { references, market_data, market_data_is_down: false }
    }

    fn note(&mut self, update: &ReferenceUpdate) {
        if update.locate == Locate::NONE {
            self.begin_anew();
        } else if let Some(reference) = self.references.get_mut(update.locate.row()) {
            *reference = update.reference;
        }
    }

    /// The actor that publishes the prices begins. It was behind every update of the one before it, so what is known now is
    /// stale until it is published anew.
    #[cold]
    fn begin_anew(&mut self) {
        self.market_data_is_down = false;
        for reference in self.references.iter_mut().filter(|reference| **reference != Reference::default()) {
            reference.stale = 1;
        }
    }

    fn reference(&self, locate: Locate) -> Reference {
        let mut reference = self.references.get(locate.row()).copied().unwrap_or_default();
        if self.market_data_is_down {
            reference.stale = 1;
        }
        reference
    }
}

impl SequencerPolicy for ReferencePolicy {
    type In = SequencerIn;
    type Out = Command;

    #[inline]
    fn sequence(&mut self, input: &SequencerIn, emit: impl FnOnce(Command)) {
        match input {
            SequencerIn::Command(Command::Enter(enter)) => {
                let mut stamped = *enter;
                stamped.reference = self.reference(enter.locate);
                emit(Command::Enter(stamped));
            }
            SequencerIn::Command(Command::Replace(replace)) => {
                emit(Command::Replace(Replace { reference: self.reference(replace.locate), ..*replace }));
            }
            // By itself, since it is frequent and short.
            SequencerIn::Command(Command::Cancel(cancel)) => emit(Command::Cancel(*cancel)),
            SequencerIn::Command(other) => emit(*other),
            SequencerIn::Reference(update) => self.note(update),
        }
    }

    fn on_down(&mut self, down: Down) {
        self.market_data_is_down |= self.market_data == Some(down.actor);
    }
}
