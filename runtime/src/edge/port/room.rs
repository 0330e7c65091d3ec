//! Room in the edge, and the flush of sent messages.

use super::outputs::AnyPort;
use super::state::Port;
use crate::{
    edge::bind::{EdgeIn, Touched},
    edge::outlet::Outlet,
    edge::overflow::Overflow,
    message::Message,
};

impl<M: Message> Port<M> {
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
        let room = self.look_for(kept + left).saturating_sub(kept).min(left);
        if room < left {
            self.note_hold();
        }
        room
    }

    /// Whether the port is connected. Messages to an unconnected port go nowhere and need not be built.
    #[inline]
    pub fn is_connected(&self) -> bool {
        !matches!(self.edge, EdgeIn::Open)
    }

    /// The known room of the edge beyond the messages already sent. Asks the edge only if the known room is less than
    /// `needed`.
    #[inline]
    pub(super) fn look_for(&mut self, needed: usize) -> usize {
        let known = self.room_until.saturating_sub(self.taken) as usize;
        if known >= needed {
            return known;
        }
        let room = match &self.edge {
            EdgeIn::Open | EdgeIn::Other { .. } => usize::MAX,
            EdgeIn::Local(queue) => queue.borrow().room(),
            EdgeIn::Ring { outlet, .. } => outlet.room(),
        };
        let room = room.saturating_sub(self.staged.len());
        let room = if room < needed && self.forsake() { usize::MAX } else { room };
        self.room_until = self.taken.saturating_add(room as u64);
        if self.always_fits {
            self.fits_until = self.room_until;
        }
        room
    }

    /// Ends the edge if its reader outside the topology is gone, so that nobody waits for it; what is in it counts as dropped.
    /// Returns whether it did. Looked for when the edge has no room.
    #[cold]
    fn forsake(&mut self) -> bool {
        let EdgeIn::Ring { outlet, .. } = &self.edge else { return false };
        if !self.is_external || !outlet.is_abandoned() {
            return false;
        }
        self.dropped += (outlet.len() + self.staged.len()) as u64;
        self.staged.clear();
        self.edge = EdgeIn::Open;
        self.is_forsaken = true;
        // Each message is checked from now on, and so counted.
        self.unchecked_max = [0; 2];
        self.unchecked_until = self.taken;
        true
    }

    /// Moves staged messages into the edge; returns how many stay.
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
            EdgeIn::Other { end, touched } => {
                self.dropped += self.staged.iter().filter(|envelope| !end.put(envelope)).count() as u64;
                touch(touched);
                count
            }
        };
        if taken == count || self.forsake() {
            self.staged.clear();
        } else if self.overflow == Overflow::DropNewest {
            self.dropped += (count - taken) as u64;
            self.staged.clear();
        } else {
            self.staged.drain(..taken);
        }
        self.staged.len()
    }
}

impl<M: Message> AnyPort for Port<M> {
    #[inline]
    fn steps_room(&mut self, wanted: usize, reserve: usize, admitting: bool) -> usize {
        let limits = self.overflow == Overflow::Backpressure && !self.always_fits && (admitting || !self.admission);
        // An unconnected port sets no bound, and the product below would overflow.
        if !limits || matches!(self.edge, EdgeIn::Open) {
            return wanted;
        }
        let needed = (wanted + reserve) * self.outputs_max;
        let room = self.look_for(needed);
        if room >= needed {
            return wanted;
        }
        let steps = (room / self.outputs_max).saturating_sub(reserve);
        if steps == 0 {
            self.note_hold();
        }
        steps
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
            EdgeIn::Open | EdgeIn::Other { .. } => {}
        }
        self.taken = self.step_start;
    }

    fn close(&mut self) {
        if self.is_external {
            self.edge = EdgeIn::Open;
        }
    }

    fn set_generation(&mut self, generation: u16) {
        self.generation = generation;
    }

    fn sent(&self) -> u64 {
        self.taken
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }

    fn is_forsaken(&self) -> bool {
        self.is_forsaken
    }
}

/// Publishes a ring's messages to the consumer on another shard.
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
