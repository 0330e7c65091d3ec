//! Timers of one actor: a hierarchical timing wheel (Varghese and Lauck, "Hashed and hierarchical timing wheels",
//! SOSP 1987, scheme 7).
//!
//! Time is an argument, in nanoseconds, and must not go backwards: a sequenced actor gives sequenced time, so that
//! a replay fires the same timers in the same order. Nothing is allocated after [`Wheel::with_capacity`].
//!
//! Four levels of 64 slots over a tick of 65.5 µs reach 18 minutes; a later deadline waits in the top level and is
//! placed anew each time its slot comes round. The level of a timer is that of the highest six-bit digit in which
//! its tick differs from the wheel's, so all timers of one tick are always in the same list, and lists are moved in
//! order: this alone keeps the order of setting.

use std::fmt;

use thiserror::Error;

/// log2 of the tick in nanoseconds: 65,536 ns. Finer would only cost more cascades: the users are time-outs,
/// heartbeats and throttles of a millisecond and more.
const TICK_SHIFT: u32 = 16;
/// How much later than its deadline a timer may fire when `expire` is called all the time, in nanoseconds.
pub const TICK_NS: u64 = 1 << TICK_SHIFT;

const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
const LEVELS: usize = 4;
const TOP: usize = LEVELS - 1;

/// The list of timers whose tick has come, behind those of the slots.
const DUE: u16 = (LEVELS * SLOTS) as u16;
/// Marks an entry of the free list, which is linked by `next` alone.
const FREE: u16 = DUE + 1;
const NIL: u32 = u32::MAX;

/// A timer that was set: good until it fires or is cancelled; afterwards it names nothing, also when its place is
/// used again (up to 2^32 reuses of one place).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerId {
    index: u32,
    generation: u32,
}

/// A timer that fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The token passed to [`Wheel::set`].
    pub token: u64,
    /// The deadline it was set for, in nanoseconds; never later than the time it fired at.
    pub deadline_ns: u64,
}

/// All places of a wheel are taken. `Debug` prints the same text as `Display`, so that an actor that fails for it shows the remedy.
#[derive(Clone, Copy, PartialEq, Eq, Error)]
#[error("all {timers_max} timers of the actor are set; cancel some or raise its Actor::TIMERS_MAX")]
pub struct TimersExhausted {
    /// How many the wheel was made for.
    pub timers_max: usize,
}

impl fmt::Debug for TimersExhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The timers of one actor, see the [module](self).
///
/// # Examples
/// ```
/// use corelane_runtime::shard::timer::Wheel;
///
/// let mut wheel = Wheel::with_capacity(8);
/// wheel.set(0, 1_000_000, 7).unwrap();
/// assert_eq!(wheel.expire(999_999), None);
/// let fired = wheel.expire(1_100_000).unwrap();
/// assert_eq!((fired.token, fired.deadline_ns), (7, 1_000_000));
/// ```
#[derive(Debug)]
pub struct Wheel {
    /// No timer is due, and none moves to a lower level, before this time; `u64::MAX` when there is none.
    next_event_ns: u64,
    /// Every tick before this one has been dealt with; the timers of this very one are in the due list.
    elapsed_tick: u64,
    /// One bit for each slot that holds a timer.
    occupied: [u64; LEVELS],
    lists: Box<[List]>,
    entries: Box<[Entry]>,
    free: u32,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct List {
    head: u32,
    tail: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    tick: u64,
    deadline_ns: u64,
    token: u64,
    prev: u32,
    next: u32,
    generation: u32,
    list: u16,
}

impl Wheel {
    /// A wheel for at most `timers_max` timers at a time (at most 2^32 - 1), 40 bytes each.
    ///
    /// # Panics
    /// If `timers_max` does not fit in 32 bits.
    #[must_use]
    pub fn with_capacity(timers_max: usize) -> Self {
        assert!(timers_max < NIL as usize, "timers_max must be below 2^32 - 1, not {timers_max}");
        let vacant = |index: usize| Entry {
            tick: 0,
            deadline_ns: 0,
            token: 0,
            prev: NIL,
            next: if index + 1 < timers_max { index as u32 + 1 } else { NIL },
            generation: 0,
            list: FREE,
        };
        Self {
            next_event_ns: u64::MAX,
            elapsed_tick: 0,
            occupied: [0; LEVELS],
            lists: vec![List { head: NIL, tail: NIL }; DUE as usize + 1].into(),
            entries: (0..timers_max).map(vacant).collect(),
            free: if timers_max == 0 { NIL } else { 0 },
            len: 0,
        }
    }

    /// Sets a timer that fires at the first `expire` at or after `deadline_ns`, at most [`TICK_NS`] late. A
    /// deadline that has passed counts as `now_ns`.
    ///
    /// # Errors
    /// [`TimersExhausted`] when `timers_max` timers are set.
    pub fn set(&mut self, now_ns: u64, deadline_ns: u64, token: u64) -> Result<TimerId, TimersExhausted> {
        let index = self.free;
        if index == NIL {
            return Err(TimersExhausted { timers_max: self.entries.len() });
        }
        let now_tick = now_ns >> TICK_SHIFT;
        if now_ns < self.next_event_ns {
            // No slot begins before now, so every timer stays where it is; the new one gets the lowest level.
            self.elapsed_tick = self.elapsed_tick.max(now_tick);
        }
        let tick = deadline_ns.div_ceil(TICK_NS).max(now_tick).max(self.elapsed_tick);
        let entry = &mut self.entries[index as usize];
        self.free = entry.next;
        *entry = Entry { tick, deadline_ns, token, ..*entry };
        let id = TimerId { index, generation: entry.generation };
        self.len += 1;
        self.place(index);
        self.note_next_event();
        Ok(id)
    }

