//! Instruments that take no new orders for a time, because an input about them came too late.

use std::collections::VecDeque;

use crate::types::Locate;

/// The paused instruments. All pauses last equally long, so that they end in the order in which they began.
pub(super) struct Pauses {
    /// How long a pause lasts, in nanoseconds; none begins if that is 0.
    length_ns: u64,
    /// By locate: whether it is paused. Index 0, "no such symbol", never is.
    is_paused: Vec<bool>,
    /// The end of each pause, in sequenced time, and its instrument.
    ends: VecDeque<(u64, Locate)>,
    /// The instrument whose pause has begun with this input.
    begun: Option<Locate>,
}

impl Pauses {
    pub(super) fn new(length_ns: u64, instruments: usize) -> Pauses {
        let instruments_max = if length_ns == 0 { 0 } else { instruments };
        Pauses {
            length_ns,
            is_paused: vec![false; instruments + 1],
            ends: VecDeque::with_capacity(instruments_max),
            begun: None,
        }
    }

    /// How many there are.
    #[inline(always)]
    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn has(&self, locate: Locate) -> bool {
        self.is_paused.get(locate.row()).is_some_and(|is_paused| *is_paused)
    }

    /// Pauses a known instrument that is not paused.
    #[cold]
    pub(super) fn begin(&mut self, locate: Locate, now_ns: u64) {
        if self.length_ns > 0
            && locate != Locate::NONE
            && let Some(is_paused @ false) = self.is_paused.get_mut(locate.row())
        {
            *is_paused = true;
            self.ends.push_back((now_ns.saturating_add(self.length_ns), locate));
            self.begun = Some(locate);
        }
    }

    /// The instrument whose pause has begun since the last call.
    pub(super) fn take_begun(&mut self) -> Option<Locate> {
        self.begun.take()
    }

    /// Ends the next pause that is over at `now_ns`.
    pub(super) fn end(&mut self, now_ns: u64) -> Option<Locate> {
        let (_, locate) = self.ends.pop_front_if(|(end_ns, _)| *end_ns <= now_ns)?;
        self.is_paused[locate.row()] = false;
        Some(locate)
    }

    /// Ends all pauses.
    pub(super) fn clear(&mut self) {
        self.ends.clear();
        self.is_paused.fill(false);
    }
}
