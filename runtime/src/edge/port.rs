//! The producing end of an edge as actors and cells see it: the typed [`Port`] that takes a step's outputs.
//!
//! Across shards an edge is an `rtrb` ring, within one a plain queue. What a step sends to a ring is written into its slots,
//! which the consumer sees when the batch is over; what it sends to a queue goes straight to its end, for the consumer, on
//! the same thread, does not run before. A step that fails leaves nothing behind in either.

mod outputs;
#[cfg(test)]
mod tests;

use std::{
    cell::{Cell, RefCell},
    mem::MaybeUninit,
    ptr::NonNull,
    rc::Rc,
};

use bytemuck::Zeroable;

use crate::{
    edge::conflated::PutConflated,
    edge::outlet::Outlet,
    edge::queue::{Place, Queue},
    message::{Envelope, Header, Message},
    shard::agenda::{Agenda, Turn},
    shard::cell::BATCH_MAX,
};

pub use self::outputs::Outputs;

/// What happens when an edge is full. There is no default: each edge says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The producer waits: its step runs only when there is room. The pressure goes back to ingress.
    Backpressure,
    /// The newest message is dropped and counted. For telemetry, and for streams whose messages are numbered so that a
    /// reader sees what it missed: never for what a client waits for.
    DropNewest,
    /// It never is: a message replaces the one before it of the same key, and what was not read in time is counted as
    /// conflated. What is seen depends on when one looks, so a sequenced actor cannot have it as input.
    Conflate,
}

/// The step in progress, shared by a cell and its ports.
///
/// The words of the header of its input lie apart, so that each is read from the message just as it was written there:
/// two that were written one by one just before, and are read at once, stall the processor until both are in the cache.
#[derive(Debug, Default)]
pub struct StepState {
    pub(crate) header: Cell<Header>,
    /// Counts steps, so that a port knows which of its messages belong to the running one.
    pub(crate) id: Cell<u64>,
    /// True while a step may send on admission ports: network, timer and start callbacks.
    pub(crate) admitting: Cell<bool>,
    /// A port has messages that wait for the flush, in itself or in slots that are not shown yet.
    pub(crate) staged: Cell<bool>,
}

/// A queue within one shard.
pub(crate) type LocalQueue<M> = Rc<RefCell<Queue<Envelope<M>>>>;

/// Set when an edge to a shard that may park got messages; the shard's cycle ends with waking what was touched.
pub(crate) type Touched = Rc<Cell<bool>>;

/// Set when something was put where a unit will find it; spares the shard a look at those without work.
pub(crate) type Waiting = Rc<Cell<bool>>;

/// Whom a message in its place concerns.
pub(crate) enum Notice {
    /// The flush, which shows it to the consumer.
    Flush,
    /// The consumer's unit, which is marked.
    Unit(Waiting),
    /// The consumer, which is given a turn: both ends are in one group.
    Member(Agenda, Turn),
}

impl Notice {
    #[inline]
    fn give(&self, step: &StepState) {
        match self {
            Notice::Flush => step.staged.set(true),
            Notice::Unit(waiting) => waiting.set(true),
            Notice::Member(agenda, turn) => agenda.push(*turn),
        }
    }
}

pub(crate) enum EdgeIn<M> {
    Open,
    Local(LocalQueue<M>),
    Ring { outlet: Outlet<M>, touched: Option<Touched> },
    Conflated { values: Box<dyn PutConflated<M>>, touched: Option<Touched> },
}

