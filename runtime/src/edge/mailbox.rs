//! Both ends of a mailbox: a ring for each priority, from which the consumer picks by weight.
//!
//! Time is an argument: each end is given a function that returns the ticks of its shard's turn.

use crate::{
    edge::ends::{PutMessage, TakeMessage, Taken},
    message::{Envelope, Message, Prioritized, Priority},
};

const PRIORITIES: usize = Priority::ALL.len();

/// A message, and the ticks of the turn that sent it.
pub(crate) struct Timed<M> {
    envelope: Envelope<M>,
    sent_ticks: u64,
}

pub(crate) type Producers<M> = [rtrb::Producer<Timed<M>>; PRIORITIES];
pub(crate) type Consumers<M> = [rtrb::Consumer<Timed<M>>; PRIORITIES];

/// The rings of a mailbox that holds `length` messages of each priority.
pub(crate) fn mailbox_rings<M: Message>(length: usize) -> (Producers<M>, Consumers<M>) {
    let mut consumers = Vec::with_capacity(PRIORITIES);
    let producers = Priority::ALL.map(|_| {
        let (producer, consumer) = rtrb::RingBuffer::new(length);
        consumers.push(consumer);
        producer
    });
    (producers, consumers.try_into().ok().expect("one for each priority"))
}

/// The producing end. It drops a message whose priority is full.
pub(crate) struct MailboxWriter<M, T> {
    pub producers: Producers<M>,
    pub ticks: T,
}

impl<M: Prioritized, T: Fn() -> u64> PutMessage<M> for MailboxWriter<M, T> {
    fn refuses(&self, message: &M) -> Option<&'static str> {
        // It is the program's code: if it panics, then here, in the sender's step, and not at the flush.
        let _: Priority = message.priority();
        None
    }

    fn put(&mut self, envelope: &Envelope<M>) -> bool {
        let timed = Timed { envelope: *envelope, sent_ticks: (self.ticks)() };
        self.producers[envelope.body.priority() as usize].push(timed).is_ok()
    }
}

/// The consuming end.
pub(crate) struct MailboxReader<M, T> {
    consumers: Consumers<M>,
    /// What each priority may still give in this round.
    left: [usize; PRIORITIES],
    ticks: T,
    time_to_live_ticks: u64,
    expired: u64,
}

impl<M, T> MailboxReader<M, T> {
    pub(crate) fn new(consumers: Consumers<M>, ticks: T, time_to_live_ticks: u64) -> Self {
        MailboxReader { consumers, left: Priority::ALL.map(Priority::weight), ticks, time_to_live_ticks, expired: 0 }
    }

    /// The priority whose turn it is: the most urgent that waits and has something left. If none has, a round begins.
    fn next(&mut self) -> Option<usize> {
        let mut waiting = (0..PRIORITIES).filter(|&priority| !self.consumers[priority].is_empty());
        let first = waiting.next()?;
        let next = std::iter::once(first).chain(waiting).find(|&priority| self.left[priority] > 0);
        next.or_else(|| {
            self.left = Priority::ALL.map(Priority::weight);
            Some(first)
        })
    }
}

impl<M: Message, T: Fn() -> u64> TakeMessage<M> for MailboxReader<M, T> {
    fn take(&mut self) -> Option<Taken<M>> {
        let priority = self.next()?;
        let Timed { envelope, sent_ticks } = self.consumers[priority].pop().ok()?;
        // The other shard's turn may have begun later than this one's.
        if (self.ticks)().saturating_sub(sent_ticks) > self.time_to_live_ticks {
            // It uses nothing of the round.
            self.expired += 1;
            return Some(Taken::Expired);
        }
        self.left[priority] -= 1;
        Some(Taken::Message(envelope))
    }

    fn clear(&mut self, count: usize) -> usize {
        self.consumers.iter_mut().flat_map(|ring| std::iter::from_fn(move || ring.pop().ok())).take(count).count()
    }

    fn len(&self) -> usize {
        self.consumers.iter().map(rtrb::Consumer::slots).sum()
    }

    fn overwritten(&self) -> u64 {
        0
    }

    fn expired(&self) -> u64 {
        self.expired
    }
}

#[cfg(test)]
mod tests;
