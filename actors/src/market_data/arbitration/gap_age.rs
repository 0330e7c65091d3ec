//! How long messages have been missing: when to request them, and when prices are stale.

use corelane_runtime::message::SequenceNumber;

use super::config::ArbitrationConfig;

/// A number that the sequence has to reach, and since when.
#[derive(Clone, Copy, Debug)]
struct Mark {
    sequence: SequenceNumber,
    since_ns: u64,
}

impl Mark {
    fn is_over(self, now_ns: u64, after_ns: u64) -> bool {
        now_ns.saturating_sub(self.since_ns) >= after_ns
    }
}

/// Ages of the open gaps.
#[derive(Debug)]
pub(super) struct GapAge {
    wait_ns: u64,
    behind_after_ns: u64,
    /// Missing messages below this number may be requested.
    requestable_end: SequenceNumber,
    /// Missing messages below this number may be requested after the wait.
    waiting: Option<Mark>,
    /// Set while a message is missing.
    catch_up: Option<Mark>,
    is_behind: bool,
}

impl GapAge {
    /// No gap is open.
    pub(super) fn new(config: &ArbitrationConfig) -> Self {
        let ArbitrationConfig { wait_ns, behind_after_ns, .. } = *config;
        GapAge {
            wait_ns,
            behind_after_ns,
            requestable_end: SequenceNumber::FIRST,
            waiting: None,
            catch_up: None,
            is_behind: false,
        }
    }

    /// Begins a session at message 1. It is behind if its first packet is a later one.
    pub(super) fn begin(&mut self, is_behind: bool) {
        self.close(SequenceNumber::FIRST);
        self.is_behind = is_behind;
    }

    /// Notes that nothing is missing below `expected`.
    pub(super) fn close(&mut self, expected: SequenceNumber) {
        self.requestable_end = expected;
        (self.waiting, self.catch_up) = (None, None);
        self.is_behind = false;
    }

    /// Forgets that numbers from `end` on were waited for.
    pub(super) fn forget_from(&mut self, end: SequenceNumber) {
        self.requestable_end = self.requestable_end.min(end);
        for mark in [&mut self.waiting, &mut self.catch_up].into_iter().flatten() {
            mark.sequence = mark.sequence.min(end);
        }
    }

    /// Whether a gap is open, or was open at the last update.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.catch_up.is_some() || self.is_behind
    }

    /// Whether a gap has been open for so long that prices are stale.
    #[inline]
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Missing messages below this number may be requested.
    #[inline]
    pub(super) fn requestable_end(&self) -> SequenceNumber {
        self.requestable_end
    }

    /// Ends the wait for messages that have been missing long enough.
    pub(super) fn end_wait(&mut self, now_ns: u64) {
        if let Some(mark) = self.waiting.filter(|mark| mark.is_over(now_ns, self.wait_ns)) {
            self.requestable_end = mark.sequence;
            self.waiting = None;
        }
    }

    /// Notes that messages from `expected` to `frontier` are missing. Returns whether the sequence falls behind now.
    pub(super) fn observe(&mut self, expected: SequenceNumber, frontier: SequenceNumber, now_ns: u64) -> bool {
        let to_frontier = Mark { sequence: frontier, since_ns: now_ns };
        if self.waiting.is_none() && frontier > self.requestable_end {
            self.waiting = Some(to_frontier);
        }
        match self.catch_up {
            None => self.catch_up = Some(to_frontier),
            Some(mark) if mark.is_over(now_ns, self.behind_after_ns) => {
                let has_fallen_behind = !self.is_behind;
                self.is_behind = true;
                if expected >= mark.sequence {
                    self.catch_up = Some(to_frontier);
                }
                return has_fallen_behind;
            }
            Some(mark) if expected >= mark.sequence => {
                self.catch_up = Some(to_frontier);
                self.is_behind = false;
            }
            Some(_) => {}
        }
        false
    }

    /// Time at which a wait ends or the sequence falls behind.
    pub(super) fn deadline_ns(&self) -> Option<u64> {
        let after = |mark: Option<Mark>, ns: u64| mark.map(|mark| mark.since_ns.saturating_add(ns));
        let behind = after(self.catch_up.filter(|_| !self.is_behind), self.behind_after_ns);
        after(self.waiting, self.wait_ns).into_iter().chain(behind).min()
    }
}