/// The producing end of an edge: where an actor puts messages of type `M`.
pub struct Port<M> {
    edge: EdgeIn<M>,
    notice: Notice,
    overflow: Overflow,
    admission: bool,
    /// The edge runs between two members of one group.
    internal: bool,
    /// The protocol between the two actors bounds what is in flight, and it fits: no step waits for room.
    always_fits: bool,
    /// Messages of a step that are not looked at one by one: of one that answers a message, and of a callback. `outputs_max`
    /// where the edge is a ring or a queue that holds when it is full, takes any number for an input, and takes messages
    /// from such a step; otherwise none.
    unchecked_max: [u64; 2],
    /// Count up to which messages fit: what is known of the room where no step waits for it, otherwise without end.
    fits_until: u64,
    /// Most messages for one sequenced input, as declared.
    per_input_max: u64,
    outputs_max: usize,
    step: Rc<StepState>,
    /// Messages that wait here for the flush: what found a ring or a queue full, and all of an edge that keeps the newest.
    staged: Vec<Envelope<M>>,
    /// Most of them.
    staged_max: usize,
    /// Messages taken over the port's life. The counts below are values of this one, so that it alone changes with each
    /// message.
    taken: u64,
    /// Count up to which the edge is known to have room, beyond what was sent and is not there yet.
    room_until: u64,
    /// The step that sent last, and the count when it began.
    step_id: u64,
    step_start: u64,
    /// Count up to which that step sends without being looked at.
    unchecked_until: u64,
    /// The sequenced input that the step is for; 0 for a callback, and for what no sequencer has numbered.
    sequence: u64,
    /// The count less the messages of this input, or of this step without one.
    index_start: u64,
    interrupted: Interrupted,
    /// Messages dropped, as they were sent or at the flush.
    dropped: u64,
}

/// The input that the last callback came after: it may go on.
#[derive(Default)]
struct Interrupted {
    sequence: u64,
    /// Messages sent for it.
    sent: u64,
}

impl<M> Default for Port<M> {
    /// A port that is not connected: what is sent there goes nowhere.
    fn default() -> Self {
        Port {
            edge: EdgeIn::Open,
            notice: Notice::Flush,
            overflow: Overflow::Backpressure,
            admission: false,
            internal: false,
            always_fits: false,
            unchecked_max: [0; 2],
            fits_until: u64::MAX,
            per_input_max: u64::MAX,
            outputs_max: usize::MAX,
            step: Rc::default(),
            // What is sent to an open port is made, too, and has to lie somewhere.
            staged: Vec::with_capacity(1),
            staged_max: usize::MAX,
            taken: 0,
            room_until: 0,
            step_id: 0,
            step_start: 0,
            unchecked_until: 0,
            sequence: 0,
            index_start: 0,
            interrupted: Interrupted::default(),
            dropped: 0,
        }
    }
}

/// Shows a ring's messages to the consumer, on another shard.
#[inline]
fn publish<M: Message>(outlet: &mut Outlet<M>, touched: &Option<Touched>) {
    if outlet.publish() > 0 {
        touch(touched);
    }
}

#[inline]
fn touch(touched: &Option<Touched>) {
    if let Some(touched) = touched {
        touched.set(true);
    }
}

/// How a port is bound to its edge; made by the topology.
pub(crate) struct Binding<M> {
    pub edge: EdgeIn<M>,
    pub notice: Notice,
    pub capacity: usize,
    pub overflow: Overflow,
    pub admission: bool,
    pub internal: bool,
    pub always_fits: bool,
    pub per_input_max: Option<u32>,
}

impl<M: Message> Port<M> {
    /// Sends `body` to the actor at the other end. It gets there when the step has returned; if the step fails it
    /// never existed.
    ///
    /// # Panics
    /// When the step sends more than its declared bounds ([`Actor::OUTPUTS_MAX`](crate::actor::Actor::OUTPUTS_MAX)
    /// unless the edge drops, [`per_input`](crate::topology::EdgeSpec::per_input) or [`in_flight`](crate::topology::EdgeSpec::in_flight) of
    /// the edge), or sends on an admission edge while answering a message: the actor is wrong, and fails.
    // Always in line: then the message is made in its place. Copied from elsewhere just after it was made, its words are
    // read wider than they were written, which stalls the processor.
    #[inline(always)]
    #[track_caller]
    pub fn send(&mut self, body: M) {
        self.send_made(|place| place.write(body));
    }

    /// As [`send`](Self::send), for a message of many words: `fill` writes them, once its place is known, into one of zeros.
    /// It is called also where the message is then dropped, or the port is open. Nothing is sent if it panics.
    #[inline(always)]
    #[track_caller]
    pub fn send_filled(&mut self, fill: impl FnOnce(&mut M))
    where
        M: Zeroable,
    {
        self.send_made(|place| {
            *place = MaybeUninit::zeroed();
            // SAFETY: zeros are such a message.
            let body = unsafe { place.assume_init_mut() };
            fill(body);
            body
        });
    }

