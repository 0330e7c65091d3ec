//! The consuming end of an edge, as a cell polls it.

use crate::{
    edge::ends::{TakeMessage, Taken},
    edge::queue::LocalQueue,
    message::{Envelope, Message},
};

/// The consuming end of an edge.
pub(crate) enum Inlet<M> {
    Local(LocalQueue<M>),
    Ring {
        consumer: rtrb::Consumer<Envelope<M>>,
        /// Its producer is outside the topology, and learns from the consumer's end that nobody takes its messages.
        is_external: bool,
    },
    Other(Box<dyn TakeMessage<M>>),
}

impl<M: Message> Inlet<M> {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self {
            Inlet::Local(queue) => queue.borrow().len(),
            Inlet::Ring { consumer, .. } => consumer.slots(),
            Inlet::Other(end) => end.len(),
        }
    }

    /// Whether its messages come from outside the topology.
    pub(crate) fn is_external(&self) -> bool {
        matches!(self, Inlet::Ring { is_external: true, .. })
    }

    /// Messages replaced before they were read.
    pub(crate) fn conflated(&self) -> u64 {
        match self {
            Inlet::Local(_) | Inlet::Ring { .. } => 0,
            Inlet::Other(end) => end.overwritten(),
        }
    }

    /// Discards messages; returns how many. A ring or a queue is emptied by moving its end. Where each costs a call, it discards
    /// up to `count`.
    pub(crate) fn clear(&mut self, count: usize) -> usize {
        match self {
            Inlet::Local(_) | Inlet::Ring { .. } => self.drain(usize::MAX, |run, _| (run.len(), true)),
            Inlet::Other(end) => end.clear(count),
        }
    }

    /// Messages that waited in a mailbox for longer than they live.
    pub(crate) fn expired(&self) -> u64 {
        match self {
            Inlet::Local(_) | Inlet::Ring { .. } => 0,
            Inlet::Other(end) => end.expired(),
        }
    }

    /// Takes up to `count` messages, oldest first; returns how many. `visit` gets a run of messages and how many of them it may
    /// take. It returns how many it took, and whether it wants the next run. A ring shows only what was there when
    /// [`len`](Self::len) last looked. Messages that expire count too, and are not visited.
    #[inline]
    pub(crate) fn drain(
        &mut self,
        count: usize,
        mut visit: impl FnMut(&[Envelope<M>], usize) -> (usize, bool),
    ) -> usize {
        match self {
            Inlet::Local(queue) => {
                let mut queue = queue.borrow_mut();
                let taken = in_two_runs(queue.runs(), count, visit);
                queue.advance(taken);
                taken
            }
            Inlet::Ring { consumer, .. } => {
                let Ok(chunk) = consumer.read_chunk(consumer.cached_slots()) else { return 0 };
                let taken = in_two_runs(chunk.as_slices(), count, visit);
                chunk.commit(taken);
                taken
            }
            Inlet::Other(end) => {
                let (mut taken, waiting) = (0, end.len());
                while taken < count.min(waiting)
                    && let Some(next) = end.take()
                {
                    taken += 1;
                    if let Taken::Message(envelope) = next
                        && !visit(&[envelope], 1).1
                    {
                        break;
                    }
                }
                taken
            }
        }
    }
}

#[inline]
fn in_two_runs<M>(
    (first, second): (&[M], &[M]),
    count: usize,
    mut visit: impl FnMut(&[M], usize) -> (usize, bool),
) -> usize {
    let (mut taken, go_on) = visit(first, count.min(first.len()));
    let left = (count - taken).min(second.len());
    if go_on && left > 0 {
        taken += visit(second, left).0;
    }
    taken
}
