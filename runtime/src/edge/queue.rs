//! The queue of an edge within one shard.

use std::{cell::RefCell, mem::MaybeUninit, ptr::NonNull, rc::Rc};

use crate::message::Envelope;

/// A queue within one shard, held by both ends of its edge.
pub(crate) type LocalQueue<M> = Rc<RefCell<Queue<Envelope<M>>>>;

/// A bounded queue in one allocation.
///
/// An empty queue starts again at its first place, so that one which seldom holds more than a few messages stays in the
/// same few cache lines.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    /// A power of two. The `len` places from `first` on hold values, those behind the last are followed by the first.
    places: Box<[MaybeUninit<T>]>,
    capacity: usize,
    first: usize,
    len: usize,
}

/// The place of the next value.
pub(crate) struct FreeSlot<T> {
    pub slot: NonNull<T>,
    /// The number of values that the place's owner holds.
    count: NonNull<usize>,
}

impl<T> FreeSlot<T> {
    #[inline(always)]
    pub(crate) fn new(slot: &mut MaybeUninit<T>, count: &mut usize) -> Self {
        FreeSlot { slot: NonNull::from(slot).cast(), count: count.into() }
    }

    /// Counts the value.
    ///
    /// # Safety
    /// The slot has been written, and the queue has not been used since it gave this place.
    #[inline(always)]
    pub(crate) unsafe fn append(self) {
        // SAFETY: passed on to the caller.
        unsafe { *self.count.as_ptr() += 1 };
    }

    /// Writes the value and counts it.
    ///
    /// # Safety
    /// The queue has not been used since it gave this place.
    #[inline]
    pub(crate) unsafe fn fill(self, value: T) {
        // SAFETY: the slot is free, and the rest is passed on to the caller.
        unsafe {
            self.slot.write(value);
            self.append();
        }
    }
}

impl<T: Copy> Queue<T> {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let places = Box::new_uninit_slice(capacity.next_power_of_two());
        Queue { places, capacity, first: 0, len: 0 }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Free places left.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.capacity - self.len
    }

    /// The place of the next value; `None` if the queue is full.
    #[inline(always)]
    pub(crate) fn place(&mut self) -> Option<FreeSlot<T>> {
        let at = self.at(self.len);
        (self.len < self.capacity).then(|| FreeSlot::new(&mut self.places[at], &mut self.len))
    }

    /// Appends a value; false if the queue is full.
    #[inline]
    #[must_use]
    pub(crate) fn push(&mut self, value: T) -> bool {
        // SAFETY: the place is filled at once.
        self.place().map(|place| unsafe { place.fill(value) }).is_some()
    }

    /// The place of the `index`th value.
    #[inline(always)]
    fn at(&self, index: usize) -> usize {
        (self.first + index) & (self.places.len() - 1)
    }

    /// All values, oldest first, in two runs.
    #[inline]
    pub(crate) fn runs(&self) -> (&[T], &[T]) {
        let end = self.first + self.len;
        let (first, second) = match end.checked_sub(self.places.len()) {
            None => (&self.places[self.first..end], &self.places[..0]),
            Some(end) => (&self.places[self.first..], &self.places[..end]),
        };
        // SAFETY: these are the `len` places from `first` on, which hold values.
        unsafe { (first.assume_init_ref(), second.assume_init_ref()) }
    }

    /// Removes the oldest `count`.
    #[inline]
    pub(crate) fn advance(&mut self, count: usize) {
        debug_assert!(count <= self.len);
        self.len -= count;
        self.first = if self.len == 0 { 0 } else { self.at(count) };
    }

    /// Removes the newest `count`.
    pub(crate) fn take_back(&mut self, count: usize) {
        debug_assert!(count <= self.len);
        self.len -= count;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use corelane_test_support::random::Random;

    use super::*;

    #[test]
    fn it_does_what_a_deque_does() {
        for capacity in 1..=9_usize {
            let mut queue = Queue::with_capacity(capacity);
            let mut model = VecDeque::new();
            let mut random = Random::new(capacity as u64);
            for value in 0..5000_u64 {
                let state = random.bits();
                let (choice, amount) = (state >> 60, (state >> 33) as usize % (model.len() + 1));
                match choice {
                    0..=9 => {
                        let has_room = model.len() < capacity;
                        assert_eq!(queue.push(value), has_room);
                        model.extend(has_room.then_some(value));
                    }
                    10 => {
                        queue.take_back(amount);
                        model.truncate(model.len() - amount);
                    }
                    11..=15 => {
                        queue.advance(amount);
                        model.drain(..amount);
                    }
                    _ => {}
                }
                let (first, second) = queue.runs();
                assert_eq!([first, second].concat(), Vec::from(model.clone()));
                assert_eq!((queue.len(), queue.room()), (model.len(), capacity - model.len()));
            }
        }
    }
}
