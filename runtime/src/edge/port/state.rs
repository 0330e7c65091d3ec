//! The state of a port: its edge, its bounds and its counts.

use std::{fmt, rc::Rc};

use crate::{
    edge::bind::{Binding, EdgeIn, Notice},
    edge::overflow::Overflow,
    edge::step::{BATCH_MAX, StepState},
    message::{Envelope, Message, SequenceNumber},
    telemetry::{Counters, EdgeCount},
};

/// The producing end of an edge: where an actor puts messages of type `M`.
pub struct Port<M> {
    pub(super) edge: EdgeIn<M>,
    pub(super) notice: Notice,
    pub(super) overflow: Overflow,
    pub(super) admission: bool,
    /// The protocol between the two actors bounds what is in flight, and it fits: no step waits for room.
    pub(super) always_fits: bool,
    /// Its reader is outside the topology.
    pub(super) is_external: bool,
    /// How many messages a step may send without a check of each: a step that answers a message, and a callback. It is
    /// `outputs_max` if the edge is a ring or a queue with backpressure and takes messages from such a step, otherwise 0.
    pub(super) unchecked_max: [u64; 2],
    /// Count up to which messages fit, on an edge that no step waits for; unlimited on others.
    pub(super) fits_until: u64,
    pub(super) outputs_max: usize,
    pub(super) step: Rc<StepState>,
    /// Messages that wait here for the flush: those that found a ring or a queue full, and all on a conflated edge or
    /// to a mailbox.
    pub(super) staged: Vec<Envelope<M>>,
    /// The most messages in `staged`.
    pub(super) staged_max: usize,
    /// Messages taken over the port's life. The counts below are values of this one, so that it alone changes with each
    /// message.
    pub(super) taken: u64,
    /// Count up to which the edge is known to have room, beyond what was sent and is not there yet.
    pub(super) room_until: u64,
    /// The step that sent last, and the count when it began.
    pub(super) step_id: u64,
    pub(super) step_start: u64,
    /// Count up to which that step sends without a check.
    pub(super) unchecked_until: u64,
    /// The sequenced input that the step is for; none for a callback, and for what no sequencer has numbered.
    pub(super) sequence: SequenceNumber,
    /// The value of `taken` at index 0: before the first message of this input, or of this step if it has no input.
    pub(super) index_start: u64,
    pub(super) interrupted: Interrupted,
    /// Its reader outside the topology is gone: what is sent goes nowhere, and counts as dropped.
    pub(super) is_forsaken: bool,
    /// Messages dropped, when sent or at the flush.
    pub(super) dropped: u64,
    /// The generation of the actor, for the headers.
    pub(super) generation: u16,
    /// Where its holds are counted, if somebody watches the edge.
    pub(super) watch: Option<Counters<EdgeCount>>,
}

/// The input that a callback interrupted, and that may continue.
#[derive(Default)]
pub(super) struct Interrupted {
    pub sequence: SequenceNumber,
    /// Messages sent for it.
    pub sent: u64,
}

impl<M> Default for Port<M> {
    /// An unconnected port: messages sent to it go nowhere.
    fn default() -> Self {
        Port {
            edge: EdgeIn::Open,
            notice: Notice::Flush,
            overflow: Overflow::Backpressure,
            admission: false,
            always_fits: false,
            is_external: false,
            unchecked_max: [0; 2],
            fits_until: u64::MAX,
            outputs_max: usize::MAX,
            step: Rc::default(),
            // A message to an unconnected port is built, too, and needs a slot.
            staged: Vec::with_capacity(1),
            staged_max: usize::MAX,
            taken: 0,
            room_until: 0,
            step_id: 0,
            step_start: 0,
            unchecked_until: 0,
            sequence: SequenceNumber::NONE,
            index_start: 0,
            interrupted: Interrupted::default(),
            is_forsaken: false,
            dropped: 0,
            generation: 0,
            watch: None,
        }
    }
}

impl<M> fmt::Debug for Port<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Port { overflow, taken, dropped, .. } = self;
        let waiting = self.staged.len();
        f.debug_struct("Port")
            .field("overflow", overflow)
            .field("taken", taken)
            .field("waiting", &waiting)
            .field("dropped", dropped)
            .finish_non_exhaustive()
    }
}

impl<M: Message> Port<M> {
    pub(crate) fn bind(&mut self, binding: Binding<M>, step: Rc<StepState>, outputs_max: usize) {
        let Binding { edge, notice, capacity, overflow, admission, always_fits, is_external } = binding;
        let is_plain = matches!(edge, EdgeIn::Local(_) | EdgeIn::Ring { .. }) && overflow == Overflow::Backpressure;
        let unchecked_max =
            [is_plain && !admission, is_plain].map(|is_unchecked| u64::from(is_unchecked) * outputs_max as u64);
        let tells = !matches!((&edge, &notice), (EdgeIn::Local(_), Notice::Flush));
        assert!(tells, "the consumer of a queue is told of each message");
        // What finds a ring that drops full may still find room at the flush: as much again waits for that. On other edges it
        // is what a batch sends on a conflated one, and what hooks that run without room may leave waiting.
        let staged_max = if overflow == Overflow::DropNewest { capacity } else { outputs_max * (BATCH_MAX + 1) };
        *self = Port {
            edge,
            notice,
            overflow,
            admission,
            always_fits,
            is_external,
            unchecked_max,
            fits_until: if always_fits { 0 } else { u64::MAX },
            outputs_max,
            step,
            staged: Vec::with_capacity(staged_max + 1),
            staged_max,
            ..Port::default()
        };
    }

    /// Counts its holds from now on.
    pub(crate) fn watch(&mut self, counters: Counters<EdgeCount>) {
        self.watch = Some(counters);
    }

    /// There is no room for a step.
    #[cold]
    pub(super) fn note_hold(&self) {
        if let Some(counters) = &self.watch {
            counters.add(EdgeCount::Holds, 1);
        }
    }
}