    /// `make` writes the message to where it is given, and returns that.
    #[inline(always)]
    #[track_caller]
    fn send_made(&mut self, make: impl FnOnce(&mut MaybeUninit<M>) -> &mut M) {
        let step_id = self.step.id.get();
        if self.step_id != step_id {
            self.begin_step(step_id);
        }
        let header = Header { index: (self.taken - self.index_start) as u32, ..self.step.header.get() };
        let place = self.place();
        let slot = match &place {
            Some(place) => place.slot,
            None => self.slot_to_check(),
        };
        // One place in the code where a message is made, so that what is compiled into each sender is short. Until it counts,
        // below or in `send_checked`, its slot is this port's alone, to which `make` has no way.
        // SAFETY: the slot is the edge's next, or the one behind what is staged, and `make` writes all of the message.
        unsafe {
            let slot = slot.as_ptr();
            let kind = make(&mut *(&raw mut (*slot).body).cast()).kind();
            (&raw mut (*slot).header).write(Header { kind, ..header });
        }
        let Some(place) = place else { return self.send_checked() };
        // SAFETY: it was written.
        unsafe { place.append() };
        self.taken += 1;
        self.notice.give(&self.step);
    }

    /// The edge's next place, for a message that need not be looked at.
    #[inline(always)]
    fn place(&mut self) -> Option<Place<Envelope<M>>> {
        if self.taken >= self.unchecked_until || !self.staged.is_empty() {
            return None;
        }
        // One question after the other: by a table, the processor would have to guess where it leads.
        if let EdgeIn::Local(queue) = &self.edge {
            queue.borrow_mut().place()
        } else if let EdgeIn::Ring { outlet, .. } = &mut self.edge {
            outlet.place()
        } else {
            None
        }
    }

    /// Where a message lies that is looked at first, or waits here: behind those that do.
    #[cold]
    fn slot_to_check(&mut self) -> NonNull<Envelope<M>> {
        self.staged.reserve(1);
        NonNull::from(&mut self.staged.spare_capacity_mut()[0]).cast()
    }

    /// Sends what lies in the [`slot_to_check`](Self::slot_to_check).
    #[cold]
    #[track_caller]
    fn send_checked(&mut self) {
        // SAFETY: it was written just now.
        let message = unsafe { self.staged.spare_capacity_mut()[0].assume_init_read() };
        if self.taken >= self.unchecked_until && !self.takes(&message.body) {
            return;
        }
        self.taken += 1;
        let is_sent = self.staged.is_empty()
            && match &mut self.edge {
                EdgeIn::Local(queue) => queue.borrow_mut().push(message),
                EdgeIn::Ring { outlet, .. } => outlet.push(message),
                EdgeIn::Open | EdgeIn::Conflated { .. } => false,
            };
        if is_sent {
            self.notice.give(&self.step);
        } else {
            self.step.staged.set(true);
            self.staged.push(message);
        }
    }

    /// Another step sends its first message.
    #[inline(always)]
    fn begin_step(&mut self, step_id: u64) {
        self.step_id = step_id;
        self.step_start = self.taken;
        let unchecked_max = self.unchecked_max[usize::from(self.step.admitting.get())];
        self.unchecked_until = (self.taken + unchecked_max).min(self.fits_until);
        let sequence = self.step.header.get().sequence;
        if sequence != self.sequence {
            if sequence == 0 || self.sequence == 0 {
                return self.cross_callback(sequence);
            }
            self.sequence = sequence;
            self.index_start = self.taken;
        } else if sequence == 0 {
            self.index_start = self.taken;
        }
    }

    /// A callback sends after an input, or an input after a callback: one that came between two steps of an input, whose
    /// count then goes on behind it.
    #[inline(never)]
    fn cross_callback(&mut self, sequence: u64) {
        let mut before = 0;
        if sequence == 0 {
            self.interrupted = Interrupted { sequence: self.sequence, sent: self.taken - self.index_start };
        } else if sequence == self.interrupted.sequence {
            before = self.interrupted.sent;
        }
        self.sequence = sequence;
        self.index_start = self.taken - before;
    }

