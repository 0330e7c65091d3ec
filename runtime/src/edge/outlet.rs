//! The producing end of a ring. Each message is written into its slot when it is sent; a batch is published at once.

use std::mem::MaybeUninit;

use rtrb::chunks::WriteChunkUninit;

use crate::{
    edge::queue::FreeSlot,
    mem,
    message::{Envelope, Message},
};

/// How many slots ahead of the one being written are prefetched, since the other CPU still has them from the last lap. Without
/// it, a burst runs at half the rate; with 16 it is no faster.
const AHEAD: usize = 4;

/// The producing end of a ring, with the messages behind its published end.
///
/// A message is built in its slot. If it were built elsewhere and copied at the end of a batch, the copy would read wider
/// words than were just written, and the processor would stall until they reach its cache: 30 ns of a hop of 270.
pub(crate) struct Outlet<M> {
    producer: rtrb::Producer<Envelope<M>>,
    /// Slots behind the published ones that hold messages.
    unpublished: usize,
}

impl<M: Message> Outlet<M> {
    pub(crate) fn new(producer: rtrb::Producer<Envelope<M>>) -> Self {
        Outlet { producer, unpublished: 0 }
    }

    /// Free slots left.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.producer.slots() - self.unpublished
    }

    /// Whether nobody reads it any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.producer.is_abandoned()
    }

    /// Messages in it, published or not.
    pub(crate) fn len(&self) -> usize {
        self.producer.buffer().capacity() - self.room()
    }

    /// The place of the next message; `None` if the ring is full.
    #[inline(always)]
    pub(crate) fn place(&mut self) -> Option<FreeSlot<Envelope<M>>> {
        let at = self.unpublished;
        // Only what is known to be free: the consumer may be reading the others.
        let ahead = if self.producer.cached_slots() > at + AHEAD { AHEAD } else { 0 };
        let mut slots = self.producer.write_chunk_uninit(at + ahead + 1).ok()?;
        mem::prefetch_to_write(slot(&mut slots, at + ahead).as_ptr());
        Some(FreeSlot::new(slot(&mut slots, at), &mut self.unpublished))
    }

    /// Appends a message; false if the ring is full.
    #[inline]
    #[must_use]
    pub(crate) fn push(&mut self, message: Envelope<M>) -> bool {
        // SAFETY: filled at once.
        self.place().map(|place| unsafe { place.fill(message) }).is_some()
    }

    /// Prefetches the next slot for writing, if one is known to be free.
    ///
    /// The consumer's CPU holds that slot's cache line from the last lap. Called when an input has come, the prefetch overlaps
    /// with reading it, and the slot is here when the answer is written: 40 ns of a hop of 240.
    #[inline]
    pub(crate) fn prefetch(&mut self) {
        if self.producer.cached_slots() > self.unpublished
            && let Ok(mut slots) = self.producer.write_chunk_uninit(self.unpublished + 1)
        {
            mem::prefetch_to_write(slot(&mut slots, self.unpublished).as_ptr());
        }
    }

    /// Takes back the newest `count` unpublished messages.
    pub(crate) fn take_back(&mut self, count: usize) {
        self.unpublished -= count;
    }

    /// Publishes the written messages to the consumer; returns how many.
    #[inline]
    pub(crate) fn publish(&mut self) -> usize {
        let count = self.unpublished;
        if count > 0 {
            let slots = self.producer.write_chunk_uninit(count).expect("slots that were written are free");
            // The ring's slots begin behind the last commit and nowhere else, and what is not committed stays as it is until
            // then: the test below is also of that.
            // SAFETY: what was appended was written, each slot since the last commit.
            unsafe { slots.commit_all() };
            self.unpublished = 0;
        }
        count
    }
}

/// The slot that is `at` behind the first of `slots`.
#[inline(always)]
fn slot<'a, T>(slots: &'a mut WriteChunkUninit<'_, T>, at: usize) -> &'a mut MaybeUninit<T> {
    let (first, second) = slots.as_mut_slices();
    if at < first.len() { &mut first[at] } else { &mut second[at - first.len()] }
}

#[cfg(test)]
pub(crate) mod tests {
    use corelane_test_support::random::Random;

    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, bytemuck::Zeroable)]
    pub(crate) struct Numbered(u64, [u64; 3]);

    impl Message for Numbered {}

    impl Numbered {
        pub(crate) fn new(number: u64) -> Self {
            Numbered(number, [number; 3])
        }
    }

    #[test]
    fn what_is_published_is_what_was_pushed_and_not_taken_back() {
        for capacity in 1..=5_usize {
            let (producer, mut consumer) = rtrb::RingBuffer::new(capacity);
            let mut outlet = Outlet::new(producer);
            let (mut published, mut waiting) = (std::collections::VecDeque::new(), Vec::new());
            let mut random = Random::new(capacity as u64);
            for number in 0..5000_u64 {
                let state = random.bits();
                let room = capacity - published.len() - waiting.len();
                assert_eq!((outlet.room(), outlet.unpublished), (room, waiting.len()));
                match state >> 60 {
                    0..=7 => {
                        let body = Numbered::new(number);
                        assert_eq!(outlet.push(Envelope { header: Default::default(), body }), room > 0);
                        if room > 0 {
                            waiting.push(body);
                        }
                    }
                    8 => {
                        let count = (state >> 33) as usize % (waiting.len() + 1);
                        outlet.take_back(count);
                        waiting.truncate(waiting.len() - count);
                    }
                    9..=11 => {
                        assert_eq!(outlet.publish(), waiting.len());
                        published.extend(waiting.drain(..));
                    }
                    _ => assert_eq!(consumer.pop().ok().map(|message| message.body), published.pop_front()),
                }
            }
        }
    }
}