    /// Cancels a timer; false if it has fired or was cancelled before.
    pub fn cancel(&mut self, id: TimerId) -> bool {
        match self.entries.get(id.index as usize) {
            Some(entry) if entry.generation == id.generation && entry.list != FREE => {}
            _ => return false,
        }
        self.remove(id.index);
        self.note_next_event();
        true
    }

    /// Cancels all timers.
    pub fn clear(&mut self) {
        for index in 0..self.entries.len() as u32 {
            if self.entries[index as usize].list != FREE {
                self.remove(index);
            }
        }
        self.note_next_event();
    }

    /// The next timer that is due at `now_ns`, if any: never before its deadline, in the order of the deadlines
    /// rounded up to ticks, and within a tick in the order of setting. Call it until it returns `None`; when
    /// nothing is due this is one comparison.
    #[inline]
    pub fn expire(&mut self, now_ns: u64) -> Option<Expired> {
        if now_ns < self.next_event_ns {
            return None;
        }
        self.expire_due(now_ns)
    }

    /// A time before which `expire` has nothing to do, for the length of a sleep; `None` without timers. It is
    /// exact to a tick for timers within the current 64 ticks; for later ones it can be early, by less than the
    /// width of their level's slot, at most three times for each timer within 18 minutes.
    #[inline]
    #[must_use]
    pub fn next_deadline_ns(&self) -> Option<u64> {
        (self.len != 0).then_some(self.next_event_ns)
    }

    /// Whether no timer is set.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many timers are set.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    fn expire_due(&mut self, now_ns: u64) -> Option<Expired> {
        let now_tick = now_ns >> TICK_SHIFT;
        while self.lists[DUE as usize].head == NIL {
            match self.next_slot() {
                Some((level, slot, tick)) if tick <= now_tick => {
                    self.elapsed_tick = tick;
                    self.cascade(level, slot);
                }
                _ => {
                    self.note_next_event();
                    return None;
                }
            }
        }
        let index = self.lists[DUE as usize].head;
        let Entry { token, deadline_ns, .. } = self.entries[index as usize];
        self.remove(index);
        self.note_next_event();
        Some(Expired { token, deadline_ns })
    }

    /// The first slot to be dealt with after the elapsed tick, and the tick it begins at. A lower level always
    /// comes first: its slots lie within the current slot of the level above.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        let level = self.occupied.iter().position(|&bits| bits != 0)?;
        let shift = SLOT_BITS * level as u32;
        let current = self.elapsed_tick >> shift;
        let digit = (current % SLOTS as u64) as u32;
        // Slots count from the one behind the current to the current itself, a full turn later. Only the top level
        // turns: below it a timer differs from the elapsed tick in this digit and none above, so it is ahead.
        let ahead = self.occupied[level].rotate_right(digit + 1).trailing_zeros();
        let begin = current + 1 + u64::from(ahead);
        Some((level, (begin % SLOTS as u64) as usize, begin << shift))
    }

    /// Moves the timers of a slot whose time has come, in order, to where they belong now.
    fn cascade(&mut self, level: usize, slot: usize) {
        self.occupied[level] &= !(1 << slot);
        let list = &mut self.lists[level * SLOTS + slot];
        let mut index = list.head;
        // Emptied first: a timer further ahead than the whole wheel comes back to the same slot.
        *list = List { head: NIL, tail: NIL };
        while index != NIL {
            let next = self.entries[index as usize].next;
            self.place(index);
            index = next;
        }
    }

    /// Appends an entry that is in no list to the list of its tick.
    fn place(&mut self, index: u32) {
        let tick = self.entries[index as usize].tick;
        let differing = tick ^ self.elapsed_tick;
        let list = if differing == 0 {
            DUE
        } else {
            let level = TOP.min((differing.ilog2() / SLOT_BITS) as usize);
            let slot = (tick >> (SLOT_BITS * level as u32)) as usize % SLOTS;
            self.occupied[level] |= 1 << slot;
            (level * SLOTS + slot) as u16
        };
        let tail = std::mem::replace(&mut self.lists[list as usize].tail, index);
        match tail {
            NIL => self.lists[list as usize].head = index,
            _ => self.entries[tail as usize].next = index,
        }
        let entry = &mut self.entries[index as usize];
        (entry.prev, entry.next, entry.list) = (tail, NIL, list);
    }

    /// Unlinks an entry that is set and makes its place free.
    fn remove(&mut self, index: u32) {
        let Entry { prev, next, list, .. } = self.entries[index as usize];
        match prev {
            NIL => self.lists[list as usize].head = next,
            _ => self.entries[prev as usize].next = next,
        }
        match next {
            NIL => self.lists[list as usize].tail = prev,
            _ => self.entries[next as usize].prev = prev,
        }
        if list != DUE && self.lists[list as usize].head == NIL {
            self.occupied[list as usize / SLOTS] &= !(1 << (list as usize % SLOTS));
        }
        let entry = &mut self.entries[index as usize];
        (entry.next, entry.list) = (self.free, FREE);
        entry.generation = entry.generation.wrapping_add(1);
        self.free = index;
        self.len -= 1;
    }

    fn note_next_event(&mut self) {
        self.next_event_ns = if self.lists[DUE as usize].head != NIL {
            self.elapsed_tick << TICK_SHIFT
        } else {
            // Ticks at and beyond 2^48 begin after the last nanosecond that time can name.
            self.next_slot().map_or(u64::MAX, |(_, _, tick)| tick.saturating_mul(TICK_NS))
        };
    }
}

#[cfg(test)]
mod tests;