    #[inline]
    fn sent_in_step(&self) -> usize {
        (self.taken - self.step_start) as usize
    }

    /// Whether a message that is looked at may be sent.
    #[cold]
    #[track_caller]
    fn takes(&mut self, body: &M) -> bool {
        if matches!(self.edge, EdgeIn::Open) {
            return false;
        }
        let drops = self.overflow == Overflow::DropNewest;
        assert!(drops || self.sent_in_step() < self.outputs_max, "a step sent more than OUTPUTS_MAX");
        let fits_input = self.sequence == 0 || self.taken - self.index_start < self.per_input_max;
        assert!(!self.admission || self.step.admitting.get(), "an admission edge takes nothing from a message step");
        if let EdgeIn::Conflated { values, .. } = &self.edge {
            assert!(values.has_key(body), "a key beyond those of the edge");
        }
        if drops && self.staged.len() == self.staged_max {
            self.dropped += 1;
            return false;
        }
        assert!(fits_input, "more messages for one input than the edge declares");
        if self.always_fits {
            assert!(self.look_for(1) > 0, "more messages in flight than the edge declares");
        }
        true
    }

    /// How many messages the running step may still send here: what is left of its
    /// [`Actor::OUTPUTS_MAX`](crate::actor::Actor::OUTPUTS_MAX) and fits the edge with another `OUTPUTS_MAX` to spare.
    ///
    /// For callbacks that run whether or not there is room (a connection opens or closes, a batch ends, a timer
    /// fires): what does not fit now must wait for a later callback. Only an edge that holds can be without room.
    pub fn room(&mut self) -> usize {
        let in_step = if self.step_id == self.step.id.get() { self.sent_in_step() } else { 0 };
        let left = self.outputs_max.saturating_sub(in_step);
        if matches!(self.edge, EdgeIn::Open) || self.overflow != Overflow::Backpressure {
            return left;
        }
        let kept = self.outputs_max;
        self.look_for(kept + left).saturating_sub(kept).min(left)
    }

    /// Whether the port leads anywhere: what is sent to one that is left open need not be made.
    #[inline]
    pub fn is_connected(&self) -> bool {
        !matches!(self.edge, EdgeIn::Open)
    }

    /// The room in the edge beyond what was sent, as far as it is known, which is for `needed` messages if it has so much:
    /// an edge is only asked when what is known does not suffice.
    #[inline]
    fn look_for(&mut self, needed: usize) -> usize {
        let known = self.room_until.saturating_sub(self.taken) as usize;
        if known >= needed {
            return known;
        }
        let room = match &self.edge {
            EdgeIn::Open | EdgeIn::Conflated { .. } => usize::MAX,
            EdgeIn::Local(queue) => queue.borrow().room(),
            EdgeIn::Ring { outlet, .. } => outlet.room(),
        };
        let room = room.saturating_sub(self.staged.len());
        self.room_until = self.taken.saturating_add(room as u64);
        if self.always_fits {
            self.fits_until = self.room_until;
        }
        room
    }

    /// Moves what is staged; returns how many messages stay.
    fn flush_staged(&mut self) -> usize {
        let count = self.staged.len();
        let taken = match &mut self.edge {
            EdgeIn::Open => count,
            EdgeIn::Local(queue) => {
                let mut queue = queue.borrow_mut();
                let pushed = self.staged.iter().take_while(|envelope| queue.push(**envelope)).count();
                (0..pushed).for_each(|_| self.notice.give(&self.step));
                pushed
            }
            EdgeIn::Ring { outlet, touched } => {
                let pushed = self.staged.iter().take_while(|envelope| outlet.push(**envelope)).count();
                publish(outlet, touched);
                pushed
            }
            EdgeIn::Conflated { values, touched } => {
                self.staged.iter().for_each(|envelope| values.put(envelope));
                touch(touched);
                count
            }
        };
        if taken == count {
            self.staged.clear();
        } else if self.overflow == Overflow::DropNewest {
            self.dropped += (count - taken) as u64;
            self.staged.clear();
        } else {
            self.staged.drain(..taken);
        }
        self.staged.len()
    }

