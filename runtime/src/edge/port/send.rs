//! Sending: a message is made in the slot of its edge.

use std::{mem::MaybeUninit, ptr::NonNull};

use bytemuck::Zeroable;

use super::state::{Interrupted, Port};
use crate::{
    edge::bind::EdgeIn,
    edge::overflow::Overflow,
    edge::queue::Place,
    message::{Envelope, Header, Message},
};

impl<M: Message> Port<M> {
    /// Sends `body` to the actor at the other end. It gets there when the step has returned; if the step fails it
    /// never existed.
    ///
    /// # Panics
    /// When the step sends more than its declared bounds ([`Actor::OUTPUTS_MAX`](crate::actor::Actor::OUTPUTS_MAX)
    /// unless the edge drops, [`in_flight`](crate::topology::EdgeSpec::in_flight) of the edge), or sends on an admission
    /// edge while answering a message: the actor is wrong, and fails.
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

    /// The edge's next place, for a message that needs no check.
    #[inline(always)]
    fn place(&mut self) -> Option<Place<Envelope<M>>> {
        if self.taken >= self.unchecked_until || !self.staged.is_empty() {
            return None;
        }
        // Two branches in a row predict better than a jump table.
        if let EdgeIn::Local(queue) = &self.edge {
            queue.borrow_mut().place()
        } else if let EdgeIn::Ring { outlet, .. } = &mut self.edge {
            outlet.place()
        } else {
            None
        }
    }

    /// The slot of a message that is checked first or waits here, behind those that wait already.
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
    pub(super) fn sent_in_step(&self) -> usize {
        (self.taken - self.step_start) as usize
    }

    /// Checks whether a message may be sent.
    #[cold]
    #[track_caller]
    fn takes(&mut self, body: &M) -> bool {
        if matches!(self.edge, EdgeIn::Open) {
            return false;
        }
        let drops = self.overflow == Overflow::DropNewest;
        assert!(
            drops || self.sent_in_step() < self.outputs_max,
            "a step sent more than OUTPUTS_MAX messages on a port: raise it, or send the rest in on_more"
        );
        assert!(
            !self.admission || self.step.admitting.get(),
            "an answer to a message was sent on an admission edge, which takes only what network and timer callbacks send"
        );
        if let EdgeIn::Conflated { values, .. } = &self.edge {
            assert!(
                values.has_key(body),
                "the key of a message is not below the number of keys of its conflated edge: raise that number"
            );
        }
        if drops && self.staged.len() == self.staged_max {
            self.dropped += 1;
            return false;
        }
        if self.always_fits {
            assert!(
                self.look_for(1) > 0,
                "more messages are in flight than the edge declares: raise its EdgeSpec::in_flight, or send fewer before an answer"
            );
        }
        true
    }
}
