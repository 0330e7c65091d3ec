//! Sending: each message is built in its slot of the edge.

use std::{mem::MaybeUninit, ptr::NonNull};

use bytemuck::Zeroable;

use super::state::{Interrupted, Port};
use crate::{
    edge::bind::EdgeIn,
    edge::overflow::Overflow,
    edge::queue::FreeSlot,
    message::{Envelope, Header, Message, SequenceNumber},
};

impl<M: Message> Port<M> {
    /// Sends `body` to the actor at the other end. It is delivered after the step has returned, and discarded if the step
    /// panics.
    ///
    /// # Panics
    /// If the step sends more than its declared bounds ([`Actor::OUTPUTS_MAX`](crate::actor::Actor::OUTPUTS_MAX)
    /// unless the edge drops, [`in_flight`](crate::topology::EdgeSpec::in_flight) of the edge), sends on an admission
    /// edge while answering a message, or hooks that run without room have sent 65 times `OUTPUTS_MAX` messages that wait for
    /// room. The actor has a bug, and fails.
    // Always inline, so that the message is built in its slot. Built elsewhere and copied right after, its words would be
    // read wider than they were written, which stalls the processor.
    #[inline(always)]
    #[track_caller]
    pub fn send(&mut self, body: M) {
        self.send_made(|place| place.write(body));
    }

    /// As [`send`](Self::send), for a long message: `fill` gets the slot, zeroed, and fills it in. It is called even if the
    /// message is then dropped or the port is unconnected. Nothing is sent if it panics.
    #[inline(always)]
    #[track_caller]
    pub fn send_filled(&mut self, fill: impl FnOnce(&mut M))
    where
        M: Zeroable,
    {
        self.send_made(|place| {
            *place = MaybeUninit::zeroed();
            // SAFETY: `M` is `Zeroable`, and the slot was just zeroed.
            let body = unsafe { place.assume_init_mut() };
            fill(body);
            body
        });
    }

    /// Sends the message that `make` writes into the slot. `make` returns its argument, initialized.
    #[inline(always)]
    #[track_caller]
    fn send_made(&mut self, make: impl FnOnce(&mut MaybeUninit<M>) -> &mut M) {
        let step_id = self.step.id.get();
        if self.step_id != step_id {
            self.begin_step(step_id);
        }
        let index = (self.taken - self.index_start) as u32;
        let header = Header { index, generation: self.generation, ..self.step.header.get() };
        let place = self.place();
        let slot = match &place {
            Some(place) => place.slot,
            None => self.slot_to_check(),
        };
        // The only place where a message is built, to keep the code inlined into each sender short. Until the message is
        // counted, below or in `send_checked`, only this port can reach the slot; `make` cannot reach the port.
        // SAFETY: the slot is the next free one of the edge or of `staged`, and `make` initializes the whole message.
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

    /// The edge's next free slot, if the message needs no check.
    #[inline(always)]
    fn place(&mut self) -> Option<FreeSlot<Envelope<M>>> {
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

    /// A slot at the end of `staged`, for a message that must be checked or has to wait.
    #[cold]
    fn slot_to_check(&mut self) -> NonNull<Envelope<M>> {
        self.staged.reserve(1);
        NonNull::from(&mut self.staged.spare_capacity_mut()[0]).cast()
    }

    /// Checks and sends the message in the [`slot_to_check`](Self::slot_to_check).
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
                EdgeIn::Open | EdgeIn::Other { .. } => false,
            };
        if is_sent {
            self.notice.give(&self.step);
        } else {
            assert!(
                self.staged.len() < self.staged_max || matches!(self.edge, EdgeIn::Other { .. }),
                "hooks that run without room (all but on_message, on_more and on_frame) left 65 times OUTPUTS_MAX messages waiting for it: ask Port::room before sending, and keep the rest"
            );
            self.step.staged.set(true);
            self.staged.push(message);
        }
    }

    /// Resets the counts of the step for the first message of a new one.
    #[inline(always)]
    fn begin_step(&mut self, step_id: u64) {
        self.step_id = step_id;
        self.step_start = self.taken;
        let unchecked_max = self.unchecked_max[usize::from(self.step.admitting.get())];
        self.unchecked_until = (self.taken + unchecked_max).min(self.fits_until);
        let sequence = self.step.header.get().sequence;
        if sequence != self.sequence {
            if sequence.is_none() || self.sequence.is_none() {
                return self.cross_callback(sequence);
            }
            self.sequence = sequence;
            self.index_start = self.taken;
        } else if sequence.is_none() {
            self.index_start = self.taken;
        }
    }

    /// Switches the message index between a callback and a sequenced input. If the callback ran between two steps of one
    /// input, the index of that input continues where it was.
    #[inline(never)]
    fn cross_callback(&mut self, sequence: SequenceNumber) {
        let mut before = 0;
        if sequence.is_none() {
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
            self.dropped += u64::from(self.is_forsaken);
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
        if let EdgeIn::Other { end, .. } = &self.edge
            && let Some(why) = end.refuses(body)
        {
            panic!("{why}");
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
