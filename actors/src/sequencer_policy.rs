//! The trading policy of the sequencer: it attaches the best prices that its shard knows to each request, and marks what comes too
//! late.

use std::fmt;

use corelane_runtime::{
    actor::Down,
    sequencer::{Origin, SequencerPolicy},
    topology::ActorIndex,
};

use crate::types::{Command, Locate, Mark, Reference, ReferenceUpdate, Replace, SequencerIn};

/// A policy that keeps the latest [`Reference`] of every instrument and attaches it to enters and replaces.
pub struct ReferencePolicy {
    /// The latest prices by locate; index 0, "no such symbol", stays empty.
    references: Vec<Reference>,
    /// The actor that publishes the prices.
    market_data: Option<ActorIndex>,
    /// Its last generation that has begun, as far as is known here, and the last that has ended, while none after that has begun.
    begun: u16,
    ended: Option<u16>,
    /// Enters and replaces that are older are marked.
    age_max_ns: u64,
}

impl fmt::Debug for ReferencePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferencePolicy")
            .field("market_data", &self.market_data)
            .field("ended", &self.ended)
            .field("age_max_ns", &self.age_max_ns)
            .finish_non_exhaustive()
    }
}

impl ReferencePolicy {
    /// A policy for `instruments` instruments. The actor `market_data`, if there is one, publishes their prices.
    #[must_use]
    pub fn new(instruments: usize, market_data: Option<ActorIndex>) -> ReferencePolicy {
        let references = vec![Reference::default(); instruments + 1];
        ReferencePolicy { references, market_data, begun: 0, ended: None, age_max_ns: u64::MAX }
    }

    /// Marks enters and replaces that are older than `age_max_ns` nanoseconds.
    #[must_use]
    pub fn protect_from_delay(self, age_max_ns: u64) -> ReferencePolicy {
        ReferencePolicy { age_max_ns, ..self }
    }

    /// The mark of a request of this age: the one that it has, if it has one.
    #[inline]
    fn mark(&self, mark: Mark, age_ns: u64) -> Mark {
        if age_ns > self.age_max_ns && mark == Mark::None { Mark::Delay } else { mark }
    }

    fn note(&mut self, update: &ReferenceUpdate, generation: u16) {
        if update.locate == Locate::NONE {
            self.begin_anew(generation);
        } else if let Some(reference) = self.references.get_mut(update.locate.row()) {
            *reference = update.reference;
        }
    }

    /// The actor that publishes the prices begins. It was behind every update of the one before it, so what is known now is
    /// stale until it is published anew. If that actor is known to have ended too, all that it says is stale.
    #[cold]
    fn begin_anew(&mut self, generation: u16) {
        self.begun = generation;
        self.ended = self.ended.filter(|ended| !is_after(generation, *ended));
        for reference in self.references.iter_mut().filter(|reference| **reference != Reference::default()) {
            reference.stale = 1;
        }
    }

    fn reference(&self, locate: Locate) -> Reference {
        let mut reference = self.references.get(locate.row()).copied().unwrap_or_default();
        if self.ended.is_some() {
            reference.stale = 1;
        }
        reference
    }
}

impl SequencerPolicy for ReferencePolicy {
    type In = SequencerIn;
    type Out = Command;

    #[inline]
    fn sequence(&mut self, input: &SequencerIn, origin: Origin, emit: impl FnOnce(Command)) {
        match input {
            SequencerIn::Command(Command::Enter(enter)) => {
                let mut stamped = *enter;
                stamped.reference = self.reference(enter.locate);
                stamped.mark = self.mark(enter.mark, origin.age_ns);
                emit(Command::Enter(stamped));
            }
            SequencerIn::Command(Command::Replace(replace)) => {
                let reference = self.reference(replace.locate);
                emit(Command::Replace(Replace { reference, mark: self.mark(replace.mark, origin.age_ns), ..*replace }));
            }
            // By itself, since it is frequent and short.
            SequencerIn::Command(Command::Cancel(cancel)) => emit(Command::Cancel(*cancel)),
            SequencerIn::Command(other) => emit(*other),
            SequencerIn::Reference(update) => self.note(update, origin.generation),
        }
    }

    fn on_down(&mut self, down: Down) {
        // It may be heard of later than the next one.
        if self.market_data == Some(down.actor) && !is_after(self.begun, down.generation) {
            self.ended = Some(down.generation);
        }
    }
}

/// Whether a generation comes after another one. They are counted in turn, and begin again after the largest number.
fn is_after(generation: u16, other: u16) -> bool {
    generation.wrapping_sub(other).cast_signed() > 0
}