    pub(crate) fn bind(&mut self, binding: Binding<M>, step: Rc<StepState>, outputs_max: usize) {
        let Binding { edge, notice, capacity, overflow, admission, internal, always_fits, per_input_max } = binding;
        let is_plain = matches!(edge, EdgeIn::Local(_) | EdgeIn::Ring { .. })
            && overflow == Overflow::Backpressure
            && per_input_max.is_none();
        let unchecked_max =
            [is_plain && !admission, is_plain].map(|is_unchecked| u64::from(is_unchecked) * outputs_max as u64);
        let per_input_max = per_input_max.map_or(u64::MAX, u64::from);
        let tells = !matches!((&edge, &notice), (EdgeIn::Local(_), Notice::Flush));
        assert!(tells, "the consumer of a queue is told of each message");
        // What finds a ring that drops full may still find room at the flush: as much again waits for that.
        let staged_max = if overflow == Overflow::DropNewest { capacity } else { outputs_max * (BATCH_MAX + 1) };
        *self = Port {
            edge,
            notice,
            overflow,
            admission,
            internal,
            always_fits,
            unchecked_max,
            fits_until: if always_fits { 0 } else { u64::MAX },
            per_input_max,
            outputs_max,
            step,
            staged: Vec::with_capacity(staged_max + 1),
            staged_max,
            ..Port::default()
        };
    }
}

/// The part of a port that does not depend on its message type.
pub trait AnyPort {
    /// Whether the edge runs between two members of one group.
    fn is_internal(&self) -> bool;
    /// How many steps, `wanted` at most, may run with `reserve` steps' room left over; admission ports do not limit
    /// message steps.
    fn steps_room(&mut self, wanted: usize, reserve: usize, admitting: bool) -> usize;
    /// Has the memory fetched that the next message goes to.
    fn prefetch(&mut self);
    /// Shows what is in a ring's slots and moves what is staged into the edge; returns how many messages stay. What does
    /// not fit is dropped and counted where the edge says so; otherwise it stays and goes first the next time: a callback
    /// that cannot be put off (a disconnect, a neighbour's failure, the end of a batch) sends also when there is no room.
    fn flush(&mut self) -> usize;
    /// Takes back what the step `step_id` sent.
    fn roll_back(&mut self, step_id: u64);
    /// Messages dropped by [`Overflow::DropNewest`].
    fn dropped(&self) -> u64;
}

impl<M: Message> AnyPort for Port<M> {
    #[inline]
    fn is_internal(&self) -> bool {
        self.internal
    }

    #[inline]
    fn steps_room(&mut self, wanted: usize, reserve: usize, admitting: bool) -> usize {
        let limits = self.overflow == Overflow::Backpressure && !self.always_fits && (admitting || !self.admission);
        // An open port sets no bound, and its product below would not fit a number.
        if !limits || matches!(self.edge, EdgeIn::Open) {
            return wanted;
        }
        let needed = (wanted + reserve) * self.outputs_max;
        let room = self.look_for(needed);
        if room >= needed {
            return wanted;
        }
        (room / self.outputs_max).saturating_sub(reserve)
    }

    #[inline]
    fn prefetch(&mut self) {
        if let EdgeIn::Ring { outlet, .. } = &mut self.edge {
            outlet.prefetch();
        }
    }

    #[inline]
    fn flush(&mut self) -> usize {
        if !self.staged.is_empty() {
            return self.flush_staged();
        }
        if let EdgeIn::Ring { outlet, touched } = &mut self.edge {
            publish(outlet, touched);
        }
        0
    }

    fn roll_back(&mut self, step_id: u64) {
        if self.step_id != step_id {
            return;
        }
        let undone = self.sent_in_step();
        let unstaged = undone.min(self.staged.len());
        self.staged.truncate(self.staged.len() - unstaged);
        match &mut self.edge {
            EdgeIn::Local(queue) => queue.borrow_mut().take_back(undone - unstaged),
            EdgeIn::Ring { outlet, .. } => outlet.take_back(undone - unstaged),
            EdgeIn::Open | EdgeIn::Conflated { .. } => {}
        }
        self.taken = self.step_start;
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }
}
