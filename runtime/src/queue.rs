//! The queue of an edge within one shard.

/// A bounded queue in one allocation.
///
/// It begins again at its first place whenever it runs empty: a queue that seldom holds more than a few messages then
/// stays in the same few cache lines, however many have passed.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    /// Grows up to `capacity` as places are first used, and never shrinks.
    places: Vec<T>,
    capacity: usize,
    first: usize,
    len: usize,
}

impl<T: Copy> Queue<T> {
    pub fn with_capacity(capacity: usize) -> Self {
        Queue { places: Vec::with_capacity(capacity), capacity, first: 0, len: 0 }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn is_full(&self) -> bool {
        self.len >= self.capacity
    }

    /// How many more it takes.
    #[inline]
    pub fn room(&self) -> usize {
        self.capacity - self.len
    }

    /// Appends; there must be room.
    #[inline(always)]
    pub fn push(&mut self, value: T) {
        assert!(!self.is_full(), "room was looked for");
        let mut at = self.first + self.len;
        if at >= self.capacity {
            at -= self.capacity;
        }
        self.len += 1;
        match self.places.get_mut(at) {
            Some(place) => *place = value,
            // Places are used in order, so it is the next.
            None => self.places.push(value),
        }
    }

    /// The oldest.
    #[inline]
    pub fn first(&self) -> Option<&T> {
        if self.len == 0 { None } else { self.places.get(self.first) }
    }

    /// Removes the oldest.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        let oldest = self.first().copied();
        if oldest.is_some() {
            self.advance(1);
        }
        oldest
    }

    /// Puts back, as the oldest, what was popped last; nothing was pushed since.
    pub fn put_back(&mut self, value: T) {
        if self.len == 0 {
            return self.push(value);
        }
        // If it was popped from the last place, all places are in use.
        self.first = self.first.checked_sub(1).unwrap_or(self.capacity - 1);
        self.places[self.first] = value;
        self.len += 1;
    }

    /// All there is, oldest first, in two runs.
    #[inline]
    pub fn runs(&self) -> (&[T], &[T]) {
        let end = self.first + self.len;
        if end <= self.capacity {
            (&self.places[self.first..end], &[])
        } else {
            (&self.places[self.first..], &self.places[..end - self.capacity])
        }
    }

    /// Removes the oldest `count`.
    #[inline]
    pub fn advance(&mut self, count: usize) {
        debug_assert!(count <= self.len);
        self.len -= count;
        self.first += count;
        if self.len == 0 {
            self.first = 0;
        } else if self.first >= self.capacity {
            self.first -= self.capacity;
        }
    }

    /// Removes the newest `count`.
    pub fn take_back(&mut self, count: usize) {
        self.len -= count;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    #[test]
    fn it_does_what_a_deque_does() {
        for capacity in 1..=5_usize {
            let mut queue = Queue::with_capacity(capacity);
            let mut model = VecDeque::new();
            let mut state = 0x9e37_79b9_u64 ^ capacity as u64;
            for value in 0..5000_u64 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let (choice, amount) = (state >> 60, (state >> 33) as usize % (model.len() + 1));
                match choice {
                    0..=9 if queue.room() > 0 => {
                        queue.push(value);
                        model.push_back(value);
                    }
                    10 => {
                        queue.take_back(amount);
                        model.truncate(model.len() - amount);
                    }
                    11 => {
                        let popped = queue.pop();
                        assert_eq!(popped, model.pop_front());
                        if let Some(value) = popped.filter(|_| amount % 2 == 0) {
                            queue.put_back(value);
                            model.push_front(value);
                        }
                    }
                    12..=15 => {
                        queue.advance(amount);
                        model.drain(..amount);
                    }
                    _ => {}
                }
                assert_eq!(queue.first(), model.front());
                let (first, second) = queue.runs();
                assert_eq!([first, second].concat(), Vec::from(model.clone()));
                assert_eq!((queue.len(), queue.room()), (model.len(), capacity - model.len()));
            }
            assert_eq!(queue.places.capacity(), capacity, "it never allocates after its start");
        }
    }
}
